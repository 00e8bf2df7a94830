-- +goose Up
-- The configuration may be changed by plain SQL. Triggers lock config_head,
-- raise its revision, note what changed, and refuse what is wrong, each in the
-- transaction of whoever writes. Whoever has set config_head.applying in his own
-- transaction, as the program does, is left alone.
-- Whatever a trigger looks at it reads with a lock: at REPEATABLE READ a plain
-- read shows what was there when the transaction began. Procedures run with the
-- rights of the schema's owner, as triggers do. There are no functions: at
-- READ COMMITTED their users would need more rights on a server with a binary log.
-- The server ends a transaction at each statement here. If it fails half-way:
-- drop the triggers and procedures of this file that are there, the tables
-- config_change, vrf_relay, vrf_interface, vrf and parameter_def, and the columns
-- and keys that it adds, and run it again. Where triggers may not be made (a binary
-- log without log_bin_trust_function_creators, no privilege TRIGGER) it fails at
-- its first statement, before anything has changed.

CREATE TRIGGER rowlock_probe BEFORE DELETE ON config_head FOR EACH ROW SET @rowlock_probe = 1;
DROP TRIGGER rowlock_probe;

ALTER TABLE config_head
  ADD COLUMN described      BIGINT  NOT NULL DEFAULT 0 COMMENT 'newest revision that has a row in config_revision',
  ADD COLUMN applying       BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'set by the program while it writes itself; nobody else ever sees it set',
  ADD COLUMN change_comment TEXT    NOT NULL DEFAULT ('') COMMENT 'what whoever changes rows by hand wants kept with the revision',
  ADD COLUMN comment        TEXT    NOT NULL DEFAULT ('') COMMENT 'of the whole configuration';
ALTER TABLE config_revision
  ADD COLUMN content LONGBLOB COMMENT 'gzip of JSON: all of the configuration, or what changed',
  ADD COLUMN is_full BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE link ADD COLUMN comment TEXT NOT NULL DEFAULT ('');
-- A look-up by range wants bytes: the first address, after one that says the
-- family.
ALTER TABLE subnet
  ADD COLUMN earlier_link_id INTEGER NOT NULL DEFAULT 0 COMMENT 'the link it was on before previous_link_id',
  ADD COLUMN comment   TEXT    NOT NULL DEFAULT (''),
  ADD COLUMN vrf       INTEGER NOT NULL DEFAULT 0 COMMENT 'that of the link; triggers see to it',
  ADD COLUMN range_low VARBINARY(17) AS (CASE
    WHEN IS_IPV4(SUBSTRING_INDEX(prefix, '/', 1)) THEN CONCAT(CHAR(4), INET6_ATON(SUBSTRING_INDEX(prefix, '/', 1)))
    WHEN IS_IPV6(SUBSTRING_INDEX(prefix, '/', 1)) THEN CONCAT(CHAR(6), INET6_ATON(SUBSTRING_INDEX(prefix, '/', 1))) END) VIRTUAL,
  ADD KEY subnet_range (vrf, range_low),
  ADD KEY subnet_interface (interface),
  ADD KEY subnet_interface_id (vrf, interface_id);
ALTER TABLE subnet_relay
  ADD COLUMN vrf INTEGER NOT NULL DEFAULT 0 COMMENT 'that of the link; triggers see to it',
  ADD KEY subnet_relay_addr (vrf, addr);
ALTER TABLE pool
  ADD COLUMN comment TEXT    NOT NULL DEFAULT (''),
  ADD COLUMN waiting BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'nothing new is handed out until others have given up the range; renewals go on';
ALTER TABLE pool_gen
  ADD COLUMN vrf         INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN retired_rev BIGINT COMMENT 'the revision that ended this generation, while frontends may still hand out of it',
  ADD COLUMN range_low   VARBINARY(17) AS (CASE
    WHEN IS_IPV4(first_addr) THEN CONCAT(CHAR(4), INET6_ATON(first_addr))
    WHEN IS_IPV6(first_addr) THEN CONCAT(CHAR(6), INET6_ATON(first_addr)) END) VIRTUAL,
  ADD KEY pool_gen_range (vrf, range_low),
  ADD KEY pool_gen_retired (retired_rev);
ALTER TABLE option_data ADD COLUMN comment TEXT NOT NULL DEFAULT ('');
ALTER TABLE parameter ADD COLUMN comment TEXT NOT NULL DEFAULT ('');
ALTER TABLE tsig_key ADD COLUMN comment TEXT NOT NULL DEFAULT ('');
ALTER TABLE dns_zone ADD COLUMN comment TEXT NOT NULL DEFAULT ('');
ALTER TABLE frontend
  ADD COLUMN refused_revision BIGINT NOT NULL DEFAULT 0 COMMENT 'newest revision, if the frontend cannot use it',
  ADD COLUMN refused          TEXT   NOT NULL DEFAULT ('') COMMENT 'why';

