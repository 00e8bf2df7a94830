-- name: connect
-- What every connection is set to besides the parameters of its making.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- name: connect_names
-- The character set, whatever init_connect or the server has made of the one that
-- the connection began with: text would change on its way without a word.
SET NAMES utf8mb4 COLLATE utf8mb4_bin;

-- name: connect_writable
-- Two values that are 0 or OFF where the server may be written to: a replica is
-- of no use, and users with wide rights may write to one.
SELECT @@GLOBAL.read_only, @@GLOBAL.innodb_read_only;

-- name: connect_lane
-- Gives the variables of the lanes their types before statements are prepared.
SET @fe = '', @incarnation = 0, @items = '[]', @wanted = 0, @placed = 0, @now = UTC_TIMESTAMP(6), @us = 0, @alive = 1;

-- name: prepare
-- Prepares a statement of a lane; names cannot be parameters.
PREPARE $1 FROM ?;

-- name: execute
EXECUTE $1;

-- name: connect_read_only
SET SESSION TRANSACTION READ ONLY;

-- name: version
SELECT VERSION();

-- name: migrate_lock_table
-- The table whose one row is locked while a migration runs; a lock in a row
-- works behind poolers and on replicated servers too.
CREATE TABLE IF NOT EXISTS rowlock_migration_lock (id INTEGER NOT NULL PRIMARY KEY) ENGINE = InnoDB;

-- name: migrate_lock_row
-- Makes the row if it is not there. It is looked for without a lock: somebody
-- may be holding it for as long as a migration takes.
INSERT INTO rowlock_migration_lock (id)
SELECT k.id FROM (SELECT 1 AS id) k WHERE NOT EXISTS (SELECT 1 FROM rowlock_migration_lock)
    ON DUPLICATE KEY UPDATE id = rowlock_migration_lock.id;

-- name: migrate_lock
SELECT id FROM rowlock_migration_lock WHERE id = 1 FOR UPDATE;

-- name: idle_patience
-- A transaction may be idle for as long as a migration takes, or until a move
-- reads on. MariaDB only: MySQL has no such limit.
SET SESSION idle_transaction_timeout = 0, idle_write_transaction_timeout = 0, idle_readonly_transaction_timeout = 0;

-- name: migrate_held
-- Answers for as long as the transaction that holds the lock is alive.
SELECT id FROM rowlock_migration_lock WHERE id = 1;

-- name: schema_version
SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied;

-- name: scratch_create
-- Makes a database; names cannot be parameters, $1 is a quoted one.
CREATE DATABASE $1 CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- name: scratch_drop
DROP DATABASE IF EXISTS $1;
