-- Wherever candidates are handed out, the pool's generation must be the one in
-- use: whoever has an older one is about to learn of the change. A pool that
-- the configuration never had has no generation to check.

-- name: hint_fence
-- Whether the frontend may write; no name always may.
SELECT ? = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = ? AND f.incarnation = ? AND f.heartbeat_at > $now - INTERVAL 5 SECOND);

-- name: hint_current
-- Whether a pool generation is in use.
SELECT EXISTS (SELECT 1 FROM pool WHERE id = ? AND gen = ?) OR NOT EXISTS (SELECT 1 FROM pool_gen WHERE pool_id = ?);

-- name: hint_adopt
-- Locks one chunk of the pool whose holder is dead or gone.
SELECT c.chunk_id, c.first_index, c.n FROM addr_chunk c
 WHERE c.pool_id = ? AND c.gen = ?
   AND NOT EXISTS (SELECT 1 FROM frontend f WHERE f.id = c.holder AND f.incarnation = c.incarnation
                   AND f.heartbeat_at > $now - INTERVAL 10 SECOND)
 ORDER BY c.chunk_id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: hint_take_over
UPDATE addr_chunk SET holder = ?, incarnation = ? WHERE chunk_id = ?;

-- name: hint_cursor_make
-- Makes the cursor of a pool generation in use.
INSERT INTO pool_cursor (pool_id, gen, size)
SELECT k.pool_id, k.gen, k.size FROM (SELECT ? AS pool_id, ? AS gen, ? AS size) k
 WHERE EXISTS (SELECT 1 FROM pool p WHERE p.id = k.pool_id AND p.gen = k.gen) OR NOT EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = k.pool_id)
    ON DUPLICATE KEY UPDATE size = pool_cursor.size;

-- name: hint_cursor
-- Locks the cursor and computes how many indexes to take: at most as many as
-- wanted, and no more than an eighth of this frontend's share of what is left.
SELECT p.next_index, LEAST(p.size - p.next_index, GREATEST(1, LEAST(?,
         (p.size - p.next_index) DIV (8 * GREATEST(1, (SELECT COUNT(*) FROM frontend f WHERE f.heartbeat_at > $now - INTERVAL 5 SECOND))))))
  FROM pool_cursor p WHERE p.pool_id = ? AND p.gen = ? FOR UPDATE;

-- name: hint_cursor_move
UPDATE pool_cursor SET next_index = next_index + ? WHERE pool_id = ? AND gen = ?;

-- name: hint_chunk_make
INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation) VALUES (?, ?, ?, ?, ?, ?);

-- name: hint_free_parts
-- How many parts the free addresses are divided into: eight for each frontend.
SELECT 8 * GREATEST(1, COUNT(*)) FROM frontend f WHERE f.heartbeat_at > $now - INTERVAL 5 SECOND;

-- name: hint_free_count
-- How many addresses given back a pool has, counted up to a limit.
SELECT COUNT(*) FROM (SELECT 1 FROM addr_free f FORCE INDEX (addr_free_pool) WHERE f.pool_id = ? AND f.hold_until <= $now LIMIT ?) x;

-- name: hint_free
-- Locks addresses given back, with the tokens they will have.
SELECT f.vrf, f.addr, GREATEST(f.token + 1, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', $now))
  FROM addr_free f FORCE INDEX (addr_free_pool) WHERE f.pool_id = ? AND f.hold_until <= $now ORDER BY f.hold_until LIMIT ? FOR UPDATE SKIP LOCKED;

-- name: hint_free_hold
-- Holds them for ten seconds.
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
         vrf   INT         PATH '$[0]' ERROR ON ERROR,
         addr  VARCHAR(40) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         token BIGINT      PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_free f FORCE INDEX (PRIMARY) ON f.vrf = k.vrf AND f.addr = UNHEX(k.addr)
   SET f.token = k.token, f.hold_until = $now + INTERVAL 10 SECOND;

-- name: hint_free_list
-- Lists the addresses of deleted rows.
INSERT INTO addr_free (vrf, addr, pool_id, token)
SELECT k.vrf, UNHEX(k.addr), k.pool_id, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', $now)
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         vrf     INT         PATH '$[1]' ERROR ON ERROR,
         addr    VARCHAR(40) CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR,
         pool_id INT         PATH '$[3]' ERROR ON ERROR)) k
 WHERE k.pool_id > 0
ON DUPLICATE KEY UPDATE token = GREATEST(addr_free.token + 1, VALUES(token)), pool_id = VALUES(pool_id), hold_until = '1970-01-01 00:00:00';

-- name: hint_chunk_done
-- Deletes chunks that are used up.
DELETE c FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (PRIMARY) ON c.chunk_id = k.id
 WHERE c.holder = ? AND c.incarnation = ?;

-- name: hint_free_done
-- Deletes free addresses that are used, unless they were given back again.
DELETE f FROM JSON_TABLE(?, '$[*]' COLUMNS (
         vrf   INT         PATH '$[0]' ERROR ON ERROR,
         addr  VARCHAR(40) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         token BIGINT      PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_free f FORCE INDEX (PRIMARY) ON f.vrf = k.vrf AND f.addr = UNHEX(k.addr)
 WHERE f.token = k.token;
