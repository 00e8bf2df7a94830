-- The hot statements. They are written for lease4; for lease6 the words
-- lease4, client_id and circuit_id read lease6, duid and interface_id, lines
-- that end in --v4 are left out and those that end in --v6 are added. Likewise
-- lines that end in --mysql or --mariadb are for that server only: MySQL wants
-- to be told that JSON_TABLE is not locked, MariaDB does not know how to.
-- Items travel as one JSON parameter, an array of arrays with binary values in
-- hex; what is behind the end of an array is NULL. It drives every join
-- (STRAIGHT_JOIN … FORCE INDEX (PRIMARY)), so that rows are locked in the order
-- of the items, which are sorted by key, whatever the statistics say. Widths of
-- JSON columns are above those of the tables: too long a value must reach the
-- table, which refuses it.
-- $now is the time of the transaction, $name the fragment of that name.
-- Statements of the lanes without parameters of their own are prepared when a
-- connection is made: to parse them costs more than to run them for one item.
-- $keys is a list of binding keys, of rows that need nothing else of their item.

-- name: lane_items
-- What a transaction works on. Arguments: frontend, incarnation, items, and how
-- many of them are to be placed.
SET @fe = ?, @incarnation = ?, @items = ?, @wanted = ?;

-- name: lane_clock
-- The one time of the transaction, and whether the frontend may write.
SET @now = UTC_TIMESTAMP(6), @us = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)),
    @alive = (@fe = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = @fe AND f.incarnation = @incarnation
                                  AND f.heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 5 SECOND));

-- name: lane_head
SELECT c.revision, @alive, @us, @placed, EXISTS (SELECT 1 FROM event_consumer) FROM config_head c WHERE c.id = 1;

-- name: lane_placed
-- How many items the statement before has placed. Where all were, nothing needs
-- to be read back: what their rows hold is known to who sent it.
SET @placed = ROW_COUNT();

-- name: lease_insert
-- Inserts an offered row for each item whose key, and former keys, have none.
-- They are looked up without locks: a row that another transaction is changing
-- does not stop the lane. An address that is taken changes nothing.
INSERT INTO lease4 (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, rev,
                    hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
                    hostname, fqdn_flags, classes, frontend
                    , prefix_len, preferred_lft, iaid --v6
                    )
SELECT UNHEX(k.bk), k.vrf, UNHEX(k.addr), k.subnet_id, k.pool_id, k.pool_gen, 1, k.valid_lft, $now,
       $now + INTERVAL k.offer_lft SECOND, @us,
       UNHEX(k.hwaddr), COALESCE(k.hwtype, 0), COALESCE(k.hwaddr_source, 0), UNHEX(k.client_id), UNHEX(k.relay_addr),
       UNHEX(k.circuit_id), UNHEX(k.remote_id), UNHEX(k.subscriber_id), UNHEX(k.relay_id),
       COALESCE(k.hostname, ''), COALESCE(k.fqdn_flags, 0), COALESCE(k.classes, ''), @fe
       , k.prefix_len, k.preferred_lft, k.iaid --v6
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         bk            VARCHAR(400)  CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         vrf           INT           PATH '$[2]' ERROR ON ERROR,
         addr          VARCHAR(40)   CHARACTER SET ascii PATH '$[3]' ERROR ON ERROR,
         subnet_id     INT           PATH '$[4]' ERROR ON ERROR,
         pool_id       INT           PATH '$[5]' ERROR ON ERROR,
         pool_gen      INT           PATH '$[6]' ERROR ON ERROR,
         valid_lft     BIGINT        PATH '$[7]' ERROR ON ERROR,
         offer_lft     BIGINT        PATH '$[8]' ERROR ON ERROR,
         prefix_len    INT           PATH '$[9]' ERROR ON ERROR, --v6
         preferred_lft BIGINT        PATH '$[10]' ERROR ON ERROR, --v6
         iaid          BIGINT        PATH '$[11]' ERROR ON ERROR, --v6
         hwaddr        VARCHAR(60)   CHARACTER SET ascii PATH '$[12]' ERROR ON ERROR,
         hwtype        INT           PATH '$[13]' ERROR ON ERROR,
         hwaddr_source INT           PATH '$[14]' ERROR ON ERROR,
         client_id     VARCHAR(600)  CHARACTER SET ascii PATH '$[15]' ERROR ON ERROR,
         relay_addr    VARCHAR(40)   CHARACTER SET ascii PATH '$[16]' ERROR ON ERROR,
         circuit_id    VARCHAR(600)  CHARACTER SET ascii PATH '$[17]' ERROR ON ERROR,
         remote_id     VARCHAR(600)  CHARACTER SET ascii PATH '$[18]' ERROR ON ERROR,
         hostname      VARCHAR(300)  PATH '$[19]' ERROR ON ERROR,
         fqdn_flags    INT           PATH '$[20]' ERROR ON ERROR,
         classes       VARCHAR(4010) PATH '$[21]' ERROR ON ERROR,
         subscriber_id VARCHAR(600)  CHARACTER SET ascii PATH '$[22]' ERROR ON ERROR,
         relay_id      VARCHAR(600)  CHARACTER SET ascii PATH '$[23]' ERROR ON ERROR,
         former1       VARCHAR(400)  CHARACTER SET ascii PATH '$[24]' ERROR ON ERROR,
         former2       VARCHAR(400)  CHARACTER SET ascii PATH '$[25]' ERROR ON ERROR)) k
  LEFT JOIN lease4 own FORCE INDEX (PRIMARY) ON own.binding_key = UNHEX(k.bk)
  LEFT JOIN lease4 a FORCE INDEX (PRIMARY) ON a.binding_key = UNHEX(k.former1)
  LEFT JOIN lease4 b FORCE INDEX (PRIMARY) ON b.binding_key = UNHEX(k.former2)
 WHERE @alive AND k.addr IS NOT NULL AND own.binding_key IS NULL AND a.binding_key IS NULL AND b.binding_key IS NULL
