-- name: token_prune
-- Deletes the tokens that have run out at time ?1.
DELETE FROM api_token WHERE expires_at <= ?1;

-- name: token_add
-- Stores a token at time ?7 that lives for ?5 microseconds, 0 for ever. With ?6
-- only while there is none of kind 1.
INSERT INTO api_token (id, kind, name, hash, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?7, CASE WHEN ?5 > 0 THEN ?7 + ?5 END
 WHERE ?6 = 0 OR NOT EXISTS (SELECT 1 FROM api_token WHERE kind = 1);

-- name: token_by_hash
-- Finds a token that has not run out.
SELECT id, kind, name, created_at, expires_at FROM api_token
 WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000);

-- name: token_list
-- Lists the tokens that have not run out, without their hashes.
SELECT id, kind, name, created_at, expires_at FROM api_token
 WHERE expires_at IS NULL OR expires_at > CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 ORDER BY created_at, rowid;

-- name: token_delete
-- Removes a token; one that had run out is removed as well.
DELETE FROM api_token WHERE id = ?1;

-- name: revision_list
-- Lists revisions below ?1 (0: all), newest first.
SELECT revision, at, author, comment, diff FROM config_revision WHERE ?1 = 0 OR revision < ?1 ORDER BY revision DESC LIMIT ?2;
