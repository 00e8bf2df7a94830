-- The hot statements. They are written for lease4; for lease6 the words
-- lease4, client_id and circuit_id read lease6, duid and interface_id, lines
-- that end in --v4 are left out and those that end in --v6 are added.
-- In every statement the arrays drive (LATERAL … OFFSET 0), so that rows are
-- locked in the order of the arrays, which are sorted by key, whatever plan is
-- chosen. Each returns the newest revision and whether the fence passed in
-- every row, and at least one row.

-- name: lease_insert
-- Inserts an offered row for each item whose key, and former keys, have none.
-- Returns the time and the keys and addresses of the new rows once, and a row
-- for each that was found under the key (2) or under a former key (3). An item
-- that is missing was not placed: its address is taken, or another writer was
-- first. What the new rows hold is known to who sent it: nothing of it is read back.
WITH h AS MATERIALIZED (
  SELECT c.revision, now() AS now, (extract(epoch FROM now()) * 1000000)::bigint AS now_us,
         $1::text = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = $1 AND f.incarnation = $2
                                  AND f.heartbeat_at > now() - interval '5 seconds') AS alive
    FROM config_head c WHERE c.id = 1),
ins AS (
  INSERT INTO lease4 AS l (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, rev,
                           hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id, remote_id, subscriber_id, relay_id,
                           hostname, fqdn_flags, classes, frontend
                           , prefix_len, preferred_lft, iaid --v6
                           )
  SELECT k.key, k.vrf, k.addr, k.subnet_id, k.pool_id, k.pool_gen, 1, k.valid_lft, h.now,
         h.now + k.offer_lft * interval '1 second', h.now_us,
         k.hwaddr, k.hwtype, k.hwaddr_source, k.client_id, k.relay_addr, k.circuit_id, k.remote_id, k.subscriber_id, k.relay_id,
         k.hostname, k.fqdn_flags, k.classes, $1
         , k.prefix_len, k.preferred_lft, k.iaid --v6
    FROM h CROSS JOIN unnest($4::bytea[], $5::bytea[], $6::bytea[], $7::int[], $8::bytea[], $9::int[], $10::int[], $11::int[],
                $12::bigint[], $13::bigint[], $14::bytea[], $15::int[], $16::int[], $17::bytea[], $18::bytea[], $19::bytea[],
                $20::bytea[], $21::bytea[], $22::bytea[], $23::text[], $24::int[], $25::text[]
                , $26::int[], $27::bigint[], $28::bigint[] --v6
         ) AS k (key, former1, former2, vrf, addr, subnet_id, pool_id, pool_gen,
                 valid_lft, offer_lft, hwaddr, hwtype, hwaddr_source, client_id, relay_addr, circuit_id,
                 remote_id, subscriber_id, relay_id, hostname, fqdn_flags, classes
                 , prefix_len, preferred_lft, iaid --v6
         )
    LEFT JOIN LATERAL (SELECT true AS there FROM lease4 l WHERE l.binding_key = k.key OFFSET 0) own ON true
    LEFT JOIN LATERAL (SELECT true AS there FROM lease4 l WHERE k.former1 IS NOT NULL AND l.binding_key IN (k.former1, k.former2) LIMIT 1) former ON true
   WHERE h.alive AND k.addr IS NOT NULL AND own.there IS NULL AND former.there IS NULL
  ON CONFLICT DO NOTHING
  RETURNING l.binding_key, l.addr),
new AS MATERIALIZED (SELECT array_agg(i.binding_key) AS keys, array_agg(i.addr) AS addrs FROM ins i)
SELECT h.revision, h.alive, h.now, new.keys, new.addrs, x.* FROM h CROSS JOIN new LEFT JOIN (
  SELECT k.n, CASE WHEN x.binding_key = k.key THEN 2 ELSE 3 END AS status, x.*
    FROM unnest($3::int[], $4::bytea[], $5::bytea[], $6::bytea[]) AS k (n, key, former1, former2)
   CROSS JOIN LATERAL (
     SELECT $columns FROM lease4 l WHERE l.binding_key = k.key
     UNION ALL
     SELECT $columns FROM lease4 l WHERE k.former1 IS NOT NULL AND l.binding_key IN (k.former1, k.former2)
     LIMIT 1) x
) x ON true;

