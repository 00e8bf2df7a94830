-- name: config_revision
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
SELECT revision, server_duid, secret, comment FROM config_head WHERE id = 1;

-- name: config_lock
-- Whoever changes the configuration takes this lock first.
SELECT revision FROM config_head WHERE id = 1 FOR UPDATE;

-- name: config_begin
-- Takes the lock, and has triggers leave alone what this transaction does.
UPDATE config_head SET applying = true WHERE id = 1 RETURNING revision, described, change_comment, secret;

-- name: config_end
UPDATE config_head SET applying = false WHERE id = 1;

-- name: config_look
SELECT revision, described, change_comment, secret FROM config_head WHERE id = 1;

-- name: config_described
-- The newest revision, and whether there is nothing to describe.
SELECT revision, described >= revision FROM config_head WHERE id = 1;

-- name: config_changed
-- The links that changed after a revision.
SELECT id FROM config_change WHERE kind = 2 AND revision > $1;

-- name: config_authors
-- Who changed rows by hand after a revision, each once.
SELECT DISTINCT a.author COLLATE "C" FROM config_change c CROSS JOIN LATERAL unnest(string_to_array(c.author, ', ')) AS a (author)
 WHERE c.revision > $1 ORDER BY 1;

-- name: config_fence_dead
-- A frontend that comes back after it was passed over begins a new life: what it
-- was about to write in the one before is not written.
UPDATE frontend SET incarnation = incarnation + 1 WHERE heartbeat_at <= now() - interval '5 seconds';

-- name: config_in_use
-- The oldest revision that a live frontend uses. One that has none because it
-- refused one will use nothing that is not newer.
SELECT min(CASE WHEN revision = 0 AND refused_revision > 0 THEN refused_revision + 1 ELSE revision END) FROM frontend
 WHERE heartbeat_at > now() - interval '5 seconds';

-- name: config_contents
-- What a revision is made from: the newest whole content at or before it, and
-- what changed after that.
SELECT revision, is_full, content FROM config_revision
 WHERE revision <= $1 AND content IS NOT NULL
   AND revision >= (SELECT max(f.revision) FROM config_revision f WHERE f.revision <= $1 AND f.is_full AND f.content IS NOT NULL)
 ORDER BY revision;

-- name: config_record
-- Writes a revision down. One from before revisions had a content keeps its
-- author, time and comment.
INSERT INTO config_revision (revision, author, comment, diff, content, is_full) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (revision) DO UPDATE SET diff = excluded.diff, content = excluded.content, is_full = excluded.is_full;

-- name: config_raise
-- Makes a revision the newest one, and the newest that is described.
UPDATE config_head SET revision = $1, described = $1, change_comment = '' WHERE id = 1;

-- name: config_note
-- Notes that links, and with $3 what is outside of them, changed.
INSERT INTO config_change (kind, id, revision, author)
SELECT 2, k.id, $1::bigint, $2::text FROM unnest($4::int[]) AS k (id) UNION ALL SELECT 1, 0, $1::bigint, $2::text WHERE $3::boolean
ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, author = excluded.author;

-- name: config_retired
-- Generations of pools that are no more, and may still be handed out of.
SELECT pool_id, gen, vrf, first_addr, last_addr, delegated_len, retired_rev FROM pool_gen WHERE retired_rev IS NOT NULL;

-- name: config_retire
UPDATE pool_gen g SET retired_rev = nullif($3::bigint, 0) FROM unnest($1::int[], $2::int[]) AS k (pool_id, gen)
 WHERE g.pool_id = k.pool_id AND g.gen = k.gen;

-- name: config_open
UPDATE pool SET waiting = false WHERE id = ANY($1::int[]);

-- name: config_vrfs
-- All vrfs with their selectors, a row for each; one without any has a row too.
SELECT v.id, v.comment, s.name, s.addr FROM vrf v
  LEFT JOIN (SELECT vrf, name, NULL AS addr FROM vrf_interface UNION ALL SELECT vrf, NULL, addr FROM vrf_relay) s ON s.vrf = v.id
 ORDER BY v.id, s.name COLLATE "C", s.addr::inet;

