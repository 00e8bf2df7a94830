-- name: config_revision
-- The newest revision.
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
-- The newest revision, the DHCPv6 server identifier, the secret of the
-- permutations, the comment, the newest revision that is described, the comment
-- of changes by hand since.
SELECT revision, server_duid, secret, comment, described, change_comment FROM config_head WHERE id = 1;

-- name: config_applying
-- Set before anything else is changed: triggers leave alone what follows. Taken
-- back before the transaction ends.
UPDATE config_head SET applying = ?1 WHERE id = 1;

-- name: config_described
-- The newest revision, and whether there is nothing to describe.
SELECT revision, described >= revision FROM config_head WHERE id = 1;

-- name: config_changed
-- The links that changed after a revision.
SELECT id FROM config_change WHERE kind = 2 AND revision > ?1;

-- name: config_authors
-- Who changed rows after a revision; several names are separated by ', '.
SELECT DISTINCT author FROM config_change WHERE revision > ?1 AND author <> '';

-- name: config_fence_dead
-- Makes a frontend that comes back after it was passed over at time ?1 begin a new
-- life: what it was about to write in the one before is not written.
UPDATE frontend SET incarnation = incarnation + 1 WHERE heartbeat_at <= ?1 - 5000000;

-- name: config_in_use
-- The oldest revision that a frontend uses which is alive at time ?1. One that
-- has none because it refused the newest one will use a later one only.
SELECT min(iif(revision = 0 AND refused_revision > 0, refused_revision + 1, revision)) FROM frontend WHERE heartbeat_at > ?1 - 5000000;

-- name: config_contents
-- What a revision is made from: the newest whole content at or before it, and
-- what changed after that.
SELECT revision, is_full, content FROM config_revision
 WHERE revision <= ?1 AND content IS NOT NULL
   AND revision >= (SELECT max(f.revision) FROM config_revision f WHERE f.revision <= ?1 AND f.is_full AND f.content IS NOT NULL)
 ORDER BY revision;

-- name: config_record
-- Writes a revision of time ?2 down. One from before revisions had a content
-- keeps its author, time and comment.
INSERT INTO config_revision (revision, at, author, comment, diff, content, is_full) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (revision) DO UPDATE SET diff = excluded.diff, content = excluded.content, is_full = excluded.is_full;

-- name: config_raise
-- Makes a revision the newest one, and the newest that is described. Ids are not
-- used again.
UPDATE config_head SET revision = ?1, described = ?1, change_comment = '',
  last_link_id = max(last_link_id, (SELECT coalesce(max(id), 0) FROM link)),
  last_subnet_id = max(last_subnet_id, (SELECT coalesce(max(id), 0) FROM subnet)) WHERE id = 1;

-- name: config_note
-- Notes what a revision changed.
INSERT INTO config_change (kind, id, revision, author) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, author = excluded.author;

-- name: config_set_comment
-- Writes the comment of the whole configuration.
UPDATE config_head SET comment = ?1 WHERE id = 1;

-- name: config_retired
-- Generations of pools that are no more, and may still be handed out of.
SELECT pool_id, gen, vrf, first_addr, last_addr, delegated_len, retired_rev FROM pool_gen WHERE retired_rev IS NOT NULL;

-- name: config_retire
-- Sets the revision that ended a generation; 0 is none.
UPDATE pool_gen SET retired_rev = nullif(?3, 0) WHERE pool_id = ?1 AND gen = ?2;

-- name: config_open
-- Lets a pool hand out.
UPDATE pool SET waiting = 0 WHERE id = ?1;

-- name: config_vrfs
-- All vrfs with their selectors, a row for each; one without any has a row too.
SELECT v.id, v.comment, s.name, s.addr FROM vrf v
  LEFT JOIN (SELECT vrf, name, NULL AS addr FROM vrf_interface UNION ALL SELECT vrf, NULL, addr FROM vrf_relay) s ON s.vrf = v.id
 ORDER BY v.id, s.name;