ON DUPLICATE KEY UPDATE rev = lease4.rev;

-- name: lease_read_own
-- The rows that the keys have now: 1 the one just inserted, 2 another.
SELECT k.n, CASE WHEN l.rev = @us AND l.state = 1 AND l.frontend = @fe AND l.addr = UNHEX(k.addr) THEN 1 ELSE 2 END, $columns
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         n    INT          PATH '$[0]' ERROR ON ERROR,
         bk   VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         addr VARCHAR(40)  CHARACTER SET ascii PATH '$[3]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk)
 WHERE @placed <> @wanted;

-- name: lease_read_former
-- The rows that former keys have where the key itself has none.
SELECT k.n, 3, $columns
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         n       INT          PATH '$[0]' ERROR ON ERROR,
         bk      VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         former1 VARCHAR(400) CHARACTER SET ascii PATH '$[24]' ERROR ON ERROR,
         former2 VARCHAR(400) CHARACTER SET ascii PATH '$[25]' ERROR ON ERROR)) k
  LEFT JOIN lease4 own FORCE INDEX (PRIMARY) ON own.binding_key = UNHEX(k.bk)
  LEFT JOIN lease4 a FORCE INDEX (PRIMARY) ON a.binding_key = UNHEX(k.former1)
  LEFT JOIN lease4 b FORCE INDEX (PRIMARY) ON b.binding_key = UNHEX(k.former2)
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = COALESCE(a.binding_key, b.binding_key)
 WHERE own.binding_key IS NULL AND @placed <> @wanted;

-- name: lease_lock
-- Locks the rows of the keys, in their order, without waiting, and shows them:
-- whether a holding is live, whether expires_at is still ahead, and the row.
SELECT l.state = 2 AND l.expires_at > $now, l.expires_at > $now, $columns
  FROM lease4 l FORCE INDEX (PRIMARY) WHERE l.binding_key IN ($keys) ORDER BY l.binding_key FOR UPDATE SKIP LOCKED;

-- name: lease_activate
-- What nearly all changes are: locked rows that a client takes or renews, where
-- no holding ends and nothing is new about the client. One statement for all
-- with the same lifetimes. Arguments: whether a holding begins, the lifetime
-- twice, the lifetime, the preferred lifetime (DHCPv6), the keys. Assignments
-- of one table are made from left to right.
UPDATE lease4 l FORCE INDEX (PRIMARY) SET
    l.since      = IF(?, GREATEST($now, l.since), l.since),
    l.state      = 2,
    l.expires_at = IF(? >= 4294967295, TIMESTAMP'9000-01-01 00:00:00', $now + INTERVAL ? SECOND),
    l.reclaim_at = NULL,
    l.rev        = GREATEST(l.rev + 1, @us),
    l.valid_lft  = ?,
    l.preferred_lft = ?, --v6
    l.frontend   = IF(@fe <> '', @fe, l.frontend)
 WHERE @alive AND l.binding_key IN ($keys);

