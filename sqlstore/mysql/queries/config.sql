-- name: config_revision
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
SELECT revision, server_duid, secret FROM config_head WHERE id = 1;

-- name: config_snapshot
-- Makes the next transaction read one state of all tables.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: config_lock
-- Whoever changes the configuration takes this lock first.
SELECT revision FROM config_head WHERE id = 1 FOR UPDATE;

-- name: config_raise
-- Raises the revision.
UPDATE config_head SET revision = revision + 1,
  last_link_id = GREATEST(last_link_id, (SELECT COALESCE(MAX(id), 0) FROM link)),
  last_subnet_id = GREATEST(last_subnet_id, (SELECT COALESCE(MAX(id), 0) FROM subnet)) WHERE id = 1;

-- name: config_log
-- Records the change.
INSERT INTO config_revision (revision, author, comment) SELECT revision, ?, ? FROM config_head WHERE id = 1;

-- name: config_links
SELECT id, COALESCE(name, ''), vrf FROM link ORDER BY id;

-- name: config_subnets
SELECT id, link_id, previous_link_id, prefix, interface, interface_id, closing FROM subnet ORDER BY link_id, id;

-- name: config_relays
SELECT subnet_id, addr FROM subnet_relay ORDER BY subnet_id, INET6_ATON(addr);

-- name: config_pools
SELECT id, subnet_id, kind, first_addr, last_addr, delegated_len, gen, closing FROM pool ORDER BY subnet_id, position, id;

-- name: config_options
SELECT scope, scope_id, family, code, name, data, is_hex, always FROM option_data ORDER BY scope, scope_id, family, position, code;

-- name: config_parameters
SELECT scope, scope_id, name, value FROM parameter;

-- name: config_keys
-- All keys without their secrets.
SELECT name, algorithm, fingerprint FROM tsig_key ORDER BY name;

-- name: config_zones
-- All zones with their servers; a zone without one has a row of its own.
SELECT z.name, s.addr, s.port, s.transport, COALESCE(s.tsig_key, '') FROM dns_zone z LEFT JOIN dns_server s ON s.zone = z.name
 ORDER BY z.name, s.position;

-- name: config_gens
-- The highest generation that each pool id ever had (1), and the highest ids of
-- links (2) and subnets (3).
SELECT 1, pool_id, MAX(gen) FROM pool_gen GROUP BY pool_id
UNION ALL SELECT 2, last_link_id, 0 FROM config_head
UNION ALL SELECT 3, last_subnet_id, 0 FROM config_head;

-- name: config_clear_settings
DELETE FROM option_data;

-- name: config_clear_parameters
DELETE FROM parameter;

-- name: config_clear_relays
DELETE FROM subnet_relay;

-- name: config_clear_pools
DELETE FROM pool WHERE id NOT IN (SELECT k.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_clear_subnets
DELETE FROM subnet WHERE id NOT IN (SELECT k.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_clear_links
DELETE FROM link WHERE id NOT IN (SELECT k.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_clear_names
-- Lets names move between links.
UPDATE link SET name = NULL WHERE name IS NOT NULL;

-- name: config_put_links
INSERT INTO link (id, name, vrf)
SELECT k.id, NULLIF(k.name, ''), k.vrf
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id   INT          PATH '$[0]' ERROR ON ERROR,
         name VARCHAR(300) PATH '$[1]' ERROR ON ERROR,
         vrf  INT          PATH '$[2]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE name = VALUES(name), vrf = VALUES(vrf);

-- name: config_put_subnets
INSERT INTO subnet (id, link_id, previous_link_id, prefix, interface, interface_id, closing)
SELECT k.id, k.link_id, k.previous_link_id, k.prefix, k.interface, UNHEX(k.interface_id), k.closing
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id               INT           PATH '$[0]' ERROR ON ERROR,
         link_id          INT           PATH '$[1]' ERROR ON ERROR,
         previous_link_id INT           PATH '$[2]' ERROR ON ERROR,
         prefix           VARCHAR(100)  PATH '$[3]' ERROR ON ERROR,
         interface        VARCHAR(300)  PATH '$[4]' ERROR ON ERROR,
         interface_id     VARCHAR(2000) CHARACTER SET ascii PATH '$[5]' ERROR ON ERROR,
         closing          INT           PATH '$[6]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE link_id = VALUES(link_id), previous_link_id = VALUES(previous_link_id), prefix = VALUES(prefix),
  interface = VALUES(interface), interface_id = VALUES(interface_id), closing = VALUES(closing);

-- name: config_put_relays
INSERT INTO subnet_relay (subnet_id, addr)
SELECT k.id, k.addr
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id   INT          PATH '$[0]' ERROR ON ERROR,
         addr VARCHAR(100) PATH '$[1]' ERROR ON ERROR)) k;

-- name: config_put_pools
INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing)
SELECT k.id, k.subnet_id, k.position, k.kind, k.first_addr, k.last_addr, k.delegated_len, k.gen, k.closing
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id            INT          PATH '$[0]' ERROR ON ERROR,
         subnet_id     INT          PATH '$[1]' ERROR ON ERROR,
         position      INT          PATH '$[2]' ERROR ON ERROR,
         kind          INT          PATH '$[3]' ERROR ON ERROR,
         first_addr    VARCHAR(100) PATH '$[4]' ERROR ON ERROR,
         last_addr     VARCHAR(100) PATH '$[5]' ERROR ON ERROR,
         delegated_len INT          PATH '$[6]' ERROR ON ERROR,
         gen           INT          PATH '$[7]' ERROR ON ERROR,
         closing       INT          PATH '$[8]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE subnet_id = VALUES(subnet_id), position = VALUES(position), kind = VALUES(kind),
  first_addr = VALUES(first_addr), last_addr = VALUES(last_addr), delegated_len = VALUES(delegated_len), gen = VALUES(gen),
  closing = VALUES(closing);

