-- name: config_revision
-- The newest revision.
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
-- The newest revision, the DHCPv6 server identifier and the secret of the
-- permutations.
SELECT revision, server_duid, secret FROM config_head WHERE id = 1;

-- name: config_raise
-- Raises the revision.
UPDATE config_head SET revision = ?1,
  last_link_id = max(last_link_id, (SELECT coalesce(max(id), 0) FROM link)),
  last_subnet_id = max(last_subnet_id, (SELECT coalesce(max(id), 0) FROM subnet)) WHERE id = 1;

-- name: config_log
-- Records who changed the configuration, when and why.
INSERT INTO config_revision (revision, at, author, comment) VALUES (?1, ?2, ?3, ?4);

-- name: config_links
-- All links.
SELECT id, coalesce(name, ''), vrf FROM link ORDER BY id;

-- name: config_subnets
-- All subnets, by link.
SELECT id, link_id, previous_link_id, prefix, interface, interface_id, closing FROM subnet ORDER BY link_id, id;

-- name: config_relays
-- All relay addresses that select a subnet.
SELECT subnet_id, addr FROM subnet_relay ORDER BY subnet_id, addr;

-- name: config_pools
-- All pools, in the order of allocation of their subnets.
SELECT id, subnet_id, kind, first_addr, last_addr, delegated_len, gen, closing FROM pool ORDER BY subnet_id, position, id;

-- name: config_options
-- All options.
SELECT scope, scope_id, family, code, name, data, is_hex, always FROM option_data ORDER BY scope, scope_id, family, position, code;

-- name: config_parameters
-- All parameters.
SELECT scope, scope_id, name, value FROM parameter;

-- name: config_keys
-- All keys without their secrets.
SELECT name, algorithm, fingerprint FROM tsig_key ORDER BY name;

-- name: config_zones
-- All zones with their servers; a zone without one has a row of its own.
SELECT z.name, s.addr, s.port, s.transport, coalesce(s.tsig_key, '') FROM dns_zone z LEFT JOIN dns_server s ON s.zone = z.name
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
INSERT INTO link (id, name, vrf) VALUES (?1, nullif(?2, ''), ?3)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, vrf = excluded.vrf;

-- name: link_delete
-- Deletes a link that has no subnet any more.
DELETE FROM link WHERE id = ?1;

-- name: subnet_put
-- Writes a subnet.
INSERT INTO subnet (id, link_id, previous_link_id, prefix, interface, interface_id, closing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id, previous_link_id = excluded.previous_link_id, prefix = excluded.prefix,
  interface = excluded.interface, interface_id = excluded.interface_id, closing = excluded.closing;

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
INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO UPDATE SET subnet_id = excluded.subnet_id, position = excluded.position, kind = excluded.kind,
  first_addr = excluded.first_addr, last_addr = excluded.last_addr, delegated_len = excluded.delegated_len, gen = excluded.gen,
  closing = excluded.closing;

-- name: pool_delete
-- Deletes a pool; its generations stay.
DELETE FROM pool WHERE id = ?1;

-- name: pool_gen_put
-- Records the geometry of a generation at time ?6; one that is there stays.
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING;

-- name: option_put
-- Writes an option.
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (scope, scope_id, family, code) DO UPDATE SET position = excluded.position, name = excluded.name, data = excluded.data,
  is_hex = excluded.is_hex, always = excluded.always;

-- name: option_delete
-- Deletes an option.
DELETE FROM option_data WHERE scope = ?1 AND scope_id = ?2 AND family = ?3 AND code = ?4;

-- name: parameter_put
-- Writes a parameter.
INSERT INTO parameter (scope, scope_id, name, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (scope, scope_id, name) DO UPDATE SET value = excluded.value;

-- name: parameter_delete
-- Deletes a parameter.
DELETE FROM parameter WHERE scope = ?1 AND scope_id = ?2 AND name = ?3;

-- name: key_put
-- Adds a key.
INSERT INTO tsig_key (name, algorithm, secret, fingerprint) VALUES (?1, ?2, ?3, ?4);

-- name: key_set
-- Changes a key; its secret stays where ?3 is none.
UPDATE tsig_key SET algorithm = ?2, secret = iif(?3 = '', secret, ?3), fingerprint = ?4 WHERE name = ?1;

-- name: key_delete
-- Deletes a key that no server has any more.
DELETE FROM tsig_key WHERE name = ?1;

-- name: zone_put
-- Adds a zone.
INSERT INTO dns_zone (name) VALUES (?1);

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