-- name: lease_activate
-- What nearly all batches are: rows that a client takes or renews, where no
-- holding ends. Each is found and locked once and changed where it lies (ctid):
-- a row that changed just before it was locked is not seen there. DHCPv6 looks by
-- key once more and sees it, or one item of a message would be left behind.
-- A row that is not returned was not changed, and is for lease_update. Only the
-- key is a condition that an index has: rows are locked in the order of keys.
WITH h AS MATERIALIZED (
  SELECT c.revision, now() AS now, (extract(epoch FROM now()) * 1000000)::bigint AS now_us,
         $1::text = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = $1 AND f.incarnation = $2
                                  AND f.heartbeat_at > now() - interval '5 seconds') AS alive
    FROM config_head c WHERE c.id = 1),
upd AS (
  UPDATE lease4 l SET
    state         = 2,
    since         = CASE WHEN k.fresh THEN greatest(k.now, l.since) ELSE l.since END,
    expires_at    = CASE WHEN k.lft >= 4294967295 THEN timestamptz '9000-01-01 00:00:00+00' ELSE k.now + k.lft * interval '1 second' END,
    reclaim_at    = NULL,
    rev           = greatest(l.rev + 1, k.now_us),
    valid_lft     = k.lft,
    preferred_lft = k.preferred, --v6
    hwaddr        = coalesce(k.hwaddr, l.hwaddr),
    hwtype        = CASE WHEN k.hwaddr IS NULL THEN l.hwtype ELSE k.hwtype END,
    hwaddr_source = CASE WHEN k.hwaddr IS NULL THEN l.hwaddr_source ELSE k.hwaddr_source END,
    client_id     = coalesce(k.new_client_id, l.client_id),
    relay_addr    = coalesce(k.relay_addr, l.relay_addr),
    circuit_id    = coalesce(k.new_circuit_id, l.circuit_id),
    remote_id     = coalesce(k.remote_id, l.remote_id),
    subscriber_id = coalesce(k.subscriber_id, l.subscriber_id),
    relay_id      = coalesce(k.relay_id, l.relay_id),
    hostname      = CASE WHEN k.hostname = '' THEN l.hostname ELSE k.hostname END,
    fqdn_flags    = CASE WHEN k.hostname = '' THEN l.fqdn_flags ELSE k.fqdn_flags END,
    classes       = k.classes,
    frontend      = CASE WHEN $1 = '' THEN l.frontend ELSE $1 END
  FROM (
    SELECT k.*, x.*, h.now, h.now_us
           , count(*) OVER (PARTITION BY k.msg) AS passed --v6
      FROM h CROSS JOIN unnest($3::int[], $4::int[], $5::int[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[],
               $10::bytea[], $11::int[], $12::int[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[],
               $17::bytea[], $18::bytea[], $19::text[], $20::int[], $21::text[]
               , $22::bigint[] --v6
             ) AS k (n, msg, cnt, key, want, want_rev, lft, hwaddr, hwtype, hwaddr_source, new_client_id, relay_addr, new_circuit_id,
                     remote_id, subscriber_id, relay_id, hostname, fqdn_flags, classes
                     , preferred --v6
             )
     CROSS JOIN LATERAL (
       SELECT l.ctid AS at, l.state <> 2 AS fresh, l.hostname AS old_hostname, l.fqdn_flags AS old_flags
         FROM lease4 l
        WHERE l.binding_key = k.key
          AND CASE WHEN l.addr <> k.want OR l.state = 2 AND l.expires_at <= h.now THEN false
                   WHEN k.want_rev = 0 THEN l.state IN (1, 2) ELSE l.rev = k.want_rev END
       OFFSET 0 FOR UPDATE SKIP LOCKED) x
     WHERE h.alive) k
  WHERE l.ctid = k.at --v4
  WHERE l.binding_key = k.key AND k.passed >= k.cnt --v6
  RETURNING k.n, k.fresh, k.old_hostname, k.old_flags, l.*),
ev AS (
  INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
  SELECT CASE WHEN u.fresh THEN 1 ELSE 2 END, 4, u.vrf, u.addr, 32, u.subnet_id, u.binding_key, u.hostname, u.fqdn_flags, u.state, u.rev --v4
  SELECT CASE WHEN u.fresh THEN 1 ELSE 2 END, 6, u.vrf, u.addr, u.prefix_len, u.subnet_id, u.binding_key, u.hostname, u.fqdn_flags, u.state, u.rev --v6
    FROM upd u WHERE (u.fresh OR u.hostname <> u.old_hostname OR u.fqdn_flags <> u.old_flags) AND EXISTS (SELECT 1 FROM event_consumer))
SELECT h.revision, h.alive, l.n, 1 AS status, l.fresh, $columns FROM h LEFT JOIN upd l ON true;

-- name: lease_update
-- Changes each row whose guard holds, all or none of a message, and writes the
-- history row of a holding that ends and the event, from the locked old row.
-- Of two items with one row only one changes it; the other is missing. Returns for every item: 1 updated (the new row), 2 the guard did not hold
-- (the row as it is), 3 locked by somebody else, 4 no row. Actions: 1 activate,
-- 2 hold, 3 release, 4 expire, 5 quarantine, 6 park, 7 rekey, 8 withdraw.
WITH h AS MATERIALIZED (
  SELECT c.revision, now() AS now, (extract(epoch FROM now()) * 1000000)::bigint AS now_us,
         $1::text = '' OR EXISTS (SELECT 1 FROM frontend f WHERE f.id = $1 AND f.incarnation = $2
                                  AND f.heartbeat_at > now() - interval '5 seconds') AS alive
    FROM config_head c WHERE c.id = 1),
l AS MATERIALIZED (
  SELECT k.n, k.msg, k.cnt, k.key, k.want, k.want_rev, k.act, k.new_key, k.new_valid, k.lft, k.grace, k.park_max,
         k.new_hwaddr, k.new_hwtype, k.new_hwaddr_source, k.new_client_id, k.new_relay_addr, k.new_circuit_id, k.new_remote_id,
         k.new_subscriber_id, k.new_relay_id, k.new_hostname, k.new_fqdn_flags, k.new_classes, x.*
         , k.new_preferred --v6
    FROM unnest($3::int[], $4::int[], $5::int[], $6::bytea[], $7::bytea[], $8::bigint[], $9::int[], $10::bytea[],
                $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
                $15::bytea[], $16::int[], $17::int[], $18::bytea[], $19::bytea[], $20::bytea[], $21::bytea[],
                $22::bytea[], $23::bytea[], $24::text[], $25::int[], $26::text[]
                , $27::bigint[] --v6
         ) AS k (n, msg, cnt, key, want, want_rev, act, new_key, new_valid, lft, grace, park_max,
                 new_hwaddr, new_hwtype, new_hwaddr_source, new_client_id, new_relay_addr, new_circuit_id, new_remote_id,
                 new_subscriber_id, new_relay_id, new_hostname, new_fqdn_flags, new_classes
                 , new_preferred --v6
         )
    LEFT JOIN LATERAL (SELECT l.* FROM lease4 l WHERE l.binding_key = k.key OFFSET 0 FOR UPDATE SKIP LOCKED) x ON true),
g AS MATERIALIZED (
  SELECT l.*, h.now, h.now_us, l.state = 2 AND l.expires_at > h.now AS live,
         get_byte(l.binding_key, 4) = 254 AS is_reserved,
         CASE WHEN l.lft >= 4294967295 THEN timestamptz '9000-01-01 00:00:00+00' ELSE h.now + l.lft * interval '1 second' END AS until,
         h.alive AND l.binding_key IS NOT NULL AND l.addr = l.want
           AND CASE l.act WHEN 2 THEN l.state <> 2 OR l.expires_at <= h.now WHEN 3 THEN l.state = 2 WHEN 4 THEN l.expires_at <= h.now AND l.state IN (1, 2)
                          WHEN 5 THEN l.state = 2 WHEN 8 THEN l.state = 1 ELSE true END
           AND CASE WHEN l.want_rev <> 0 THEN l.rev = l.want_rev
                    ELSE l.state = 1 OR (l.state = 2 AND l.expires_at > h.now) END AS ok
    FROM l CROSS JOIN h),
w AS MATERIALIZED (
  SELECT g.*, g.ok AND count(*) FILTER (WHERE g.ok) OVER (PARTITION BY g.msg) >= g.cnt AS whole,
         g.state = 2 AND (g.act IN (3, 4, 5, 6) OR (g.act IN (1, 2) AND NOT g.live)) AS ends,
         g.act = 1 AND NOT g.live AS fresh
    FROM g),
upd AS (
  UPDATE lease4 l SET
    binding_key = coalesce(w.new_key, l.binding_key),
    parked_key  = CASE WHEN w.act IN (5, 6) THEN w.binding_key ELSE l.parked_key END,
    state       = CASE w.act WHEN 1 THEN 2 WHEN 2 THEN 1 WHEN 3 THEN CASE WHEN w.is_reserved THEN 7 ELSE 4 END
                             WHEN 4 THEN CASE WHEN w.is_reserved THEN 7 ELSE 3 END WHEN 5 THEN 5 WHEN 6 THEN 6 ELSE l.state END,
    since       = CASE WHEN w.fresh OR w.act = 2 THEN greatest(w.now, l.since) ELSE l.since END,
    expires_at  = CASE WHEN w.act IN (1, 2) THEN w.until WHEN w.act IN (3, 5, 8) THEN least(w.now, l.expires_at) ELSE l.expires_at END,
    reclaim_at  = CASE WHEN w.act IN (1, 2) THEN NULL
                       WHEN w.act IN (3, 4) AND w.is_reserved THEN NULL
                       WHEN w.act IN (3, 5) THEN w.now + w.grace * interval '1 second'
                       WHEN w.act = 4 THEN l.expires_at + w.grace * interval '1 second'
                       WHEN w.act = 6 AND l.expires_at >= '9000-01-01 00:00:00+00' THEN w.now + w.park_max * interval '1 second'
                       WHEN w.act = 6 THEN greatest(l.expires_at, w.now) + w.grace * interval '1 second'
                       ELSE l.reclaim_at END,
    rev         = greatest(l.rev + 1, w.now_us),
    valid_lft   = CASE WHEN w.act IN (1, 2) THEN w.new_valid ELSE l.valid_lft END,
    preferred_lft = CASE WHEN w.act IN (1, 2) THEN w.new_preferred ELSE l.preferred_lft END, --v6
    hwaddr        = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_hwaddr, l.hwaddr) ELSE l.hwaddr END,
    hwtype        = CASE WHEN w.act IN (1, 2) AND w.new_hwaddr IS NOT NULL THEN w.new_hwtype ELSE l.hwtype END,
    hwaddr_source = CASE WHEN w.act IN (1, 2) AND w.new_hwaddr IS NOT NULL THEN w.new_hwaddr_source ELSE l.hwaddr_source END,
    client_id     = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_client_id, l.client_id) ELSE l.client_id END,
    relay_addr    = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_relay_addr, l.relay_addr) ELSE l.relay_addr END,
    circuit_id    = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_circuit_id, l.circuit_id) ELSE l.circuit_id END,
    remote_id     = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_remote_id, l.remote_id) ELSE l.remote_id END,
    subscriber_id = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_subscriber_id, l.subscriber_id) ELSE l.subscriber_id END,
    relay_id      = CASE WHEN w.act IN (1, 2) THEN coalesce(w.new_relay_id, l.relay_id) ELSE l.relay_id END,
    hostname      = CASE WHEN w.act IN (1, 2) AND w.new_hostname <> '' THEN w.new_hostname ELSE l.hostname END,
    fqdn_flags    = CASE WHEN w.act IN (1, 2) AND w.new_hostname <> '' THEN w.new_fqdn_flags ELSE l.fqdn_flags END,
    classes       = CASE WHEN w.act IN (1, 2) THEN w.new_classes ELSE l.classes END,
    frontend      = CASE WHEN $1 <> '' THEN $1 ELSE l.frontend END
  FROM w WHERE w.whole AND l.binding_key = w.key
  RETURNING w.n, w.fresh, w.ends, w.act, w.now, w.live AS was_live, w.binding_key AS old_key, w.hostname AS old_hostname,
            w.fqdn_flags AS old_flags, w.since AS old_since, w.expires_at AS old_expires_at, w.rev AS old_rev, w.hwaddr AS old_hwaddr,
            w.client_id AS old_client, w.relay_addr AS old_relay_addr, w.circuit_id AS old_circuit, w.remote_id AS old_remote_id,
            w.subscriber_id AS old_subscriber_id, w.relay_id AS old_relay_id, w.frontend AS old_frontend, l.*),
