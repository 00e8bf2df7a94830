-- Wherever candidates are handed out, the pool's generation must be the one in
-- use: whoever has an older one is about to learn of the change. A pool that
-- the configuration never had has no generation to check.

-- name: hint_fence
-- Whether the frontend may write; no name always may.
SELECT $1::text = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = $1 AND f.incarnation = $2
                                AND f.heartbeat_at > now() - interval '5 seconds');

-- name: hint_current
-- Whether a pool generation is in use.
SELECT EXISTS (SELECT 1 FROM pool WHERE id = $1 AND gen = $2) OR NOT EXISTS (SELECT 1 FROM pool_gen WHERE pool_id = $1);

-- name: hint_adopt
-- Takes over one chunk of the pool whose holder is dead or gone, the oldest. The
-- order is not one that the primary key has: the planner would walk through the
-- chunks of all pools, in the hope to find one soon, and mostly there is none.
UPDATE addr_chunk SET holder = $3, incarnation = $4 WHERE chunk_id = (
  SELECT c.chunk_id FROM addr_chunk c
   WHERE c.pool_id = $1 AND c.gen = $2
     AND NOT EXISTS (SELECT 1 FROM frontend f WHERE f.id = c.holder AND f.incarnation = c.incarnation
                     AND f.heartbeat_at > now() - interval '10 seconds')
   ORDER BY c.chunk_id + 0 LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING chunk_id, first_index, n;

-- name: hint_cursor_make
-- Makes the cursor of a pool generation in use.
INSERT INTO pool_cursor (pool_id, gen, size) SELECT $1, $2, $3
 WHERE EXISTS (SELECT 1 FROM pool WHERE id = $1 AND gen = $2) OR NOT EXISTS (SELECT 1 FROM pool_gen WHERE pool_id = $1)
ON CONFLICT DO NOTHING;

-- name: hint_cursor
-- Takes the next indexes of the pool: at most $3, and no more than an eighth of
-- this frontend's share of what is left.
WITH c AS MATERIALIZED (
  SELECT p.pool_id, p.gen, p.next_index, least(p.size - p.next_index, greatest(1, least($3::bigint,
           (p.size - p.next_index) / (8 * greatest(1, (SELECT count(*) FROM frontend WHERE heartbeat_at > now() - interval '5 seconds')))))) AS n
    FROM pool_cursor p WHERE p.pool_id = $1 AND p.gen = $2 AND p.next_index < p.size FOR UPDATE),
u AS (UPDATE pool_cursor p SET next_index = p.next_index + c.n FROM c WHERE p.pool_id = c.pool_id AND p.gen = c.gen
      RETURNING c.next_index, c.n)
INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation)
SELECT $1, $2, u.next_index, u.n, $4, $5 FROM u RETURNING chunk_id, first_index, n;

-- name: hint_free
-- Takes addresses given back, held for ten seconds under a new token: at most
-- $2, and no more than an eighth of this frontend's share of them.
WITH share AS MATERIALIZED (
  SELECT 8 * greatest(1, count(*)) AS parts FROM frontend WHERE heartbeat_at > now() - interval '5 seconds')
UPDATE addr_free f SET token = DEFAULT, hold_until = now() + interval '10 seconds'
  FROM (SELECT vrf, addr FROM addr_free WHERE pool_id = $1 AND hold_until <= now() ORDER BY hold_until
         LIMIT (SELECT least($2::bigint, greatest(1, (SELECT count(*) FROM (
                  SELECT 1 FROM addr_free WHERE pool_id = $1 AND hold_until <= now() LIMIT (SELECT $2 * parts FROM share)) x) / parts)) FROM share)
           FOR UPDATE SKIP LOCKED) k
 WHERE f.vrf = k.vrf AND f.addr = k.addr RETURNING f.vrf, f.addr, f.token;

-- name: hint_chunk_done
-- Deletes chunks that are used up.
DELETE FROM addr_chunk WHERE chunk_id = ANY($1::bigint[]) AND holder = $2 AND incarnation = $3;

-- name: hint_free_done
-- Deletes free addresses that are used, unless they were given back again.
DELETE FROM addr_free f USING unnest($1::int[], $2::bytea[], $3::bigint[]) AS k (vrf, addr, token)
 WHERE f.vrf = k.vrf AND f.addr = k.addr AND f.token = k.token;
