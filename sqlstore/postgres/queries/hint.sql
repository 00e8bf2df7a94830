-- Wherever candidates are handed out, the pool's generation must be the one in
-- use: whoever has an older one is about to learn of the change. A pool that
-- the configuration never had has no generation to check.

-- name: hint_fence
-- Whether the frontend may write; no name always may.
SELECT $1::text = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = $1 AND f.incarnation = $2
                                AND f.heartbeat_at > now() - interval '5 seconds');

-- name: hint_current
-- Which pool generations, by number in the list, are in use.
SELECT k.i FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS k (pool_id, gen, i)
 WHERE EXISTS (SELECT 1 FROM pool p WHERE p.id = k.pool_id AND p.gen = k.gen) OR NOT EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = k.pool_id);

-- name: hint_adopt
-- Takes over one chunk of each pool whose holder is dead or gone, or is this
-- frontend, which knows the chunks $5 only; the oldest. The
-- order is not one that the primary key has: the planner would walk through the
-- chunks of all pools, in the hope to find one soon, and mostly there is none.
WITH d AS MATERIALIZED (
  SELECT k.i, x.chunk_id FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS k (pool_id, gen, i)
   CROSS JOIN LATERAL (
    SELECT c.chunk_id FROM addr_chunk c
     WHERE c.pool_id = k.pool_id AND c.gen = k.gen
       AND (NOT EXISTS (SELECT 1 FROM frontend f WHERE f.id = c.holder AND f.incarnation = c.incarnation
                        AND f.heartbeat_at > now() - interval '10 seconds')
            OR c.holder = $3 AND c.incarnation = $4 AND c.chunk_id <> ALL ($5::bigint[]))
     ORDER BY c.chunk_id + 0 LIMIT 1 FOR UPDATE SKIP LOCKED) x)
UPDATE addr_chunk c SET holder = $3, incarnation = $4 FROM d WHERE c.chunk_id = d.chunk_id
RETURNING d.i, c.chunk_id, c.first_index, c.n;

-- name: hint_cursor_make
-- Makes the cursors that are missing.
INSERT INTO pool_cursor (pool_id, gen, size)
SELECT k.pool_id, k.gen, k.size FROM unnest($1::int[], $2::int[], $3::bigint[]) WITH ORDINALITY AS k (pool_id, gen, size, i)
 WHERE NOT EXISTS (SELECT 1 FROM pool_cursor p WHERE p.pool_id = k.pool_id AND p.gen = k.gen)
 ORDER BY k.i ON CONFLICT DO NOTHING;

-- name: hint_cursor
-- Takes the next indexes of each pool: at most as many as wanted, and no more
-- than an eighth of this frontend's share of what is left. Cursors are locked in
-- the order of the list.
WITH live AS MATERIALIZED (
  SELECT 8 * greatest(1, count(*)) AS parts FROM frontend WHERE heartbeat_at > now() - interval '5 seconds'),
c AS MATERIALIZED (
  SELECT k.i, k.pool_id, k.gen, x.next_index, least(x.size - x.next_index, greatest(1, least(k.want, (x.size - x.next_index) / live.parts))) AS n
    FROM live CROSS JOIN unnest($1::int[], $2::int[], $3::bigint[]) WITH ORDINALITY AS k (pool_id, gen, want, i)
   CROSS JOIN LATERAL (SELECT p.next_index, p.size FROM pool_cursor p
                        WHERE p.pool_id = k.pool_id AND p.gen = k.gen AND p.next_index < p.size OFFSET 0 FOR UPDATE) x),
u AS (UPDATE pool_cursor p SET next_index = p.next_index + c.n FROM c WHERE p.pool_id = c.pool_id AND p.gen = c.gen),
a AS (INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation)
      SELECT c.pool_id, c.gen, c.next_index, c.n, $4, $5 FROM c RETURNING chunk_id, pool_id, gen, first_index, n)