-- name: config_keys
-- All keys without their secrets, in the order that every dialect has.
SELECT name, algorithm, fingerprint, comment FROM tsig_key ORDER BY name COLLATE "C";

-- name: config_zones
-- All zones with their servers; a zone without one has a row of its own.
SELECT z.name, z.comment, s.addr, s.port, s.transport, s.tsig_key FROM dns_zone z LEFT JOIN dns_server s ON s.zone = z.name
 ORDER BY z.name COLLATE "C", s.position;

-- name: config_gens
-- The highest generation that each pool id ever had (1), and the highest ids of
-- links (2) and subnets (3).
SELECT 1, pool_id, max(gen) FROM pool_gen GROUP BY pool_id
UNION ALL SELECT 2, last_link_id, 0 FROM config_head
UNION ALL SELECT 3, last_subnet_id, 0 FROM config_head;

-- name: config_clear_settings
DELETE FROM option_data;

-- name: config_clear_parameters
DELETE FROM parameter;

-- name: config_clear_relays
DELETE FROM subnet_relay;

-- name: config_clear_vrfs
DELETE FROM vrf;

-- name: config_clear_pools
DELETE FROM pool WHERE NOT id = ANY($1::int[]);

-- name: config_clear_subnets
DELETE FROM subnet WHERE NOT id = ANY($1::int[]);

-- name: config_clear_links
DELETE FROM link WHERE NOT id = ANY($1::int[]);

-- name: config_clear_names
-- Lets names move between links.
UPDATE link SET name = NULL WHERE name IS NOT NULL;

-- name: config_set_comment
UPDATE config_head SET comment = $1 WHERE id = 1 AND comment <> $1;

-- name: config_put_last
-- Ids are not used again.
UPDATE config_head SET last_link_id = greatest(last_link_id, (SELECT coalesce(max(id), 0) FROM link)),
  last_subnet_id = greatest(last_subnet_id, (SELECT coalesce(max(id), 0) FROM subnet)) WHERE id = 1;

-- name: config_put_vrfs
INSERT INTO vrf (id, comment) SELECT * FROM unnest($1::int[], $2::text[]);

-- name: config_put_vrf_interfaces
INSERT INTO vrf_interface (vrf, name) SELECT * FROM unnest($1::int[], $2::text[]);

-- name: config_put_vrf_relays
INSERT INTO vrf_relay (vrf, addr) SELECT * FROM unnest($1::int[], $2::text[]);

-- name: config_put_links
INSERT INTO link AS t (id, name, vrf, comment)
SELECT id, nullif(name, ''), vrf, comment FROM unnest($1::int[], $2::text[], $3::int[], $4::text[]) AS k (id, name, vrf, comment)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, vrf = excluded.vrf, comment = excluded.comment
  WHERE (t.name, t.vrf, t.comment) IS DISTINCT FROM (excluded.name, excluded.vrf, excluded.comment);

-- name: config_put_subnets
INSERT INTO subnet AS t (id, link_id, previous_link_id, earlier_link_id, prefix, interface, interface_id, closing, comment)
SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::bytea[], $8::boolean[], $9::text[])
ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id, previous_link_id = excluded.previous_link_id,
  earlier_link_id = excluded.earlier_link_id, prefix = excluded.prefix, interface = excluded.interface,
  interface_id = excluded.interface_id, closing = excluded.closing, comment = excluded.comment
  WHERE (t.link_id, t.previous_link_id, t.earlier_link_id, t.prefix, t.interface, t.interface_id, t.closing, t.comment)
     <> (excluded.link_id, excluded.previous_link_id, excluded.earlier_link_id, excluded.prefix, excluded.interface,
         excluded.interface_id, excluded.closing, excluded.comment);

-- name: config_put_relays
INSERT INTO subnet_relay (subnet_id, addr) SELECT * FROM unnest($1::int[], $2::text[]);

