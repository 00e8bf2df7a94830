-- The statements on leases. They are written for lease4. For lease6 the words
-- lease4, client_id and circuit_id read lease6, duid and interface_id, lines
-- that end in --v4 are left out and those that end in --v6 are kept. Parameters
-- are numbered; both families bind the same list.
-- A transaction holds the write lock from its start, so a row that was read in
-- it cannot change before it is written; writes go by rowid.

-- name: lease_get
-- Reads the row of a key.
SELECT rowid, binding_key, parked_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev,
       hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
       hostname, fqdn_flags, classes, frontend,
       32, 0, 0 --v4
       prefix_len, preferred_lft, iaid --v6
  FROM lease4 WHERE binding_key = ?1;

-- name: lease_held
-- Tells whether an address has a row, in any state.
SELECT 1 FROM lease4 WHERE vrf = ?1 AND addr = ?2;

-- name: lease_insert
-- Inserts an offered row unless the key or the address has one.
INSERT INTO lease4 (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, rev,
                    prefix_len, preferred_lft, iaid, --v6
                    hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
                    hostname, fqdn_flags, classes, frontend)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10,
        ?11, ?12, ?13, --v6
        ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)
ON CONFLICT DO NOTHING;

-- name: lease_renew
-- Writes what a commit or an offer changes, where no indexed column does: the
-- usual renewal.
UPDATE lease4 SET state = ?2, valid_lft = ?3, since = ?4, expires_at = ?5, rev = ?6,
       preferred_lft = ?7, --v6
       hwtype = ?9, hwaddr_source = ?10, client_id = ?11, relay_addr = ?12, circuit_id = ?13, remote_id = ?14,
       subscriber_id = ?15, relay_id = ?16, hostname = ?17, fqdn_flags = ?18, classes = ?19, frontend = ?20
 WHERE rowid = ?1;

-- name: lease_revive
-- Like lease_renew, for a row that was dead or whose hardware address changed.
UPDATE lease4 SET state = ?2, valid_lft = ?3, since = ?4, expires_at = ?5, rev = ?6, reclaim_at = NULL,
       preferred_lft = ?7, --v6
       hwaddr = ?8, hwtype = ?9, hwaddr_source = ?10, client_id = ?11, relay_addr = ?12, circuit_id = ?13, remote_id = ?14,
       subscriber_id = ?15, relay_id = ?16, hostname = ?17, fqdn_flags = ?18, classes = ?19, frontend = ?20
 WHERE rowid = ?1;

-- name: lease_end
-- Writes the end of a holding or of an offer; the key stays.
UPDATE lease4 SET state = ?2, expires_at = ?3, reclaim_at = ?4, rev = ?5, frontend = ?6 WHERE rowid = ?1;

-- name: lease_move
-- Gives a row another key; parked and declined rows remember the old one.
UPDATE lease4 SET state = ?2, expires_at = ?3, reclaim_at = ?4, rev = ?5, frontend = ?6, binding_key = ?7, parked_key = ?8
 WHERE rowid = ?1;

-- name: lease_list
-- Rows in order of (vrf, addr) after a position, at time ?1: subnet ?4 and
-- state ?5 select, 0 means any; an active row that ran out counts as expired.
SELECT rowid, binding_key, parked_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev,
       hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
       hostname, fqdn_flags, classes, frontend,
       32, 0, 0 --v4
       prefix_len, preferred_lft, iaid --v6
  FROM lease4
 WHERE (vrf, addr) > (?2, ?3)
   AND (?4 = 0 OR subnet_id = ?4)
   AND (?5 = 0 OR CASE WHEN state = 2 AND expires_at <= ?1 THEN 3 ELSE state END = ?5)
 ORDER BY vrf, addr LIMIT ?6;

-- name: lease_keys_hwaddr
-- The keys of the rows that have a hardware address.
SELECT binding_key FROM lease4 WHERE hwaddr = ?1;

-- name: lease_keys_addr
-- The keys of the rows of an address, one search in each vrf.
WITH RECURSIVE v (vrf) AS (
  SELECT min(vrf) FROM lease4
  UNION ALL
  SELECT (SELECT min(vrf) FROM lease4 WHERE vrf > v.vrf) FROM v WHERE v.vrf IS NOT NULL)
SELECT l.binding_key FROM v JOIN lease4 l ON l.vrf = v.vrf AND l.addr = ?1;

-- name: lease_newest
-- The ?2 live leases, at time ?1, whose holding began last. No index serves it:
-- it reads the whole table.
SELECT rowid, binding_key, parked_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev,
       hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
       hostname, fqdn_flags, classes, frontend,
       32, 0, 0 --v4
       prefix_len, preferred_lft, iaid --v6
  FROM lease4 WHERE state = 2 AND expires_at > ?1 ORDER BY since DESC, vrf, addr LIMIT ?2;

-- name: lease_count
-- Rows by subnet and state at time ?1.
SELECT subnet_id, CASE WHEN state = 2 AND expires_at <= ?1 THEN 3 ELSE state END AS s, count(*) FROM lease4 GROUP BY subnet_id, s;

-- name: lease_count_live
-- How many leases in the range from ?2 to ?3 are active at time ?4.
SELECT count(*) FROM lease4 WHERE vrf = ?1 AND addr BETWEEN ?2 AND ?3 AND state = 2 AND expires_at > ?4;
