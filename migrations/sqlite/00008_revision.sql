-- +goose Up
-- Changes of the configuration by hand: whoever writes its tables is told what
-- is wrong by triggers, which also raise the revision and note what changed. The
-- program sets config_head.applying first and takes it back before it commits:
-- meanwhile triggers leave its rows alone, and nobody else ever sees it set.
--
-- All of this works in the sqlite3 shell of SQLite 3.40: a refusal is literal
-- text; references are looked after by triggers, because that shell does not
-- enforce foreign keys; nothing depends on PRAGMA recursive_triggers, so that
-- REPLACE, which by default calls no trigger for the row that it deletes, is no
-- way round.

ALTER TABLE config_head ADD COLUMN described      INTEGER NOT NULL DEFAULT 0; -- the newest revision that config_revision has
ALTER TABLE config_head ADD COLUMN applying       INTEGER NOT NULL DEFAULT 0 CHECK (applying IN (0, 1));
ALTER TABLE config_head ADD COLUMN change_comment TEXT    NOT NULL DEFAULT ''; -- for the next revision, by whoever changes rows by hand
ALTER TABLE config_head ADD COLUMN comment        TEXT    NOT NULL DEFAULT ''; -- of the whole configuration

-- content: gzip of JSON; all of the configuration, or what changed since the
-- content before
ALTER TABLE config_revision ADD COLUMN content BLOB;
ALTER TABLE config_revision ADD COLUMN is_full INTEGER NOT NULL DEFAULT 0 CHECK (is_full IN (0, 1));

-- the newest revision that changed an object: kind 1 what is outside of links
-- (id 0), 2 a link with all that is in it, also one that is no more
CREATE TABLE config_change (
  kind     INTEGER NOT NULL CHECK (kind IN (1, 2)),
  id       INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  author   TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX config_change_revision ON config_change (revision);
INSERT INTO config_change (kind, id, revision) SELECT 1, 0, revision FROM config_head WHERE revision > 0;
INSERT INTO config_change (kind, id, revision) SELECT 2, link.id, config_head.revision FROM link CROSS JOIN config_head;

-- which packets belong to an address plan of its own
CREATE TABLE vrf (
  id      INTEGER PRIMARY KEY CHECK (id > 0),
  comment TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE vrf_interface (
  name TEXT    PRIMARY KEY CHECK (name <> ''),
  vrf  INTEGER NOT NULL REFERENCES vrf ON DELETE CASCADE
) STRICT;
CREATE INDEX vrf_interface_vrf ON vrf_interface (vrf);
CREATE TABLE vrf_relay (
  addr TEXT    PRIMARY KEY CHECK (addr <> ''),
  vrf  INTEGER NOT NULL REFERENCES vrf ON DELETE CASCADE
) STRICT;
CREATE INDEX vrf_relay_vrf ON vrf_relay (vrf);

-- the link that a subnet was on before previous_link_id
ALTER TABLE subnet ADD COLUMN earlier_link_id INTEGER NOT NULL DEFAULT 0;

ALTER TABLE link        ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE subnet      ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE pool        ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE option_data ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE parameter   ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE tsig_key    ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE dns_zone    ADD COLUMN comment TEXT NOT NULL DEFAULT '';

-- waiting: nothing new is handed out until others have given up the range.
-- retired_rev: the revision that ended the generation, while a frontend may
-- still hand out of it
ALTER TABLE pool     ADD COLUMN waiting     INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1));
ALTER TABLE pool_gen ADD COLUMN vrf         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pool_gen ADD COLUMN retired_rev INTEGER;
UPDATE pool_gen SET vrf = coalesce((SELECT l.vrf FROM pool p JOIN subnet s ON s.id = p.subnet_id JOIN link l ON l.id = s.link_id WHERE p.id = pool_id), 0);
CREATE INDEX pool_gen_retired ON pool_gen (retired_rev) WHERE retired_rev IS NOT NULL;

ALTER TABLE frontend ADD COLUMN refused_revision INTEGER NOT NULL DEFAULT 0; -- the newest one, if it cannot be used
ALTER TABLE frontend ADD COLUMN refused          TEXT    NOT NULL DEFAULT ''; -- why

DROP VIEW frontend_health;
CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining,
       strftime('%Y-%m-%dT%H:%M:%fZ', f.started_at / 1000000.0, 'unixepoch') AS started_at,
       (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - f.heartbeat_at) / 1000000.0 AS heartbeat_age,
       f.heartbeat_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - 5000000 AS alive,
       f.refused_revision, f.refused
  FROM frontend f CROSS JOIN config_head c;

-- What a parameter may be. It says what the program says.
CREATE TABLE parameter_def (
  name          TEXT    PRIMARY KEY,
  type          TEXT    NOT NULL,
  scopes        TEXT    NOT NULL CHECK (scopes IN ('global', 'any')),
  lowest        REAL,
  highest       REAL,
  is_whole      INTEGER NOT NULL DEFAULT 0 CHECK (is_whole IN (0, 1)),
  choices       TEXT    NOT NULL DEFAULT '', -- separated by commas
  default_value TEXT    NOT NULL,
  help          TEXT    NOT NULL
) STRICT;
INSERT INTO parameter_def (name, type, scopes, lowest, highest, is_whole, choices, default_value, help) VALUES
  ('valid_lifetime', 'seconds', 'any', 1, 4294967295, 1, '', '7200', 'lifetime of a lease when the client asks for none'),
  ('min_valid_lifetime', 'seconds', 'any', 1, 4294967295, 1, '', '', 'shortest lifetime a client may ask for; default: valid_lifetime'),
  ('max_valid_lifetime', 'seconds', 'any', 1, 4294967295, 1, '', '', 'longest lifetime a client may ask for; default: valid_lifetime'),
  ('preferred_lifetime', 'seconds', 'any', 0, 4294967295, 1, '', '', 'DHCPv6 preferred lifetime; default: five eighths of the valid lifetime granted'),
  ('offer_lifetime', 'seconds', 'any', 1, 4294967295, 1, '', '60', 'how long an offered address is held for the client'),
  ('renew_timer', 'seconds', 'any', 0, 4294967295, 1, '', '', 'T1; default: t1_percent of the lifetime'),
  ('rebind_timer', 'seconds', 'any', 0, 4294967295, 1, '', '', 'T2; default: t2_percent of the lifetime'),
  ('t1_percent', 'percent', 'any', 1, 100, 0, '', '50', 'T1 as a share of the lifetime (RFC 2131 4.4.5); DHCPv6: of the preferred lifetime (RFC 9915 21.4)'),
  ('t2_percent', 'percent', 'any', 1, 100, 0, '', '', 'T2 as a share of the lifetime; default: 87.5 (DHCPv4), 80 (DHCPv6)'),
  ('cache_threshold', 'share', 'any', 0, 0.999999, 0, '', '0', 'a renewal that changes nothing is answered without a write while the lease''s age is below this share of its lifetime; 0: each is written'),
  ('cache_max_age', 'seconds', 'any', 0, 4294967295, 1, '', '', 'oldest lease that cache_threshold is used for; default: no bound'),
  ('authoritative', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'true', 'NAK clients that ask for an address of another network (RFC 2131 4.3.2)'),
  ('rapid_commit', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'false', 'answer a SOLICIT that has the Rapid Commit option at once (RFC 9915 18.3.1)'),
  ('match_client_id', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'true', 'identify DHCPv4 clients by client identifier before hardware address'),
  ('echo_client_id', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'true', 'return the client identifier (RFC 6842)'),
  ('server_identifier', 'ipv4-address', 'any', NULL, NULL, 0, '', '', 'DHCPv4 server identifier shared by all frontends; default: each frontend''s own address'),
  ('preference', 'uint8', 'any', 0, 255, 1, '', '0', 'DHCPv6 server preference (RFC 9915 21.8); 0 is not sent'),
  ('reclaim_grace', 'seconds', 'global', 60, 4294967295, 1, '', '60', 'how long after its end an address stays unused, at least 60'),
  ('affinity_time', 'seconds', 'global', 0, 4294967295, 1, '', '604800', 'how long an ended binding is remembered for a returning client while its address is not needed'),
  ('max_dead', 'count', 'global', 0, 1000000, 1, '', '100000', 'how many ended bindings a pool remembers at most, those that ended last'),
  ('decline_probation_period', 'seconds', 'global', 0, 4294967295, 1, '', '86400', 'quarantine of a declined address'),
  ('decline_limit', 'count', 'global', 0, 1000000, 1, '', '100', 'addresses that one client or circuit may put into quarantine within decline_probation_period; 0: any number'),
  ('circuit_rate', 'rate', 'global', 0, 1000000, 0, '', '0', 'conversations that one circuit behind a relay may begin a second; 0: no limit'),
  ('circuit_burst', 'count', 'global', 0, 1000000, 1, '', '10', 'conversations that it may begin at once'),
  ('relay_rate', 'rate', 'global', 0, 1000000, 0, '', '0', 'conversations that may begin behind one relay a second; 0: no limit'),
  ('relay_burst', 'count', 'global', 0, 1000000, 1, '', '1000', 'conversations that may begin there at once'),
  ('history_retention', 'seconds', 'global', 0, 4294967295, 1, '', '31536000', 'how long an ended holding stays in lease_history, and to the end of its month on servers; 0: for ever'),
  ('park_max', 'seconds', 'global', 0, 4294967295, 1, '', '604800', 'longest time a parked lease blocks its address'),
  ('ddns_send_updates', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'false', 'keep the names of clients in DNS'),
  ('ddns_override_no_update', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'false', 'do so also for clients that ask for no update'),
  ('ddns_override_client_update', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'false', 'keep the address record also for clients that want to do so themselves'),
  ('ddns_replace_client_name', 'choice', 'any', NULL, NULL, 0, 'never,always,when-present,when-not-present', 'never', 'when a generated name stands in for the client''s'),
  ('ddns_generated_prefix', 'label', 'any', NULL, NULL, 0, '', 'host', 'first part of generated names'),
  ('ddns_qualifying_suffix', 'domain', 'any', NULL, NULL, 0, '', '', 'domain of names that have none, and of generated ones'),
  ('ddns_confine_to_suffix', 'boolean', 'any', NULL, NULL, 0, 'true,false', 'true', 'do not use a client''s own name outside of the suffix; no effect without a suffix'),
  ('hostname_char_replacement', 'character', 'any', NULL, NULL, 0, '', '', 'stands for each character that a host name may not have; default: it is left out'),
  ('ddns_ttl', 'ttl', 'any', 0, 2147483647, 1, '', '', 'TTL of the records in seconds, whatever the lifetime; excludes the next three'),
  ('ddns_ttl_percent', 'whole-percent', 'any', 0, 100, 1, '', '', 'TTL as a share of the lifetime; default: a third (RFC 4702 5)'),
  ('ddns_ttl_min', 'ttl', 'any', 0, 2147483647, 1, '', '', 'shortest TTL; default: 600'),
  ('ddns_ttl_max', 'ttl', 'any', 0, 2147483647, 1, '', '', 'longest TTL; default: none');