-- name: config_put_pools
INSERT INTO pool AS t (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing, waiting, comment)
SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::int[], $8::int[], $9::boolean[], $10::boolean[], $11::text[])
ON CONFLICT (id) DO UPDATE SET subnet_id = excluded.subnet_id, position = excluded.position, kind = excluded.kind,
  first_addr = excluded.first_addr, last_addr = excluded.last_addr, delegated_len = excluded.delegated_len, gen = excluded.gen,
  closing = excluded.closing, waiting = excluded.waiting, comment = excluded.comment
  WHERE (t.subnet_id, t.position, t.kind, t.first_addr, t.last_addr, t.delegated_len, t.gen, t.closing, t.waiting, t.comment)
     <> (excluded.subnet_id, excluded.position, excluded.kind, excluded.first_addr, excluded.last_addr, excluded.delegated_len, excluded.gen,
         excluded.closing, excluded.waiting, excluded.comment);

-- name: config_put_gens
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, vrf)
SELECT p.id, p.gen, p.first_addr, p.last_addr, p.delegated_len, l.vrf
  FROM pool p JOIN subnet s ON s.id = p.subnet_id JOIN link l ON l.id = s.link_id ON CONFLICT DO NOTHING;

-- name: config_put_options
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always, comment)
SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[], $8::boolean[], $9::boolean[], $10::text[]);

-- name: config_put_parameters
INSERT INTO parameter (scope, scope_id, name, value, comment) SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[]);

-- name: config_clear_servers
DELETE FROM dns_server;

-- name: config_clear_zones
DELETE FROM dns_zone WHERE NOT name = ANY($1::text[]);

-- name: config_clear_keys
DELETE FROM tsig_key WHERE NOT name = ANY($1::text[]);

-- name: config_set_keys
-- Changes keys that are there. Secrets are written and never read: who changes
-- the configuration may not see them, which ON CONFLICT would need.
UPDATE tsig_key t SET algorithm = k.algorithm, comment = k.comment FROM unnest($1::text[], $2::text[], $3::text[]) AS k (name, algorithm, comment)
 WHERE t.name = k.name AND (t.algorithm, t.comment) <> (k.algorithm, k.comment);

-- name: config_set_secrets
-- Likewise the secrets that are given and are others than those stored.
UPDATE tsig_key t SET secret = k.secret, fingerprint = k.fingerprint
  FROM unnest($1::text[], $2::text[], $3::text[]) AS k (name, secret, fingerprint)
 WHERE t.name = k.name AND k.secret <> '' AND t.fingerprint <> k.fingerprint;

-- name: config_put_keys
-- Adds keys that are not there.
INSERT INTO tsig_key (name, algorithm, secret, fingerprint, comment)
SELECT k.name, k.algorithm, k.secret, k.fingerprint, k.comment
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS k (name, algorithm, secret, fingerprint, comment)
 WHERE NOT EXISTS (SELECT 1 FROM tsig_key t WHERE t.name = k.name);

-- name: config_put_zones
INSERT INTO dns_zone AS z (name, comment) SELECT k.name, k.comment FROM unnest($1::text[], $2::text[]) AS k (name, comment)
ON CONFLICT (name) DO UPDATE SET comment = excluded.comment WHERE z.comment <> excluded.comment;

-- name: config_put_servers
INSERT INTO dns_server (zone, position, addr, port, transport, tsig_key)
SELECT zone, position, addr, port, transport, nullif(tsig_key, '')
  FROM unnest($1::text[], $2::int[], $3::text[], $4::int[], $5::text[], $6::text[]) AS k (zone, position, addr, port, transport, tsig_key);

-- name: config_put_consumer
-- Lease changes are written down for whoever keeps the zones from now on. Those
-- of before were not: -1 asks for a look at all leases.
INSERT INTO event_consumer (name, seq) SELECT 'ddns', -1
 WHERE EXISTS (SELECT 1 FROM dns_zone) AND NOT EXISTS (SELECT 1 FROM event_consumer WHERE name = 'ddns');

