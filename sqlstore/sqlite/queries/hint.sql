-- name: hint_current
-- Whether generation ?2 of pool ?1 is in use; a pool that the configuration never
-- had has no generation to check.
SELECT EXISTS (SELECT 1 FROM pool WHERE id = ?1 AND gen = ?2) OR NOT EXISTS (SELECT 1 FROM pool_gen WHERE pool_id = ?1);

-- name: hint_adopt
-- Takes over one chunk of pool ?1, generation ?2, whose holder is gone or has
-- been silent for ten seconds, twice as long as it may write; or is this frontend,
-- which knows the chunks ?6 only.
UPDATE addr_chunk SET holder = ?3, incarnation = ?4 WHERE chunk_id = (
  SELECT c.chunk_id FROM addr_chunk c
   WHERE c.pool_id = ?1 AND c.gen = ?2
     AND (NOT EXISTS (SELECT 1 FROM frontend f WHERE f.id = c.holder AND f.incarnation = c.incarnation AND f.heartbeat_at > ?5 - 10000000)
          OR ?6 IS NOT NULL AND c.holder = ?3 AND c.incarnation = ?4 AND c.chunk_id NOT IN (SELECT value FROM json_each(?6)))
   ORDER BY c.chunk_id LIMIT 1)
RETURNING chunk_id, first_index, n;

-- name: hint_cursor_make
-- Makes the cursor of a pool generation.
INSERT INTO pool_cursor (pool_id, gen, size) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: hint_cursor_read
-- Where the cursor of a pool generation stands, and how many frontends share
-- what is left.
SELECT next_index, size, (SELECT count(*) FROM frontend WHERE heartbeat_at > ?3 - 5000000)
  FROM pool_cursor WHERE pool_id = ?1 AND gen = ?2;

-- name: hint_cursor_move
-- Moves the cursor past the indexes that were taken.
UPDATE pool_cursor SET next_index = ?3 WHERE pool_id = ?1 AND gen = ?2;

-- name: hint_chunk_insert
-- Notes who hands out which indexes.
INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING chunk_id;

-- name: hint_free_read
-- Addresses given back that nobody holds at time ?2, longest free first: at most
-- ?3, and no more than a frontend's share of them.
WITH share AS MATERIALIZED (SELECT max(1, count(*)) AS parts FROM frontend WHERE heartbeat_at > ?2 - 5000000)
SELECT vrf, addr FROM addr_free WHERE pool_id = ?1 AND hold_until <= ?2 ORDER BY hold_until
 LIMIT (SELECT min(?3, max(1, (SELECT count(*) FROM (
          SELECT 1 FROM addr_free WHERE pool_id = ?1 AND hold_until <= ?2 LIMIT (SELECT ?3 * parts FROM share))) / parts)) FROM share);

-- name: hint_free_hold
-- Holds a free address for ten seconds under a new token.
UPDATE addr_free SET token = ?3, hold_until = ?4 + 10000000 WHERE vrf = ?1 AND addr = ?2;

-- name: hint_free_add
-- Lists an address as free; what another holder remembers of it is void.
INSERT INTO addr_free (vrf, addr, pool_id, token, hold_until) VALUES (?1, ?2, ?3, ?4, 0)
ON CONFLICT (vrf, addr) DO UPDATE SET pool_id = excluded.pool_id, token = excluded.token, hold_until = 0;

-- name: hint_free_list
-- Lists an address as free unless it is listed for this pool.
INSERT INTO addr_free (vrf, addr, pool_id, token, hold_until) VALUES (?1, ?2, ?3, ?4, 0)
ON CONFLICT (vrf, addr) DO UPDATE SET pool_id = excluded.pool_id WHERE addr_free.pool_id <> excluded.pool_id;

-- name: hint_others
-- Chunks of a pool that somebody else holds.
SELECT chunk_id, first_index, n FROM addr_chunk WHERE pool_id = ?1 AND gen = ?2 AND (holder <> ?3 OR incarnation <> ?4) LIMIT 64;

-- name: hint_lent
-- Addresses given back that somebody holds.
SELECT vrf, addr FROM addr_free WHERE pool_id = ?1 AND hold_until > ?2 ORDER BY hold_until LIMIT 64;

-- name: hint_chunks
-- Chunks of a pool that have an index from ?3 on and below ?4.
SELECT chunk_id, first_index, n FROM addr_chunk WHERE pool_id = ?1 AND gen = ?2 AND first_index + n > ?3 AND first_index < ?4;

-- name: hint_chunk_stale
-- Deletes the chunks of pool generations that are not in use any more.
DELETE FROM addr_chunk WHERE EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = addr_chunk.pool_id AND g.gen = addr_chunk.gen)
   AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = addr_chunk.pool_id AND p.gen = addr_chunk.gen);

-- name: hint_chunk_done
-- Deletes a chunk that is used up, unless somebody else has taken it over.
DELETE FROM addr_chunk WHERE chunk_id = ?1 AND holder = ?2 AND incarnation = ?3;

-- name: hint_free_done
-- Deletes a free address that is used, unless it was given back again.
DELETE FROM addr_free WHERE vrf = ?1 AND addr = ?2 AND token = ?3;

-- name: hint_clear_chunks
-- Deletes the chunks of all generations of a pool before ?2.
DELETE FROM addr_chunk WHERE pool_id = ?1 AND gen < ?2;

-- name: hint_clear_cursors
-- Deletes the cursors of all generations of a pool before ?2.
DELETE FROM pool_cursor WHERE pool_id = ?1 AND gen < ?2;

-- name: hint_clear_free
-- Deletes the free list of a pool; the cursor of its next generation comes by
-- all its addresses.
DELETE FROM addr_free WHERE pool_id = ?1;