SELECT c.i, a.chunk_id, a.first_index, a.n FROM c JOIN a ON a.pool_id = c.pool_id AND a.gen = c.gen;

-- name: hint_free
-- Takes addresses given back, held for ten seconds under a new token: of each
-- pool at most as many as wanted, and no more than this frontend's share of
-- them.
WITH live AS MATERIALIZED (
  SELECT greatest(1, count(*)) AS parts FROM frontend WHERE heartbeat_at > now() - interval '5 seconds'),
h AS MATERIALIZED (
  SELECT k.i, x.vrf, x.addr
    FROM live CROSS JOIN unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS k (pool_id, want, i)
   CROSS JOIN LATERAL (
    SELECT f.vrf, f.addr FROM addr_free f WHERE f.pool_id = k.pool_id AND f.hold_until <= now() ORDER BY f.hold_until
     LIMIT (SELECT least(k.want, greatest(1, (SELECT count(*) FROM (
              SELECT 1 FROM addr_free y WHERE y.pool_id = k.pool_id AND y.hold_until <= now() LIMIT k.want * live.parts) z) / live.parts)))
       FOR UPDATE SKIP LOCKED) x)
UPDATE addr_free f SET token = DEFAULT, hold_until = now() + interval '10 seconds'
  FROM h WHERE f.vrf = h.vrf AND f.addr = h.addr RETURNING h.i, f.vrf, f.addr, f.token;

-- name: hint_others
-- Chunks of the pools that somebody else holds.
SELECT k.i, c.chunk_id, c.first_index, c.n
  FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS k (pool_id, gen, i)
 CROSS JOIN LATERAL (SELECT c.chunk_id, c.first_index, c.n FROM addr_chunk c
                      WHERE c.pool_id = k.pool_id AND c.gen = k.gen AND (c.holder, c.incarnation) <> ($3, $4::bigint) LIMIT 64) c;

-- name: hint_lent
-- Addresses given back that somebody holds.
SELECT k.i, x.vrf, x.addr
  FROM unnest($1::int[]) WITH ORDINALITY AS k (pool_id, i)
 CROSS JOIN LATERAL (SELECT f.vrf, f.addr FROM addr_free f WHERE f.pool_id = k.pool_id AND f.hold_until > now() ORDER BY f.hold_until LIMIT 64) x;

-- name: hint_reach
-- How far the pool's cursor has come.
SELECT next_index FROM pool_cursor WHERE pool_id = $1 AND gen = $2;

-- name: hint_chunks
-- The chunks of the pool that have an index from $3 on and below $4.
SELECT chunk_id, first_index, n FROM addr_chunk WHERE pool_id = $1 AND gen = $2 AND first_index + n > $3 AND first_index < $4;

-- name: hint_list
-- Lists addresses as free that are not listed for this pool yet.
INSERT INTO addr_free (vrf, addr, pool_id) SELECT $1, k.addr, $2 FROM unnest($3::bytea[]) AS k (addr) ORDER BY k.addr
ON CONFLICT (vrf, addr) DO UPDATE SET pool_id = excluded.pool_id WHERE addr_free.pool_id <> excluded.pool_id;

-- name: hint_chunk_stale
-- Deletes the chunks of pool generations that are not in use any more.
DELETE FROM addr_chunk c WHERE EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = c.pool_id AND g.gen = c.gen)
   AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: hint_chunk_done
-- Deletes chunks that are used up.
DELETE FROM addr_chunk WHERE chunk_id = ANY($1::bigint[]) AND holder = $2 AND incarnation = $3;

-- name: hint_free_done
-- Deletes free addresses that are used, unless they were given back again.
DELETE FROM addr_free f USING unnest($1::int[], $2::bytea[], $3::bigint[]) AS k (vrf, addr, token)
 WHERE f.vrf = k.vrf AND f.addr = k.addr AND f.token = k.token;
