-- name: tx_begin
START TRANSACTION;

-- name: tx_now
-- The one time of a transaction: every comparison and every new value uses it.
SET @now = UTC_TIMESTAMP(6);

-- name: tx_commit
COMMIT;

-- name: tx_rollback
ROLLBACK;
