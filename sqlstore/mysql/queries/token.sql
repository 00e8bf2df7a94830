-- name: token_prune
-- Deletes the tokens that have run out.
DELETE FROM api_token WHERE expires_at <= UTC_TIMESTAMP(6);

-- name: token_add
-- Stores a token that lives for the given microseconds, 0 for ever. With the
-- last argument only while there is none of kind 1: whoever asks for that has
-- locked config_head before.
INSERT INTO api_token (id, kind, name, hash, expires_at)
SELECT ?, ?, ?, UNHEX(?), IF(? > 0, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, NULL) FROM DUAL
 WHERE ? = 0 OR NOT EXISTS (SELECT 1 FROM api_token t WHERE t.kind = 1);

-- name: token_by_hash
-- Finds a token that has not run out.
SELECT id, kind, name, created_at, expires_at FROM api_token
 WHERE hash = UNHEX(?) AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP(6));

-- name: token_list
-- Lists the tokens that have not run out, without their hashes.
SELECT id, kind, name, created_at, expires_at FROM api_token
 WHERE expires_at IS NULL OR expires_at > UTC_TIMESTAMP(6) ORDER BY created_at, id;

-- name: token_delete
-- Removes a token; one that had run out is removed as well.
DELETE FROM api_token WHERE id = ?;

-- name: revision_list
-- Lists revisions below a number (0: all), newest first.
SELECT revision, at, author, comment, diff FROM config_revision WHERE ? = 0 OR revision < ? ORDER BY revision DESC LIMIT ?;
