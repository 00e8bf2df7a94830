-- name: migrate_lock_table
-- The table whose one row is locked while a migration runs; a lock in a row
-- works behind poolers and on replicated engines too.
CREATE TABLE IF NOT EXISTS rowlock_migration_lock AS SELECT 1 AS id;

-- name: migrate_lock
LOCK TABLE rowlock_migration_lock IN EXCLUSIVE MODE;

-- name: schema_version
SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied;
