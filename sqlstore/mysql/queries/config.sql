-- name: config_revision
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
SELECT revision, server_duid, secret, comment FROM config_head WHERE id = 1;

-- name: config_snapshot
-- Makes the next transaction read one state of all tables.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: config_look
-- What is described, for those who only look.
SELECT revision, described, change_comment, secret FROM config_head WHERE id = 1;

-- name: config_lock
-- Whoever changes the configuration takes this lock first.
SELECT revision, described, change_comment, secret FROM config_head WHERE id = 1 FOR UPDATE;

-- name: config_begin
-- Lets the triggers leave the transaction alone, and locks the row likewise.
UPDATE config_head SET applying = TRUE WHERE id = 1;

-- name: config_end
-- Nobody else may see that it was set, but in a database that is being filled.
UPDATE config_head SET applying = FALSE WHERE id = 1;

-- name: config_pending
-- Whether something changed by hand has no config_revision row yet.
SELECT revision, described < revision FROM config_head WHERE id = 1;

-- What is in a configuration; those that end with _some are of the links in a
-- list.

-- name: fragment_links
l.id, COALESCE(l.name, ''), l.vrf, l.comment

-- name: config_links
SELECT $links FROM link l ORDER BY l.id;

-- name: config_links_some
SELECT $links FROM $list k STRAIGHT_JOIN link l ON l.id = k.id ORDER BY l.id;

-- name: fragment_list
JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]' ERROR ON ERROR))

-- name: fragment_subnets
s.id, s.link_id, s.previous_link_id, s.earlier_link_id, s.prefix, s.interface, s.interface_id, s.closing, s.comment

-- name: config_subnets
SELECT $subnets FROM subnet s ORDER BY s.link_id, s.id;

-- name: config_subnets_some
SELECT $subnets FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (subnet_link) ON s.link_id = k.id ORDER BY s.link_id, s.id;

-- name: config_relays
SELECT r.subnet_id, r.addr FROM subnet_relay r ORDER BY r.subnet_id, INET6_ATON(r.addr);

-- name: config_relays_some
SELECT r.subnet_id, r.addr
  FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (subnet_link) ON s.link_id = k.id STRAIGHT_JOIN subnet_relay r FORCE INDEX (PRIMARY) ON r.subnet_id = s.id
 ORDER BY r.subnet_id, INET6_ATON(r.addr);

-- name: fragment_pools
p.id, p.subnet_id, p.kind, p.first_addr, p.last_addr, p.delegated_len, p.gen, p.closing, p.waiting, p.comment

-- name: config_pools
SELECT $pools FROM pool p ORDER BY p.subnet_id, p.position, p.id;

-- name: config_pools_some
SELECT $pools
  FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (subnet_link) ON s.link_id = k.id STRAIGHT_JOIN pool p FORCE INDEX (pool_subnet) ON p.subnet_id = s.id
 ORDER BY p.subnet_id, p.position, p.id;

-- name: fragment_options
o.scope, o.scope_id, o.family, o.code, o.name, o.data, o.is_hex, o.always, o.comment, o.position

-- name: config_options
SELECT $options FROM option_data o ORDER BY o.scope, o.scope_id, o.family, o.position, o.code;

-- name: config_options_some
SELECT $options FROM option_data o FORCE INDEX (PRIMARY) WHERE o.scope = 'global'
UNION ALL
SELECT $options FROM $list k STRAIGHT_JOIN option_data o FORCE INDEX (PRIMARY) ON o.scope = 'link' AND o.scope_id = k.id
UNION ALL
SELECT $options
  FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (subnet_link) ON s.link_id = k.id
  STRAIGHT_JOIN option_data o FORCE INDEX (PRIMARY) ON o.scope = 'subnet' AND o.scope_id = s.id
 ORDER BY scope, scope_id, family, position, code;

-- name: fragment_parameters
m.scope, m.scope_id, m.name, m.value, m.comment

-- name: config_parameters
SELECT $parameters FROM parameter m;