hist AS (
  INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hwaddr, client_id,
                             iaid, relay_addr, circuit_id, remote_id, subscriber_id, relay_id, hostname, frontend)
  SELECT 4, u.vrf, u.addr, 32, u.subnet_id, u.old_key, u.old_since, least(u.now, u.old_expires_at), --v4
  SELECT 6, u.vrf, u.addr, u.prefix_len, u.subnet_id, u.old_key, u.old_since, least(u.now, u.old_expires_at), --v6
         CASE u.act WHEN 3 THEN 4 WHEN 4 THEN 3 WHEN 5 THEN 5 WHEN 6 THEN 6 ELSE 2 END, u.old_rev, u.old_hwaddr, u.old_client,
         NULL, --v4
         u.iaid, --v6
         u.old_relay_addr, u.old_circuit, u.old_remote_id, u.old_subscriber_id, u.old_relay_id, u.old_hostname, u.old_frontend
    FROM upd u WHERE u.ends),
ev AS (
  INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
  SELECT e.kind, 4, u.vrf, u.addr, 32, u.subnet_id, u.old_key, --v4
  SELECT e.kind, 6, u.vrf, u.addr, u.prefix_len, u.subnet_id, u.old_key, --v6
         CASE e.kind WHEN 3 THEN u.old_hostname ELSE u.hostname END, CASE e.kind WHEN 3 THEN u.old_flags ELSE u.fqdn_flags END,
         u.state, u.rev
    FROM upd u CROSS JOIN LATERAL (
      SELECT CASE WHEN u.fresh THEN 1
                  WHEN u.state = 2 AND u.was_live AND (u.hostname <> u.old_hostname OR u.fqdn_flags <> u.old_flags) THEN 2
                  WHEN u.ends THEN 3 END AS kind) e
   WHERE e.kind IS NOT NULL AND EXISTS (SELECT 1 FROM event_consumer))