CREATE TABLE config_change (
  kind     SMALLINT NOT NULL COMMENT '1 outside of links, 2 a link with all that is in it' CHECK (kind IN (1, 2)),
  id       INTEGER  NOT NULL,
  revision BIGINT   NOT NULL,
  author   TEXT     NOT NULL DEFAULT ('') COMMENT 'database user who changed it by hand',
  PRIMARY KEY (kind, id),
  KEY config_change_revision (revision)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'which revision changed what last';

CREATE TABLE vrf (
  id      INTEGER NOT NULL PRIMARY KEY,
  comment TEXT    NOT NULL DEFAULT (''),
  CONSTRAINT vrf_id CHECK (id > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'address plans that packets are put into by interface or relay; packets of no other are in vrf 0';

CREATE TABLE vrf_interface (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  vrf  INTEGER      NOT NULL,
  KEY vrf_interface_vrf (vrf),
  CONSTRAINT vrf_interface_vrf FOREIGN KEY (vrf) REFERENCES vrf (id) ON DELETE CASCADE,
  CONSTRAINT vrf_interface_name CHECK (name <> '')
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE vrf_relay (
  addr VARCHAR(45) NOT NULL PRIMARY KEY,
  vrf  INTEGER     NOT NULL,
  KEY vrf_relay_vrf (vrf),
  CONSTRAINT vrf_relay_vrf FOREIGN KEY (vrf) REFERENCES vrf (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE parameter_def (
  name          VARCHAR(255) NOT NULL PRIMARY KEY,
  type          VARCHAR(64)  NOT NULL,
  scopes        VARCHAR(16)  NOT NULL COMMENT 'where it may be set: any, or global only',
  lowest        DOUBLE,
  highest       DOUBLE,
  is_whole      BOOLEAN      NOT NULL DEFAULT FALSE,
  choices       TEXT         NOT NULL DEFAULT ('') COMMENT 'the values that there are, separated by commas',
  default_value TEXT         NOT NULL,
  help          TEXT         NOT NULL,
  CONSTRAINT parameter_def_scopes CHECK (scopes IN ('global', 'any'))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'the parameters that there are';
INSERT INTO parameter_def (name, type, scopes, lowest, highest, is_whole, choices, default_value, help) VALUES
  ('valid_lifetime', 'seconds', 'any', 1, 4294967295, TRUE, '', '7200', 'lifetime of a lease when the client asks for none'),
  ('min_valid_lifetime', 'seconds', 'any', 1, 4294967295, TRUE, '', '', 'shortest lifetime a client may ask for; default: valid_lifetime'),
  ('max_valid_lifetime', 'seconds', 'any', 1, 4294967295, TRUE, '', '', 'longest lifetime a client may ask for; default: valid_lifetime'),
  ('preferred_lifetime', 'seconds', 'any', 0, 4294967295, TRUE, '', '', 'DHCPv6 preferred lifetime; default: five eighths of the valid lifetime granted'),
  ('offer_lifetime', 'seconds', 'any', 1, 4294967295, TRUE, '', '60', 'how long an offered address is held for the client'),
  ('renew_timer', 'seconds', 'any', 0, 4294967295, TRUE, '', '', 'T1; default: t1_percent of the lifetime'),
  ('rebind_timer', 'seconds', 'any', 0, 4294967295, TRUE, '', '', 'T2; default: t2_percent of the lifetime'),
  ('t1_percent', 'percent', 'any', 1, 100, FALSE, '', '50', 'T1 as a share of the lifetime (RFC 2131 4.4.5); DHCPv6: of the preferred lifetime (RFC 9915 21.4)'),
  ('t2_percent', 'percent', 'any', 1, 100, FALSE, '', '', 'T2 as a share of the lifetime; default: 87.5 (DHCPv4), 80 (DHCPv6)'),
  ('cache_threshold', 'share', 'any', 0, 0.999999, FALSE, '', '0', 'a renewal that changes nothing is answered without a write while the lease''s age is below this share of its lifetime; 0: each is written'),
  ('cache_max_age', 'seconds', 'any', 0, 4294967295, TRUE, '', '', 'oldest lease that cache_threshold is used for; default: no bound'),
  ('authoritative', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'true', 'NAK clients that ask for an address of another network (RFC 2131 4.3.2)'),
  ('rapid_commit', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'false', 'answer a SOLICIT that has the Rapid Commit option at once (RFC 9915 18.3.1)'),
  ('match_client_id', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'true', 'identify DHCPv4 clients by client identifier before hardware address'),
  ('echo_client_id', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'true', 'return the client identifier (RFC 6842)'),
  ('server_identifier', 'ipv4-address', 'any', NULL, NULL, FALSE, '', '', 'DHCPv4 server identifier shared by all frontends; default: each frontend''s own address'),
  ('preference', 'uint8', 'any', 0, 255, TRUE, '', '0', 'DHCPv6 server preference (RFC 9915 21.8); 0 is not sent'),
  ('reclaim_grace', 'seconds', 'global', 60, 4294967295, TRUE, '', '60', 'how long after its end an address stays unused, at least 60'),
  ('affinity_time', 'seconds', 'global', 0, 4294967295, TRUE, '', '604800', 'how long an ended binding is remembered for a returning client while its address is not needed'),
  ('max_dead', 'count', 'global', 0, 1000000, TRUE, '', '100000', 'how many ended bindings a pool remembers at most, those that ended last'),
  ('decline_probation_period', 'seconds', 'global', 0, 4294967295, TRUE, '', '86400', 'quarantine of a declined address'),
  ('decline_limit', 'count', 'global', 0, 1000000, TRUE, '', '100', 'addresses that one client or circuit may put into quarantine within decline_probation_period; 0: any number'),
  ('circuit_rate', 'rate', 'global', 0, 1000000, FALSE, '', '0', 'conversations that one circuit behind a relay may begin a second; 0: no limit'),
  ('circuit_burst', 'count', 'global', 0, 1000000, TRUE, '', '10', 'conversations that it may begin at once'),
  ('relay_rate', 'rate', 'global', 0, 1000000, FALSE, '', '0', 'conversations that may begin behind one relay a second; 0: no limit'),
  ('relay_burst', 'count', 'global', 0, 1000000, TRUE, '', '1000', 'conversations that may begin there at once'),
  ('history_retention', 'seconds', 'global', 0, 4294967295, TRUE, '', '31536000', 'how long an ended holding stays in lease_history, and to the end of its month on servers; 0: for ever'),
  ('park_max', 'seconds', 'global', 0, 4294967295, TRUE, '', '604800', 'longest time a parked lease blocks its address'),
  ('ddns_send_updates', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'false', 'keep the names of clients in DNS'),
  ('ddns_override_no_update', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'false', 'do so also for clients that ask for no update'),
  ('ddns_override_client_update', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'false', 'keep the address record also for clients that want to do so themselves'),
  ('ddns_replace_client_name', 'choice', 'any', NULL, NULL, FALSE, 'never,always,when-present,when-not-present', 'never', 'when a generated name stands in for the client''s'),
  ('ddns_generated_prefix', 'label', 'any', NULL, NULL, FALSE, '', 'host', 'first part of generated names'),
  ('ddns_qualifying_suffix', 'domain', 'any', NULL, NULL, FALSE, '', '', 'domain of names that have none, and of generated ones'),
  ('ddns_confine_to_suffix', 'boolean', 'any', NULL, NULL, FALSE, 'true,false', 'true', 'do not use a client''s own name outside of the suffix; no effect without a suffix'),
  ('hostname_char_replacement', 'character', 'any', NULL, NULL, FALSE, '', '', 'stands for each character that a host name may not have; default: it is left out'),
  ('ddns_ttl', 'ttl', 'any', 0, 2147483647, TRUE, '', '', 'TTL of the records in seconds, whatever the lifetime; excludes the next three'),
  ('ddns_ttl_percent', 'whole-percent', 'any', 0, 100, TRUE, '', '', 'TTL as a share of the lifetime; default: a third (RFC 4702 5)'),
  ('ddns_ttl_min', 'ttl', 'any', 0, 2147483647, TRUE, '', '', 'shortest TTL; default: 600'),
  ('ddns_ttl_max', 'ttl', 'any', 0, 2147483647, TRUE, '', '', 'longest TTL; default: none');

-- What is there was made by the program, and has no content yet: described stays
-- at 0.
UPDATE subnet s JOIN link l ON l.id = s.link_id SET s.vrf = l.vrf;
UPDATE subnet_relay r JOIN subnet s ON s.id = r.subnet_id SET r.vrf = s.vrf;
UPDATE pool_gen g JOIN pool p ON p.id = g.pool_id JOIN subnet s ON s.id = p.subnet_id SET g.vrf = s.vrf;
INSERT INTO config_change (kind, id, revision)
SELECT 1, 0, h.revision FROM config_head h WHERE h.revision > 0 UNION ALL SELECT 2, l.id, h.revision FROM link l CROSS JOIN config_head h;

CREATE OR REPLACE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       TIMESTAMPDIFF(MICROSECOND, f.heartbeat_at, UTC_TIMESTAMP(6)) / 1000000 AS heartbeat_age,
       f.heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 5 SECOND AS alive, f.refused_revision, f.refused
  FROM frontend f CROSS JOIN config_head c;

-- What all triggers do.

-- Locks the configuration and raises its revision, unless the program writes.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_begin(OUT by_hand BOOLEAN) SQL SECURITY DEFINER
BEGIN
  SET by_hand = COALESCE((SELECT NOT h.applying FROM config_head h WHERE h.id = 1 FOR UPDATE), FALSE);
  IF by_hand THEN
    UPDATE config_head SET revision = revision + 1 WHERE id = 1;
  END IF;
END
-- +goose StatementEnd

-- Notes that a revision changed a link (kind 2), or what is outside of links
-- (1, 0), and who did: all who have done so since the newest described revision,
-- cut at what the column takes.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_note_at(IN kind_ SMALLINT, IN id_ INTEGER, IN revision_ BIGINT, IN described_ BIGINT) SQL SECURITY DEFINER
BEGIN
  DECLARE who VARCHAR(400) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT USER();
  INSERT INTO config_change (kind, id, revision, author) VALUES (kind_, id_, revision_, who)
  ON DUPLICATE KEY UPDATE
    author = CASE
      WHEN revision <= described_ OR author = '' THEN who
      WHEN LOCATE(CONCAT(', ', who, ', '), CONCAT(', ', author, ', ')) > 0 THEN author
      ELSE LEFT(CONCAT(author, ', ', who), 16000) END,
    revision = revision_;
END
-- +goose StatementEnd

-- Notes what the newest revision changed.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_note(IN kind_ SMALLINT, IN id_ INTEGER) SQL SECURITY DEFINER
BEGIN
  DECLARE revision_, described_ BIGINT;
  IF id_ IS NOT NULL THEN
    SELECT h.revision, h.described INTO revision_, described_ FROM config_head h WHERE h.id = 1;
    CALL rowlock_note_at(kind_, id_, revision_, described_);
  END IF;
END
-- +goose StatementEnd

-- Refuses a change: "object: rule: value", as the program says it. A message has
-- 128 characters: of one that is longer the object is cut.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_refuse(
  IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN rule_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN value_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE tail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT LEFT(CONCAT(': ', rule_, ': ', COALESCE(value_, '')), 128);
  DECLARE message VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT(LEFT(COALESCE(object_, '?'), 128 - CHAR_LENGTH(tail)), tail);
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = message;
END
-- +goose StatementEnd

-- Refuses a comment that the program refuses in a document. never is the class of
-- control characters but for tabs and ends of lines.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_comment(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN comment_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE never VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONVERT(x'5B002D080B2D1F7F2DC29FE280A8E280A95D' USING utf8mb4);
  IF LENGTH(comment_) > 4000 THEN
    CALL rowlock_refuse(object_, 'a comment must have at most 4000 bytes', CONCAT(LENGTH(comment_), ' bytes'));
  END IF;
  IF comment_ REGEXP never THEN
    CALL rowlock_refuse(object_, 'a comment must be UTF-8 without control characters, but for tabs and ends of lines',
      CONCAT('"', REGEXP_REPLACE(LEFT(comment_, 16), never, '?'), '"'));
  END IF;
END
-- +goose StatementEnd

-- What several people say of changes that become one revision, one a line, cut at
-- the length of a comment. Who says nothing new adds nothing.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_comment_both(IN was TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, INOUT next_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE eol CHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONVERT(x'0A' USING utf8mb4);
  IF was <> '' AND next_ <> '' AND LOCATE(CONCAT(eol, was, eol), CONCAT(eol, next_, eol)) = 0 THEN
    SET next_ = IF(LOCATE(CONCAT(eol, next_, eol), CONCAT(eol, was, eol)) > 0, was, CONCAT(was, eol, next_));
    WHILE LENGTH(next_) > 4000 DO
      SET next_ = LEFT(next_, CHAR_LENGTH(next_) - (LENGTH(next_) - 3997) DIV 4); -- a character has up to four bytes
    END WHILE;
  END IF;
END
-- +goose StatementEnd

-- The bytes of an address that is written as the program writes it (RFC 5952),
-- NULL of anything else. INET6_NTOA shortens even one group of zeros, and writes
-- the end of ::/96 as IPv4.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_addr(IN addr_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, OUT bytes VARBINARY(16)) SQL SECURITY DEFINER
BEGIN
  DECLARE plain VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE colons INTEGER;
  SET bytes = NULL;
  IF IS_IPV4(addr_) OR IS_IPV6(addr_) THEN
    SET bytes = INET6_ATON(addr_);
    SET plain = INET6_NTOA(bytes);
    SET colons = CHAR_LENGTH(plain) - CHAR_LENGTH(REPLACE(plain, ':', ''));
    SET plain = CASE
      WHEN plain LIKE '::%' THEN IF(colons = 8, CONCAT('0', SUBSTRING(plain, 2)), plain)
      WHEN plain LIKE '%::' THEN IF(colons = 8, CONCAT(LEFT(plain, CHAR_LENGTH(plain) - 1), '0'), plain)
      WHEN colons = 7 THEN REPLACE(plain, '::', ':0:')
      ELSE plain END;
    IF LENGTH(bytes) = 16 AND LEFT(bytes, 12) = REPEAT(CHAR(0), 12) THEN
      SET plain = CONCAT('::', LOWER(CONV(HEX(SUBSTRING(bytes, 13, 2)), 16, 16)), ':', LOWER(CONV(HEX(SUBSTRING(bytes, 15)), 16, 16)));
      SET plain = CASE WHEN plain = '::0:0' THEN '::' WHEN plain LIKE '::0:%' THEN CONCAT('::', SUBSTRING(plain, 5)) ELSE plain END;
    END IF;
    IF plain <> addr_ THEN
      SET bytes = NULL;
    END IF;
  END IF;
END
-- +goose StatementEnd

-- The ends of the range that a prefix of this length has, or several that end
-- with this one: bytes after one that says the family.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_range(IN bytes VARBINARY(16), IN bits INTEGER, OUT low VARBINARY(17), OUT high VARBINARY(17)) SQL SECURITY DEFINER
BEGIN
  DECLARE family VARBINARY(1) DEFAULT CHAR(IF(LENGTH(bytes) = 4, 4, 6));
  SET low = CONCAT(family, bytes);
  SET high = CONCAT(family, LEFT(bytes, bits DIV 8),
    IF(bits % 8 > 0, CHAR(ASCII(SUBSTRING(bytes, bits DIV 8 + 1, 1)) | (255 >> (bits % 8))), ''),
    REPEAT(CHAR(255), LENGTH(bytes) - CEILING(bits / 8)));
END
-- +goose StatementEnd

-- The range of a prefix; NULL if it is not written as the program writes it.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_prefix(IN prefix_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, OUT low VARBINARY(17), OUT high VARBINARY(17)) SQL SECURITY DEFINER
BEGIN
  DECLARE bytes VARBINARY(16);
  DECLARE bits VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT SUBSTRING_INDEX(prefix_, '/', -1);
  SET low = NULL, high = NULL;
  CALL rowlock_addr(SUBSTRING_INDEX(prefix_, '/', 1), bytes);
  IF bytes IS NOT NULL AND CHAR_LENGTH(bits) BETWEEN 1 AND 3 AND bits NOT REGEXP '[^0-9]' AND prefix_ = CONCAT(SUBSTRING_INDEX(prefix_, '/', 1), '/', CAST(bits AS UNSIGNED)) THEN
    IF CAST(bits AS UNSIGNED) <= 8 * LENGTH(bytes) THEN
      CALL rowlock_range(bytes, CAST(bits AS UNSIGNED), low, high);
    END IF;
  END IF;
END
-- +goose StatementEnd

-- Refuses text that is no name of an interface.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_interface(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  IF LENGTH(name_) > 15 OR name_ IN ('', '.', '..') OR name_ LIKE '%/%' OR name_ LIKE '%:%' OR name_ REGEXP '[[:space:]]' OR name_ REGEXP '[[:cntrl:]]' THEN
    CALL rowlock_refuse(object_, 'an interface must be a name of 1 to 15 characters without space, slash and colon', CONCAT('"', name_, '"'));
  END IF;
END
-- +goose StatementEnd

-- Refuses an address that no relay can have.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_relay(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN addr_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, OUT bytes VARBINARY(16)) SQL SECURITY DEFINER
BEGIN
  IF NOT (IS_IPV4(addr_) OR IS_IPV6(addr_)) THEN
    CALL rowlock_refuse(object_, 'a relay must be a unicast address', addr_);
  END IF;
  CALL rowlock_addr(addr_, bytes);
  IF bytes IS NULL THEN
    CALL rowlock_refuse(object_, 'an address must be in its canonical form', addr_);
  END IF;
  IF bytes = REPEAT(CHAR(0), LENGTH(bytes)) OR LENGTH(bytes) = 4 AND ASCII(bytes) BETWEEN 224 AND 239 OR LENGTH(bytes) = 16 AND ASCII(bytes) = 255
     OR LENGTH(bytes) = 16 AND LEFT(bytes, 12) = UNHEX('00000000000000000000FFFF') THEN
    CALL rowlock_refuse(object_, 'a relay must be a unicast address', addr_);
  END IF;
END
-- +goose StatementEnd

-- Links.

-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_vrf(IN id_ INTEGER, IN vrf_ INTEGER) SQL SECURITY DEFINER
BEGIN
  IF vrf_ < 0 THEN
    CALL rowlock_refuse(CONCAT('link ', id_), 'a vrf must be from 0 to 2147483647', vrf_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER link_insert BEFORE INSERT ON link FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand AND NEW.id IS NULL THEN
    CALL rowlock_refuse('link', 'a link must have an id', 'none');
  END IF;
  IF by_hand THEN
    CALL rowlock_note(2, NEW.id);
    CALL rowlock_check_vrf(NEW.id, NEW.vrf);
    CALL rowlock_check_comment(CONCAT('link ', NEW.id), NEW.comment);
    UPDATE config_head SET last_link_id = GREATEST(last_link_id, NEW.id) WHERE id = 1;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER link_update BEFORE UPDATE ON link FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  DECLARE subnets INTEGER;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, NEW.id);
    CALL rowlock_check_vrf(NEW.id, NEW.vrf);
    CALL rowlock_check_comment(CONCAT('link ', NEW.id), NEW.comment);
    IF NEW.id <> OLD.id THEN
      CALL rowlock_refuse(CONCAT('link ', OLD.id), 'an id must not change', NEW.id);
    END IF;
    IF NEW.vrf <> OLD.vrf OR NEW.name IS NULL THEN
      SET subnets = (SELECT COUNT(*) FROM subnet s WHERE s.link_id = NEW.id LOCK IN SHARE MODE);
      IF NEW.vrf <> OLD.vrf AND subnets > 0 THEN
        CALL rowlock_refuse(CONCAT('link ', NEW.id), 'the vrf of a link must not change while it has subnets', CONCAT(OLD.vrf, ' to ', NEW.vrf));
      END IF;
      IF NEW.name IS NULL AND subnets > 1 THEN
        CALL rowlock_refuse(CONCAT('link ', NEW.id), 'a link without a name must have one subnet', CONCAT(subnets, ' subnets'));
      END IF;
    END IF;
  END IF;
END
-- +goose StatementEnd

-- By hand there is no subnet then.
-- +goose StatementBegin
CREATE TRIGGER link_updated AFTER UPDATE ON link FOR EACH ROW
BEGIN
  IF NEW.vrf <> OLD.vrf THEN
    UPDATE subnet SET vrf = NEW.vrf WHERE link_id = NEW.id;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER link_delete BEFORE DELETE ON link FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, OLD.id);
    DELETE FROM parameter WHERE scope = 'link' AND scope_id = OLD.id;
    DELETE FROM option_data WHERE scope = 'link' AND scope_id = OLD.id;
  END IF;
END
-- +goose StatementEnd

-- Subnets.

-- What must be so of every subnet; the row itself may not be there yet.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_subnet(IN id_ INTEGER, IN link_ INTEGER, IN prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN interface_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN interface_id_ VARBINARY(255), IN closing_ BOOLEAN, IN vrf_ INTEGER, OUT low VARBINARY(17), OUT high VARBINARY(17)) SQL SECURITY DEFINER
BEGIN
  DECLARE object_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT('subnet ', id_, ' (', prefix_, ')');
  DECLARE name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE bytes VARBINARY(16);
  DECLARE found INTEGER;
  SELECT l.id, l.name INTO found, name_ FROM link l WHERE l.id = link_ LOCK IN SHARE MODE;
  IF found IS NULL THEN
    CALL rowlock_refuse(object_, 'a subnet must be in a link that exists', link_);
  END IF;
  IF vrf_ > 0 THEN
    SET object_ = CONCAT('subnet ', id_, ' (', prefix_, ' vrf ', vrf_, ')');
  END IF;
  CALL rowlock_prefix(prefix_, low, high);
  IF low IS NULL THEN
    CALL rowlock_refuse(object_, 'a prefix must be in its canonical form', prefix_);
  END IF;
  SET bytes = SUBSTRING(low, 2);
  IF LENGTH(bytes) = 16 AND LEFT(bytes, 12) = UNHEX('00000000000000000000FFFF') THEN
    CALL rowlock_refuse(object_, 'an IPv4 prefix must be written as IPv4', prefix_);
  END IF;
  IF LENGTH(bytes) = 4 AND ASCII(bytes) BETWEEN 224 AND 239 OR LENGTH(bytes) = 16 AND ASCII(bytes) = 255 THEN
    CALL rowlock_refuse(object_, 'a subnet must be unicast', prefix_);
  END IF;
  CALL rowlock_check_host_bits(object_, prefix_, bytes, SUBSTRING_INDEX(prefix_, '/', -1));
  IF name_ IS NULL AND EXISTS (SELECT 1 FROM subnet s WHERE s.link_id = link_ AND s.id <> id_ LOCK IN SHARE MODE) THEN
    CALL rowlock_refuse(CONCAT('link ', link_), 'a link without a name must have one subnet', object_);
  END IF;
  IF NOT closing_ THEN
    CALL rowlock_check_overlap(object_, id_, vrf_, low, high);
    CALL rowlock_check_selectors(object_, id_, link_, vrf_, LEFT(low, 1), interface_, interface_id_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_host_bits(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN bytes VARBINARY(16), IN bits INTEGER) SQL SECURITY DEFINER
BEGIN
  DECLARE masked VARBINARY(16) DEFAULT CONCAT(LEFT(bytes, bits DIV 8),
    IF(bits % 8 > 0, CHAR(ASCII(SUBSTRING(bytes, bits DIV 8 + 1, 1)) & (255 - (255 >> (bits % 8)))), ''),
    REPEAT(CHAR(0), LENGTH(bytes) - CEILING(bits / 8)));
  IF masked <> bytes THEN
    CALL rowlock_refuse(object_, CONCAT('the host bits of a prefix must be zero, as in ', INET6_NTOA(masked), '/', bits), prefix_);
  END IF;
END
-- +goose StatementEnd

-- Subnets of a vrf do not overlap, so that only those that begin in the range,
-- and the nearest one below, may do.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_overlap(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER, IN vrf_ INTEGER, IN low VARBINARY(17), IN high VARBINARY(17)) SQL SECURITY DEFINER
BEGIN
  DECLARE other INTEGER;
  DECLARE other_prefix VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE other_low, other_high VARBINARY(17);
  SELECT s.id, s.prefix INTO other, other_prefix FROM subnet s FORCE INDEX (subnet_range)
   WHERE s.vrf = vrf_ AND s.range_low BETWEEN low AND high AND s.id <> id_ AND NOT s.closing ORDER BY s.range_low LIMIT 1 LOCK IN SHARE MODE;
  IF other IS NULL THEN
    SELECT s.id, s.prefix INTO other, other_prefix FROM subnet s FORCE INDEX (subnet_range)
     WHERE s.vrf = vrf_ AND s.range_low >= LEFT(low, 1) AND s.range_low < low AND s.id <> id_ AND NOT s.closing ORDER BY s.range_low DESC LIMIT 1 LOCK IN SHARE MODE;
    IF other IS NOT NULL THEN
      CALL rowlock_prefix(other_prefix, other_low, other_high);
      IF other_high < low THEN
        SET other = NULL;
      END IF;
    END IF;
  END IF;
  IF other IS NOT NULL THEN
    CALL rowlock_refuse(object_, 'subnets of a vrf must not overlap', CONCAT('overlaps subnet ', other, ' (', other_prefix, ')'));
  END IF;
END
-- +goose StatementEnd

-- A packet must lead to one link.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_selectors(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER, IN link_ INTEGER, IN vrf_ INTEGER, IN family VARBINARY(1),
  IN interface_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN interface_id_ VARBINARY(255)) SQL SECURITY DEFINER
BEGIN
  DECLARE other INTEGER;
  IF interface_ <> '' THEN
    CALL rowlock_check_interface(object_, interface_);
    SET other = (SELECT s.id FROM subnet s WHERE s.interface = interface_ AND s.id <> id_ AND s.link_id <> link_ AND NOT s.closing AND LEFT(s.range_low, 1) = family LIMIT 1 LOCK IN SHARE MODE);
    IF other IS NOT NULL THEN
      CALL rowlock_refuse(object_, 'the same interface must not select two links', CONCAT('also subnet ', other));
    END IF;
  END IF;
  IF interface_id_ <> '' THEN
    IF family = CHAR(4) THEN
      CALL rowlock_refuse(object_, 'an interface_id must be in an IPv6 subnet', CONCAT('0x', LOWER(HEX(interface_id_))));
    END IF;
    SET other = (SELECT s.id FROM subnet s FORCE INDEX (subnet_interface_id)
                  WHERE s.vrf = vrf_ AND s.interface_id = interface_id_ AND s.id <> id_ AND s.link_id <> link_ AND NOT s.closing LIMIT 1 LOCK IN SHARE MODE);
    IF other IS NOT NULL THEN
      CALL rowlock_refuse(object_, 'the same interface_id must not select two links', CONCAT('also subnet ', other));
    END IF;
  END IF;
  SET other = (SELECT s.id FROM subnet_relay r STRAIGHT_JOIN subnet_relay o FORCE INDEX (subnet_relay_addr) ON o.vrf = vrf_ AND o.addr = r.addr AND o.subnet_id <> r.subnet_id
                 STRAIGHT_JOIN subnet s ON s.id = o.subnet_id
                WHERE r.subnet_id = id_ AND s.link_id <> link_ AND NOT s.closing LIMIT 1 LOCK IN SHARE MODE);
  IF other IS NOT NULL THEN
    CALL rowlock_refuse(object_, 'the same relay must not select two links', CONCAT('also subnet ', other));
  END IF;
END
-- +goose StatementEnd

-- What is in a subnet must fit it when its prefix changes, or when it is not
-- closing any more.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_contents(IN id_ INTEGER, IN prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN vrf_ INTEGER, IN low VARBINARY(17), IN high VARBINARY(17), IN reopened BOOLEAN) SQL SECURITY DEFINER
BEGIN
  DECLARE object_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT('subnet ', id_, ' (', prefix_, ')');
  DECLARE done BOOLEAN DEFAULT FALSE;
  DECLARE pool_, kind_, bits INTEGER;
  DECLARE first_, last_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE other VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE pool_low, pool_high, ignored VARBINARY(17);
  DECLARE pools CURSOR FOR SELECT p.id, p.kind, p.first_addr, p.last_addr, p.delegated_len FROM pool p WHERE p.subnet_id = id_ AND NOT p.closing ORDER BY p.id LOCK IN SHARE MODE;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
  OPEN pools;
  each_pool: LOOP
    FETCH pools INTO pool_, kind_, first_, last_, bits;
    IF done THEN
      LEAVE each_pool;
    END IF;
    CALL rowlock_range(INET6_ATON(first_), bits, pool_low, ignored);
    CALL rowlock_range(INET6_ATON(last_), bits, ignored, pool_high);
    CALL rowlock_check_place(CONCAT('pool ', pool_, ' (', first_, '-', last_, ')'), kind_, prefix_, low, high, pool_low, pool_high, CONCAT(first_, '-', last_));
    IF reopened THEN
      CALL rowlock_check_apart(pool_, id_, first_, last_, vrf_, pool_low, pool_high);
    END IF;
  END LOOP;
  CLOSE pools;
  SET other = (SELECT r.addr FROM subnet_relay r WHERE r.subnet_id = id_ AND IS_IPV4(r.addr) <> (LEFT(low, 1) = CHAR(4)) LIMIT 1 LOCK IN SHARE MODE);
  IF other IS NOT NULL THEN
    CALL rowlock_refuse(CONCAT(object_, ' relay ', other), CONCAT('a relay of a v', ASCII(low), ' subnet must be of that family'), other);
  END IF;
  SET other = (SELECT o.code FROM option_data o WHERE o.scope = 'subnet' AND o.scope_id = id_ AND o.family <> ASCII(low) LIMIT 1 LOCK IN SHARE MODE);
  IF other IS NOT NULL THEN
    CALL rowlock_refuse(CONCAT(object_, ' option_data ', other), CONCAT('an option of a v', ASCII(low), ' subnet must be of that family'), other);
  END IF;
END
-- +goose StatementEnd

-- vrf is that of the link, whoever writes, and whatever.
-- +goose StatementBegin
CREATE TRIGGER subnet_insert BEFORE INSERT ON subnet FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  DECLARE low, high VARBINARY(17);
  CALL rowlock_begin(by_hand);
  SET NEW.vrf = COALESCE((SELECT l.vrf FROM link l WHERE l.id = NEW.link_id LOCK IN SHARE MODE), 0);
  IF by_hand THEN
    CALL rowlock_note(2, NEW.link_id);
    CALL rowlock_check_subnet(NEW.id, NEW.link_id, NEW.prefix, NEW.interface, NEW.interface_id, NEW.closing, NEW.vrf, low, high);
    CALL rowlock_check_comment(CONCAT('subnet ', NEW.id), NEW.comment);
    SET NEW.previous_link_id = 0, NEW.earlier_link_id = 0;
    UPDATE config_head SET last_subnet_id = GREATEST(last_subnet_id, NEW.id) WHERE id = 1;
  END IF;
END
-- +goose StatementEnd

-- A prefix of IPv6 that was closing may have leases of other pools in it: its own
-- pools wait, which their triggers let nobody write.
-- +goose StatementBegin
CREATE TRIGGER subnet_update BEFORE UPDATE ON subnet FOR EACH ROW
BEGIN
  DECLARE by_hand, moved, renumbered, reopened BOOLEAN;
  DECLARE low, high VARBINARY(17);
  CALL rowlock_begin(by_hand);
  IF NOT (NEW.link_id <=> OLD.link_id AND NEW.vrf <=> OLD.vrf) THEN
    SET NEW.vrf = COALESCE((SELECT l.vrf FROM link l WHERE l.id = NEW.link_id LOCK IN SHARE MODE), 0);
  END IF;
  IF by_hand THEN
    SET moved = NEW.link_id <> OLD.link_id, renumbered = CAST(NEW.prefix AS BINARY) <> CAST(OLD.prefix AS BINARY), reopened = OLD.closing AND NOT NEW.closing;
    CALL rowlock_note(2, OLD.link_id);
    IF NEW.id <> OLD.id THEN
      CALL rowlock_refuse(CONCAT('subnet ', OLD.id, ' (', OLD.prefix, ')'), 'an id must not change', NEW.id);
    END IF;
    IF moved OR renumbered OR reopened OR CAST(NEW.interface AS BINARY) <> CAST(OLD.interface AS BINARY) OR NEW.interface_id <> OLD.interface_id THEN
      CALL rowlock_check_subnet(NEW.id, NEW.link_id, NEW.prefix, NEW.interface, NEW.interface_id, NEW.closing, NEW.vrf, low, high);
    END IF;
    CALL rowlock_check_comment(CONCAT('subnet ', NEW.id), NEW.comment);
    SET NEW.previous_link_id = IF(moved, OLD.link_id, OLD.previous_link_id), NEW.earlier_link_id = IF(moved, OLD.previous_link_id, OLD.earlier_link_id);
    IF moved THEN
      CALL rowlock_note(2, NEW.link_id);
      IF NEW.vrf <> OLD.vrf AND EXISTS (SELECT 1 FROM pool p WHERE p.subnet_id = NEW.id LOCK IN SHARE MODE) THEN
        CALL rowlock_refuse(CONCAT('subnet ', NEW.id, ' (', NEW.prefix, ')'), 'a subnet with pools must not move to a link of another vrf', CONCAT('link ', NEW.link_id));
      END IF;
    END IF;
    IF renumbered OR reopened THEN
      CALL rowlock_check_contents(NEW.id, NEW.prefix, NEW.vrf, low, high, reopened);
    END IF;
    IF NEW.closing AND NOT OLD.closing THEN
      UPDATE pool_gen g JOIN pool p ON p.id = g.pool_id AND p.gen = g.gen JOIN config_head h ON h.id = 1
         SET g.retired_rev = h.revision WHERE p.subnet_id = NEW.id AND NOT p.closing;
    END IF;
    IF reopened AND LEFT(low, 1) = CHAR(6) THEN
      UPDATE config_head SET applying = TRUE WHERE id = 1;
      UPDATE pool SET waiting = TRUE WHERE subnet_id = NEW.id AND NOT closing;
      UPDATE config_head SET applying = FALSE WHERE id = 1;
    END IF;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_updated AFTER UPDATE ON subnet FOR EACH ROW
BEGIN
  IF NEW.vrf <> OLD.vrf THEN
    UPDATE subnet_relay SET vrf = NEW.vrf WHERE subnet_id = NEW.id;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_delete BEFORE DELETE ON subnet FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, OLD.link_id);
    DELETE FROM parameter WHERE scope = 'subnet' AND scope_id = OLD.id;
    DELETE FROM option_data WHERE scope = 'subnet' AND scope_id = OLD.id;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_relay(IN subnet_ INTEGER, IN addr_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE object_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT('subnet ', subnet_, ' relay ', addr_);
  DECLARE bytes VARBINARY(16);
  DECLARE link_, vrf_, other INTEGER;
  DECLARE closing_ BOOLEAN;
  DECLARE prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  SELECT s.link_id, s.prefix, s.closing, s.vrf INTO link_, prefix_, closing_, vrf_ FROM subnet s WHERE s.id = subnet_ LOCK IN SHARE MODE;
  IF link_ IS NULL THEN
    CALL rowlock_refuse(object_, 'a relay must be of a subnet that exists', subnet_);
  END IF;
  CALL rowlock_note(2, link_);
  SET object_ = CONCAT('subnet ', subnet_, ' (', prefix_, ') relay ', addr_);
  CALL rowlock_check_relay(object_, addr_, bytes);
  IF (LENGTH(bytes) = 4) <> (prefix_ LIKE '%.%') THEN
    CALL rowlock_refuse(object_, CONCAT('a relay of a v', IF(prefix_ LIKE '%.%', 4, 6), ' subnet must be of that family'), addr_);
  END IF;
  IF NOT closing_ THEN
    SET other = (SELECT s.id FROM subnet_relay o FORCE INDEX (subnet_relay_addr) STRAIGHT_JOIN subnet s ON s.id = o.subnet_id
                  WHERE o.vrf = vrf_ AND o.addr = addr_ AND s.link_id <> link_ AND NOT s.closing LIMIT 1 LOCK IN SHARE MODE);
    IF other IS NOT NULL THEN
      CALL rowlock_refuse(object_, 'the same relay must not select two links', CONCAT('also subnet ', other));
    END IF;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_relay_insert BEFORE INSERT ON subnet_relay FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  SET NEW.vrf = COALESCE((SELECT s.vrf FROM subnet s WHERE s.id = NEW.subnet_id LOCK IN SHARE MODE), 0);
  IF by_hand THEN
    CALL rowlock_relay(NEW.subnet_id, NEW.addr);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_relay_update BEFORE UPDATE ON subnet_relay FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF NOT (NEW.subnet_id <=> OLD.subnet_id AND NEW.vrf <=> OLD.vrf) THEN
    SET NEW.vrf = COALESCE((SELECT s.vrf FROM subnet s WHERE s.id = NEW.subnet_id LOCK IN SHARE MODE), 0);
  END IF;
  IF by_hand THEN
    CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = OLD.subnet_id LOCK IN SHARE MODE));
    CALL rowlock_relay(NEW.subnet_id, NEW.addr);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER subnet_relay_delete BEFORE DELETE ON subnet_relay FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = OLD.subnet_id LOCK IN SHARE MODE));
  END IF;
END
-- +goose StatementEnd

-- Pools.

-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_place(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN kind_ SMALLINT, IN prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN low VARBINARY(17), IN high VARBINARY(17), IN pool_low VARBINARY(17), IN pool_high VARBINARY(17), IN value_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  IF kind_ = 2 AND LEFT(low, 1) = CHAR(4) THEN
    CALL rowlock_refuse(object_, 'a pd_pool must be in an IPv6 subnet', prefix_);
  END IF;
  IF kind_ = 1 AND (pool_low < low OR pool_high > high) THEN
    CALL rowlock_refuse(object_, CONCAT('a pool must lie within its subnet ', prefix_), value_);
  END IF;
END
-- +goose StatementEnd

-- Pools of a vrf do not overlap, so that only those that begin in the range, and
-- the nearest one below, may do. pool_gen has every range that there ever was.
-- Pools of this subnet count even if it is closing as yet.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_apart(IN pool_ INTEGER, IN subnet_ INTEGER, IN first_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN last_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN vrf_ INTEGER, IN low VARBINARY(17), IN high VARBINARY(17)) SQL SECURITY DEFINER
BEGIN
  DECLARE other, bits INTEGER;
  DECLARE other_first, other_last VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE ignored, other_high VARBINARY(17);
  SELECT p.id, p.first_addr, p.last_addr INTO other, other_first, other_last
    FROM pool_gen g FORCE INDEX (pool_gen_range) STRAIGHT_JOIN pool p ON p.id = g.pool_id AND p.gen = g.gen STRAIGHT_JOIN subnet s ON s.id = p.subnet_id
   WHERE g.vrf = vrf_ AND g.range_low BETWEEN low AND high AND p.id <> pool_ AND NOT p.closing AND (NOT s.closing OR s.id = subnet_)
   ORDER BY g.range_low LIMIT 1 LOCK IN SHARE MODE;
  IF other IS NULL THEN
    SELECT p.id, p.first_addr, p.last_addr, p.delegated_len INTO other, other_first, other_last, bits
      FROM pool_gen g FORCE INDEX (pool_gen_range) STRAIGHT_JOIN pool p ON p.id = g.pool_id AND p.gen = g.gen STRAIGHT_JOIN subnet s ON s.id = p.subnet_id
     WHERE g.vrf = vrf_ AND g.range_low >= LEFT(low, 1) AND g.range_low < low AND p.id <> pool_ AND NOT p.closing AND (NOT s.closing OR s.id = subnet_)
     ORDER BY g.range_low DESC LIMIT 1 LOCK IN SHARE MODE;
    IF other IS NOT NULL THEN
      CALL rowlock_range(INET6_ATON(other_last), bits, ignored, other_high);
      IF other_high < low THEN
        SET other = NULL;
      END IF;
    END IF;
  END IF;
  IF other IS NOT NULL THEN
    CALL rowlock_refuse(CONCAT('pool ', pool_, ' (', first_, '-', last_, ')'), 'pools of a vrf must not overlap', CONCAT('overlaps pool ', other, ' (', other_first, '-', other_last, ')'));
  END IF;
END
-- +goose StatementEnd

-- A pool of delegated prefixes is one prefix, whole: its first and last address
-- differ in all bits behind its length, and in no other.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_prefixes(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN last_ VARBINARY(16), IN low VARBINARY(16), IN high VARBINARY(16), IN bits INTEGER,
  IN value_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE ones BIGINT UNSIGNED DEFAULT 18446744073709551615;
  DECLARE low1 BIGINT UNSIGNED DEFAULT CONV(HEX(LEFT(low, 8)), 16, 10);
  DECLARE low2 BIGINT UNSIGNED DEFAULT CONV(HEX(RIGHT(low, 8)), 16, 10);
  DECLARE differ1 BIGINT UNSIGNED DEFAULT low1 ^ CONV(HEX(LEFT(high, 8)), 16, 10);
  DECLARE differ2 BIGINT UNSIGNED DEFAULT low2 ^ CONV(HEX(RIGHT(high, 8)), 16, 10);
  DECLARE host1 BIGINT UNSIGNED DEFAULT IF(bits < 64, ones >> bits, 0);
  DECLARE host2 BIGINT UNSIGNED DEFAULT IF(bits < 64, ones, ones >> (bits - 64));
  DECLARE top BIGINT UNSIGNED DEFAULT IF(differ1 = 0, differ2, differ1);
  IF bits NOT BETWEEN 1 AND 127 THEN
    CALL rowlock_refuse(object_, 'a delegated length must be from 1 to 127', bits);
  END IF;
  IF low1 & differ1 <> 0 OR low2 & differ2 <> 0 OR differ1 <> 0 AND differ2 <> ones OR IF(top = ones, 0, top & (top + 1)) <> 0
     OR CONV(HEX(LEFT(last_, 8)), 16, 10) & host1 <> 0 OR CONV(HEX(RIGHT(last_, 8)), 16, 10) & host2 <> 0 THEN
    CALL rowlock_refuse(object_, CONCAT('a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length ', bits), value_);
  END IF;
END
-- +goose StatementEnd

-- What must be so of every pool; the row itself may not be there yet.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_pool(IN id_ INTEGER, IN subnet_ INTEGER, IN kind_ SMALLINT, IN first_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN last_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN bits INTEGER, IN closing_ BOOLEAN) SQL SECURITY DEFINER
BEGIN
  DECLARE value_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT(COALESCE(first_, 'NULL'), '-', COALESCE(last_, 'NULL'));
  DECLARE object_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT('pool ', COALESCE(id_, 'NULL'), ' (', value_, ')');
  DECLARE prefix_ VARCHAR(49) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE subnet_closing BOOLEAN;
  DECLARE vrf_ INTEGER;
  DECLARE a, b VARBINARY(16);
  DECLARE low, high, pool_low, pool_high, ignored VARBINARY(17);
  SELECT s.prefix, s.closing, s.vrf INTO prefix_, subnet_closing, vrf_ FROM subnet s WHERE s.id = subnet_ LOCK IN SHARE MODE;
  IF vrf_ IS NULL THEN
    CALL rowlock_refuse(object_, 'a pool must be in a subnet that exists', subnet_);
  END IF;
  IF NOT (IS_IPV4(first_) OR IS_IPV6(first_)) OR NOT (IS_IPV4(last_) OR IS_IPV6(last_)) THEN
    CALL rowlock_refuse(object_, 'a pool must have a first and a last address', value_);
  END IF;
  CALL rowlock_addr(first_, a);
  CALL rowlock_addr(last_, b);
  IF a IS NULL OR b IS NULL THEN
    CALL rowlock_refuse(object_, 'an address must be in its canonical form', value_);
  END IF;
  IF LENGTH(a) <> LENGTH(b) THEN
    CALL rowlock_refuse(object_, 'both ends of a pool must be of one family', value_);
  END IF;
  IF LENGTH(a) = 16 AND (LEFT(a, 12) = UNHEX('00000000000000000000FFFF') OR LEFT(b, 12) = UNHEX('00000000000000000000FFFF')) THEN
    CALL rowlock_refuse(object_, 'an IPv4 address must be written as IPv4', value_);
  END IF;
  IF b < a THEN
    CALL rowlock_refuse(object_, 'the first address of a pool must not be above the last', value_);
  END IF;
  IF kind_ NOT IN (1, 2) THEN
    CALL rowlock_refuse(object_, 'the kind of a pool must be na or pd', kind_);
  END IF;
  IF kind_ = 1 AND bits <> 8 * LENGTH(a) THEN
    CALL rowlock_refuse(object_, CONCAT('the delegated length of an address pool must be ', 8 * LENGTH(a)), bits);
  END IF;
  CALL rowlock_range(a, bits, pool_low, ignored);
  CALL rowlock_range(b, bits, ignored, pool_high);
  CALL rowlock_prefix(prefix_, low, high);
  CALL rowlock_check_place(object_, kind_, prefix_, low, high, pool_low, pool_high, value_);
  IF kind_ = 2 AND LENGTH(a) = 4 THEN
    CALL rowlock_refuse(object_, 'the prefix of a pd_pool must be IPv6', first_);
  END IF;
  IF kind_ = 2 THEN
    CALL rowlock_check_prefixes(object_, b, a, SUBSTRING(pool_high, 2), bits, value_);
  END IF;
  IF NOT closing_ AND NOT subnet_closing THEN
    CALL rowlock_check_apart(id_, subnet_, first_, last_, vrf_, pool_low, pool_high);
  END IF;
END
-- +goose StatementEnd

-- Notes the geometry of a pool that is new, or was changed.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_make_gen(IN id_ INTEGER, IN gen_ INTEGER, IN subnet_ INTEGER, IN first_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN last_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN bits INTEGER) SQL SECURITY DEFINER
BEGIN
  INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, vrf)
  SELECT id_, gen_, first_, last_, bits, s.vrf FROM subnet s WHERE s.id = subnet_ LOCK IN SHARE MODE;
END
-- +goose StatementEnd

-- Notes that a generation gives nothing new
-- from now on. Whether frontends may still hand out of it is seen to when it is
-- settled: to look at their rows with a lock would hold up their heartbeats, and a
-- plain read may show them as they were long ago.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_retire(IN id_ INTEGER, IN gen_ INTEGER) SQL SECURITY DEFINER
BEGIN
  UPDATE pool_gen g JOIN config_head h ON h.id = 1 SET g.retired_rev = h.revision WHERE g.pool_id = id_ AND g.gen = gen_;
END
-- +goose StatementEnd

-- Ends a generation, and forgets the hints of it.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_end_gen(IN id_ INTEGER, IN gen_ INTEGER) SQL SECURITY DEFINER
BEGIN
  CALL rowlock_retire(id_, gen_);
  DELETE FROM addr_chunk WHERE pool_id = id_ AND gen = gen_;
  DELETE FROM pool_cursor WHERE pool_id = id_ AND gen = gen_;
END
-- +goose StatementEnd

-- The generation is the next one, whatever was written. A pool of IPv6 waits
-- until no lease of another length is left in its range.
-- +goose StatementBegin
CREATE TRIGGER pool_insert BEFORE INSERT ON pool FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = NEW.subnet_id LOCK IN SHARE MODE));
    CALL rowlock_check_pool(NEW.id, NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len, NEW.closing);
    CALL rowlock_check_comment(CONCAT('pool ', NEW.id), NEW.comment);
    SET NEW.gen = 1 + COALESCE((SELECT MAX(g.gen) FROM pool_gen g WHERE g.pool_id = NEW.id LOCK IN SHARE MODE), 0);
    SET NEW.waiting = IS_IPV6(NEW.first_addr);
  END IF;
END
-- +goose StatementEnd

-- Only now: BEFORE INSERT also runs for a row that is then updated (ON DUPLICATE
-- KEY UPDATE) or left out (IGNORE).
-- +goose StatementBegin
CREATE TRIGGER pool_inserted AFTER INSERT ON pool FOR EACH ROW
BEGIN
  IF (SELECT NOT h.applying FROM config_head h WHERE h.id = 1) THEN
    CALL rowlock_make_gen(NEW.id, NEW.gen, NEW.subnet_id, NEW.first_addr, NEW.last_addr, NEW.delegated_len);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pool_update BEFORE UPDATE ON pool FOR EACH ROW
BEGIN
  DECLARE by_hand, changed, reopened BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    SET changed = NEW.subnet_id <> OLD.subnet_id OR NEW.kind <> OLD.kind OR NEW.first_addr <> OLD.first_addr OR NEW.last_addr <> OLD.last_addr OR NEW.delegated_len <> OLD.delegated_len;
    SET reopened = OLD.closing AND NOT NEW.closing;
    CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = OLD.subnet_id LOCK IN SHARE MODE));
    IF NEW.id <> OLD.id THEN
      CALL rowlock_refuse(CONCAT('pool ', OLD.id, ' (', OLD.first_addr, '-', OLD.last_addr, ')'), 'an id must not change', NEW.id);
    END IF;
    CALL rowlock_check_comment(CONCAT('pool ', NEW.id), NEW.comment);
    IF changed OR reopened THEN
      CALL rowlock_check_pool(NEW.id, NEW.subnet_id, NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len, NEW.closing);
    END IF;
    IF NEW.closing AND NOT OLD.closing THEN
      CALL rowlock_retire(OLD.id, OLD.gen);
    END IF;
    SET NEW.gen = OLD.gen;
    SET NEW.waiting = IS_IPV6(NEW.first_addr) AND (OLD.waiting OR changed OR reopened);
    IF changed THEN
      CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = NEW.subnet_id LOCK IN SHARE MODE));
      SET NEW.gen = 1 + (SELECT MAX(g.gen) FROM pool_gen g WHERE g.pool_id = NEW.id LOCK IN SHARE MODE);
      CALL rowlock_end_gen(OLD.id, OLD.gen);
      CALL rowlock_make_gen(NEW.id, NEW.gen, NEW.subnet_id, NEW.first_addr, NEW.last_addr, NEW.delegated_len);
    END IF;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pool_delete BEFORE DELETE ON pool FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = OLD.subnet_id LOCK IN SHARE MODE));
    CALL rowlock_end_gen(OLD.id, OLD.gen);
    DELETE FROM addr_free WHERE pool_id = OLD.id;
  END IF;