-- name: config_parameters_some
SELECT $parameters FROM parameter m FORCE INDEX (PRIMARY) WHERE m.scope = 'global'
UNION ALL
SELECT $parameters FROM $list k STRAIGHT_JOIN parameter m FORCE INDEX (PRIMARY) ON m.scope = 'link' AND m.scope_id = k.id
UNION ALL
SELECT $parameters
  FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (subnet_link) ON s.link_id = k.id
  STRAIGHT_JOIN parameter m FORCE INDEX (PRIMARY) ON m.scope = 'subnet' AND m.scope_id = s.id;

-- name: config_vrfs
-- All VRFs with their interfaces and relays; each has a row of its own besides.
SELECT v.id, 0, '', v.comment FROM vrf v
UNION ALL SELECT i.vrf, 1, i.name, '' FROM vrf_interface i
UNION ALL SELECT r.vrf, 2, r.addr, '' FROM vrf_relay r
 ORDER BY 1, 2, 3;

-- name: config_keys
-- All keys without their secrets.
SELECT name, algorithm, fingerprint, comment FROM tsig_key ORDER BY name;

-- name: config_zones
-- All zones with their servers; a zone without one has a row of its own.
SELECT z.name, s.addr, s.port, s.transport, COALESCE(s.tsig_key, ''), z.comment FROM dns_zone z LEFT JOIN dns_server s ON s.zone = z.name
 ORDER BY z.name, s.position;

-- name: config_changed
-- Which links have changed since a revision.
SELECT id FROM config_change FORCE INDEX (config_change_revision) WHERE revision > ? AND kind = 2;

-- name: config_authors
-- Who changed something by hand since a revision; several are separated by commas.
SELECT author FROM config_change WHERE revision > ? AND author <> '' GROUP BY author ORDER BY MIN(revision), author;

-- name: config_fence_dead
-- A frontend that comes back after it was passed over begins a new life: what it
-- was about to write in the one before is not written.
UPDATE frontend SET incarnation = incarnation + 1 WHERE heartbeat_at <= $now - INTERVAL 5 SECOND;

-- name: config_in_use
-- The oldest revision that a live frontend uses, or may use yet: one that has none
-- and has refused one takes a newer one only.
SELECT MIN(IF(revision = 0 AND refused_revision > 0, refused_revision + 1, revision)) FROM frontend WHERE heartbeat_at > $now - INTERVAL 5 SECOND;

-- name: config_gens
-- The highest generation that each pool id ever had (1), and the highest ids of
-- links (2) and subnets (3).
SELECT 1, pool_id, MAX(gen) FROM pool_gen GROUP BY pool_id
UNION ALL SELECT 2, last_link_id, 0 FROM config_head
UNION ALL SELECT 3, last_subnet_id, 0 FROM config_head;

-- name: config_retired
-- Generations that frontends may still hand out of.
SELECT pool_id, gen, vrf, first_addr, last_addr, delegated_len, retired_rev FROM pool_gen FORCE INDEX (pool_gen_retired)
 WHERE retired_rev IS NOT NULL ORDER BY pool_id, gen;

-- name: config_retire
-- Notes what ended the generations of a list; 0 forgets it.
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
         id  INT PATH '$[0]' ERROR ON ERROR,
         gen INT PATH '$[1]' ERROR ON ERROR)) k
  STRAIGHT_JOIN pool_gen g FORCE INDEX (PRIMARY) ON g.pool_id = k.id AND g.gen = k.gen
   SET g.retired_rev = NULLIF(?, 0);

-- name: config_open
-- Pools of a list have waited long enough.
UPDATE $list k STRAIGHT_JOIN pool p FORCE INDEX (PRIMARY) ON p.id = k.id SET p.waiting = FALSE;

-- name: config_contents
-- The newest full content at or before a revision, and those after it.
SELECT revision, is_full, content FROM config_revision
 WHERE revision <= ? AND content IS NOT NULL
   AND revision >= (SELECT MAX(r.revision) FROM config_revision r WHERE r.revision <= ? AND r.is_full AND r.content IS NOT NULL)
 ORDER BY revision;

