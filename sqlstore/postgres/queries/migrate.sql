-- name: migrate_lock_table
-- The table whose one row is locked while a migration runs; a lock in a row
-- works behind poolers and on replicated engines too.
CREATE TABLE IF NOT EXISTS rowlock_migration_lock AS SELECT 1 AS id;

-- name: migrate_patience
-- The transaction that holds the lock is idle for as long as migrations take.
SET LOCAL idle_in_transaction_session_timeout = 0;

-- name: migrate_lock
SELECT id FROM rowlock_migration_lock FOR UPDATE;

-- name: migrate_held
-- Answers for as long as the transaction that holds the lock is alive.
SELECT id FROM rowlock_migration_lock;

-- name: schema_version
SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied;

-- name: schema_hidden
-- The schema of the search path whose tables are there and may not be looked
-- at, so that they seem not to be.
SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = 'goose_db_version' AND c.relkind = 'r' AND NOT has_schema_privilege(n.oid, 'USAGE')
   AND n.nspname = ANY (string_to_array(translate(current_setting('search_path'), '" ', ''), ','))
 LIMIT 1;

-- name: server_version
SELECT current_setting('server_version');
