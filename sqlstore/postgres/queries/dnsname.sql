-- Names in DNS. Whoever waits for rows of dns_name locks them in order of name,
-- so that nobody waits in a circle. A claim is live while holder is set and
-- due_at is ahead; one that ran out makes the name due like any other.

-- name: name_of_addr
-- The names that some addresses may have, by vrf and address.
SELECT DISTINCT x.name FROM unnest($1::int[], $2::bytea[]) AS k (vrf, addr)
 CROSS JOIN LATERAL (SELECT a.name FROM dns_name_addr a WHERE a.vrf = k.vrf AND a.addr = k.addr OFFSET 0) x;

-- name: name_mark
-- Marks names, which are unique and sorted: the version rises, and the name is
-- due now unless it was so before, or when its claim ends.
INSERT INTO dns_name AS d (name, zone)
SELECT k.name, k.zone FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (name, zone, n) ORDER BY k.n
ON CONFLICT (name) DO UPDATE SET version = d.version + 1, zone = CASE WHEN excluded.zone = '' THEN d.zone ELSE excluded.zone END,
  state = CASE WHEN d.holder <> '' AND d.due_at > now() THEN d.state ELSE 1 END,
  marked_at = CASE WHEN d.due_at IS NULL OR d.state <> 1 THEN now() ELSE d.marked_at END,
  due_at = CASE WHEN d.holder <> '' AND d.due_at > now() THEN d.due_at ELSE least(d.due_at, now()) END, changed_at = now();

-- name: name_retry
-- Marks a name that is there, and makes none.
UPDATE dns_name SET version = version + 1, state = CASE WHEN holder <> '' AND due_at > now() THEN state ELSE 1 END,
  marked_at = CASE WHEN due_at IS NULL OR state <> 1 THEN now() ELSE marked_at END,
  due_at = CASE WHEN holder <> '' AND due_at > now() THEN due_at ELSE least(due_at, now()) END, changed_at = now()
 WHERE name = $1;

-- name: name_mark_addr
-- Adds addresses that may have names whose rows are locked.
INSERT INTO dns_name_addr (name, vrf, addr)
SELECT k.name, k.vrf, k.addr FROM unnest($1::text[], $2::int[], $3::bytea[]) AS k (name, vrf, addr)
ON CONFLICT (name, vrf, addr) DO NOTHING;

-- name: name_claim
-- Claims names that are due, longest due first. Those that somebody else is
-- claiming or marking at this moment are passed over.
WITH k AS MATERIALIZED (
  SELECT d.name, d.due_at FROM dns_name d WHERE d.due_at <= now() AND d.zone <> ALL ($4::text[])
   ORDER BY d.due_at LIMIT $3 FOR UPDATE SKIP LOCKED),
u AS (
  UPDATE dns_name d SET holder = $1, claim = d.claim + 1, due_at = now() + $2::bigint * interval '1 microsecond'
    FROM k WHERE d.name = k.name RETURNING d.*, k.due_at AS was_due)
SELECT name, zone, version, state, claim, holder, attempts, published, attempted, last_error, marked_at, due_at
  FROM u ORDER BY was_due, name;

-- name: name_holders
-- The addresses that names may have, the live leases there, and what is
-- published at the name of each lease.
SELECT k.name, a.vrf, a.addr, l.family, l.subnet_id, l.hostname, l.fqdn_flags, l.valid_lft, l.since, l.client_id, l.hwaddr, l.hwtype, f.published
  FROM unnest($1::text[]) AS k (name)
 CROSS JOIN LATERAL (SELECT x.vrf, x.addr FROM dns_name_addr x WHERE x.name = k.name ORDER BY x.vrf, x.addr OFFSET 0) a
  LEFT JOIN LATERAL (
    SELECT 4 AS family, v.subnet_id, v.hostname, v.fqdn_flags, v.valid_lft, v.since, v.client_id, v.hwaddr, v.hwtype
      FROM lease4 v WHERE octet_length(a.addr) = 4 AND v.vrf = a.vrf AND v.addr = a.addr AND v.state = 2 AND v.expires_at > now()
    UNION ALL
    SELECT 6, v.subnet_id, v.hostname, v.fqdn_flags, v.valid_lft, v.since, v.duid, v.hwaddr, v.hwtype
      FROM lease6 v WHERE octet_length(a.addr) = 16 AND v.vrf = a.vrf AND v.addr = a.addr AND v.prefix_len = 128 AND v.state = 2
       AND v.expires_at > now()
    OFFSET 0) l ON true
  LEFT JOIN LATERAL (SELECT d.published FROM dns_name d WHERE d.name = l.hostname OFFSET 0) f ON true
 ORDER BY k.name COLLATE "C", a.vrf, a.addr;