-- name: lease_assigned
-- What consumers are told of holdings that begin.
INSERT INTO lease_event (at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
SELECT $now, 1, 4, l.vrf, l.addr, 32, l.subnet_id, l.binding_key, l.hostname, l.fqdn_flags, l.state, l.rev --v4
SELECT $now, 1, 6, l.vrf, l.addr, l.prefix_len, l.subnet_id, l.binding_key, l.hostname, l.fqdn_flags, l.state, l.rev --v6
  FROM lease4 l FORCE INDEX (PRIMARY) WHERE @alive AND l.binding_key IN ($keys);

-- name: lane_alive
-- Whether the changes were made.
SELECT @alive;

-- name: lease_exists
-- Which of the keys that were not locked have a row: somebody else holds it.
SELECT k.n
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         n  INT          PATH '$[0]' ERROR ON ERROR,
         bk VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk);

-- name: lane_changes
-- What the second round trip works on.
SET @items = ?;

-- name: lane_fence
-- The fence once more, by the clock as it is now: the frontend may have been
-- paused in between.
SET @alive = (@fe = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = @fe AND f.incarnation = @incarnation
                                  AND f.heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 5 SECOND));

-- name: lease_history
-- The holdings that end, from the locked rows before they change.
INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hwaddr, client_id,
                           iaid, relay_addr, circuit_id, remote_id, subscriber_id, relay_id, hostname, frontend)
SELECT 4, l.vrf, l.addr, 32, l.subnet_id, l.binding_key, l.since, LEAST($now, l.expires_at), k.ended_by, l.rev, l.hwaddr, l.client_id, --v4
SELECT 6, l.vrf, l.addr, l.prefix_len, l.subnet_id, l.binding_key, l.since, LEAST($now, l.expires_at), k.ended_by, l.rev, l.hwaddr, l.client_id, --v6
       NULL, --v4
       l.iaid, --v6
       l.relay_addr, l.circuit_id, l.remote_id, l.subscriber_id, l.relay_id, l.hostname, l.frontend
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         bk       VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         ended_by INT          PATH '$[5]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk)
 WHERE @alive AND k.ended_by > 0;

-- name: lease_update
-- Changes the locked rows. Actions: 1 activate, 2 hold, 3 release, 4 expire,
-- 5 quarantine, 6 park, 7 rekey, 8 withdraw. No expression reads a column that
-- another one changes: their order is the server's.
UPDATE $changes
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk) SET
    $set
 WHERE @alive;

-- name: lease_move
-- Likewise, where keys change too.
UPDATE $changes
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk) SET
    l.parked_key  = CASE WHEN k.act IN (5, 6) THEN UNHEX(k.bk) ELSE l.parked_key END,
    l.binding_key = COALESCE(UNHEX(k.new_bk), l.binding_key),
    $set
 WHERE @alive;