-- name: config_put_gens
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len)
SELECT p.id, p.gen, p.first_addr, p.last_addr, p.delegated_len FROM pool p
 WHERE NOT EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = p.id AND g.gen = p.gen);

-- name: config_put_options
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always)
SELECT k.scope, k.scope_id, k.family, k.code, k.position, k.name, k.data, k.is_hex, k.always
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         scope    VARCHAR(20)  PATH '$[0]' ERROR ON ERROR,
         scope_id INT          PATH '$[1]' ERROR ON ERROR,
         family   INT          PATH '$[2]' ERROR ON ERROR,
         code     INT          PATH '$[3]' ERROR ON ERROR,
         position INT          PATH '$[4]' ERROR ON ERROR,
         name     VARCHAR(300) PATH '$[5]' ERROR ON ERROR,
         data     LONGTEXT     PATH '$[6]' ERROR ON ERROR,
         is_hex   INT          PATH '$[7]' ERROR ON ERROR,
         always   INT          PATH '$[8]' ERROR ON ERROR)) k;

-- name: config_put_parameters
INSERT INTO parameter (scope, scope_id, name, value)
SELECT k.scope, k.scope_id, k.name, k.value
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         scope    VARCHAR(20)  PATH '$[0]' ERROR ON ERROR,
         scope_id INT          PATH '$[1]' ERROR ON ERROR,
         name     VARCHAR(300) PATH '$[2]' ERROR ON ERROR,
         value    LONGTEXT     PATH '$[3]' ERROR ON ERROR)) k;

-- name: config_clear_servers
DELETE FROM dns_server;