-- name: config_raise
-- Makes a revision the newest one, and described.
UPDATE config_head SET revision = ?, described = ?, change_comment = '' WHERE id = 1;

-- name: config_record
-- Describes a revision that has no row. The content goes as text: a statement with
-- other bytes is one that MySQL does not show to those who look at transactions.
INSERT INTO config_revision (revision, author, comment, diff, content, is_full)
SELECT ?, ?, ?, ?, UNHEX(?), ? FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM config_revision r WHERE r.revision = ?);

-- name: config_describe
-- Describes a revision that has a row, and keeps what that says of who, when and
-- why. MariaDB would want more rights for ON DUPLICATE KEY.
UPDATE config_revision SET diff = ?, content = UNHEX(?), is_full = ? WHERE revision = ?;

-- name: config_note
-- Notes what the program itself changed.
INSERT INTO config_change (kind, id, revision)
SELECT k.kind, k.id, k.revision
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id       INT    PATH '$[0]' ERROR ON ERROR,
         kind     INT    PATH '$[1]' ERROR ON ERROR,
         revision BIGINT PATH '$[2]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE revision = VALUES(revision), author = '';

-- The rows of changed links are written anew, those of others are left alone.

-- name: config_clear_options
-- Settings of the scopes of a list.
DELETE o FROM $scopes k STRAIGHT_JOIN option_data o FORCE INDEX (PRIMARY) ON o.scope = k.scope AND o.scope_id = k.id;

-- name: config_clear_parameters
DELETE m FROM $scopes k STRAIGHT_JOIN parameter m FORCE INDEX (PRIMARY) ON m.scope = k.scope AND m.scope_id = k.id;

-- name: fragment_scopes
JSON_TABLE(?, '$[*]' COLUMNS (id INT PATH '$[0]' ERROR ON ERROR, scope VARCHAR(20) CHARACTER SET utf8mb4 PATH '$[1]' ERROR ON ERROR))

-- name: config_clear_relays
DELETE r FROM $list k STRAIGHT_JOIN subnet_relay r FORCE INDEX (PRIMARY) ON r.subnet_id = k.id;

-- name: config_clear_pools
DELETE p FROM $list k STRAIGHT_JOIN pool p FORCE INDEX (PRIMARY) ON p.id = k.id;

-- name: config_clear_subnets
DELETE s FROM $list k STRAIGHT_JOIN subnet s FORCE INDEX (PRIMARY) ON s.id = k.id;

-- name: config_clear_links
DELETE l FROM $list k STRAIGHT_JOIN link l FORCE INDEX (PRIMARY) ON l.id = k.id;

-- name: config_clear_names
-- Lets names move between links.
UPDATE $list k STRAIGHT_JOIN link l FORCE INDEX (PRIMARY) ON l.id = k.id SET l.name = NULL WHERE l.name IS NOT NULL;

-- name: config_put_links
INSERT INTO link (id, name, vrf, comment)
SELECT k.id, NULLIF(k.name, ''), k.vrf, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id      INT          PATH '$[0]' ERROR ON ERROR,
         name    VARCHAR(300) PATH '$[1]' ERROR ON ERROR,
         vrf     INT          PATH '$[2]' ERROR ON ERROR,
         comment LONGTEXT     PATH '$[3]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE name = VALUES(name), vrf = VALUES(vrf), comment = VALUES(comment);

