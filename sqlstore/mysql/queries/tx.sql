-- name: tx_begin
START TRANSACTION;

-- name: tx_now
-- The one time of a transaction: every comparison and every new value uses it.
SET @now = UTC_TIMESTAMP(6);

-- name: tx_limit
-- MySQL has no time-out of a transaction that is idle. That of an idle connection
-- ends it as well: it is lowered for as long as a transaction holds locks while
-- the server waits for the program.
SET SESSION wait_timeout = 5;

-- name: tx_no_limit
SET SESSION wait_timeout = DEFAULT;

-- name: tx_commit
COMMIT;

-- name: tx_rollback
ROLLBACK;