SELECT h.revision, h.alive, x.* FROM h LEFT JOIN (
  SELECT l.n, 1 AS status, l.fresh, $columns FROM upd l
  UNION ALL
  SELECT l.n, CASE WHEN l.binding_key IS NOT NULL THEN 2
                   WHEN EXISTS (SELECT 1 FROM lease4 t WHERE t.binding_key = l.key) THEN 3 ELSE 4 END, false, $columns
    FROM w l WHERE NOT coalesce(l.whole, false)
) x ON true;

-- name: lease_due
-- Of the next rows in key order: the offered and active ones whose time has
-- come, and always one row with the last key looked at. No locks.
WITH w AS MATERIALIZED (
  SELECT l.binding_key, l.addr, l.state, l.rev, l.state IN (1, 2) AND l.expires_at <= now() AS due
    FROM lease4 l WHERE l.binding_key > $1 ORDER BY l.binding_key LIMIT $2)
SELECT t.last, t.looked, w.binding_key, w.addr, w.state, w.rev
  FROM (SELECT (SELECT binding_key FROM w ORDER BY binding_key DESC LIMIT 1) AS last, (SELECT count(*) FROM w) AS looked) t
  LEFT JOIN w ON w.due;

-- name: lease_named
-- Of the next rows in key order: the live leases whose name or address we keep
-- in DNS, and always one row with the last key looked at. No locks.
WITH w AS MATERIALIZED (
  SELECT l.binding_key, l.vrf, l.addr, l.subnet_id, l.hostname, l.fqdn_flags, l.state, l.rev,
         32 AS prefix_len, --v4
         l.prefix_len, --v6
         l.state = 2 AND l.expires_at > now() AND l.fqdn_flags & 192 <> 0 AS named
    FROM lease4 l WHERE l.binding_key > $1 ORDER BY l.binding_key LIMIT $2)