-- name: lease_event
-- What consumers are told, from the rows as they are now.
INSERT INTO lease_event (at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
SELECT $now, k.kind, 4, l.vrf, l.addr, 32, l.subnet_id, UNHEX(k.bk), --v4
SELECT $now, k.kind, 6, l.vrf, l.addr, l.prefix_len, l.subnet_id, UNHEX(k.bk), --v6
       COALESCE(k.hostname, l.hostname), COALESCE(k.fqdn_flags, l.fqdn_flags), l.state, l.rev
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         bk         VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         new_bk     VARCHAR(400) CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR,
         kind       INT          PATH '$[6]' ERROR ON ERROR,
         hostname   VARCHAR(300) PATH '$[24]' ERROR ON ERROR,
         fqdn_flags INT          PATH '$[25]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(COALESCE(k.new_bk, k.bk))
 WHERE @alive AND k.kind > 0;

-- name: lease_read_changed
-- The rows as they are now; none when the frontend may not write any more.
SELECT k.n, $columns
  FROM JSON_TABLE(@items, '$[*]' COLUMNS (
         n      INT          PATH '$[0]' ERROR ON ERROR,
         bk     VARCHAR(400) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         new_bk VARCHAR(400) CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(COALESCE(k.new_bk, k.bk))
 WHERE @alive;

-- name: lease_last
-- The last key of the next window in key order; none when the window is not
-- full. Arguments: the key before it, and the size less one.
SELECT l.binding_key FROM lease4 l FORCE INDEX (PRIMARY) WHERE l.binding_key > UNHEX(?) ORDER BY l.binding_key LIMIT 1 OFFSET ?;

-- name: lease_due
-- Of a window the offered and active rows whose time has come. No locks.
SELECT l.binding_key, l.addr, l.state, l.rev
  FROM lease4 l FORCE INDEX (PRIMARY)
 WHERE l.binding_key > UNHEX(?) AND l.binding_key <= UNHEX(?) AND l.state IN (1, 2) AND l.expires_at <= UTC_TIMESTAMP(6)
 ORDER BY l.binding_key LIMIT ?;

-- name: lease_named
-- Of a window the live leases whose name or address we keep in DNS. No locks.
SELECT l.binding_key, l.vrf, l.addr,
       32, --v4
       l.prefix_len, --v6
       l.subnet_id, l.hostname, l.fqdn_flags, l.state, l.rev
  FROM lease4 l FORCE INDEX (PRIMARY)
 WHERE l.binding_key > UNHEX(?) AND l.binding_key <= UNHEX(?) AND l.state = 2 AND l.expires_at > UTC_TIMESTAMP(6) AND l.fqdn_flags & 192 <> 0
 ORDER BY l.binding_key LIMIT ?;

-- name: lease_dead_offers
-- Locks dead offers by key and rev.
SELECT l.binding_key, l.vrf, l.addr, l.pool_id
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         bk  VARCHAR(400) CHARACTER SET ascii PATH '$[0]' ERROR ON ERROR,
         rev BIGINT       PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk)
 WHERE l.rev = k.rev AND l.state = 1 AND l.expires_at <= $now AND SUBSTRING(l.binding_key, 5, 1) <> x'FE'
   FOR UPDATE OF l SKIP LOCKED; --mysql
   FOR UPDATE SKIP LOCKED; --mariadb

-- name: lease_dying
-- The pools that have a dead row. Of each pool the index is asked for the first
-- one only: its live rows are not passed.
SELECT l.pool_id FROM lease4 l FORCE INDEX (lease4_reclaim) GROUP BY l.pool_id HAVING MIN(l.reclaim_at) <= $now;

-- name: lease_forgettable
-- Looks in one pool, without locks, for rows that nobody waits for: ended ones
-- after their affinity, parked and declined ones when their quarantine is over.
-- It goes in the order of death, as the index does. The pool is a constant: of
-- one that comes from a join all rows would be read.
SELECT l.binding_key, l.rev
  FROM lease4 l FORCE INDEX (lease4_reclaim)
 WHERE l.pool_id = ? AND l.reclaim_at <= $now AND l.reclaim_at <= $now - INTERVAL (CASE WHEN l.state IN (3, 4) THEN ? ELSE 0 END) SECOND
   AND SUBSTRING(l.binding_key, 5, 1) <> x'FE'
 ORDER BY l.reclaim_at LIMIT ?;

-- name: lease_dead
-- Locks rows by key and rev.
SELECT l.binding_key, l.vrf, l.addr, l.pool_id
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         bk  VARCHAR(400) CHARACTER SET ascii PATH '$[0]' ERROR ON ERROR,
         rev BIGINT       PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk)
 WHERE l.rev = k.rev
   FOR UPDATE OF l SKIP LOCKED; --mysql
   FOR UPDATE SKIP LOCKED; --mariadb

-- name: lease_reclaimable
-- Locks the pool's longest dead rows whose grace is over.
SELECT l.binding_key, l.vrf, l.addr, l.pool_id
  FROM lease4 l FORCE INDEX (lease4_reclaim)
 WHERE l.pool_id = ? AND l.reclaim_at <= $now AND SUBSTRING(l.binding_key, 5, 1) <> x'FE'
 ORDER BY l.reclaim_at LIMIT ? FOR UPDATE SKIP LOCKED;

-- name: lease_delete
-- Deletes locked rows.
DELETE l FROM JSON_TABLE(?, '$[*]' COLUMNS (bk VARCHAR(400) CHARACTER SET ascii PATH '$[0]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (PRIMARY) ON l.binding_key = UNHEX(k.bk);

-- name: lease_above
-- When the first of the rows of a pool died that are too many, counted from the
-- last: seen in the index alone.
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', l.reclaim_at) FROM lease4 l FORCE INDEX (lease4_reclaim)
 WHERE l.pool_id = ? AND l.reclaim_at <= $now ORDER BY l.reclaim_at DESC LIMIT 1 OFFSET ?;

-- name: lease_above_rows
-- The ended rows of a pool that died up to then, without locks, the longest dead
-- first. Those that ended at the same moment go together.
SELECT l.binding_key, l.rev FROM lease4 l FORCE INDEX (lease4_reclaim)
 WHERE l.pool_id = ? AND l.reclaim_at <= '1970-01-01' + INTERVAL ? MICROSECOND AND l.state IN (3, 4) AND SUBSTRING(l.binding_key, 5, 1) <> x'FE'
 ORDER BY l.reclaim_at LIMIT ?;

-- name: lease_held
-- Which of some addresses have a row, in any state.
SELECT l.vrf, l.addr
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         vrf  INT         PATH '$[0]' ERROR ON ERROR,
         addr VARCHAR(40) CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease4 l FORCE INDEX (lease4_addr) ON l.vrf = k.vrf AND l.addr = UNHEX(k.addr);

-- name: lease_list
-- Rows in order of (vrf, addr) after a position, for people and tools.
SELECT $columns FROM lease4 l FORCE INDEX (lease4_addr)
 WHERE (l.vrf > ? OR (l.vrf = ? AND l.addr > UNHEX(?))) AND l.vrf >= ? AND (? = 0 OR l.subnet_id = ?)
   AND (? = 0 OR CASE WHEN l.state = 2 AND l.expires_at <= $now THEN 3 ELSE l.state END = ?)
   AND (? = '' OR l.addr = UNHEX(?)) AND (? = '' OR l.hwaddr = UNHEX(?))
 ORDER BY l.vrf, l.addr LIMIT ?;

-- name: lease_count
-- Rows by subnet and state.
SELECT l.subnet_id, CASE WHEN l.state = 2 AND l.expires_at <= UTC_TIMESTAMP(6) THEN 3 ELSE l.state END AS seen, COUNT(*)
  FROM lease4 l GROUP BY l.subnet_id, seen;

-- name: lease_live
-- Counts the live leases in a range of addresses, whatever pool they name.
SELECT COUNT(*) FROM lease4 l FORCE INDEX (lease4_addr)
 WHERE l.vrf = ? AND l.addr BETWEEN UNHEX(?) AND UNHEX(?) AND l.state = 2 AND l.expires_at > $now;

-- name: lease_newest
-- The live leases whose holding began last. No index serves it: it reads the
-- whole table.
SELECT $columns FROM lease4 l WHERE l.state = 2 AND l.expires_at > $now ORDER BY l.since DESC, l.vrf, l.addr LIMIT ?;

-- name: fragment_columns
l.binding_key, l.parked_key, l.vrf, l.addr, l.subnet_id, l.pool_id, l.pool_gen, l.state, l.valid_lft, l.rev,
       TIMESTAMPDIFF(MICROSECOND, $now, l.expires_at), l.since, l.expires_at, l.reclaim_at, l.frontend,
       l.hwaddr, l.hwtype, l.hwaddr_source, l.client_id, l.relay_addr, l.circuit_id, l.remote_id, l.subscriber_id, l.relay_id,
       l.hostname, l.fqdn_flags, l.classes
       , l.prefix_len, l.preferred_lft, l.iaid --v6

-- name: fragment_changes
JSON_TABLE(@items, '$[*]' COLUMNS (
         bk            VARCHAR(400)  CHARACTER SET ascii PATH '$[1]' ERROR ON ERROR,
         new_bk        VARCHAR(400)  CHARACTER SET ascii PATH '$[2]' ERROR ON ERROR,
         act           INT           PATH '$[3]' ERROR ON ERROR,
         fresh         INT           PATH '$[4]' ERROR ON ERROR,
         valid_lft     BIGINT        PATH '$[7]' ERROR ON ERROR,
         lft           BIGINT        PATH '$[8]' ERROR ON ERROR,
         grace         BIGINT        PATH '$[9]' ERROR ON ERROR,
         park_max      BIGINT        PATH '$[10]' ERROR ON ERROR,
         preferred_lft BIGINT        PATH '$[11]' ERROR ON ERROR, --v6
         classes       VARCHAR(4010) PATH '$[12]' ERROR ON ERROR,
         hwaddr        VARCHAR(60)   CHARACTER SET ascii PATH '$[13]' ERROR ON ERROR,
         hwtype        INT           PATH '$[14]' ERROR ON ERROR,
         hwaddr_source INT           PATH '$[15]' ERROR ON ERROR,
         client_id     VARCHAR(600)  CHARACTER SET ascii PATH '$[16]' ERROR ON ERROR,
         relay_addr    VARCHAR(40)   CHARACTER SET ascii PATH '$[17]' ERROR ON ERROR,
         circuit_id    VARCHAR(600)  CHARACTER SET ascii PATH '$[18]' ERROR ON ERROR,
         remote_id     VARCHAR(600)  CHARACTER SET ascii PATH '$[19]' ERROR ON ERROR,
         subscriber_id VARCHAR(600)  CHARACTER SET ascii PATH '$[20]' ERROR ON ERROR,
         relay_id      VARCHAR(600)  CHARACTER SET ascii PATH '$[21]' ERROR ON ERROR,
         hostname      VARCHAR(300)  PATH '$[22]' ERROR ON ERROR,
         fqdn_flags    INT           PATH '$[23]' ERROR ON ERROR)) k

-- name: fragment_set
l.state       = CASE k.act WHEN 1 THEN 2 WHEN 2 THEN 1 WHEN 3 THEN IF(SUBSTRING(UNHEX(k.bk), 5, 1) = x'FE', 7, 4)
                               WHEN 4 THEN IF(SUBSTRING(UNHEX(k.bk), 5, 1) = x'FE', 7, 3) WHEN 5 THEN 5 WHEN 6 THEN 6 ELSE l.state END,
    l.since       = CASE WHEN k.fresh OR k.act = 2 THEN GREATEST($now, l.since) ELSE l.since END,
    l.reclaim_at  = CASE WHEN k.act IN (1, 2) THEN NULL
                         WHEN k.act IN (3, 4) AND SUBSTRING(UNHEX(k.bk), 5, 1) = x'FE' THEN NULL
                         WHEN k.act IN (3, 5) THEN $now + INTERVAL k.grace SECOND
                         WHEN k.act = 4 THEN l.expires_at + INTERVAL k.grace SECOND
                         WHEN k.act = 6 AND l.expires_at >= TIMESTAMP'9000-01-01 00:00:00' THEN $now + INTERVAL k.park_max SECOND
                         WHEN k.act = 6 THEN GREATEST(l.expires_at, $now) + INTERVAL k.grace SECOND
                         ELSE l.reclaim_at END,
    l.expires_at  = CASE WHEN k.act IN (1, 2) AND k.lft >= 4294967295 THEN TIMESTAMP'9000-01-01 00:00:00'
                         WHEN k.act IN (1, 2) THEN $now + INTERVAL k.lft SECOND
                         WHEN k.act IN (3, 5, 8) THEN LEAST($now, l.expires_at) ELSE l.expires_at END,
    l.rev         = GREATEST(l.rev + 1, @us),
    l.valid_lft   = COALESCE(k.valid_lft, l.valid_lft),
    l.preferred_lft = COALESCE(k.preferred_lft, l.preferred_lft), --v6
    l.hwaddr        = COALESCE(UNHEX(k.hwaddr), l.hwaddr),
    l.hwtype        = COALESCE(k.hwtype, l.hwtype),
    l.hwaddr_source = COALESCE(k.hwaddr_source, l.hwaddr_source),
    l.client_id     = COALESCE(UNHEX(k.client_id), l.client_id),
    l.relay_addr    = COALESCE(UNHEX(k.relay_addr), l.relay_addr),
    l.circuit_id    = COALESCE(UNHEX(k.circuit_id), l.circuit_id),
    l.remote_id     = COALESCE(UNHEX(k.remote_id), l.remote_id),
    l.subscriber_id = COALESCE(UNHEX(k.subscriber_id), l.subscriber_id),
    l.relay_id      = COALESCE(UNHEX(k.relay_id), l.relay_id),
    l.hostname      = COALESCE(k.hostname, l.hostname),
    l.fqdn_flags    = COALESCE(k.fqdn_flags, l.fqdn_flags),
    l.classes       = COALESCE(k.classes, l.classes),
    l.frontend      = IF(@fe <> '', @fe, l.frontend)
