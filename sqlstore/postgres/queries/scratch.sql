-- name: scratch_create
-- The statement that makes a database; names cannot be parameters.
SELECT format('CREATE DATABASE %I', $1::text);

-- name: scratch_drop
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text);
