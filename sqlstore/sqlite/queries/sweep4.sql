-- The statements of the sweeper and of reclaim, written for lease4 by the
-- convention of lease4.sql.

-- name: lease_due
-- The next rows in key order, with the mark of those that are offered or
-- active and whose time has come.
SELECT binding_key, addr, state, rev, state IN (1, 2) AND expires_at <= CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000
  FROM lease4 WHERE binding_key > ?1 ORDER BY binding_key LIMIT ?2;

-- name: lease_delete_offer
-- Deletes an offer that ran out, by key and rev, and tells its address; never
-- a reserved address.
DELETE FROM lease4 WHERE binding_key = ?1 AND rev = ?2 AND state = 1 AND expires_at <= ?3 AND substr(binding_key, 5, 1) <> x'fe'
RETURNING vrf, addr, pool_id;

-- name: lease_forgettable
-- Candidates for deletion, pool by pool: ended rows whose affinity (until ?2)
-- is over, parked and declined ones whose quarantine (until ?1) is.
WITH RECURSIVE p (pool_id) AS (
  SELECT min(pool_id) FROM lease4 WHERE reclaim_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(pool_id) FROM lease4 WHERE reclaim_at IS NOT NULL AND pool_id > p.pool_id) FROM p WHERE p.pool_id IS NOT NULL)
SELECT l.binding_key, l.rev
  FROM p JOIN lease4 l ON l.pool_id = p.pool_id AND l.reclaim_at IS NOT NULL AND l.reclaim_at <= ?1
 WHERE (l.state NOT IN (3, 4) OR l.reclaim_at <= ?2) AND substr(l.binding_key, 5, 1) <> x'fe'
 LIMIT ?3;

-- name: lease_dying
-- The pools that have a dead row.
WITH RECURSIVE p (pool_id) AS (
  SELECT min(pool_id) FROM lease4 WHERE reclaim_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(pool_id) FROM lease4 WHERE reclaim_at IS NOT NULL AND pool_id > p.pool_id) FROM p WHERE p.pool_id IS NOT NULL)
SELECT pool_id FROM p WHERE pool_id IS NOT NULL;

-- name: lease_above
-- The ended rows of a pool but for the ?3 that ended last, the longest dead
-- first. Where they begin is seen in the index alone; those that ended at the
-- same moment go together.
SELECT binding_key, rev FROM lease4
 WHERE pool_id = ?1 AND reclaim_at IS NOT NULL AND reclaim_at <= (
         SELECT reclaim_at FROM lease4 WHERE pool_id = ?1 AND reclaim_at IS NOT NULL AND reclaim_at <= ?2 ORDER BY reclaim_at DESC LIMIT 1 OFFSET ?3)
   AND state IN (3, 4) AND substr(binding_key, 5, 1) <> x'fe'
 ORDER BY reclaim_at LIMIT ?4;

-- name: lease_forget
-- Deletes a dead row by key and rev and tells its address.
DELETE FROM lease4 WHERE binding_key = ?1 AND rev = ?2 AND reclaim_at IS NOT NULL AND substr(binding_key, 5, 1) <> x'fe'
RETURNING vrf, addr, pool_id;

-- name: lease_reclaim
-- Deletes the pool's longest dead rows whose grace is over and tells their
-- addresses.
DELETE FROM lease4 WHERE rowid IN (
  SELECT rowid FROM lease4
   WHERE pool_id = ?1 AND reclaim_at IS NOT NULL AND reclaim_at <= ?2 AND substr(binding_key, 5, 1) <> x'fe'
   ORDER BY reclaim_at LIMIT ?3)
RETURNING vrf, addr, pool_id;

-- name: lease_named
-- The next rows in key order, with the mark of those that are live and whose
-- name or address we keep in DNS.
SELECT binding_key, vrf, addr,
       32, --v4
       prefix_len, --v6
       subnet_id, hostname, fqdn_flags, state, rev,
       state = 2 AND expires_at > CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 AND fqdn_flags & 192 <> 0
  FROM lease4 WHERE binding_key > ?1 ORDER BY binding_key LIMIT ?2;

-- name: lease_holder
-- The live lease that an address has at time ?3.
SELECT subnet_id, hostname, fqdn_flags, valid_lft, since, client_id, hwaddr, hwtype FROM lease4
 WHERE vrf = ?1 AND addr = ?2 AND state = 2 AND expires_at > ?3
   AND prefix_len = 128 --v6
;