SELECT t.last, t.looked, w.binding_key, w.vrf, w.addr, w.prefix_len, w.subnet_id, w.hostname, w.fqdn_flags, w.state, w.rev
  FROM (SELECT (SELECT binding_key FROM w ORDER BY binding_key DESC LIMIT 1) AS last, (SELECT count(*) FROM w) AS looked) t
  LEFT JOIN w ON w.named;

-- name: lease_delete_offers
-- Deletes dead offers by key and rev, and lists their addresses.
WITH k AS MATERIALIZED (
  SELECT x.* FROM unnest($1::bytea[], $2::bigint[]) AS k (key, rev)
   CROSS JOIN LATERAL (SELECT l.binding_key FROM lease4 l WHERE l.binding_key = k.key AND l.rev = k.rev AND l.state = 1
                       AND l.expires_at <= now() OFFSET 0 FOR UPDATE SKIP LOCKED) x),
d AS (DELETE FROM lease4 l USING k WHERE l.binding_key = k.binding_key AND get_byte(l.binding_key, 4) <> 254
      RETURNING l.vrf, l.addr, l.pool_id),
f AS (INSERT INTO addr_free (vrf, addr, pool_id) SELECT vrf, addr, pool_id FROM d WHERE pool_id > 0 ORDER BY vrf, addr
      ON CONFLICT (vrf, addr) DO UPDATE SET token = DEFAULT, pool_id = excluded.pool_id, hold_until = '-infinity')
