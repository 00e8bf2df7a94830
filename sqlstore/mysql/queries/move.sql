-- name: move_mark_read
-- The mark of a move, if there is one.
SELECT role = 'source', peer, server_duid, finished, at FROM move_mark WHERE id = 1;

-- name: move_mark_write
INSERT INTO move_mark (id, role, peer, server_duid, finished, at)
VALUES (1, IF(?, 'source', 'target'), ?, ?, ?, $now)
ON DUPLICATE KEY UPDATE role = VALUES(role), peer = VALUES(peer), server_duid = VALUES(server_duid),
  finished = VALUES(finished), at = VALUES(at);

-- name: move_mark_delete
-- Lets the database be served from again.
DELETE FROM move_mark;

-- name: move_progress_read
SELECT name, copied, position, done FROM move_progress;

-- name: move_progress_make
-- Notes that a table has not been begun.
INSERT INTO move_progress (name) VALUES (?);

-- name: move_progress_step
-- Notes how far a table is, if it was where the writer thinks.
UPDATE move_progress SET copied = ?, position = ?, done = ? WHERE name = ? AND copied = ? AND NOT done;

-- name: move_progress_finish
-- Forgets the tables that are done. All must be: else another move has begun
-- anew since this one compared.
DELETE FROM move_progress WHERE done;

-- name: move_progress_delete
DELETE FROM move_progress;

-- name: move_patience
-- The server waits for as long as it takes until somebody reads the rows.
SET SESSION net_write_timeout = 86400;