-- name: config_put_subnets
INSERT INTO subnet (id, link_id, previous_link_id, earlier_link_id, prefix, interface, interface_id, closing, comment)
SELECT k.id, k.link_id, k.previous_link_id, k.earlier_link_id, k.prefix, k.interface, UNHEX(k.interface_id), k.closing, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id               INT           PATH '$[0]' ERROR ON ERROR,
         link_id          INT           PATH '$[1]' ERROR ON ERROR,
         previous_link_id INT           PATH '$[2]' ERROR ON ERROR,
         earlier_link_id  INT           PATH '$[3]' ERROR ON ERROR,
         prefix           VARCHAR(100)  PATH '$[4]' ERROR ON ERROR,
         interface        VARCHAR(300)  PATH '$[5]' ERROR ON ERROR,
         interface_id     VARCHAR(2000) CHARACTER SET ascii PATH '$[6]' ERROR ON ERROR,
         closing          INT           PATH '$[7]' ERROR ON ERROR,
         comment          LONGTEXT      PATH '$[8]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE link_id = VALUES(link_id), previous_link_id = VALUES(previous_link_id), earlier_link_id = VALUES(earlier_link_id), prefix = VALUES(prefix),
  interface = VALUES(interface), interface_id = VALUES(interface_id), closing = VALUES(closing), comment = VALUES(comment);

-- name: config_put_relays
INSERT INTO subnet_relay (subnet_id, addr)
SELECT k.id, k.addr
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id   INT          PATH '$[0]' ERROR ON ERROR,
         addr VARCHAR(100) PATH '$[1]' ERROR ON ERROR)) k;

-- name: config_put_pools
INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing, waiting, comment)
SELECT k.id, k.subnet_id, k.position, k.kind, k.first_addr, k.last_addr, k.delegated_len, k.gen, k.closing, k.waiting, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id            INT          PATH '$[0]' ERROR ON ERROR,
         subnet_id     INT          PATH '$[1]' ERROR ON ERROR,
         position      INT          PATH '$[2]' ERROR ON ERROR,
         kind          INT          PATH '$[3]' ERROR ON ERROR,
         first_addr    VARCHAR(100) PATH '$[4]' ERROR ON ERROR,
         last_addr     VARCHAR(100) PATH '$[5]' ERROR ON ERROR,
         delegated_len INT          PATH '$[6]' ERROR ON ERROR,
         gen           INT          PATH '$[7]' ERROR ON ERROR,
         closing       INT          PATH '$[8]' ERROR ON ERROR,
         waiting       INT          PATH '$[9]' ERROR ON ERROR,
         comment       LONGTEXT     PATH '$[10]' ERROR ON ERROR)) k
ON DUPLICATE KEY UPDATE subnet_id = VALUES(subnet_id), position = VALUES(position), kind = VALUES(kind),
  first_addr = VALUES(first_addr), last_addr = VALUES(last_addr), delegated_len = VALUES(delegated_len), gen = VALUES(gen),
  closing = VALUES(closing), waiting = VALUES(waiting), comment = VALUES(comment);

-- name: config_put_gens
-- Generations that are new.
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, vrf)
SELECT p.id, p.gen, p.first_addr, p.last_addr, p.delegated_len, s.vrf
  FROM $list k STRAIGHT_JOIN pool p FORCE INDEX (PRIMARY) ON p.id = k.id
  STRAIGHT_JOIN subnet s FORCE INDEX (PRIMARY) ON s.id = p.subnet_id
 WHERE NOT EXISTS (SELECT 1 FROM pool_gen g WHERE g.pool_id = p.id AND g.gen = p.gen);

-- name: config_put_options
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always, comment)
SELECT k.scope, k.scope_id, k.family, k.code, k.position, k.name, k.data, k.is_hex, k.always, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         scope    VARCHAR(20)  PATH '$[0]' ERROR ON ERROR,
         scope_id INT          PATH '$[1]' ERROR ON ERROR,
         family   INT          PATH '$[2]' ERROR ON ERROR,
         code     INT          PATH '$[3]' ERROR ON ERROR,
         position INT          PATH '$[4]' ERROR ON ERROR,
         name     VARCHAR(300) PATH '$[5]' ERROR ON ERROR,
         data     LONGTEXT     PATH '$[6]' ERROR ON ERROR,
         is_hex   INT          PATH '$[7]' ERROR ON ERROR,
         always   INT          PATH '$[8]' ERROR ON ERROR,
         comment  LONGTEXT     PATH '$[9]' ERROR ON ERROR)) k;