SELECT count(*) FROM d;

-- name: lease_forget
-- Deletes rows that nobody waits for: ended ones after their affinity, parked
-- and declined ones when their quarantine is over. It goes from pool to pool,
-- and in each in the order of death, as the index does.
WITH RECURSIVE p AS (
  (SELECT l.pool_id FROM lease4 l WHERE l.reclaim_at IS NOT NULL ORDER BY l.pool_id LIMIT 1)
  UNION ALL
  SELECT (SELECT l.pool_id FROM lease4 l WHERE l.reclaim_at IS NOT NULL AND l.pool_id > p.pool_id ORDER BY l.pool_id LIMIT 1)
    FROM p WHERE p.pool_id IS NOT NULL),
k AS MATERIALIZED (
  SELECT x.binding_key FROM p CROSS JOIN LATERAL (
    SELECT l.binding_key FROM lease4 l
     WHERE l.pool_id = p.pool_id AND l.reclaim_at IS NOT NULL
       AND l.reclaim_at <= now() AND (l.state NOT IN (3, 4) OR l.reclaim_at <= now() - $1::bigint * interval '1 second')
       AND get_byte(l.binding_key, 4) <> 254
     ORDER BY l.reclaim_at LIMIT $2 FOR UPDATE SKIP LOCKED) x
   LIMIT $2),
d AS (DELETE FROM lease4 l WHERE l.binding_key = ANY (ARRAY(SELECT k.binding_key FROM k)) RETURNING l.vrf, l.addr, l.pool_id),
f AS (INSERT INTO addr_free (vrf, addr, pool_id) SELECT vrf, addr, pool_id FROM d WHERE pool_id > 0 ORDER BY vrf, addr
      ON CONFLICT (vrf, addr) DO UPDATE SET token = DEFAULT, pool_id = excluded.pool_id, hold_until = '-infinity')
SELECT count(*) FROM d;

-- name: lease_reclaim
-- Deletes the longest dead rows of each pool whose grace is over, and lists
-- their addresses.
WITH k AS MATERIALIZED (
  SELECT p.i, x.binding_key FROM unnest($1::int[]) WITH ORDINALITY AS p (pool_id, i)
   CROSS JOIN LATERAL (
    SELECT l.binding_key FROM lease4 l
     WHERE l.pool_id = p.pool_id AND l.reclaim_at IS NOT NULL AND l.reclaim_at <= now() AND get_byte(l.binding_key, 4) <> 254
     ORDER BY l.reclaim_at LIMIT $2 FOR UPDATE SKIP LOCKED) x),
d AS (DELETE FROM lease4 l USING k WHERE l.binding_key = k.binding_key RETURNING k.i, l.vrf, l.addr, l.pool_id),
f AS (INSERT INTO addr_free (vrf, addr, pool_id) SELECT vrf, addr, pool_id FROM d ORDER BY vrf, addr
      ON CONFLICT (vrf, addr) DO UPDATE SET token = DEFAULT, pool_id = excluded.pool_id, hold_until = '-infinity')
SELECT i, count(*) FROM d GROUP BY i;

-- name: lease_above
-- Deletes the ended rows of each pool but for the $1 that ended last, the longest
-- dead first, and lists their addresses. Where they begin is seen in the index
-- alone; those that ended at the same moment go together.
WITH RECURSIVE p AS (
  (SELECT l.pool_id FROM lease4 l WHERE l.reclaim_at IS NOT NULL ORDER BY l.pool_id LIMIT 1)
  UNION ALL
  SELECT (SELECT l.pool_id FROM lease4 l WHERE l.reclaim_at IS NOT NULL AND l.pool_id > p.pool_id ORDER BY l.pool_id LIMIT 1)
    FROM p WHERE p.pool_id IS NOT NULL),