END
-- +goose StatementEnd

-- Options and parameters.

-- Notes what a scope belongs to. A scope that is no more had its own note.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_note_scope(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER) SQL SECURITY DEFINER
BEGIN
  CASE scope_
    WHEN 'link' THEN CALL rowlock_note(2, id_);
    WHEN 'subnet' THEN CALL rowlock_note(2, (SELECT s.link_id FROM subnet s WHERE s.id = id_ LOCK IN SHARE MODE));
    ELSE CALL rowlock_note(1, 0);
  END CASE;
END
-- +goose StatementEnd

-- Refuses a scope that is not there.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_scope(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER) SQL SECURITY DEFINER
BEGIN
  IF NOT CASE scope_
      WHEN 'link' THEN EXISTS (SELECT 1 FROM link l WHERE l.id = id_ LOCK IN SHARE MODE)
      WHEN 'subnet' THEN EXISTS (SELECT 1 FROM subnet s WHERE s.id = id_ LOCK IN SHARE MODE)
      WHEN 'global' THEN id_ = 0
      ELSE FALSE END THEN
    CALL rowlock_refuse(object_, 'the scope_id must be that of a link or subnet, and 0 for global', CONCAT(scope_, ' ', id_));
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_option(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER, IN family_ SMALLINT, IN code_ INTEGER) SQL SECURITY DEFINER
BEGIN
  DECLARE object_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT(IF(scope_ = 'global', '', CONCAT(scope_, ' ', id_, ' ')), 'option_data ', code_);
  DECLARE family VARBINARY(1);
  CALL rowlock_check_scope(object_, scope_, id_);
  IF family_ NOT IN (4, 6) THEN
    CALL rowlock_refuse(object_, 'the family of an option must be v4 or v6', family_);
  END IF;
  IF scope_ = 'subnet' THEN
    SET family = (SELECT LEFT(s.range_low, 1) FROM subnet s WHERE s.id = id_ LOCK IN SHARE MODE);
    IF ASCII(family) <> family_ THEN
      CALL rowlock_refuse(object_, CONCAT('an option of a v', ASCII(family), ' subnet must be of that family'), CONCAT('v', family_));
    END IF;
  END IF;