-- name: config_keys
-- All keys without their secrets.
SELECT name, algorithm, fingerprint, comment FROM tsig_key ORDER BY name;

-- name: config_zones
-- All zones with their servers; a zone without one has a row of its own.
SELECT z.name, z.comment, s.addr, s.port, s.transport, coalesce(s.tsig_key, '') FROM dns_zone z LEFT JOIN dns_server s ON s.zone = z.name
 ORDER BY z.name, s.position;

-- name: config_gens
-- The highest generation that each pool id ever had (1), and the highest ids of
-- links (2) and subnets (3).
SELECT 1, pool_id, max(gen) FROM pool_gen GROUP BY pool_id
UNION ALL SELECT 2, last_link_id, 0 FROM config_head
UNION ALL SELECT 3, last_subnet_id, 0 FROM config_head;

-- name: link_unname
-- Lets the name of a link move to another.
UPDATE link SET name = NULL WHERE id = ?1;

-- name: link_put
-- Writes a link.
INSERT INTO link (id, name, vrf, comment) VALUES (?1, nullif(?2, ''), ?3, ?4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, vrf = excluded.vrf, comment = excluded.comment;

-- name: link_delete
-- Deletes a link that has no subnet any more.
DELETE FROM link WHERE id = ?1;

-- name: subnet_put
-- Writes a subnet.
INSERT INTO subnet (id, link_id, previous_link_id, earlier_link_id, prefix, interface, interface_id, closing, comment)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id, previous_link_id = excluded.previous_link_id, earlier_link_id = excluded.earlier_link_id,
  prefix = excluded.prefix, interface = excluded.interface, interface_id = excluded.interface_id, closing = excluded.closing, comment = excluded.comment;

-- name: subnet_delete
-- Deletes a subnet that has no pool any more.
DELETE FROM subnet WHERE id = ?1;

-- name: relay_put
-- Adds a relay address to a subnet.
INSERT INTO subnet_relay (subnet_id, addr) VALUES (?1, ?2);

-- name: relay_delete
-- Takes a relay address from a subnet.
DELETE FROM subnet_relay WHERE subnet_id = ?1 AND addr = ?2;

-- name: pool_put
-- Writes a pool.
INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing, waiting, comment)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (id) DO UPDATE SET subnet_id = excluded.subnet_id, position = excluded.position, kind = excluded.kind,
  first_addr = excluded.first_addr, last_addr = excluded.last_addr, delegated_len = excluded.delegated_len, gen = excluded.gen,
  closing = excluded.closing, waiting = excluded.waiting, comment = excluded.comment;

-- name: pool_written
-- What the order of pools and their own closing flags are written as.
SELECT id, position, closing FROM pool;

-- name: pool_delete
-- Deletes a pool; its generations stay.
DELETE FROM pool WHERE id = ?1;

-- name: pool_gen_put
-- Records the geometry of a generation at time ?6; one that is there stays.
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, made_at, vrf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING;

-- name: option_put
-- Writes an option.
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always, comment)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (scope, scope_id, family, code) DO UPDATE SET position = excluded.position, name = excluded.name, data = excluded.data,
  is_hex = excluded.is_hex, always = excluded.always, comment = excluded.comment;

-- name: option_written
-- What the order of options is written as.
SELECT scope, scope_id, family, code, position FROM option_data;

-- name: option_delete
-- Deletes an option.
DELETE FROM option_data WHERE scope = ?1 AND scope_id = ?2 AND family = ?3 AND code = ?4;

-- name: parameter_put
-- Writes a parameter.
INSERT INTO parameter (scope, scope_id, name, value, comment) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (scope, scope_id, name) DO UPDATE SET value = excluded.value, comment = excluded.comment;

-- name: parameter_delete
-- Deletes a parameter.
DELETE FROM parameter WHERE scope = ?1 AND scope_id = ?2 AND name = ?3;

-- name: vrf_put
-- Writes a vrf.
INSERT INTO vrf (id, comment) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET comment = excluded.comment;

-- name: vrf_delete
-- Deletes a vrf that nothing selects any more.
DELETE FROM vrf WHERE id = ?1;

