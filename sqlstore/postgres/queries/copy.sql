-- Templates: each is there once for every table that a move copies. $table,
-- $columns, $key, $after (a parameter for each column of the primary key) and
-- $counter are made from the list in sqlstore/copytables.go, never from data.
-- Rows are inserted by the COPY protocol, which also writes the columns that
-- the server counts up by itself.

-- name: copy_count
SELECT count(*) FROM $table;

-- name: copy_read
SELECT $columns FROM $table ORDER BY $key;

-- name: copy_read_after
SELECT $columns FROM $table WHERE ($key) > ($after) ORDER BY $key;

-- name: copy_delete
DELETE FROM $table;

-- name: copy_counter
-- Lets the counter go on above the highest value that is there.
SELECT setval(pg_get_serial_sequence('$table', '$counter'), max($counter)) FROM $table HAVING count(*) > 0;

-- name: copy_analyze
-- Tells the planner what came in.
ANALYZE $table;
