-- name: move_mark_read
-- The mark of a move, if there is one.
SELECT role = 'source', peer, server_duid, finished, at FROM move_mark WHERE id = 1;

-- name: move_mark_write
INSERT INTO move_mark (id, role, peer, server_duid, finished)
VALUES (1, CASE WHEN $1 THEN 'source' ELSE 'target' END, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET role = excluded.role, peer = excluded.peer, server_duid = excluded.server_duid,
  finished = excluded.finished, at = now();

-- name: move_mark_delete
-- Lets the database be served from again.
DELETE FROM move_mark;

-- name: move_progress_read
SELECT name, copied, position, done FROM move_progress;

-- name: move_progress_make
-- Notes that a table has not been begun.
INSERT INTO move_progress (name) VALUES ($1);

-- name: move_progress_step
-- Notes how far a table is, if it was where the writer thinks.
UPDATE move_progress SET copied = $2, position = $3, done = $4 WHERE name = $1 AND copied = $5 AND NOT done;

-- name: move_progress_finish
-- Forgets the tables that are done. All must be: else another move has begun
-- anew since this one compared.
DELETE FROM move_progress WHERE done;

-- name: move_progress_delete
DELETE FROM move_progress;

-- name: move_patience
-- A snapshot is read for as long as it takes, and so are the locks kept that
-- emptying and analysing tables need.
SET LOCAL idle_in_transaction_session_timeout = 0;

-- name: move_hurry
-- What a crash loses of the copy is missing from its progress too; the commit
-- that ends the move makes all of it durable.
SET LOCAL synchronous_commit = off;

-- name: move_quiet
-- Has triggers leave the rows alone that come in.
UPDATE config_head SET applying = true WHERE id = 1;