-- name: config_clear_consumer
-- Without a zone nobody takes them away.
DELETE FROM event_consumer WHERE name = 'ddns' AND NOT EXISTS (SELECT 1 FROM dns_zone);

-- name: config_clear_chunks
-- Hints of pool generations that are no more.
DELETE FROM addr_chunk c WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_cursors
DELETE FROM pool_cursor c WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_free
DELETE FROM addr_free f WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = f.pool_id);

-- name: config_held
-- How many prefixes or addresses of another length are held in the ranges of
-- pools: those that begin in the range, and those that begin before it and
-- contain its first address.
SELECT h.pool_id, count(*) FROM (
  SELECT k.pool_id FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[], $5::int[]) AS k (pool_id, vrf, first, last, len)
   CROSS JOIN LATERAL (SELECT 1 FROM lease6 l WHERE l.vrf = k.vrf AND l.addr BETWEEN k.first AND k.last
                          AND l.prefix_len <> k.len AND l.state IN (1, 2, 5, 6) OFFSET 0) l
  UNION ALL
  SELECT k.pool_id FROM unnest($6::int[], $7::int[], $8::bytea[], $9::int[]) AS k (pool_id, vrf, addr, longest)
   CROSS JOIN LATERAL (SELECT 1 FROM lease6 l WHERE l.vrf = k.vrf AND l.addr = k.addr
                          AND l.prefix_len <= k.longest AND l.state IN (1, 2, 5, 6) OFFSET 0) l) h
 GROUP BY h.pool_id;

-- name: config_relabel_lease4
-- Leases in the range of a pool get its name. The rows are looked for pool by
-- pool, so that only these ranges are read, and changed all at once.
WITH h AS MATERIALIZED (
  SELECT k.*, r.addr FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::bytea[], $6::bytea[], $7::int[])
             AS k (pool_id, gen, subnet_id, vrf, first, last, len)
       CROSS JOIN LATERAL (SELECT l.addr FROM lease4 l WHERE l.vrf = k.vrf AND l.addr BETWEEN k.first AND k.last
                              AND (l.pool_id, l.pool_gen, l.subnet_id) <> (k.pool_id, k.gen, k.subnet_id) OFFSET 0) r
       WHERE k.len = 32 AND octet_length(k.first) = 4)
UPDATE lease4 l SET pool_id = h.pool_id, pool_gen = h.gen, subnet_id = h.subnet_id FROM h
 WHERE l.vrf = h.vrf AND l.addr = h.addr;

-- name: config_relabel_lease6
-- Leases of IPv6 likewise; a prefix of another length is none of the pool's.
WITH h AS MATERIALIZED (
  SELECT k.*, r.addr FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::bytea[], $6::bytea[], $7::int[])
             AS k (pool_id, gen, subnet_id, vrf, first, last, len)
       CROSS JOIN LATERAL (SELECT l.addr FROM lease6 l WHERE l.vrf = k.vrf AND l.addr BETWEEN k.first AND k.last AND l.prefix_len = k.len
                              AND (l.pool_id, l.pool_gen, l.subnet_id) <> (k.pool_id, k.gen, k.subnet_id) OFFSET 0) r
       WHERE octet_length(k.first) = 16)
UPDATE lease6 l SET pool_id = h.pool_id, pool_gen = h.gen, subnet_id = h.subnet_id FROM h
 WHERE l.vrf = h.vrf AND l.addr = h.addr;

-- name: config_relabel_free
-- Free addresses likewise; what a pool cannot use of them is forgotten when it
-- is taken.
WITH h AS MATERIALIZED (
  SELECT k.pool_id, k.vrf, r.addr FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[]) AS k (pool_id, vrf, first, last)
       CROSS JOIN LATERAL (SELECT f.addr FROM addr_free f WHERE f.vrf = k.vrf AND f.addr BETWEEN k.first AND k.last
                              AND octet_length(f.addr) = octet_length(k.first) AND f.pool_id <> k.pool_id OFFSET 0) r)
UPDATE addr_free f SET pool_id = h.pool_id FROM h
 WHERE f.vrf = h.vrf AND f.addr = h.addr;