-- name: config_clear_zones
DELETE FROM dns_zone WHERE name NOT IN (SELECT k.name FROM JSON_TABLE(?, '$[*]' COLUMNS (name VARCHAR(300) PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_clear_keys
DELETE FROM tsig_key WHERE name NOT IN (SELECT k.name FROM JSON_TABLE(?, '$[*]' COLUMNS (name VARCHAR(300) PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_set_key
-- Changes a key that is there. Secrets are written and never read: who changes
-- the configuration may not see them, which ON DUPLICATE KEY would need.
UPDATE tsig_key SET algorithm = ? WHERE name = ? AND algorithm <> ?;

-- name: config_set_secret
-- Likewise its secret, when it is another than that stored.
UPDATE tsig_key SET secret = ?, fingerprint = ? WHERE name = ? AND fingerprint <> ?;

-- name: config_put_key
-- Adds a key.
INSERT INTO tsig_key (name, algorithm, secret, fingerprint) VALUES (?, ?, ?, ?);

-- name: config_put_zones
INSERT INTO dns_zone (name)
SELECT k.name FROM JSON_TABLE(?, '$[*]' COLUMNS (name VARCHAR(300) PATH '$[0]' ERROR ON ERROR)) k
 WHERE k.name NOT IN (SELECT z.name FROM dns_zone z);

-- name: config_put_servers
INSERT INTO dns_server (zone, position, addr, port, transport, tsig_key)
SELECT k.zone, k.position, k.addr, k.port, k.transport, NULLIF(k.tsig_key, '')
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         zone      VARCHAR(300) PATH '$[0]' ERROR ON ERROR,
         position  INT          PATH '$[1]' ERROR ON ERROR,
         addr      VARCHAR(100) PATH '$[2]' ERROR ON ERROR,
         port      INT          PATH '$[3]' ERROR ON ERROR,
         transport VARCHAR(20)  PATH '$[4]' ERROR ON ERROR,
         tsig_key  VARCHAR(300) PATH '$[5]' ERROR ON ERROR)) k;

-- name: config_put_consumer
-- Lease changes are written down for whoever keeps the zones from now on. Those
-- of before were not: -1 asks for a look at all leases.
INSERT INTO event_consumer (name, seq)
SELECT n.name, -1 FROM (SELECT 'ddns' AS name) n
 WHERE EXISTS (SELECT 1 FROM dns_zone) AND n.name NOT IN (SELECT c.name FROM event_consumer c);

-- name: config_clear_consumer
-- Without a zone nobody takes them away.
DELETE FROM event_consumer WHERE name = 'ddns' AND NOT EXISTS (SELECT 1 FROM dns_zone);

-- name: config_clear_chunks
-- Hints of pool generations that are no more.
DELETE FROM addr_chunk WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = addr_chunk.pool_id AND p.gen = addr_chunk.gen);

-- name: config_clear_cursors
DELETE FROM pool_cursor WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = pool_cursor.pool_id AND p.gen = pool_cursor.gen);

-- name: config_clear_free
DELETE FROM addr_free WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = addr_free.pool_id);

-- name: config_held
-- How many prefixes or addresses of another length are held in the range of a
-- pool: those that begin in it, and those that begin before it and contain its
-- first address.
SELECT COUNT(*) FROM (
  SELECT l.addr FROM lease6 l FORCE INDEX (lease6_addr)
   WHERE l.vrf = ? AND l.addr BETWEEN UNHEX(?) AND UNHEX(?) AND l.prefix_len <> ? AND l.state IN (1, 2, 5, 6)
  UNION ALL
  SELECT l.addr FROM JSON_TABLE(?, '$[*]' COLUMNS (
           addr    VARCHAR(40) CHARACTER SET ascii PATH '$[0]' ERROR ON ERROR,
           longest INT         PATH '$[1]' ERROR ON ERROR)) k
    STRAIGHT_JOIN lease6 l FORCE INDEX (lease6_addr) ON l.vrf = ? AND l.addr = UNHEX(k.addr)
   WHERE l.prefix_len <= k.longest AND l.state IN (1, 2, 5, 6)) h;

-- name: config_relabel_lease4
-- Leases in the range of a pool get its name.
UPDATE lease4 l FORCE INDEX (lease4_addr) SET l.pool_id = ?, l.pool_gen = ?, l.subnet_id = ?
 WHERE l.vrf = ? AND l.addr BETWEEN UNHEX(?) AND UNHEX(?) AND NOT (l.pool_id = ? AND l.pool_gen = ? AND l.subnet_id = ?);

-- name: config_relabel_lease6
-- Leases of IPv6 likewise; a prefix of another length is none of the pool's.
UPDATE lease6 l FORCE INDEX (lease6_addr) SET l.pool_id = ?, l.pool_gen = ?, l.subnet_id = ?
 WHERE l.vrf = ? AND l.addr BETWEEN UNHEX(?) AND UNHEX(?) AND l.prefix_len = ? AND NOT (l.pool_id = ? AND l.pool_gen = ? AND l.subnet_id = ?);

-- name: config_relabel_free
-- Free addresses likewise; what a pool cannot use of them is forgotten when it
-- is taken.
UPDATE addr_free f FORCE INDEX (PRIMARY) SET f.pool_id = ?
 WHERE f.vrf = ? AND f.addr BETWEEN UNHEX(?) AND UNHEX(?) AND LENGTH(f.addr) = LENGTH(UNHEX(?)) AND f.pool_id <> ?;