-- name: vrf_interface_put
-- Lets an interface select a vrf.
INSERT INTO vrf_interface (name, vrf) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET vrf = excluded.vrf;

-- name: vrf_interface_delete
-- Takes an interface from its vrf.
DELETE FROM vrf_interface WHERE name = ?1;

-- name: vrf_relay_put
-- Lets a relay select a vrf.
INSERT INTO vrf_relay (addr, vrf) VALUES (?1, ?2) ON CONFLICT (addr) DO UPDATE SET vrf = excluded.vrf;

-- name: vrf_relay_delete
-- Takes a relay from its vrf.
DELETE FROM vrf_relay WHERE addr = ?1;

-- name: key_put
-- Adds a key.
INSERT INTO tsig_key (name, algorithm, secret, fingerprint, comment) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: key_set
-- Changes a key; its secret stays where ?3 is none.
UPDATE tsig_key SET algorithm = ?2, secret = iif(?3 = '', secret, ?3), fingerprint = ?4, comment = ?5 WHERE name = ?1;

-- name: key_delete
-- Deletes a key that no server has any more.
DELETE FROM tsig_key WHERE name = ?1;

-- name: zone_put
-- Writes a zone.
INSERT INTO dns_zone (name, comment) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET comment = excluded.comment;

-- name: zone_delete
-- Deletes a zone with its servers.
DELETE FROM dns_zone WHERE name = ?1;

-- name: server_put
-- Adds a server to a zone.
INSERT INTO dns_server (zone, position, addr, port, transport, tsig_key) VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, ''));

-- name: server_clear
-- Deletes the servers of a zone.
DELETE FROM dns_server WHERE zone = ?1;

-- name: consumer_put
-- Lease changes are written down for whoever keeps the zones from now on. Those
-- of before were not: -1 asks for a look at all leases.
INSERT INTO event_consumer (name, seq) SELECT 'ddns', -1
 WHERE EXISTS (SELECT 1 FROM dns_zone) AND NOT EXISTS (SELECT 1 FROM event_consumer WHERE name = 'ddns');

-- name: consumer_clear
-- Without a zone nobody takes them away.
DELETE FROM event_consumer WHERE name = 'ddns' AND NOT EXISTS (SELECT 1 FROM dns_zone);

-- name: pool_held
-- How many prefixes or addresses of another length than ?4 are held that begin
-- in the range from ?2 to ?3.
SELECT count(*) FROM lease6 WHERE vrf = ?1 AND addr BETWEEN ?2 AND ?3 AND prefix_len <> ?4 AND state IN (1, 2, 5, 6);

-- name: pool_held_around
-- How many prefixes are held that begin with ?2 and are no longer than ?3.
SELECT count(*) FROM lease6 WHERE vrf = ?1 AND addr = ?2 AND prefix_len <= ?3 AND state IN (1, 2, 5, 6);

-- name: pool_relabel_lease4
-- Leases in the range of a pool get its name.
UPDATE lease4 SET pool_id = ?1, pool_gen = ?2, subnet_id = ?3
 WHERE vrf = ?4 AND addr BETWEEN ?5 AND ?6 AND ?7 = 32 AND (pool_id, pool_gen, subnet_id) <> (?1, ?2, ?3);

-- name: pool_relabel_lease6
-- Leases of IPv6 likewise; a prefix of another length is none of the pool's.
UPDATE lease6 SET pool_id = ?1, pool_gen = ?2, subnet_id = ?3
 WHERE vrf = ?4 AND addr BETWEEN ?5 AND ?6 AND prefix_len = ?7 AND (pool_id, pool_gen, subnet_id) <> (?1, ?2, ?3);

-- name: pool_relabel_free
-- Free addresses likewise; what a pool cannot use of them is forgotten when it
-- is taken.
UPDATE addr_free SET pool_id = ?1 WHERE vrf = ?2 AND addr BETWEEN ?3 AND ?4 AND length(addr) = length(?3) AND pool_id <> ?1;