b AS MATERIALIZED (
  SELECT p.pool_id, x.reclaim_at FROM p CROSS JOIN LATERAL (
    SELECT l.reclaim_at FROM lease4 l WHERE l.pool_id = p.pool_id AND l.reclaim_at IS NOT NULL AND l.reclaim_at <= now()
     ORDER BY l.reclaim_at DESC OFFSET $1::bigint LIMIT 1) x),
k AS MATERIALIZED (
  SELECT x.binding_key FROM b CROSS JOIN LATERAL (
    SELECT l.binding_key FROM lease4 l
     WHERE l.pool_id = b.pool_id AND l.reclaim_at IS NOT NULL AND l.reclaim_at <= b.reclaim_at AND l.state IN (3, 4)
       AND get_byte(l.binding_key, 4) <> 254
     ORDER BY l.reclaim_at LIMIT $2 FOR UPDATE SKIP LOCKED) x
   LIMIT $2),
d AS (DELETE FROM lease4 l WHERE l.binding_key = ANY (ARRAY(SELECT k.binding_key FROM k)) RETURNING l.vrf, l.addr, l.pool_id),
f AS (INSERT INTO addr_free (vrf, addr, pool_id) SELECT vrf, addr, pool_id FROM d WHERE pool_id > 0 ORDER BY vrf, addr
      ON CONFLICT (vrf, addr) DO UPDATE SET token = DEFAULT, pool_id = excluded.pool_id, hold_until = '-infinity')
SELECT count(*) FROM d;

-- name: lease_held
-- Which of some addresses have a row, in any state.
SELECT l.vrf, l.addr FROM unnest($1::int[], $2::bytea[]) AS k (vrf, addr) JOIN lease4 l ON l.vrf = k.vrf AND l.addr = k.addr;

-- name: lease_list
-- Rows in order of (vrf, addr) after a position, for people and tools.
SELECT $columns FROM lease4 l
 WHERE (l.vrf, l.addr) > ($1::int, $2::bytea) AND ($3::int = 0 OR l.subnet_id = $3)
   AND ($4::int = 0 OR CASE WHEN l.state = 2 AND l.expires_at <= now() THEN 3 ELSE l.state END = $4)
   AND ($5::bytea IS NULL OR l.addr = $5) AND ($6::bytea IS NULL OR l.hwaddr = $6)
 ORDER BY l.vrf, l.addr LIMIT $7;

-- name: lease_count
-- Rows by subnet and state.
SELECT l.subnet_id, CASE WHEN l.state = 2 AND l.expires_at <= now() THEN 3 ELSE l.state END AS state, count(*)
  FROM lease4 l GROUP BY 1, 2;

-- name: lease_count_live
-- Active leases in each of these ranges, by number in the list.
SELECT k.i, count(*) FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[]) AS k (i, vrf, first, last)
 CROSS JOIN LATERAL (SELECT 1 FROM lease4 l WHERE l.vrf = k.vrf AND l.addr BETWEEN k.first AND k.last
                        AND l.state = 2 AND l.expires_at > now() OFFSET 0) l
 GROUP BY k.i;

-- name: lease_newest
-- The $1 live leases whose holding began last. No index serves it: it reads the
-- whole table.
SELECT $columns FROM lease4 l WHERE l.state = 2 AND l.expires_at > now() ORDER BY l.since DESC, l.vrf, l.addr LIMIT $1;

-- name: lease_columns
-- Not a statement: what $columns stands for above.
l.binding_key, l.parked_key, l.vrf, l.addr, l.subnet_id, l.pool_id, l.pool_gen, l.state, l.valid_lft, l.rev,
       date_part('epoch', l.expires_at - now()) AS remaining, l.since, l.expires_at, l.reclaim_at, l.frontend,
       l.hwaddr, l.hwtype, l.hwaddr_source, l.client_id, l.relay_addr, l.circuit_id, l.remote_id, l.subscriber_id, l.relay_id,
       l.hostname, l.fqdn_flags, l.classes,
       32 AS prefix_len, 0::bigint AS preferred_lft, 0::bigint AS iaid --v4
       l.prefix_len, l.preferred_lft, l.iaid --v6
