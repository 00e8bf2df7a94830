-- Wherever candidates are handed out, the pool's generation must be the one in
-- use: whoever has an older one is about to learn of the change. A pool that
-- the configuration never had has no generation to check.

-- name: hint_fence
-- Whether the frontend may write; no name always may.
SELECT ? = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = ? AND f.incarnation = ? AND f.heartbeat_at > $now - INTERVAL 5 SECOND);

-- name: hint_current
-- Which pool generations, by number in the list, are in use.
SELECT k.i
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i       INT    PATH '$[0]' ERROR ON ERROR,
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR)) k
  LEFT JOIN pool p FORCE INDEX (PRIMARY) ON p.id = k.pool_id AND p.gen = k.gen
  LEFT JOIN pool_gen g FORCE INDEX (PRIMARY) ON g.pool_id = k.pool_id
 WHERE p.id IS NOT NULL OR g.pool_id IS NULL;

-- name: hint_adoptable
-- Chunks of the pools whose holder is dead or gone, and those of a frontend that
-- asks for its own too. No locks.
SELECT k.i, c.chunk_id, c.holder, c.incarnation
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i       INT    PATH '$[0]' ERROR ON ERROR,
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (addr_chunk_pool) ON c.pool_id = k.pool_id AND c.gen = k.gen
 WHERE ? AND c.holder = ? AND c.incarnation = ?
    OR NOT EXISTS (SELECT 1 FROM frontend f WHERE f.id = c.holder AND f.incarnation = c.incarnation
                   AND f.heartbeat_at > $now - INTERVAL 10 SECOND)
 LIMIT 10000;

-- name: hint_adopt
-- Locks those of the chunks that still have this holder; one that somebody else
-- is about to take over is left to him.
SELECT k.i, c.chunk_id, c.first_index, c.n
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i           INT          PATH '$[0]' ERROR ON ERROR,
         id          BIGINT       PATH '$[1]' ERROR ON ERROR,
         holder      VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[2]' ERROR ON ERROR,
         incarnation BIGINT       PATH '$[3]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (PRIMARY) ON c.chunk_id = k.id
 WHERE c.holder = k.holder AND c.incarnation = k.incarnation
   FOR UPDATE OF c SKIP LOCKED; --mysql
   FOR UPDATE SKIP LOCKED; --mariadb

-- name: hint_take_over
-- Makes a frontend the holder of chunks that are locked.
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (PRIMARY) ON c.chunk_id = k.id
   SET c.holder = ?, c.incarnation = ?;

-- name: hint_cursor_make
-- Makes the cursors that are missing.
INSERT INTO pool_cursor (pool_id, gen, size)
SELECT k.pool_id, k.gen, k.size
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR,
         size    BIGINT PATH '$[4]' ERROR ON ERROR)) k
  LEFT JOIN pool_cursor p FORCE INDEX (PRIMARY) ON p.pool_id = k.pool_id AND p.gen = k.gen
 WHERE p.pool_id IS NULL
    ON DUPLICATE KEY UPDATE size = pool_cursor.size;

-- name: hint_cursor
-- Locks the cursors, in the order of the list, and computes how many indexes to
-- take: at most as many as wanted, and no more than an eighth of this frontend's
-- share of what is left.
SELECT k.i, p.next_index, LEAST(p.size - p.next_index, GREATEST(1, LEAST(k.want,
         (p.size - p.next_index) DIV (8 * GREATEST(1, (SELECT COUNT(*) FROM frontend f WHERE f.heartbeat_at > $now - INTERVAL 5 SECOND))))))
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i       INT PATH '$[0]' ERROR ON ERROR,
         pool_id INT PATH '$[1]' ERROR ON ERROR,
         gen     INT PATH '$[2]' ERROR ON ERROR,
         want    INT PATH '$[3]' ERROR ON ERROR)) k
  STRAIGHT_JOIN pool_cursor p FORCE INDEX (PRIMARY) ON p.pool_id = k.pool_id AND p.gen = k.gen
 WHERE p.next_index < p.size
   FOR UPDATE OF p; --mysql
   FOR UPDATE; --mariadb

-- name: hint_cursor_move
-- Moves cursors that are locked.
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
         pool_id INT PATH '$[1]' ERROR ON ERROR,
         gen     INT PATH '$[2]' ERROR ON ERROR,
         n       INT PATH '$[4]' ERROR ON ERROR)) k
  STRAIGHT_JOIN pool_cursor p FORCE INDEX (PRIMARY) ON p.pool_id = k.pool_id AND p.gen = k.gen
   SET p.next_index = p.next_index + k.n;

-- name: hint_chunk_make
-- Notes who hands out which indexes.
INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation)
SELECT k.pool_id, k.gen, k.first, k.n, ?, ?
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR,
         first   BIGINT PATH '$[3]' ERROR ON ERROR,
         n       INT    PATH '$[4]' ERROR ON ERROR)) k;

-- name: hint_chunk_made
-- The chunks just made: the server need not number the rows of one statement one
-- after the other.
SELECT k.i, c.chunk_id, c.first_index, c.n
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i       INT    PATH '$[0]' ERROR ON ERROR,
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR,
         first   BIGINT PATH '$[3]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (addr_chunk_pool) ON c.pool_id = k.pool_id AND c.gen = k.gen
 WHERE c.first_index = k.first AND c.holder = ? AND c.incarnation = ?;

-- name: hint_others
-- Chunks of the pools that somebody else holds.
SELECT k.i, c.chunk_id, c.first_index, c.n
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         i       INT    PATH '$[0]' ERROR ON ERROR,
         pool_id INT    PATH '$[1]' ERROR ON ERROR,
         gen     INT    PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_chunk c FORCE INDEX (addr_chunk_pool) ON c.pool_id = k.pool_id AND c.gen = k.gen
 WHERE c.holder <> ? OR c.incarnation <> ?
 LIMIT 10000;

-- name: hint_lent
-- Addresses given back that somebody holds.
SELECT f.vrf, f.addr FROM addr_free f FORCE INDEX (addr_free_pool) WHERE f.pool_id = ? AND f.hold_until > $now ORDER BY f.hold_until LIMIT 64;

-- name: hint_reach
-- How far the pool's cursor has come.
SELECT next_index FROM pool_cursor WHERE pool_id = ? AND gen = ?;

-- name: hint_chunks
-- The chunks of the pool that have an index in a window.
SELECT c.chunk_id, c.first_index, c.n FROM addr_chunk c FORCE INDEX (addr_chunk_pool)
 WHERE c.pool_id = ? AND c.gen = ? AND c.first_index + c.n > ? AND c.first_index < ?;

-- name: hint_listed
-- Which addresses are listed as free, and under which pool.
SELECT f.addr, f.pool_id
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         vrf  INT         PATH '$[1]' ERROR ON ERROR,
         addr VARCHAR(40) CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN addr_free f FORCE INDEX (PRIMARY) ON f.vrf = k.vrf AND f.addr = UNHEX(k.addr);

-- name: hint_chunk_stale
-- Deletes the chunks of pool generations that are not in use any more.
DELETE FROM addr_chunk
 WHERE EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = addr_chunk.pool_id AND g.gen = addr_chunk.gen)
   AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = addr_chunk.pool_id AND p.gen = addr_chunk.gen);

-- name: hint_free_parts
-- How many parts the free addresses are divided into: one for each frontend.
SELECT GREATEST(1, COUNT(*)) FROM frontend f WHERE f.heartbeat_at > $now - INTERVAL 5 SECOND;

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