-- name: name_lock
-- Locks the rows of names that are there.
SELECT name, version, claim, holder, attempted FROM dns_name WHERE name = ANY ($1::text[]) ORDER BY name FOR UPDATE;

-- name: name_make
-- Locks the rows of names, which are unique and sorted, and makes those that
-- are missing. A row that is there is not written.
INSERT INTO dns_name AS d (name, zone)
SELECT k.name, k.zone FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (name, zone, n) ORDER BY k.n
ON CONFLICT (name) DO UPDATE SET zone = d.zone WHERE false;

-- name: name_attempt
-- Records what is about to be sent for locked names, and extends their claims.
UPDATE dns_name d SET attempted = k.attempted, due_at = now() + $3::bigint * interval '1 microsecond', changed_at = now()
  FROM unnest($1::text[], $2::text[]) AS k (name, attempted) WHERE d.name = k.name;

-- name: name_finish
-- Ends the claims of locked names. One that was marked since is due at once,
-- and waits from now on if what was wanted before is settled.
UPDATE dns_name d SET
    zone = CASE WHEN d.version = k.version THEN k.zone ELSE d.zone END,
    state = CASE WHEN d.version = k.version THEN k.state ELSE 1 END,
    marked_at = CASE WHEN d.version <> k.version AND k.state <> 1 THEN now() ELSE d.marked_at END,
    due_at = CASE WHEN d.version <> k.version THEN now() WHEN k.retry > 0 THEN now() + k.retry * interval '1 microsecond' END,
    holder = '', attempts = CASE WHEN k.failed THEN d.attempts + 1 ELSE 0 END,
    published = k.published, attempted = k.attempted, last_error = k.error, changed_at = now()
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bool[])
       AS k (name, version, zone, state, published, attempted, error, retry, failed)
 WHERE d.name = k.name;

-- name: name_stale
-- Forgets addresses that do not have locked names any more.
DELETE FROM dns_name_addr a USING unnest($1::text[], $2::int[], $3::bytea[]) AS k (name, vrf, addr)
 WHERE a.name = k.name AND a.vrf = k.vrf AND a.addr = k.addr;

-- name: name_delete
-- Deletes locked names.
DELETE FROM dns_name WHERE name = ANY ($1::text[]);

-- name: name_lost
-- Records what those may have put into DNS whose claims of locked names were
-- lost.
UPDATE dns_name d SET attempted = k.attempted FROM unnest($1::text[], $2::text[]) AS k (name, attempted) WHERE d.name = k.name;

-- name: name_release
-- Ends all claims of a holder.
WITH k AS MATERIALIZED (SELECT d.name FROM dns_name d WHERE d.due_at IS NOT NULL AND d.holder = $1 ORDER BY d.name FOR UPDATE)
UPDATE dns_name d SET holder = '', due_at = least(d.due_at, now()) FROM k WHERE d.name = k.name;

-- name: name_page
-- The next names in their order, with their zones. No locks.
SELECT name, zone FROM dns_name WHERE name > $1 ORDER BY name LIMIT $2;

-- name: name_rezone
-- Marks locked names that are in another zone, or in none, from now on.
UPDATE dns_name d SET version = d.version + 1, zone = k.zone,
  state = CASE WHEN d.holder <> '' AND d.due_at > now() THEN d.state ELSE 1 END,
  marked_at = CASE WHEN d.due_at IS NULL OR d.state <> 1 THEN now() ELSE d.marked_at END,
  due_at = CASE WHEN d.holder <> '' AND d.due_at > now() THEN d.due_at ELSE least(d.due_at, now()) END, changed_at = now()
  FROM unnest($1::text[], $2::text[]) AS k (name, zone) WHERE d.name = k.name;

-- name: name_queue
-- How many names of each zone wait or are tried again, and since when.
SELECT zone, count(*) FILTER (WHERE state = 1),
       coalesce(extract(epoch FROM now() - min(marked_at) FILTER (WHERE state = 1)), 0)::double precision,
       count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4)
  FROM dns_name WHERE due_at IS NOT NULL GROUP BY zone HAVING count(*) FILTER (WHERE state IN (1, 3, 4)) > 0 ORDER BY zone;

-- name: name_list
-- Names after a position, for people.
SELECT name, zone, version, state, claim, holder, attempts, published, attempted, last_error, marked_at, due_at
  FROM dns_name WHERE name > $1 AND ($2 = '' OR name = $2) AND ($3 = '' OR zone = $3) AND ($4::int = 0 OR state = $4)
 ORDER BY name LIMIT $5;

-- name: tsig_secrets
-- The secrets that sign updates.
SELECT name, secret FROM tsig_key;