-- Addresses that can be compared, as there is no type for them: the family (4 or
-- 6) and all hex digits. end_key is the last address that a pool covers: of
-- delegated prefixes, the last address of the last one. vrf is that of the link.
-- Triggers keep them, whoever writes the rows.
ALTER TABLE subnet ADD COLUMN vrf       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subnet ADD COLUMN first_key TEXT;
ALTER TABLE subnet ADD COLUMN last_key  TEXT;
ALTER TABLE subnet_relay ADD COLUMN vrf INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pool   ADD COLUMN vrf       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pool   ADD COLUMN first_key TEXT;
ALTER TABLE pool   ADD COLUMN last_key  TEXT;
ALTER TABLE pool   ADD COLUMN end_key   TEXT;
CREATE INDEX subnet_range ON subnet (vrf, first_key) WHERE closing = 0;
CREATE INDEX subnet_interface ON subnet (interface) WHERE interface <> '';
CREATE INDEX subnet_interface_id ON subnet (vrf, interface_id) WHERE interface_id <> x'';
CREATE INDEX subnet_relay_addr ON subnet_relay (vrf, addr);
CREATE INDEX pool_range ON pool (vrf, first_key) WHERE closing = 0;

-- The views below have no rows: to insert into one is to call it, as there are
-- no functions.

-- fills the columns of a row that others are compared with
CREATE VIEW rowlock_fill_subnet AS SELECT 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_fill_subnet_call INSTEAD OF INSERT ON rowlock_fill_subnet
BEGIN
  UPDATE subnet SET vrf = coalesce((SELECT vrf FROM link WHERE id = subnet.link_id), 0), (first_key, last_key) = (
    SELECT k, substr(substr(k, 1, 1 + len / 4) || substr('0123456789abcdef', 1 + (instr('0123456789abcdef', substr(k, 2 + len / 4, 1)) - 1 | (15 >> len % 4)), 1)
  || 'ffffffffffffffffffffffffffffffff', 1, length(k))
      FROM (SELECT len, CASE json_array_length(a)
  WHEN 4 THEN printf('4%02x%02x%02x%02x', json_extract(a, '$[0]'), json_extract(a, '$[1]'), json_extract(a, '$[2]'), json_extract(a, '$[3]'))
  WHEN 8 THEN '6' || substr('0000' || json_extract(a, '$[0]'), -4) || substr('0000' || json_extract(a, '$[1]'), -4)
       || substr('0000' || json_extract(a, '$[2]'), -4) || substr('0000' || json_extract(a, '$[3]'), -4)
       || substr('0000' || json_extract(a, '$[4]'), -4) || substr('0000' || json_extract(a, '$[5]'), -4)
       || substr('0000' || json_extract(a, '$[6]'), -4) || substr('0000' || json_extract(a, '$[7]'), -4)
  END AS k
              FROM (SELECT CAST(substr(prefix, instr(prefix, '/') + 1) AS INTEGER) AS len,
                           CASE
  WHEN substr(prefix, 1, instr(prefix, '/') - 1) NOT GLOB '*[^0-9.]*' THEN '["' || replace(substr(prefix, 1, instr(prefix, '/') - 1), '.', '","') || '"]'
  WHEN substr(prefix, 1, instr(prefix, '/') - 1) NOT GLOB '*[^0-9a-f:]*' THEN '["' || replace(replace(iif(substr(prefix, 1, instr(prefix, '/') - 1) GLOB '::*', '0', '') || substr(prefix, 1, instr(prefix, '/') - 1) || iif(substr(prefix, 1, instr(prefix, '/') - 1) GLOB '*::', '0', ''), '::',
       ':' || substr('0:0:0:0:0:0:0:', 1, 2 * (8 - length(substr(prefix, 1, instr(prefix, '/') - 1)) + length(replace(substr(prefix, 1, instr(prefix, '/') - 1), ':', ''))))), ':', '","') || '"]'
  END AS a
                     LIMIT 1) LIMIT 1) LIMIT 1)
   WHERE id = NEW.id;
END;
-- +goose StatementEnd
CREATE VIEW rowlock_fill_pool AS SELECT 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_fill_pool_call INSTEAD OF INSERT ON rowlock_fill_pool
BEGIN
  UPDATE pool SET vrf = coalesce((SELECT vrf FROM subnet WHERE id = pool.subnet_id), 0), (first_key, last_key, end_key) = (
    SELECT f, k, CASE kind WHEN 2 THEN substr(substr(k, 1, 1 + delegated_len / 4) || substr('0123456789abcdef', 1 + (instr('0123456789abcdef', substr(k, 2 + delegated_len / 4, 1)) - 1 | (15 >> delegated_len % 4)), 1)
  || 'ffffffffffffffffffffffffffffffff', 1, length(k))
      ELSE k END
      FROM (SELECT CASE json_array_length(a)
  WHEN 4 THEN printf('4%02x%02x%02x%02x', json_extract(a, '$[0]'), json_extract(a, '$[1]'), json_extract(a, '$[2]'), json_extract(a, '$[3]'))
  WHEN 8 THEN '6' || substr('0000' || json_extract(a, '$[0]'), -4) || substr('0000' || json_extract(a, '$[1]'), -4)
       || substr('0000' || json_extract(a, '$[2]'), -4) || substr('0000' || json_extract(a, '$[3]'), -4)
       || substr('0000' || json_extract(a, '$[4]'), -4) || substr('0000' || json_extract(a, '$[5]'), -4)
       || substr('0000' || json_extract(a, '$[6]'), -4) || substr('0000' || json_extract(a, '$[7]'), -4)
  END AS f,
           CASE json_array_length(b)
  WHEN 4 THEN printf('4%02x%02x%02x%02x', json_extract(b, '$[0]'), json_extract(b, '$[1]'), json_extract(b, '$[2]'), json_extract(b, '$[3]'))
  WHEN 8 THEN '6' || substr('0000' || json_extract(b, '$[0]'), -4) || substr('0000' || json_extract(b, '$[1]'), -4)
       || substr('0000' || json_extract(b, '$[2]'), -4) || substr('0000' || json_extract(b, '$[3]'), -4)
       || substr('0000' || json_extract(b, '$[4]'), -4) || substr('0000' || json_extract(b, '$[5]'), -4)
       || substr('0000' || json_extract(b, '$[6]'), -4) || substr('0000' || json_extract(b, '$[7]'), -4)
  END AS k
              FROM (SELECT CASE
  WHEN first_addr NOT GLOB '*[^0-9.]*' THEN '["' || replace(first_addr, '.', '","') || '"]'
  WHEN first_addr NOT GLOB '*[^0-9a-f:]*' THEN '["' || replace(replace(iif(first_addr GLOB '::*', '0', '') || first_addr || iif(first_addr GLOB '*::', '0', ''), '::',
       ':' || substr('0:0:0:0:0:0:0:', 1, 2 * (8 - length(first_addr) + length(replace(first_addr, ':', ''))))), ':', '","') || '"]'
  END AS a,
                           CASE
  WHEN last_addr NOT GLOB '*[^0-9.]*' THEN '["' || replace(last_addr, '.', '","') || '"]'
  WHEN last_addr NOT GLOB '*[^0-9a-f:]*' THEN '["' || replace(replace(iif(last_addr GLOB '::*', '0', '') || last_addr || iif(last_addr GLOB '*::', '0', ''), '::',
       ':' || substr('0:0:0:0:0:0:0:', 1, 2 * (8 - length(last_addr) + length(replace(last_addr, ':', ''))))), ':', '","') || '"]'
  END AS b
                     LIMIT 1) LIMIT 1) LIMIT 1)
   WHERE id = NEW.id;
END;
-- +goose StatementEnd
INSERT INTO rowlock_fill_subnet (id) SELECT id FROM subnet;
UPDATE subnet_relay SET vrf = coalesce((SELECT vrf FROM subnet WHERE id = subnet_id), 0);
INSERT INTO rowlock_fill_pool (id) SELECT id FROM pool;
-- +goose StatementBegin
CREATE TRIGGER link_vrf_update AFTER UPDATE OF vrf ON link
BEGIN
  UPDATE subnet SET vrf = NEW.vrf WHERE link_id = NEW.id AND vrf <> NEW.vrf;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_vrf_update AFTER UPDATE OF vrf ON subnet
