-- name: tx_begin
-- Takes the write lock of the file at once, so that no statement of the
-- transaction can lose it later.
BEGIN IMMEDIATE;

-- name: tx_commit
-- Makes the transaction durable (synchronous = FULL).
COMMIT;

-- name: tx_rollback
-- Gives the transaction up.
ROLLBACK;

-- name: save
-- Marks the state to which the changes of one message can be taken back.
SAVEPOINT message;

-- name: save_release
-- Keeps what was done since the mark.
RELEASE message;

-- name: save_rollback
-- Takes back what was done since the mark; the mark stays.
ROLLBACK TO message;

-- name: clock
-- The database's time in microseconds since 1970 (it has milliseconds). Read
-- once a transaction and bound in its other statements.
SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000;

-- name: batch_head
-- What every batch needs to know: time, newest configuration revision, whether
-- frontend ?1 with incarnation ?2 may write, whether somebody wants events.
SELECT t.now, (SELECT revision FROM config_head WHERE id = 1),
       ?1 = '' OR EXISTS (SELECT 1 FROM frontend WHERE id = ?1 AND incarnation = ?2 AND heartbeat_at > t.now - 5000000),
       EXISTS (SELECT 1 FROM event_consumer)
  FROM (SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 AS now) t;

-- name: version
-- The version of SQLite itself.
SELECT sqlite_version();

-- name: ping
-- Reads the first page of the file.
SELECT count(*) FROM sqlite_schema;

-- name: schema_exists
-- Tells whether the table of migrations is there.
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'goose_db_version';

-- name: schema_version
-- The newest migration that was applied and not taken back.
SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied;