END
-- +goose StatementEnd

-- Names in DNS, and rates next to 0, are looked at when the configuration is
-- loaded.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_check_parameter(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER, IN name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN value_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT CONCAT(IF(scope_ = 'global', '', CONCAT(scope_, ' ', id_, ' ')), 'parameter ', name_);
  DECLARE type_, scopes_ VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE choices_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE low, high DOUBLE;
  DECLARE whole, fits BOOLEAN;
  CALL rowlock_check_scope(object_, scope_, id_);
  SELECT d.type, d.scopes, d.lowest, d.highest, d.is_whole, d.choices INTO type_, scopes_, low, high, whole, choices_ FROM parameter_def d WHERE d.name = name_ LOCK IN SHARE MODE;
  IF type_ IS NULL THEN
    CALL rowlock_refuse(object_, 'a parameter must be one that exists', name_);
  END IF;
  IF scopes_ = 'global' AND scope_ <> 'global' THEN
    CALL rowlock_refuse(object_, 'the parameter may be set globally only', value_);
  END IF;
  SET fits = CASE
    WHEN choices_ <> '' THEN LOCATE(',', value_) = 0 AND FIND_IN_SET(value_, choices_) > 0
    WHEN type_ = 'ipv4-address' THEN IS_IPV4(value_)
    WHEN low IS NULL THEN TRUE
    WHEN CHAR_LENGTH(value_) NOT BETWEEN 1 AND 64 THEN FALSE
    WHEN whole THEN IF(value_ REGEXP '[^0-9]', FALSE, CAST(value_ AS DECIMAL(65)) BETWEEN low AND high)
    WHEN value_ REGEXP '[^0-9.eE+-]' OR value_ NOT REGEXP '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$' THEN FALSE
    ELSE CAST(value_ AS DOUBLE) BETWEEN low AND high END;
  IF NOT fits THEN
    CALL rowlock_refuse(object_, CONCAT('the value must be of type ', type_), LEFT(value_, 64));
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_scope(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note_scope(scope_, id_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_option(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER, IN family_ SMALLINT, IN code_ INTEGER,
  IN comment_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note_scope(scope_, id_);
    CALL rowlock_check_option(scope_, id_, family_, code_);
    CALL rowlock_check_comment(CONCAT('option_data ', code_), comment_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_parameter(IN scope_ VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN id_ INTEGER,
  IN name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN value_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN comment_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note_scope(scope_, id_);
    CALL rowlock_check_parameter(scope_, id_, name_, value_);
    CALL rowlock_check_comment(CONCAT('parameter ', name_), comment_);
  END IF;
END
-- +goose StatementEnd

CREATE TRIGGER option_data_insert BEFORE INSERT ON option_data FOR EACH ROW CALL rowlock_option(NEW.scope, NEW.scope_id, NEW.family, NEW.code, NEW.comment);
-- +goose StatementBegin
CREATE TRIGGER option_data_update BEFORE UPDATE ON option_data FOR EACH ROW
BEGIN
  CALL rowlock_scope(OLD.scope, OLD.scope_id);
  CALL rowlock_option(NEW.scope, NEW.scope_id, NEW.family, NEW.code, NEW.comment);
END
-- +goose StatementEnd
CREATE TRIGGER option_data_delete BEFORE DELETE ON option_data FOR EACH ROW CALL rowlock_scope(OLD.scope, OLD.scope_id);

CREATE TRIGGER parameter_insert BEFORE INSERT ON parameter FOR EACH ROW CALL rowlock_parameter(NEW.scope, NEW.scope_id, NEW.name, NEW.value, NEW.comment);
-- +goose StatementBegin
CREATE TRIGGER parameter_update BEFORE UPDATE ON parameter FOR EACH ROW
BEGIN
  CALL rowlock_scope(OLD.scope, OLD.scope_id);
  CALL rowlock_parameter(NEW.scope, NEW.scope_id, NEW.name, NEW.value, NEW.comment);
END
-- +goose StatementEnd
CREATE TRIGGER parameter_delete BEFORE DELETE ON parameter FOR EACH ROW CALL rowlock_scope(OLD.scope, OLD.scope_id);

-- What is outside of links.

-- What somebody says of a change makes a revision as the change does: it must not
-- wait for the change of another.
-- +goose StatementBegin
CREATE TRIGGER config_head_update BEFORE UPDATE ON config_head FOR EACH ROW
BEGIN
  DECLARE said TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  IF NOT OLD.applying AND NOT NEW.applying THEN
    IF CAST(NEW.comment AS BINARY) <> CAST(OLD.comment AS BINARY) THEN
      CALL rowlock_check_comment('config_head comment', NEW.comment);
    END IF;
    IF CAST(NEW.change_comment AS BINARY) <> CAST(OLD.change_comment AS BINARY) THEN
      SET said = NEW.change_comment;
      CALL rowlock_check_comment('config_head change_comment', said);
      CALL rowlock_comment_both(OLD.change_comment, said);
      SET NEW.change_comment = said;
    END IF;
    IF NEW.revision < OLD.revision THEN
      CALL rowlock_refuse('config_head', 'a revision must not go back', CONCAT(NEW.revision, ' from ', OLD.revision));
    END IF;
    IF NEW.described > NEW.revision THEN
      CALL rowlock_refuse('config_head', 'a revision that is not there must not be described', NEW.described);
    END IF;
    IF CAST(NEW.comment AS BINARY) <> CAST(OLD.comment AS BINARY) OR CAST(NEW.change_comment AS BINARY) <> CAST(OLD.change_comment AS BINARY) THEN
      SET NEW.revision = GREATEST(NEW.revision, OLD.revision + 1);
      CALL rowlock_note_at(1, 0, NEW.revision, OLD.described);
    END IF;
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER config_head_delete BEFORE DELETE ON config_head FOR EACH ROW
BEGIN
  IF NOT OLD.applying THEN
    CALL rowlock_refuse('config_head', 'the row must stay', 'DELETE');
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_global() SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_global_comment(IN object_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN comment_ TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
    CALL rowlock_check_comment(object_, comment_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_vrf_interface(IN vrf_ INTEGER, IN name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
    CALL rowlock_check_interface(CONCAT('vrf ', vrf_, ' interface ', name_), name_);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_vrf_relay(IN vrf_ INTEGER, IN addr_ VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  DECLARE bytes VARBINARY(16);
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
    CALL rowlock_check_relay(CONCAT('vrf ', vrf_, ' relay ', addr_), addr_, bytes);
  END IF;
END
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE rowlock_zone(IN name_ VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin) SQL SECURITY DEFINER
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
    IF name_ REGEXP '[^-a-z0-9_/.]' OR CONCAT('.', name_, '.') LIKE '%..%' THEN
      CALL rowlock_refuse(CONCAT('dns_zone ', name_), 'the name of a zone must be labels of letters, digits and -', CONCAT('"', name_, '"'));
    END IF;
  END IF;
END
-- +goose StatementEnd

CREATE TRIGGER vrf_insert BEFORE INSERT ON vrf FOR EACH ROW CALL rowlock_global_comment(CONCAT('vrf ', NEW.id), NEW.comment);
CREATE TRIGGER vrf_update BEFORE UPDATE ON vrf FOR EACH ROW CALL rowlock_global_comment(CONCAT('vrf ', NEW.id), NEW.comment);
CREATE TRIGGER vrf_delete BEFORE DELETE ON vrf FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER vrf_interface_insert BEFORE INSERT ON vrf_interface FOR EACH ROW CALL rowlock_vrf_interface(NEW.vrf, NEW.name);
CREATE TRIGGER vrf_interface_update BEFORE UPDATE ON vrf_interface FOR EACH ROW CALL rowlock_vrf_interface(NEW.vrf, NEW.name);
CREATE TRIGGER vrf_interface_delete BEFORE DELETE ON vrf_interface FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER vrf_relay_insert BEFORE INSERT ON vrf_relay FOR EACH ROW CALL rowlock_vrf_relay(NEW.vrf, NEW.addr);
CREATE TRIGGER vrf_relay_update BEFORE UPDATE ON vrf_relay FOR EACH ROW CALL rowlock_vrf_relay(NEW.vrf, NEW.addr);
CREATE TRIGGER vrf_relay_delete BEFORE DELETE ON vrf_relay FOR EACH ROW CALL rowlock_global();
-- +goose StatementBegin
CREATE TRIGGER dns_zone_insert BEFORE INSERT ON dns_zone FOR EACH ROW BEGIN
  CALL rowlock_zone(NEW.name);
  CALL rowlock_global_comment(CONCAT('dns_zone ', NEW.name), NEW.comment);
END
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dns_zone_update BEFORE UPDATE ON dns_zone FOR EACH ROW BEGIN
  CALL rowlock_zone(NEW.name);
  CALL rowlock_global_comment(CONCAT('dns_zone ', NEW.name), NEW.comment);
END
-- +goose StatementEnd
CREATE TRIGGER dns_zone_delete BEFORE DELETE ON dns_zone FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER dns_server_insert BEFORE INSERT ON dns_server FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER dns_server_update BEFORE UPDATE ON dns_server FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER dns_server_delete BEFORE DELETE ON dns_server FOR EACH ROW CALL rowlock_global();
CREATE TRIGGER tsig_key_insert BEFORE INSERT ON tsig_key FOR EACH ROW CALL rowlock_global_comment(CONCAT('tsig_key ', NEW.name), NEW.comment);
-- The fingerprint is not that of another secret.
-- +goose StatementBegin
CREATE TRIGGER tsig_key_update BEFORE UPDATE ON tsig_key FOR EACH ROW
BEGIN
  DECLARE by_hand BOOLEAN;
  CALL rowlock_begin(by_hand);
  IF by_hand THEN
    CALL rowlock_note(1, 0);
    CALL rowlock_check_comment(CONCAT('tsig_key ', NEW.name), NEW.comment);
    IF CAST(NEW.secret AS BINARY) <> CAST(OLD.secret AS BINARY) AND NEW.fingerprint = OLD.fingerprint THEN
      SET NEW.fingerprint = '';
    END IF;
  END IF;
END
-- +goose StatementEnd
CREATE TRIGGER tsig_key_delete BEFORE DELETE ON tsig_key FOR EACH ROW CALL rowlock_global();

-- +goose Down
DROP TRIGGER link_insert;
DROP TRIGGER link_update;
DROP TRIGGER link_updated;
DROP TRIGGER link_delete;
DROP TRIGGER subnet_insert;
DROP TRIGGER subnet_update;
DROP TRIGGER subnet_updated;
DROP TRIGGER subnet_delete;
DROP TRIGGER subnet_relay_insert;
DROP TRIGGER subnet_relay_update;
DROP TRIGGER subnet_relay_delete;
DROP TRIGGER pool_insert;
DROP TRIGGER pool_inserted;
DROP TRIGGER pool_update;
DROP TRIGGER pool_delete;
DROP TRIGGER option_data_insert;
DROP TRIGGER option_data_update;
DROP TRIGGER option_data_delete;
DROP TRIGGER parameter_insert;
DROP TRIGGER parameter_update;
DROP TRIGGER parameter_delete;
DROP TRIGGER config_head_update;
DROP TRIGGER config_head_delete;
DROP TRIGGER vrf_insert;
DROP TRIGGER vrf_update;
DROP TRIGGER vrf_delete;
DROP TRIGGER vrf_interface_insert;
DROP TRIGGER vrf_interface_update;
DROP TRIGGER vrf_interface_delete;
DROP TRIGGER vrf_relay_insert;
DROP TRIGGER vrf_relay_update;
DROP TRIGGER vrf_relay_delete;
DROP TRIGGER dns_zone_insert;
DROP TRIGGER dns_zone_update;
DROP TRIGGER dns_zone_delete;
DROP TRIGGER dns_server_insert;
DROP TRIGGER dns_server_update;
DROP TRIGGER dns_server_delete;
DROP TRIGGER tsig_key_insert;
DROP TRIGGER tsig_key_update;
DROP TRIGGER tsig_key_delete;
DROP PROCEDURE rowlock_begin;
DROP PROCEDURE rowlock_note;
DROP PROCEDURE rowlock_note_at;
DROP PROCEDURE rowlock_refuse;
DROP PROCEDURE rowlock_check_comment;
DROP PROCEDURE rowlock_comment_both;
DROP PROCEDURE rowlock_addr;
DROP PROCEDURE rowlock_range;
DROP PROCEDURE rowlock_prefix;
DROP PROCEDURE rowlock_check_interface;
DROP PROCEDURE rowlock_check_relay;
DROP PROCEDURE rowlock_check_vrf;
DROP PROCEDURE rowlock_check_subnet;
DROP PROCEDURE rowlock_check_host_bits;
DROP PROCEDURE rowlock_check_overlap;
DROP PROCEDURE rowlock_check_selectors;
DROP PROCEDURE rowlock_check_contents;
DROP PROCEDURE rowlock_relay;
DROP PROCEDURE rowlock_check_place;
DROP PROCEDURE rowlock_check_apart;
DROP PROCEDURE rowlock_check_prefixes;
DROP PROCEDURE rowlock_check_pool;
DROP PROCEDURE rowlock_make_gen;
DROP PROCEDURE rowlock_retire;
DROP PROCEDURE rowlock_end_gen;
DROP PROCEDURE rowlock_note_scope;
DROP PROCEDURE rowlock_check_scope;
DROP PROCEDURE rowlock_check_option;
DROP PROCEDURE rowlock_check_parameter;
DROP PROCEDURE rowlock_scope;
DROP PROCEDURE rowlock_option;
DROP PROCEDURE rowlock_parameter;
DROP PROCEDURE rowlock_zone;
DROP PROCEDURE rowlock_global;
DROP PROCEDURE rowlock_global_comment;
DROP PROCEDURE rowlock_vrf_interface;
DROP PROCEDURE rowlock_vrf_relay;
CREATE OR REPLACE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       TIMESTAMPDIFF(MICROSECOND, f.heartbeat_at, UTC_TIMESTAMP(6)) / 1000000 AS heartbeat_age,
       f.heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 5 SECOND AS alive
  FROM frontend f CROSS JOIN config_head c;
DROP TABLE parameter_def, vrf_relay, vrf_interface, vrf, config_change;
ALTER TABLE frontend DROP COLUMN refused_revision, DROP COLUMN refused;
ALTER TABLE dns_zone DROP COLUMN comment;
ALTER TABLE tsig_key DROP COLUMN comment;
ALTER TABLE parameter DROP COLUMN comment;
ALTER TABLE option_data DROP COLUMN comment;
ALTER TABLE pool_gen DROP KEY pool_gen_retired, DROP KEY pool_gen_range, DROP COLUMN range_low, DROP COLUMN retired_rev, DROP COLUMN vrf;
ALTER TABLE pool DROP COLUMN waiting, DROP COLUMN comment;
ALTER TABLE subnet_relay DROP KEY subnet_relay_addr, DROP COLUMN vrf;
ALTER TABLE subnet DROP KEY subnet_interface_id, DROP KEY subnet_interface, DROP KEY subnet_range, DROP COLUMN range_low, DROP COLUMN vrf, DROP COLUMN comment, DROP COLUMN earlier_link_id;
ALTER TABLE link DROP COLUMN comment;
ALTER TABLE config_revision DROP COLUMN is_full, DROP COLUMN content;
ALTER TABLE config_head DROP COLUMN comment, DROP COLUMN change_comment, DROP COLUMN applying, DROP COLUMN described;