BEGIN
  UPDATE pool SET vrf = s.vrf FROM subnet s WHERE s.id = NEW.id AND subnet_id = NEW.id AND pool.vrf <> s.vrf; -- it may have been put right
  UPDATE subnet_relay SET vrf = s.vrf FROM subnet s WHERE s.id = NEW.id AND subnet_id = NEW.id AND subnet_relay.vrf <> s.vrf;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_fill_insert AFTER INSERT ON subnet_relay
BEGIN
  UPDATE subnet_relay SET vrf = s.vrf FROM subnet s WHERE s.id = NEW.subnet_id AND subnet_id = NEW.subnet_id AND addr = NEW.addr AND subnet_relay.vrf <> s.vrf;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_fill_update AFTER UPDATE ON subnet_relay
BEGIN
  UPDATE subnet_relay SET vrf = s.vrf FROM subnet s WHERE s.id = NEW.subnet_id AND subnet_id = NEW.subnet_id AND addr = NEW.addr AND subnet_relay.vrf <> s.vrf;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_fill_insert AFTER INSERT ON subnet WHEN (SELECT applying = 0 FROM config_head) IS NOT 1
BEGIN
  INSERT INTO rowlock_fill_subnet (id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_fill_update AFTER UPDATE OF link_id, prefix ON subnet
WHEN (SELECT applying = 0 FROM config_head) IS NOT 1 AND (NEW.link_id, NEW.prefix) <> (OLD.link_id, OLD.prefix)
BEGIN
  INSERT INTO rowlock_fill_subnet (id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_fill_insert AFTER INSERT ON pool WHEN (SELECT applying = 0 FROM config_head) IS NOT 1
BEGIN
  INSERT INTO rowlock_fill_pool (id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_fill_update AFTER UPDATE OF subnet_id, kind, first_addr, last_addr, delegated_len ON pool
WHEN (SELECT applying = 0 FROM config_head) IS NOT 1
 AND (NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len) <> (OLD.subnet_id, OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len)
BEGIN
  INSERT INTO rowlock_fill_pool (id) VALUES (NEW.id);
END;
-- +goose StatementEnd

-- raises the revision, and notes what changed. Whoever is noted since the newest
-- revision that is described stays noted: nobody has written down his change.
CREATE VIEW rowlock_note AS SELECT 0 AS kind, 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_note_call INSTEAD OF INSERT ON rowlock_note
BEGIN
  UPDATE config_head SET revision = revision + 1 WHERE id = 1;
  INSERT INTO config_change (kind, id, revision) SELECT NEW.kind, NEW.id, revision FROM config_head WHERE true
  ON CONFLICT (kind, id) DO UPDATE SET author = iif(config_change.revision > (SELECT described FROM config_head), config_change.author, ''),
    revision = excluded.revision;
END;
-- +goose StatementEnd

-- the same for what belongs to a scope
CREATE VIEW rowlock_note_scope AS SELECT '' AS scope, 0 AS scope_id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_note_scope_call INSTEAD OF INSERT ON rowlock_note_scope
BEGIN
  INSERT INTO rowlock_note (kind, id)
  SELECT 1, 0 WHERE NEW.scope = 'global'
  UNION ALL SELECT 2, NEW.scope_id WHERE NEW.scope = 'link'
  UNION ALL SELECT 2, link_id FROM subnet WHERE NEW.scope = 'subnet' AND id = NEW.scope_id;
END;
-- +goose StatementEnd

-- refuses a comment that the program refuses in a document: one that is too long,
-- or has a control character but for tabs and ends of lines. What is no UTF-8
-- does not become the same bytes again
CREATE VIEW rowlock_check_comment AS SELECT '' AS object, '' AS comment WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_comment_call INSTEAD OF INSERT ON rowlock_check_comment WHEN NEW.comment <> ''
BEGIN
  SELECT CASE NEW.object
         WHEN 'link' THEN RAISE(ABORT, 'link: a comment must have at most 4000 bytes')
         WHEN 'subnet' THEN RAISE(ABORT, 'subnet: a comment must have at most 4000 bytes')
         WHEN 'pool' THEN RAISE(ABORT, 'pool: a comment must have at most 4000 bytes')
         WHEN 'option_data' THEN RAISE(ABORT, 'option_data: a comment must have at most 4000 bytes')
         WHEN 'parameter' THEN RAISE(ABORT, 'parameter: a comment must have at most 4000 bytes')
         WHEN 'vrf' THEN RAISE(ABORT, 'vrf: a comment must have at most 4000 bytes')
         WHEN 'tsig_key' THEN RAISE(ABORT, 'tsig_key: a comment must have at most 4000 bytes')
         WHEN 'dns_zone' THEN RAISE(ABORT, 'dns_zone: a comment must have at most 4000 bytes')
         WHEN 'config_head' THEN RAISE(ABORT, 'config_head: a comment must have at most 4000 bytes')
         END
   WHERE length(CAST(NEW.comment AS BLOB)) > 4000;
  SELECT CASE NEW.object
         WHEN 'link' THEN RAISE(ABORT, 'link: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'subnet' THEN RAISE(ABORT, 'subnet: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'pool' THEN RAISE(ABORT, 'pool: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'option_data' THEN RAISE(ABORT, 'option_data: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'parameter' THEN RAISE(ABORT, 'parameter: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'vrf' THEN RAISE(ABORT, 'vrf: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'tsig_key' THEN RAISE(ABORT, 'tsig_key: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'dns_zone' THEN RAISE(ABORT, 'dns_zone: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         WHEN 'config_head' THEN RAISE(ABORT, 'config_head: a comment must be UTF-8 without control characters, but for tabs and ends of lines')
         END
   WHERE instr(CAST(NEW.comment AS BLOB), x'00') > 0
      OR NEW.comment GLOB '*[' || char(1) || '-' || char(8, 11) || '-' || char(31, 127) || '-' || char(159, 8232, 8233) || ']*'
      OR NEW.comment GLOB '*[^' || char(1) || '-' || char(127) || ']*' AND EXISTS (
           WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < length(NEW.comment))
           SELECT 1 FROM at WHERE CAST(char(unicode(substr(NEW.comment, i, 1))) AS BLOB) <> CAST(substr(NEW.comment, i, 1) AS BLOB));
END;
-- +goose StatementEnd

-- refuses what is not the canonical text (RFC 5952) of an address that the
-- object can have
CREATE VIEW rowlock_check_addr AS SELECT '' AS object, '' AS addr WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_addr_call INSTEAD OF INSERT ON rowlock_check_addr
BEGIN
  SELECT CASE
         WHEN CASE
              WHEN k GLOB '6*' THEN NEW.addr <> iif(zeros IS NULL, trim(text, ':'),
                   substr(text, 2, max(instr(text, zeros) - 2, 0)) || '::' || rtrim(substr(text, instr(text, zeros) + length(zeros)), ':'))
              WHEN k GLOB '4????????' THEN NEW.addr GLOB '0[0-9]*' OR NEW.addr GLOB '*.0[0-9]*' OR NEW.addr GLOB '.*' OR NEW.addr GLOB '*..*' OR NEW.addr GLOB '*.'
              ELSE true
              END
         THEN CASE NEW.object
              WHEN 'subnet' THEN CASE WHEN k GLOB '600000000000000000000ffff*' THEN RAISE(ABORT, 'subnet: an IPv4 prefix must be written as IPv4')
                   ELSE RAISE(ABORT, 'subnet: a prefix must be written in its shortest form') END
              WHEN 'pool' THEN CASE WHEN k GLOB '600000000000000000000ffff*' THEN RAISE(ABORT, 'pool: an IPv4 address must be written as IPv4')
                   ELSE RAISE(ABORT, 'pool: an address must be written in its shortest form') END
              WHEN 'subnet_relay' THEN RAISE(ABORT, 'subnet_relay: an address must be written in its shortest form')
              WHEN 'vrf_relay' THEN RAISE(ABORT, 'vrf_relay: an address must be written in its shortest form')
              END
         WHEN k GLOB '600000000000000000000ffff*'
         THEN CASE NEW.object
              WHEN 'subnet' THEN RAISE(ABORT, 'subnet: an IPv4 prefix must be written as IPv4')
              WHEN 'pool' THEN RAISE(ABORT, 'pool: an IPv4 address must be written as IPv4')
              WHEN 'subnet_relay' THEN RAISE(ABORT, 'subnet_relay: a relay must be a unicast address')
              WHEN 'vrf_relay' THEN RAISE(ABORT, 'vrf_relay: a relay must be a unicast address')
              END
         WHEN k GLOB '4e*' OR k GLOB '6ff*' OR trim(substr(k, 2), '0') = ''
         THEN CASE
              WHEN NEW.object = 'subnet' AND trim(substr(k, 2), '0') <> '' THEN RAISE(ABORT, 'subnet: a subnet must be unicast')
              WHEN NEW.object = 'subnet_relay' THEN RAISE(ABORT, 'subnet_relay: a relay must be a unicast address')
              WHEN NEW.object = 'vrf_relay' THEN RAISE(ABORT, 'vrf_relay: a relay must be a unicast address')
              END
         END
    FROM (SELECT k, text, CASE -- the longest row of zero groups, the first one if several are
                 WHEN instr(text, ':0:0:0:0:0:0:0:0:') THEN ':0:0:0:0:0:0:0:0:'
                 WHEN instr(text, ':0:0:0:0:0:0:0:') THEN ':0:0:0:0:0:0:0:'
                 WHEN instr(text, ':0:0:0:0:0:0:') THEN ':0:0:0:0:0:0:'
                 WHEN instr(text, ':0:0:0:0:0:') THEN ':0:0:0:0:0:'
                 WHEN instr(text, ':0:0:0:0:') THEN ':0:0:0:0:'
                 WHEN instr(text, ':0:0:0:') THEN ':0:0:0:'
                 WHEN instr(text, ':0:0:') THEN ':0:0:'
                 END AS zeros
            FROM (SELECT k, ':' || coalesce(nullif(ltrim(substr(k, 2, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 6, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 10, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 14, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 18, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 22, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 26, 4), '0'), ''), '0')
                      || ':' || coalesce(nullif(ltrim(substr(k, 30, 4), '0'), ''), '0') || ':' AS text
                    FROM (SELECT CASE json_array_length(a)
  WHEN iif(NEW.addr GLOB '*:*', 0, 4) THEN printf('4%02x%02x%02x%02x', json_extract(a, '$[0]'), json_extract(a, '$[1]'), json_extract(a, '$[2]'), json_extract(a, '$[3]'))
  WHEN 8 THEN '6' || substr('0000' || json_extract(a, '$[0]'), -4) || substr('0000' || json_extract(a, '$[1]'), -4)
       || substr('0000' || json_extract(a, '$[2]'), -4) || substr('0000' || json_extract(a, '$[3]'), -4)
       || substr('0000' || json_extract(a, '$[4]'), -4) || substr('0000' || json_extract(a, '$[5]'), -4)
       || substr('0000' || json_extract(a, '$[6]'), -4) || substr('0000' || json_extract(a, '$[7]'), -4)
  END AS k
                            FROM (SELECT CASE
  WHEN NEW.addr NOT GLOB '*[^0-9.]*' THEN '["' || replace(NEW.addr, '.', '","') || '"]'
  WHEN NEW.addr NOT GLOB '*[^0-9a-f:]*' THEN '["' || replace(replace(iif(NEW.addr GLOB '::*', '0', '') || NEW.addr || iif(NEW.addr GLOB '*::', '0', ''), '::',
       ':' || substr('0:0:0:0:0:0:0:', 1, 2 * (8 - length(NEW.addr) + length(replace(NEW.addr, ':', ''))))), ':', '","') || '"]'
  END AS a
                                   LIMIT 1) LIMIT 1) LIMIT 1) LIMIT 1) LIMIT 1;
END;
-- +goose StatementEnd

-- refuses what a subnet has wrong, alone or beside others
CREATE VIEW rowlock_check_subnet AS SELECT 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_subnet_call INSTEAD OF INSERT ON rowlock_check_subnet
BEGIN
  SELECT RAISE(ABORT, 'subnet: an id must be from 1 to 2147483647') WHERE NEW.id > 2147483647;
  SELECT RAISE(ABORT, 'subnet: the link must exist') FROM subnet s WHERE s.id = NEW.id AND NOT EXISTS (SELECT 1 FROM link WHERE id = s.link_id);
  SELECT CASE
         WHEN len > 4 * (length(first_key) - 1) OR CAST(len AS TEXT) <> substr(prefix, instr(prefix, '/') + 1)
         THEN RAISE(ABORT, 'subnet: a prefix must be written in its shortest form')
         WHEN first_key <> substr(substr(first_key, 1, 1 + len / 4) || substr('0123456789abcdef', 1 + (instr('0123456789abcdef', substr(first_key, 2 + len / 4, 1)) - 1 & ~(15 >> len % 4)), 1)
  || '00000000000000000000000000000000', 1, length(first_key))
         THEN RAISE(ABORT, 'subnet: the host bits of a prefix must be zero')
         WHEN interface_id <> x'' AND first_key GLOB '4*' THEN RAISE(ABORT, 'subnet: an interface_id must be in an IPv6 subnet')
         WHEN length(CAST(interface AS BLOB)) > 15 OR interface IN ('.', '..') OR interface GLOB '*[/:' || char(1) || '-' || char(32) || char(127) || ']*'
         THEN RAISE(ABORT, 'subnet: an interface must be a name of 1 to 15 characters without space, slash and colon')
         END
    FROM (SELECT prefix, first_key, interface, interface_id, CAST(substr(prefix, instr(prefix, '/') + 1) AS INTEGER) AS len FROM subnet WHERE id = NEW.id);
  SELECT RAISE(ABORT, 'link: a link without a name must have one subnet')
    FROM subnet s JOIN link l ON l.id = s.link_id
   WHERE s.id = NEW.id AND l.name IS NULL AND EXISTS (SELECT 1 FROM subnet o WHERE o.link_id = l.id AND o.id <> s.id);
  SELECT CASE substr(s.first_key, 1, 1)
         WHEN '4' THEN RAISE(ABORT, 'option_data: an option of a v4 subnet must be of that family')
         WHEN '6' THEN RAISE(ABORT, 'option_data: an option of a v6 subnet must be of that family')
         END
    FROM subnet s JOIN option_data o ON o.scope = 'subnet' AND o.scope_id = s.id AND o.family <> substr(s.first_key, 1, 1) WHERE s.id = NEW.id;
  SELECT CASE substr(s.first_key, 1, 1)
         WHEN '4' THEN RAISE(ABORT, 'subnet_relay: a relay of a v4 subnet must be of that family')
         WHEN '6' THEN RAISE(ABORT, 'subnet_relay: a relay of a v6 subnet must be of that family')
         END
    FROM subnet s JOIN subnet_relay r ON r.subnet_id = s.id AND (r.addr GLOB '*:*') <> (s.first_key GLOB '6*') WHERE s.id = NEW.id;
  SELECT RAISE(ABORT, 'subnet: subnets of a vrf must not overlap')
    FROM subnet s
   WHERE s.id = NEW.id AND s.closing = 0 AND s.first_key <= (
         SELECT o.last_key FROM subnet o WHERE o.vrf = s.vrf AND o.closing = 0 AND o.id <> s.id
            AND o.first_key BETWEEN substr(s.first_key, 1, 1) AND s.last_key
          ORDER BY o.first_key DESC LIMIT 1);
  SELECT RAISE(ABORT, 'subnet: the same interface must not select two links')
    FROM subnet s JOIN subnet o ON o.interface = s.interface AND o.interface <> '' AND o.link_id <> s.link_id AND o.closing = 0
         AND substr(o.first_key, 1, 1) = substr(s.first_key, 1, 1)
   WHERE s.id = NEW.id AND s.interface <> '' AND s.closing = 0;
  SELECT RAISE(ABORT, 'subnet: the same interface_id must not select two links')
    FROM subnet s CROSS JOIN subnet o ON o.vrf = s.vrf AND o.interface_id = s.interface_id AND o.interface_id <> x'' AND o.link_id <> s.link_id AND o.closing = 0
   WHERE s.id = NEW.id AND s.interface_id <> x'' AND s.closing = 0;
  SELECT RAISE(ABORT, 'subnet_relay: the same relay must not select two links')
    FROM subnet s CROSS JOIN subnet_relay r ON r.subnet_id = s.id
   CROSS JOIN subnet_relay q ON q.vrf = s.vrf AND q.addr = r.addr CROSS JOIN subnet o ON o.id = q.subnet_id AND o.link_id <> s.link_id AND o.closing = 0
   WHERE s.id = NEW.id AND s.closing = 0;
END;
-- +goose StatementEnd

-- refuses what a pool has wrong, alone or beside others
CREATE VIEW rowlock_check_pool AS SELECT 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_pool_call INSTEAD OF INSERT ON rowlock_check_pool
BEGIN
  SELECT RAISE(ABORT, 'pool: an id must be from 1 to 2147483647') WHERE NEW.id > 2147483647;
  SELECT RAISE(ABORT, 'pool: the subnet must exist') FROM pool p WHERE p.id = NEW.id AND NOT EXISTS (SELECT 1 FROM subnet WHERE id = p.subnet_id);
  SELECT CASE
         WHEN substr(p.first_key, 1, 1) <> substr(p.last_key, 1, 1) THEN RAISE(ABORT, 'pool: both ends of a pool must be of one family')
         WHEN p.first_key > p.last_key THEN RAISE(ABORT, 'pool: the first address of a pool must not be above the last')
         WHEN p.kind = 1 AND p.delegated_len <> 32 AND p.first_key GLOB '4*' THEN RAISE(ABORT, 'pool: the delegated length of an address pool must be 32')
         WHEN p.kind = 1 AND p.delegated_len <> 128 AND p.first_key GLOB '6*' THEN RAISE(ABORT, 'pool: the delegated length of an address pool must be 128')
         WHEN p.kind = 1 AND substr(p.first_key, 1, 1) <> substr(s.first_key, 1, 1)
           OR p.kind = 1 AND p.closing = 0 AND s.closing = 0 AND (p.first_key < s.first_key OR p.last_key > s.last_key)
         THEN RAISE(ABORT, 'pool: a pool must lie within its subnet')
         WHEN p.kind = 2 AND s.first_key GLOB '4*' THEN RAISE(ABORT, 'pd_pool: a pd_pool must be in an IPv6 subnet')
         WHEN p.kind = 2 AND p.first_key GLOB '4*' THEN RAISE(ABORT, 'pd_pool: the prefix of a pd_pool must be IPv6')
         WHEN p.kind = 2 AND p.delegated_len > 127 THEN RAISE(ABORT, 'pd_pool: a delegated length must be from 1 to 127')
         END
    FROM pool p JOIN subnet s ON s.id = p.subnet_id WHERE p.id = NEW.id;
  SELECT RAISE(ABORT, 'pd_pool: a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length')
    FROM (SELECT *, instr('0123456789abcdef', substr(first_key, digits, 1)) - 1 AS low, instr('0123456789abcdef', substr(end_key, digits, 1)) - 1 AS high
            FROM (SELECT first_key, last_key, end_key, delegated_len, max(length(rtrim(first_key, '0')), length(rtrim(end_key, 'f'))) AS digits
                    FROM pool WHERE id = NEW.id AND kind = 2))
   WHERE substr(first_key, 1, digits - 1) <> substr(end_key, 1, digits - 1) OR high < low OR (high - low & high - low + 1) <> 0 OR (low & high - low) <> 0
      OR last_key <> substr(substr(last_key, 1, 1 + delegated_len / 4) || substr('0123456789abcdef', 1 + (instr('0123456789abcdef', substr(last_key, 2 + delegated_len / 4, 1)) - 1 & ~(15 >> delegated_len % 4)), 1)
  || '00000000000000000000000000000000', 1, length(last_key));
  SELECT RAISE(ABORT, 'pool: pools of a vrf must not overlap')
    FROM pool p JOIN subnet s ON s.id = p.subnet_id
   WHERE p.id = NEW.id AND p.closing = 0 AND s.closing = 0 AND p.first_key <= (
         SELECT o.end_key FROM pool o JOIN subnet t ON t.id = o.subnet_id AND t.closing = 0
          WHERE o.vrf = s.vrf AND o.closing = 0 AND o.id <> p.id AND o.first_key BETWEEN substr(p.first_key, 1, 1) AND p.end_key
          ORDER BY o.first_key DESC LIMIT 1);
END;
-- +goose StatementEnd

-- marks a generation that ends; who may still hand out of it is looked at when
-- it is settled, by which time a frontend may have come back
CREATE VIEW rowlock_end_gen AS SELECT 0 AS id, 0 AS gen WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_end_gen_call INSTEAD OF INSERT ON rowlock_end_gen
BEGIN
  UPDATE pool_gen SET retired_rev = (SELECT revision FROM config_head)
   WHERE pool_id = NEW.id AND gen = NEW.gen;
END;
-- +goose StatementEnd

-- sets what a pool has of the program's own; applying passes pool_kept by
CREATE VIEW rowlock_set_pool AS SELECT 0 AS id, 0 AS gen, 0 AS waiting WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_set_pool_call INSTEAD OF INSERT ON rowlock_set_pool
BEGIN
  UPDATE config_head SET applying = 1 WHERE id = 1;
  UPDATE pool SET gen = NEW.gen, waiting = NEW.waiting WHERE id = NEW.id;
  UPDATE config_head SET applying = 0 WHERE id = 1;
END;
-- +goose StatementEnd

-- sets the links that a subnet was on; applying passes subnet_former by
CREATE VIEW rowlock_set_former AS SELECT 0 AS id, 0 AS previous_link_id, 0 AS earlier_link_id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_set_former_call INSTEAD OF INSERT ON rowlock_set_former
BEGIN
  UPDATE config_head SET applying = 1 WHERE id = 1;
  UPDATE subnet SET previous_link_id = NEW.previous_link_id, earlier_link_id = NEW.earlier_link_id WHERE id = NEW.id;
  UPDATE config_head SET applying = 0 WHERE id = 1;
END;
-- +goose StatementEnd

-- The subnet or pool that has the id of a row that is about to be inserted, for
-- the triggers after that: REPLACE takes it away without a word. Each row that is
-- inserted sets this anew, so that what an INSERT OR IGNORE leaves here means
-- nothing.
CREATE TABLE rowlock_replaced (
  link_id          INTEGER NOT NULL,
  previous_link_id INTEGER NOT NULL DEFAULT 0,
  earlier_link_id  INTEGER NOT NULL DEFAULT 0,
  vrf              INTEGER NOT NULL,
  closing          INTEGER NOT NULL,
  gen              INTEGER NOT NULL DEFAULT 0
) STRICT;

-- begins a generation of a pool: hints of earlier ones are void. What other
-- prefixes are held in its range is not known here, so an IPv6 pool waits.
CREATE VIEW rowlock_new_gen AS SELECT 0 AS id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_new_gen_call INSTEAD OF INSERT ON rowlock_new_gen
BEGIN
  INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, made_at, vrf)
  SELECT p.id, 1 + coalesce((SELECT max(gen) FROM pool_gen WHERE pool_id = p.id), 0), p.first_addr, p.last_addr, p.delegated_len,
         CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000, l.vrf
    FROM pool p JOIN subnet s ON s.id = p.subnet_id JOIN link l ON l.id = s.link_id WHERE p.id = NEW.id;
  INSERT INTO rowlock_set_pool (id, gen, waiting)
  SELECT id, (SELECT max(gen) FROM pool_gen WHERE pool_id = NEW.id), first_key GLOB '6*' FROM pool WHERE id = NEW.id;
  DELETE FROM addr_chunk WHERE pool_id = NEW.id;
  DELETE FROM pool_cursor WHERE pool_id = NEW.id;
  DELETE FROM addr_free WHERE pool_id = NEW.id;
END;
-- +goose StatementEnd

-- refuses an option or a parameter whose scope does not exist
CREATE VIEW rowlock_check_scope AS SELECT '' AS object, '' AS scope, 0 AS scope_id WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_scope_call INSTEAD OF INSERT ON rowlock_check_scope
BEGIN
  SELECT CASE NEW.object
         WHEN 'option_data' THEN RAISE(ABORT, 'option_data: the scope_id must be that of a link or subnet, and 0 for global')
         WHEN 'parameter' THEN RAISE(ABORT, 'parameter: the scope_id must be that of a link or subnet, and 0 for global')
         END
   WHERE NOT CASE NEW.scope
         WHEN 'global' THEN NEW.scope_id = 0
         WHEN 'link' THEN EXISTS (SELECT 1 FROM link WHERE id = NEW.scope_id)
         WHEN 'subnet' THEN EXISTS (SELECT 1 FROM subnet WHERE id = NEW.scope_id)
         END;
END;
-- +goose StatementEnd

-- refuses a parameter that is not one, or whose value does not fit
CREATE VIEW rowlock_check_parameter AS SELECT '' AS scope, '' AS name, '' AS value WHERE 0;
-- +goose StatementBegin
CREATE TRIGGER rowlock_check_parameter_call INSTEAD OF INSERT ON rowlock_check_parameter
BEGIN
  SELECT RAISE(ABORT, 'parameter: a parameter must be one that exists') WHERE NOT EXISTS (SELECT 1 FROM parameter_def WHERE name = NEW.name);
  SELECT RAISE(ABORT, 'parameter: the parameter may be set globally only') FROM parameter_def
   WHERE name = NEW.name AND scopes = 'global' AND NEW.scope <> 'global';
  SELECT CASE d.type
         WHEN 'seconds' THEN RAISE(ABORT, 'parameter: the value must be of type seconds')
         WHEN 'percent' THEN RAISE(ABORT, 'parameter: the value must be of type percent')
         WHEN 'share' THEN RAISE(ABORT, 'parameter: the value must be of type share')
         WHEN 'boolean' THEN RAISE(ABORT, 'parameter: the value must be of type boolean')
         WHEN 'ipv4-address' THEN RAISE(ABORT, 'parameter: the value must be of type ipv4-address')
         WHEN 'uint8' THEN RAISE(ABORT, 'parameter: the value must be of type uint8')
         WHEN 'count' THEN RAISE(ABORT, 'parameter: the value must be of type count')
         WHEN 'rate' THEN RAISE(ABORT, 'parameter: the value must be of type rate')
         WHEN 'ttl' THEN RAISE(ABORT, 'parameter: the value must be of type ttl')
         WHEN 'whole-percent' THEN RAISE(ABORT, 'parameter: the value must be of type whole-percent')
         WHEN 'choice' THEN RAISE(ABORT, 'parameter: the value must be of type choice')
         END
    FROM parameter_def d
   WHERE d.name = NEW.name AND NOT CASE
         WHEN d.type = 'ipv4-address' THEN CASE WHEN NEW.value GLOB '*[^0-9.]*' THEN false ELSE
              (SELECT count(*) = 4 AND max(j.value = '' OR j.value GLOB '0?*' OR length(j.value) > 3 OR CAST(j.value AS INTEGER) > 255) = 0
                 FROM json_each('["' || replace(NEW.value, '.', '","') || '"]') j) END
         WHEN d.choices <> '' THEN instr(NEW.value, ',') = 0 AND instr(',' || d.choices || ',', ',' || NEW.value || ',') > 0
         WHEN d.is_whole THEN NEW.value <> '' AND NEW.value NOT GLOB '*[^0-9]*' AND CAST(NEW.value AS REAL) BETWEEN d.lowest AND d.highest
         WHEN d.lowest IS NOT NULL THEN NEW.value GLOB '*[0-9]*' AND NEW.value NOT GLOB '*[^0-9.]*' AND NEW.value NOT GLOB '*.*.*'
              AND CAST(NEW.value AS REAL) BETWEEN d.lowest AND d.highest AND (d.type <> 'rate' OR CAST(NEW.value AS REAL) NOT BETWEEN 1e-99 AND 0.000999999999)
         ELSE true
         END;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER config_head_revision BEFORE UPDATE OF revision, described ON config_head WHEN OLD.applying = 0 AND NEW.applying = 0
BEGIN
  SELECT RAISE(ABORT, 'config_head: a revision must not go back') WHERE NEW.revision < OLD.revision;
  SELECT RAISE(ABORT, 'config_head: a revision that is not there must not be described') WHERE NEW.described > NEW.revision;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER config_head_delete BEFORE DELETE ON config_head WHEN OLD.applying = 0
BEGIN
  SELECT RAISE(ABORT, 'config_head: the row must stay');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER config_head_insert BEFORE INSERT ON config_head WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'config_head: the row must stay'); -- REPLACE
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER config_head_update AFTER UPDATE OF comment ON config_head WHEN NEW.comment <> OLD.comment AND NEW.applying = 0
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('config_head', NEW.comment);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- What several people say of changes that become one revision is kept, one a
-- line, cut at the length of a comment and not within a character. Who says
-- nothing new adds nothing. It is a change by itself: what is said alone is not
-- to stand at what somebody else does later.
-- +goose StatementBegin
CREATE TRIGGER config_head_said AFTER UPDATE OF change_comment ON config_head
WHEN NEW.change_comment <> OLD.change_comment AND OLD.applying = 0 AND NEW.applying = 0
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('config_head', NEW.change_comment);
  UPDATE config_head SET applying = 1 WHERE id = NEW.id; -- the next statement is not somebody's
  UPDATE config_head SET change_comment = (
    SELECT CASE WHEN instr(eol || OLD.change_comment || eol, eol || NEW.change_comment || eol) > 0 THEN OLD.change_comment
                WHEN length(b) <= 4000 THEN CAST(b AS TEXT)
                ELSE CAST(substr(b, 1, CASE WHEN substr(b, 4001, 1) NOT BETWEEN x'80' AND x'bf' THEN 4000 WHEN substr(b, 4000, 1) NOT BETWEEN x'80' AND x'bf' THEN 3999
                                            WHEN substr(b, 3999, 1) NOT BETWEEN x'80' AND x'bf' THEN 3998 ELSE 3997 END) AS TEXT) END
      FROM (SELECT char(10) AS eol, CAST(OLD.change_comment || char(10) || NEW.change_comment AS BLOB) AS b))
   WHERE id = NEW.id AND OLD.change_comment <> '' AND NEW.change_comment <> ''
     AND instr(char(10) || NEW.change_comment || char(10), char(10) || OLD.change_comment || char(10)) = 0;
  UPDATE config_head SET applying = 0 WHERE id = NEW.id;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd

-- An id may be written by another name, such as rowid: these have no list of
-- columns, and are before the row that REPLACE would take out of the way is gone.
-- +goose StatementBegin
CREATE TRIGGER link_id BEFORE UPDATE ON link WHEN NEW.id <> OLD.id AND (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'link: an id must not change');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_id BEFORE UPDATE ON subnet WHEN NEW.id <> OLD.id AND (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'subnet: an id must not change');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_id BEFORE UPDATE ON pool WHEN NEW.id <> OLD.id AND (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'pool: an id must not change');
END;
-- +goose StatementEnd
-- What triggers keep is put right whatever is written there.
-- +goose StatementBegin
CREATE TRIGGER subnet_kept AFTER UPDATE OF vrf, first_key, last_key ON subnet
WHEN (SELECT applying = 0 FROM config_head) AND (NEW.vrf, NEW.first_key, NEW.last_key) IS NOT (OLD.vrf, OLD.first_key, OLD.last_key)
BEGIN
  INSERT INTO rowlock_fill_subnet (id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_key_kept AFTER UPDATE OF vrf, first_key, last_key, end_key ON pool
WHEN (SELECT applying = 0 FROM config_head)
 AND (NEW.vrf, NEW.first_key, NEW.last_key, NEW.end_key) IS NOT (OLD.vrf, OLD.first_key, OLD.last_key, OLD.end_key)
BEGIN
  INSERT INTO rowlock_fill_pool (id) VALUES (NEW.id);
END;
-- +goose StatementEnd

-- Names are looked at before the row is written: REPLACE would take another link
-- out of their way, and no trigger would note that.
-- +goose StatementBegin
CREATE TRIGGER link_name_insert BEFORE INSERT ON link WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'link: a name must be used for one shared_network only')
    FROM link WHERE name = NEW.name AND id IS NOT NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_name_update BEFORE UPDATE OF name ON link WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'link: a name must be used for one shared_network only')
    FROM link WHERE name = NEW.name AND id <> OLD.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_insert AFTER INSERT ON link WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('link', NEW.comment);
  SELECT RAISE(ABORT, 'link: an id must be from 1 to 2147483647') WHERE NEW.id > 2147483647;
  SELECT RAISE(ABORT, 'link: a vrf must be from 0 to 2147483647') WHERE NEW.vrf > 2147483647;
  SELECT RAISE(ABORT, 'link: the vrf of a link must not change while it has subnets') FROM subnet WHERE link_id = NEW.id AND vrf <> NEW.vrf;
  SELECT RAISE(ABORT, 'link: a link without a name must have one subnet')
   WHERE NEW.name IS NULL AND (SELECT count(*) FROM subnet WHERE link_id = NEW.id) > 1;
  UPDATE config_head SET last_link_id = max(last_link_id, NEW.id) WHERE id = 1;
  INSERT INTO rowlock_note (kind, id) VALUES (2, NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_update AFTER UPDATE OF name, vrf, comment ON link WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('link', NEW.comment);
  SELECT RAISE(ABORT, 'link: a vrf must be from 0 to 2147483647') WHERE NEW.vrf > 2147483647;
  SELECT RAISE(ABORT, 'link: the vrf of a link must not change while it has subnets') WHERE NEW.vrf <> OLD.vrf AND EXISTS (SELECT 1 FROM subnet WHERE link_id = NEW.id);
  SELECT RAISE(ABORT, 'link: a link without a name must have one subnet')
   WHERE NEW.name IS NULL AND (SELECT count(*) FROM subnet WHERE link_id = NEW.id) > 1;
  INSERT INTO rowlock_note (kind, id) VALUES (2, NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_delete BEFORE DELETE ON link WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'link: a link that has subnets must stay') FROM subnet WHERE link_id = OLD.id;
  DELETE FROM option_data WHERE scope = 'link' AND scope_id = OLD.id;
  DELETE FROM parameter WHERE scope = 'link' AND scope_id = OLD.id;
  INSERT INTO rowlock_note (kind, id) VALUES (2, OLD.id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_text_insert BEFORE INSERT ON subnet WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('subnet', substr(NEW.prefix, 1, instr(NEW.prefix, '/') - 1));
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_text_update BEFORE UPDATE OF prefix ON subnet WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('subnet', substr(NEW.prefix, 1, instr(NEW.prefix, '/') - 1));
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_replace BEFORE INSERT ON subnet WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  DELETE FROM rowlock_replaced;
  INSERT INTO rowlock_replaced (link_id, previous_link_id, earlier_link_id, vrf, closing)
  SELECT link_id, previous_link_id, earlier_link_id, vrf, closing FROM subnet WHERE id = NEW.id;
END;
-- +goose StatementEnd
-- A subnet that was replaced moves as one whose link is updated.
-- +goose StatementBegin
CREATE TRIGGER subnet_insert AFTER INSERT ON subnet WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('subnet', NEW.comment);
  INSERT INTO rowlock_fill_subnet (id) VALUES (NEW.id);
  INSERT INTO rowlock_check_subnet (id) VALUES (NEW.id);
  SELECT RAISE(ABORT, 'subnet: a subnet with pools must not move to a link of another vrf')
    FROM rowlock_replaced r WHERE r.vrf <> (SELECT vrf FROM link WHERE id = NEW.link_id) AND EXISTS (SELECT 1 FROM pool WHERE subnet_id = NEW.id);
  INSERT INTO rowlock_check_pool (id) SELECT id FROM pool WHERE subnet_id = NEW.id;
  INSERT INTO rowlock_set_pool (id, gen, waiting)
  SELECT p.id, p.gen, 1 FROM rowlock_replaced r CROSS JOIN pool p WHERE p.subnet_id = NEW.id AND p.closing = 0 AND NEW.closing < r.closing AND p.first_key GLOB '6*';
  INSERT INTO rowlock_set_former (id, previous_link_id, earlier_link_id)
  SELECT NEW.id, iif(link_id = NEW.link_id, previous_link_id, link_id), iif(link_id = NEW.link_id, earlier_link_id, previous_link_id) FROM rowlock_replaced
  UNION ALL SELECT NEW.id, 0, 0 WHERE (NEW.previous_link_id, NEW.earlier_link_id) <> (0, 0) AND NOT EXISTS (SELECT 1 FROM rowlock_replaced);
  UPDATE config_head SET last_subnet_id = max(last_subnet_id, NEW.id) WHERE id = 1;
  INSERT INTO rowlock_note (kind, id) VALUES (2, NEW.link_id);
  INSERT INTO rowlock_note (kind, id) SELECT 2, link_id FROM rowlock_replaced WHERE link_id <> NEW.link_id;
  INSERT INTO rowlock_end_gen (id, gen)
  SELECT p.id, p.gen FROM rowlock_replaced r CROSS JOIN pool p WHERE p.subnet_id = NEW.id AND p.closing = 0 AND NEW.closing > r.closing;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_update AFTER UPDATE OF link_id, prefix, interface, interface_id, closing, comment ON subnet
WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('subnet', NEW.comment);
  INSERT INTO rowlock_fill_subnet (id) SELECT NEW.id
   WHERE (NEW.link_id, NEW.prefix, NEW.vrf, NEW.first_key, NEW.last_key) IS NOT (OLD.link_id, OLD.prefix, OLD.vrf, OLD.first_key, OLD.last_key);
  INSERT INTO rowlock_check_subnet (id) VALUES (NEW.id);
  SELECT RAISE(ABORT, 'subnet: a subnet with pools must not move to a link of another vrf')
   WHERE (SELECT vrf FROM link WHERE id = NEW.link_id) <> OLD.vrf AND EXISTS (SELECT 1 FROM pool WHERE subnet_id = NEW.id);
  INSERT INTO rowlock_check_pool (id) SELECT id FROM pool WHERE subnet_id = NEW.id AND (NEW.prefix <> OLD.prefix OR NEW.closing < OLD.closing);
  INSERT INTO rowlock_set_pool (id, gen, waiting)
  SELECT id, gen, 1 FROM pool WHERE subnet_id = NEW.id AND closing = 0 AND NEW.closing < OLD.closing AND first_key GLOB '6*';
  INSERT INTO rowlock_note (kind, id) VALUES (2, NEW.link_id);
  INSERT INTO rowlock_note (kind, id) SELECT 2, OLD.link_id WHERE NEW.link_id <> OLD.link_id;
  INSERT INTO rowlock_end_gen (id, gen) SELECT id, gen FROM pool WHERE subnet_id = NEW.id AND closing = 0 AND NEW.closing > OLD.closing;
END;
-- +goose StatementEnd
-- Where a subnet was says how it was moved, whatever is written.
-- +goose StatementBegin
CREATE TRIGGER subnet_former AFTER UPDATE OF link_id, previous_link_id, earlier_link_id ON subnet
WHEN (SELECT applying = 0 FROM config_head) AND (NEW.link_id, NEW.previous_link_id, NEW.earlier_link_id) <> (OLD.link_id, OLD.previous_link_id, OLD.earlier_link_id)
BEGIN
  INSERT INTO rowlock_set_former (id, previous_link_id, earlier_link_id)
  SELECT OLD.id, iif(OLD.link_id = NEW.link_id, OLD.previous_link_id, OLD.link_id), iif(OLD.link_id = NEW.link_id, OLD.earlier_link_id, OLD.previous_link_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_delete BEFORE DELETE ON subnet WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'subnet: a subnet that has pools must stay') FROM pool WHERE subnet_id = OLD.id;
  DELETE FROM subnet_relay WHERE subnet_id = OLD.id;
  DELETE FROM option_data WHERE scope = 'subnet' AND scope_id = OLD.id;
  DELETE FROM parameter WHERE scope = 'subnet' AND scope_id = OLD.id;
  INSERT INTO rowlock_note (kind, id) VALUES (2, OLD.link_id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_relay_insert BEFORE INSERT ON subnet_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'subnet_relay: the subnet must exist') WHERE NOT EXISTS (SELECT 1 FROM subnet WHERE id = NEW.subnet_id);
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('subnet_relay', NEW.addr);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_update BEFORE UPDATE OF subnet_id, addr ON subnet_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'subnet_relay: the subnet must exist') WHERE NOT EXISTS (SELECT 1 FROM subnet WHERE id = NEW.subnet_id);
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('subnet_relay', NEW.addr);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_inserted AFTER INSERT ON subnet_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_subnet (id) VALUES (NEW.subnet_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', NEW.subnet_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_updated AFTER UPDATE OF subnet_id, addr ON subnet_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_subnet (id) VALUES (NEW.subnet_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', NEW.subnet_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) SELECT 'subnet', OLD.subnet_id WHERE NEW.subnet_id <> OLD.subnet_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subnet_relay_delete AFTER DELETE ON subnet_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', OLD.subnet_id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pool_text_insert BEFORE INSERT ON pool WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('pool', NEW.first_addr), ('pool', NEW.last_addr);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_text_update BEFORE UPDATE OF first_addr, last_addr ON pool WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('pool', NEW.first_addr), ('pool', NEW.last_addr);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_replace BEFORE INSERT ON pool WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  DELETE FROM rowlock_replaced;
  INSERT INTO rowlock_replaced (link_id, vrf, closing, gen)
  SELECT s.link_id, p.vrf, p.closing, p.gen FROM pool p JOIN subnet s ON s.id = p.subnet_id WHERE p.id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_insert AFTER INSERT ON pool WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('pool', NEW.comment);
  INSERT INTO rowlock_fill_pool (id) VALUES (NEW.id);
  INSERT INTO rowlock_check_pool (id) VALUES (NEW.id);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', NEW.subnet_id);
  INSERT INTO rowlock_note (kind, id) SELECT 2, link_id FROM rowlock_replaced WHERE link_id <> (SELECT link_id FROM subnet WHERE id = NEW.subnet_id);
  INSERT INTO rowlock_end_gen (id, gen) SELECT NEW.id, gen FROM rowlock_replaced;
  INSERT INTO rowlock_new_gen (id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_update AFTER UPDATE OF subnet_id, position, kind, first_addr, last_addr, delegated_len, closing, comment ON pool
WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('pool', NEW.comment);
  INSERT INTO rowlock_fill_pool (id) SELECT NEW.id
   WHERE (NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len) <> (OLD.subnet_id, OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len)
      OR (NEW.vrf, NEW.first_key, NEW.last_key, NEW.end_key) IS NOT (OLD.vrf, OLD.first_key, OLD.last_key, OLD.end_key);
  INSERT INTO rowlock_check_pool (id) VALUES (NEW.id);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', NEW.subnet_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) SELECT 'subnet', OLD.subnet_id WHERE NEW.subnet_id <> OLD.subnet_id;
  INSERT INTO rowlock_set_pool (id, gen, waiting) SELECT id, gen, 1 FROM pool WHERE id = NEW.id AND NEW.closing < OLD.closing AND first_key GLOB '6*';
  INSERT INTO rowlock_end_gen (id, gen) SELECT OLD.id, OLD.gen
   WHERE NEW.closing > OLD.closing OR (NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len) <> (OLD.subnet_id, OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len);
  INSERT INTO rowlock_new_gen (id) SELECT NEW.id
   WHERE (NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len) <> (OLD.subnet_id, OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len);
END;
-- +goose StatementEnd
-- The generation is that of the geometry, and who waits is the program's
-- business, whatever is written.
-- +goose StatementBegin
CREATE TRIGGER pool_kept AFTER UPDATE OF gen, waiting ON pool
WHEN (SELECT applying = 0 FROM config_head) AND (NEW.gen, NEW.waiting) <> (OLD.gen, OLD.waiting)
 AND (NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len) = (OLD.subnet_id, OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len)
BEGIN
  INSERT INTO rowlock_set_pool (id, gen, waiting) VALUES (OLD.id, OLD.gen, OLD.waiting OR OLD.closing > NEW.closing AND NEW.first_key GLOB '6*');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pool_delete AFTER DELETE ON pool WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES ('subnet', OLD.subnet_id);
  INSERT INTO rowlock_end_gen (id, gen) VALUES (OLD.id, OLD.gen);
  DELETE FROM addr_chunk WHERE pool_id = OLD.id;
  DELETE FROM pool_cursor WHERE pool_id = OLD.id;
  DELETE FROM addr_free WHERE pool_id = OLD.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER option_data_insert AFTER INSERT ON option_data WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('option_data', NEW.comment);
  INSERT INTO rowlock_check_scope (object, scope, scope_id) VALUES ('option_data', NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_check_subnet (id) SELECT NEW.scope_id WHERE NEW.scope = 'subnet';
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (NEW.scope, NEW.scope_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER option_data_update AFTER UPDATE ON option_data WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('option_data', NEW.comment);
  INSERT INTO rowlock_check_scope (object, scope, scope_id) VALUES ('option_data', NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_check_subnet (id) SELECT NEW.scope_id WHERE NEW.scope = 'subnet';
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) SELECT OLD.scope, OLD.scope_id WHERE (NEW.scope, NEW.scope_id) <> (OLD.scope, OLD.scope_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER option_data_delete AFTER DELETE ON option_data WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (OLD.scope, OLD.scope_id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER parameter_insert AFTER INSERT ON parameter WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('parameter', NEW.comment);
  INSERT INTO rowlock_check_scope (object, scope, scope_id) VALUES ('parameter', NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_check_parameter (scope, name, value) VALUES (NEW.scope, NEW.name, NEW.value);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (NEW.scope, NEW.scope_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER parameter_update AFTER UPDATE ON parameter WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('parameter', NEW.comment);
  INSERT INTO rowlock_check_scope (object, scope, scope_id) VALUES ('parameter', NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_check_parameter (scope, name, value) VALUES (NEW.scope, NEW.name, NEW.value);
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (NEW.scope, NEW.scope_id);
  INSERT INTO rowlock_note_scope (scope, scope_id) SELECT OLD.scope, OLD.scope_id WHERE (NEW.scope, NEW.scope_id) <> (OLD.scope, OLD.scope_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER parameter_delete AFTER DELETE ON parameter WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note_scope (scope, scope_id) VALUES (OLD.scope, OLD.scope_id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vrf_insert AFTER INSERT ON vrf WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('vrf', NEW.comment);
  SELECT RAISE(ABORT, 'vrf: a vrf must be from 0 to 2147483647') WHERE NEW.id > 2147483647;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_update AFTER UPDATE ON vrf WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('vrf', NEW.comment);
  SELECT RAISE(ABORT, 'vrf: an id must not change') WHERE NEW.id <> OLD.id;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_delete BEFORE DELETE ON vrf WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  DELETE FROM vrf_interface WHERE vrf = OLD.id;
  DELETE FROM vrf_relay WHERE vrf = OLD.id;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_interface_insert AFTER INSERT ON vrf_interface WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'vrf_interface: the vrf must exist') WHERE NOT EXISTS (SELECT 1 FROM vrf WHERE id = NEW.vrf);
  SELECT RAISE(ABORT, 'vrf_interface: an interface must be a name of 1 to 15 characters without space, slash and colon')
   WHERE length(CAST(NEW.name AS BLOB)) > 15 OR NEW.name IN ('.', '..') OR NEW.name GLOB '*[/:' || char(1) || '-' || char(32) || char(127) || ']*';
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_interface_update AFTER UPDATE ON vrf_interface WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'vrf_interface: the vrf must exist') WHERE NOT EXISTS (SELECT 1 FROM vrf WHERE id = NEW.vrf);
  SELECT RAISE(ABORT, 'vrf_interface: an interface must be a name of 1 to 15 characters without space, slash and colon')
   WHERE length(CAST(NEW.name AS BLOB)) > 15 OR NEW.name IN ('.', '..') OR NEW.name GLOB '*[/:' || char(1) || '-' || char(32) || char(127) || ']*';
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_interface_delete AFTER DELETE ON vrf_interface WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_relay_insert AFTER INSERT ON vrf_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'vrf_relay: the vrf must exist') WHERE NOT EXISTS (SELECT 1 FROM vrf WHERE id = NEW.vrf);
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('vrf_relay', NEW.addr);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_relay_update AFTER UPDATE ON vrf_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'vrf_relay: the vrf must exist') WHERE NOT EXISTS (SELECT 1 FROM vrf WHERE id = NEW.vrf);
  INSERT INTO rowlock_check_addr (object, addr) VALUES ('vrf_relay', NEW.addr);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER vrf_relay_delete AFTER DELETE ON vrf_relay WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tsig_key_insert AFTER INSERT ON tsig_key WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('tsig_key', NEW.comment);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tsig_key_update AFTER UPDATE ON tsig_key WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('tsig_key', NEW.comment);
  SELECT RAISE(ABORT, 'tsig_key: a key that a server has must stay') FROM dns_server WHERE tsig_key = OLD.name AND NEW.name <> OLD.name;
  UPDATE tsig_key SET fingerprint = '' WHERE name = NEW.name AND NEW.secret <> OLD.secret AND NEW.fingerprint = OLD.fingerprint; -- it is that of the old one
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tsig_key_delete BEFORE DELETE ON tsig_key WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'tsig_key: a key that a server has must stay') FROM dns_server WHERE tsig_key = OLD.name;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_zone_insert AFTER INSERT ON dns_zone WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('dns_zone', NEW.comment);
  SELECT RAISE(ABORT, 'dns_zone: the name of a zone must be labels of letters, digits and - (a reverse zone also _ and /), in lower case and without a final dot')
   WHERE NEW.name GLOB '*[^-a-z0-9_/.]*' OR '.' || NEW.name || '.' GLOB '*..*';
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_zone_update AFTER UPDATE ON dns_zone WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_check_comment (object, comment) VALUES ('dns_zone', NEW.comment);
  SELECT RAISE(ABORT, 'dns_zone: the name of a zone must be labels of letters, digits and - (a reverse zone also _ and /), in lower case and without a final dot')
   WHERE NEW.name GLOB '*[^-a-z0-9_/.]*' OR '.' || NEW.name || '.' GLOB '*..*';
  SELECT RAISE(ABORT, 'dns_zone: a zone that has servers must keep its name') FROM dns_server WHERE zone = OLD.name AND NEW.name <> OLD.name;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_zone_delete BEFORE DELETE ON dns_zone WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  DELETE FROM dns_server WHERE zone = OLD.name;
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_server_insert AFTER INSERT ON dns_server WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'dns_server: the zone must exist') WHERE NOT EXISTS (SELECT 1 FROM dns_zone WHERE name = NEW.zone);
  SELECT RAISE(ABORT, 'dns_server: the key of a server must be among tsig_keys') WHERE NEW.tsig_key IS NOT NULL AND NEW.tsig_key NOT IN (SELECT name FROM tsig_key);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_server_update AFTER UPDATE ON dns_server WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  SELECT RAISE(ABORT, 'dns_server: the zone must exist') WHERE NOT EXISTS (SELECT 1 FROM dns_zone WHERE name = NEW.zone);
  SELECT RAISE(ABORT, 'dns_server: the key of a server must be among tsig_keys') WHERE NEW.tsig_key IS NOT NULL AND NEW.tsig_key NOT IN (SELECT name FROM tsig_key);
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_server_delete AFTER DELETE ON dns_server WHEN (SELECT applying = 0 FROM config_head)
BEGIN
  INSERT INTO rowlock_note (kind, id) VALUES (1, 0);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER dns_server_delete;
DROP TRIGGER dns_server_update;
DROP TRIGGER dns_server_insert;
DROP TRIGGER dns_zone_delete;
DROP TRIGGER dns_zone_update;
DROP TRIGGER dns_zone_insert;
DROP TRIGGER tsig_key_delete;
DROP TRIGGER tsig_key_update;
DROP TRIGGER tsig_key_insert;
DROP TRIGGER vrf_relay_delete;
DROP TRIGGER vrf_relay_update;
DROP TRIGGER vrf_relay_insert;
DROP TRIGGER vrf_interface_delete;
DROP TRIGGER vrf_interface_update;
DROP TRIGGER vrf_interface_insert;
DROP TRIGGER vrf_delete;
DROP TRIGGER vrf_update;
DROP TRIGGER vrf_insert;
DROP TRIGGER parameter_delete;
DROP TRIGGER parameter_update;
DROP TRIGGER parameter_insert;
DROP TRIGGER option_data_delete;
DROP TRIGGER option_data_update;
DROP TRIGGER option_data_insert;
DROP TRIGGER pool_delete;
DROP TRIGGER pool_kept;
DROP TRIGGER pool_update;
DROP TRIGGER pool_insert;
DROP TRIGGER pool_replace;
DROP TRIGGER pool_text_update;
DROP TRIGGER pool_text_insert;
DROP TRIGGER subnet_relay_delete;
DROP TRIGGER subnet_relay_updated;
DROP TRIGGER subnet_relay_inserted;
DROP TRIGGER subnet_relay_update;
DROP TRIGGER subnet_relay_insert;
DROP TRIGGER subnet_delete;
DROP TRIGGER subnet_former;
DROP TRIGGER subnet_update;
DROP TRIGGER subnet_insert;
DROP TRIGGER subnet_replace;
DROP TRIGGER subnet_text_update;
DROP TRIGGER subnet_text_insert;
DROP TRIGGER link_delete;
DROP TRIGGER link_update;
DROP TRIGGER link_insert;
DROP TRIGGER link_name_update;
DROP TRIGGER link_name_insert;
DROP TRIGGER config_head_said;
DROP TRIGGER pool_key_kept;
DROP TRIGGER subnet_kept;
DROP TRIGGER pool_id;
DROP TRIGGER subnet_id;
DROP TRIGGER link_id;
DROP TRIGGER config_head_update;
DROP TRIGGER config_head_insert;
DROP TRIGGER config_head_delete;
DROP TRIGGER config_head_revision;
DROP TRIGGER pool_fill_update;
DROP TRIGGER pool_fill_insert;
DROP TRIGGER subnet_fill_update;
DROP TRIGGER subnet_fill_insert;
DROP TRIGGER subnet_relay_fill_update;
DROP TRIGGER subnet_relay_fill_insert;
DROP TRIGGER subnet_vrf_update;
DROP TRIGGER link_vrf_update;
DROP VIEW rowlock_check_parameter;
DROP VIEW rowlock_check_scope;
DROP VIEW rowlock_new_gen;
DROP TABLE rowlock_replaced;
DROP VIEW rowlock_set_former;
DROP VIEW rowlock_set_pool;
DROP VIEW rowlock_end_gen;
DROP VIEW rowlock_check_pool;
DROP VIEW rowlock_check_subnet;
DROP VIEW rowlock_check_addr;
DROP VIEW rowlock_check_comment;
DROP VIEW rowlock_note_scope;
DROP VIEW rowlock_note;
DROP VIEW rowlock_fill_pool;
DROP VIEW rowlock_fill_subnet;
DROP VIEW frontend_health;
DROP INDEX pool_range;
DROP INDEX subnet_relay_addr;
DROP INDEX subnet_interface_id;
DROP INDEX subnet_interface;
DROP INDEX subnet_range;
DROP INDEX pool_gen_retired;
ALTER TABLE pool DROP COLUMN end_key;
ALTER TABLE pool DROP COLUMN last_key;
ALTER TABLE pool DROP COLUMN first_key;
ALTER TABLE pool DROP COLUMN vrf;
ALTER TABLE subnet_relay DROP COLUMN vrf;
ALTER TABLE subnet DROP COLUMN last_key;
ALTER TABLE subnet DROP COLUMN first_key;
ALTER TABLE subnet DROP COLUMN vrf;
ALTER TABLE frontend DROP COLUMN refused;
ALTER TABLE frontend DROP COLUMN refused_revision;
ALTER TABLE pool_gen DROP COLUMN retired_rev;
ALTER TABLE pool_gen DROP COLUMN vrf;
ALTER TABLE pool DROP COLUMN waiting;
ALTER TABLE dns_zone DROP COLUMN comment;
ALTER TABLE tsig_key DROP COLUMN comment;
ALTER TABLE parameter DROP COLUMN comment;
ALTER TABLE option_data DROP COLUMN comment;
ALTER TABLE pool DROP COLUMN comment;
ALTER TABLE subnet DROP COLUMN comment;
ALTER TABLE subnet DROP COLUMN earlier_link_id;
ALTER TABLE link DROP COLUMN comment;
ALTER TABLE config_revision DROP COLUMN is_full;
ALTER TABLE config_revision DROP COLUMN content;
ALTER TABLE config_head DROP COLUMN comment;
ALTER TABLE config_head DROP COLUMN change_comment;
ALTER TABLE config_head DROP COLUMN applying;
ALTER TABLE config_head DROP COLUMN described;
DROP TABLE parameter_def;
DROP TABLE vrf_relay;
DROP TABLE vrf_interface;
DROP TABLE vrf;
DROP TABLE config_change;
CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining,
       strftime('%Y-%m-%dT%H:%M:%fZ', f.started_at / 1000000.0, 'unixepoch') AS started_at,
       (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - f.heartbeat_at) / 1000000.0 AS heartbeat_age,
       f.heartbeat_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - 5000000 AS alive
  FROM frontend f CROSS JOIN config_head c;