-- name: config_put_parameters
INSERT INTO parameter (scope, scope_id, name, value, comment)
SELECT k.scope, k.scope_id, k.name, k.value, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         scope    VARCHAR(20)  PATH '$[0]' ERROR ON ERROR,
         scope_id INT          PATH '$[1]' ERROR ON ERROR,
         name     VARCHAR(300) PATH '$[2]' ERROR ON ERROR,
         value    LONGTEXT     PATH '$[3]' ERROR ON ERROR,
         comment  LONGTEXT     PATH '$[4]' ERROR ON ERROR)) k;

-- name: config_put_ids
-- Ids that were used are not used again.
UPDATE config_head SET last_link_id = GREATEST(last_link_id, (SELECT COALESCE(MAX(id), 0) FROM link)),
  last_subnet_id = GREATEST(last_subnet_id, (SELECT COALESCE(MAX(id), 0) FROM subnet)) WHERE id = 1;

-- name: config_put_comment
UPDATE config_head SET comment = ? WHERE id = 1;

-- name: config_clear_vrfs
-- With their interfaces and relays.
DELETE FROM vrf;

-- name: config_put_vrfs
INSERT INTO vrf (id, comment)
SELECT k.id, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id      INT      PATH '$[0]' ERROR ON ERROR,
         comment LONGTEXT PATH '$[1]' ERROR ON ERROR)) k;

-- name: config_put_vrf_interfaces
INSERT INTO vrf_interface (vrf, name)
SELECT k.id, k.name
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id   INT          PATH '$[0]' ERROR ON ERROR,
         name VARCHAR(300) PATH '$[1]' ERROR ON ERROR)) k;

-- name: config_put_vrf_relays
INSERT INTO vrf_relay (vrf, addr)
SELECT k.id, k.addr
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         id   INT          PATH '$[0]' ERROR ON ERROR,
         addr VARCHAR(100) PATH '$[1]' ERROR ON ERROR)) k;

-- name: config_clear_servers
DELETE FROM dns_server;

-- name: config_clear_zones
DELETE FROM dns_zone;

-- name: config_clear_keys
DELETE FROM tsig_key WHERE name NOT IN (SELECT k.name FROM JSON_TABLE(?, '$[*]' COLUMNS (name VARCHAR(300) PATH '$[0]' ERROR ON ERROR)) k);

-- name: config_set_key
-- Changes a key that is there. Secrets are written and never read: who changes
-- the configuration may not see them, which ON DUPLICATE KEY would need.
UPDATE tsig_key SET algorithm = ?, comment = ? WHERE name = ?;

-- name: config_set_secret
-- Likewise its secret, when it is another than that stored.
UPDATE tsig_key SET secret = ?, fingerprint = ? WHERE name = ? AND fingerprint <> ?;

-- name: config_put_key
-- Adds a key.
INSERT INTO tsig_key (name, algorithm, secret, fingerprint, comment) VALUES (?, ?, ?, ?, ?);

-- name: config_put_zones
INSERT INTO dns_zone (name, comment)
SELECT k.name, k.comment
  FROM JSON_TABLE(?, '$[*]' COLUMNS (
         name    VARCHAR(300) PATH '$[0]' ERROR ON ERROR,
         comment LONGTEXT     PATH '$[1]' ERROR ON ERROR)) k;

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
-- Hints of pool generations that are no more, of the pools of a list.
DELETE c FROM $list k STRAIGHT_JOIN addr_chunk c FORCE INDEX (addr_chunk_pool) ON c.pool_id = k.id
 WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_cursors
DELETE c FROM $list k STRAIGHT_JOIN pool_cursor c FORCE INDEX (PRIMARY) ON c.pool_id = k.id
 WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_free
DELETE f FROM $list k STRAIGHT_JOIN addr_free f FORCE INDEX (addr_free_pool) ON f.pool_id = k.id
 WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = f.pool_id);

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
