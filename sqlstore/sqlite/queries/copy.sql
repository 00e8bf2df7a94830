-- Templates: each is there once for every table that a move copies. $table,
-- $columns, $values (a parameter for each column), $key and $after (a parameter
-- for each column of the primary key) are made from the list in
-- sqlstore/copytables.go, never from data.

-- name: copy_count
-- How many rows the table has.
SELECT count(*) FROM $table;

-- name: copy_read
-- All rows in the order of the primary key.
SELECT $columns FROM $table ORDER BY $key;

-- name: copy_read_after
-- The rows after a key in the order of the primary key.
SELECT $columns FROM $table WHERE ($key) > ($after) ORDER BY $key;

-- name: copy_insert
-- Inserts one row. The engine's own counter goes on above the values it sees.
INSERT INTO $table ($columns) VALUES ($values);

-- name: copy_delete
-- Empties the table.
DELETE FROM $table;
