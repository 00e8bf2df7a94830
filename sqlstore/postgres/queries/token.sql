-- name: token_prune
-- Deletes the tokens that have run out.
DELETE FROM api_token WHERE expires_at <= now();

-- name: token_add
-- Stores a token that lives for $5 microseconds, 0 for ever. With $6 only while
-- there is none of kind 1: whoever asks for that has locked config_head before.
INSERT INTO api_token (id, kind, name, hash, expires_at)
SELECT $1, $2::int, $3, $4::bytea, CASE WHEN $5::bigint > 0 THEN now() + $5::double precision * interval '1 microsecond' END
 WHERE NOT $6::boolean OR NOT EXISTS (SELECT 1 FROM api_token WHERE kind = 1);

-- name: token_by_hash
-- Finds a token that has not run out.
SELECT id, kind, name, created_at, expires_at FROM api_token WHERE hash = $1 AND (expires_at IS NULL OR expires_at > now());

-- name: token_list
-- Lists the tokens that have not run out, without their hashes.
SELECT id, kind, name, created_at, expires_at FROM api_token WHERE expires_at IS NULL OR expires_at > now() ORDER BY created_at, id;

-- name: token_delete
-- Removes a token; one that had run out is removed as well.
DELETE FROM api_token WHERE id = $1;

-- name: revision_list
-- Lists revisions below $1 (0: all), newest first.
SELECT revision, at, author, comment, diff FROM config_revision WHERE $1::bigint = 0 OR revision < $1 ORDER BY revision DESC LIMIT $2;
