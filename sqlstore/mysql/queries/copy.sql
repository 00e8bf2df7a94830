-- Templates: each is there once for every table that a move copies. $table,
-- $columns, $key, $after and $row (a parameter for each column, of the primary
-- key or of the table) are made from the list in sqlstore/copytables.go, never
-- from data.

-- name: copy_count
SELECT COUNT(*) FROM $table;

-- name: copy_read
SELECT $columns FROM $table ORDER BY $key;

-- name: copy_read_after
SELECT $columns FROM $table WHERE ($key) > ($after) ORDER BY $key;

-- name: copy_insert
-- Inserts a row; those that follow are put behind it. AUTO_INCREMENT goes on
-- above the values it sees.
INSERT INTO $table ($columns) VALUES ($row);

-- name: copy_delete
DELETE FROM $table;
