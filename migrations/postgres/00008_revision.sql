-- +goose Up
-- Rows of the configuration may be changed by anybody who may write them:
-- triggers refuse what is wrong and raise the revision. What was changed is
-- written down, so that it can be told, read alone, and undone.

ALTER TABLE config_head ADD COLUMN described bigint NOT NULL DEFAULT 0,
                        ADD COLUMN applying boolean NOT NULL DEFAULT false,
                        ADD COLUMN change_comment text NOT NULL DEFAULT '',
                        ADD COLUMN comment text NOT NULL DEFAULT '';
COMMENT ON COLUMN config_head.described IS 'newest revision that has a row in config_revision with its content';
COMMENT ON COLUMN config_head.applying IS 'set by the program while it changes rows itself, and never seen so by others: triggers do nothing';
COMMENT ON COLUMN config_head.change_comment IS 'write it together with a change by hand: the comment of the revision that this becomes';
COMMENT ON COLUMN config_head.comment IS 'of the whole configuration';

ALTER TABLE config_revision ADD COLUMN content bytea, ADD COLUMN is_full boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN config_revision.content IS 'gzip of JSON: all of the configuration (is_full), or what changed since the content before';

CREATE TABLE config_change (
  kind     smallint NOT NULL CHECK (kind IN (1, 2)),
  id       integer  NOT NULL,
  revision bigint   NOT NULL,
  author   text     NOT NULL DEFAULT '',
  PRIMARY KEY (kind, id)
);
CREATE INDEX config_change_revision ON config_change (revision);
COMMENT ON TABLE config_change IS 'when what is outside of links (kind 1, id 0), and each link with all that is in it (2), was changed last, and by which database user';
INSERT INTO config_change (kind, id, revision) SELECT 1, 0, revision FROM config_head WHERE revision > 0;
INSERT INTO config_change (kind, id, revision) SELECT 2, l.id, h.revision FROM link l CROSS JOIN config_head h;

CREATE TABLE vrf (
  id      integer PRIMARY KEY CHECK (id > 0),
  comment text    NOT NULL DEFAULT ''
);
COMMENT ON TABLE vrf IS 'address plans that packets are sent to by what they come in by; one that nothing selects needs no row';
CREATE TABLE vrf_interface (
  name text    PRIMARY KEY CHECK (name <> ''),
  vrf  integer NOT NULL REFERENCES vrf ON DELETE CASCADE
);
CREATE INDEX vrf_interface_vrf ON vrf_interface (vrf);
CREATE TABLE vrf_relay (
  addr text    PRIMARY KEY CHECK (addr = host(addr::inet)),
  vrf  integer NOT NULL REFERENCES vrf ON DELETE CASCADE
);
CREATE INDEX vrf_relay_vrf ON vrf_relay (vrf);

ALTER TABLE link ADD COLUMN comment text NOT NULL DEFAULT '';
ALTER TABLE subnet ADD COLUMN earlier_link_id integer NOT NULL DEFAULT 0, ADD COLUMN comment text NOT NULL DEFAULT '',
                   ADD COLUMN vrf integer NOT NULL DEFAULT 0;
ALTER TABLE pool ADD COLUMN comment text NOT NULL DEFAULT '', ADD COLUMN waiting boolean NOT NULL DEFAULT false;
ALTER TABLE option_data ADD COLUMN comment text NOT NULL DEFAULT '';
ALTER TABLE parameter ADD COLUMN comment text NOT NULL DEFAULT '';
ALTER TABLE tsig_key ADD COLUMN comment text NOT NULL DEFAULT '';
ALTER TABLE dns_zone ADD COLUMN comment text NOT NULL DEFAULT '';
COMMENT ON COLUMN subnet.earlier_link_id IS 'the link it was on before previous_link_id';
COMMENT ON COLUMN subnet.vrf IS 'that of the link, whatever is written';
UPDATE subnet s SET vrf = l.vrf FROM link l WHERE l.id = s.link_id AND l.vrf <> 0;
COMMENT ON COLUMN pool.waiting IS 'nothing new is handed out until others have given up the range; set and taken back by the program';
COMMENT ON COLUMN pool.gen IS 'the generation: raised with each change of geometry, whatever is written';

ALTER TABLE pool_gen ADD COLUMN vrf integer NOT NULL DEFAULT 0, ADD COLUMN retired_rev bigint;
COMMENT ON COLUMN pool_gen.retired_rev IS 'the revision that ended it, while a frontend may still hand out of it';
UPDATE pool_gen g SET vrf = l.vrf FROM pool p JOIN subnet s ON s.id = p.subnet_id JOIN link l ON l.id = s.link_id WHERE p.id = g.pool_id;

ALTER TABLE frontend ADD COLUMN refused_revision bigint NOT NULL DEFAULT 0, ADD COLUMN refused text NOT NULL DEFAULT '';
COMMENT ON COLUMN frontend.refused_revision IS 'the newest revision if the frontend cannot use it, refused says why; it goes on with revision';
CREATE OR REPLACE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       extract(epoch FROM now() - f.heartbeat_at)::double precision AS heartbeat_age,
       f.heartbeat_at > now() - interval '5 seconds' AS alive, f.refused_revision, f.refused
  FROM frontend f CROSS JOIN config_head c;

CREATE TABLE parameter_def (
  name          text    PRIMARY KEY,
  type          text    NOT NULL,
  scopes        text    NOT NULL CHECK (scopes IN ('global', 'any')),
  lowest        double precision,
  highest       double precision,
  is_whole      boolean NOT NULL DEFAULT false,
  choices       text    NOT NULL DEFAULT '',
  default_value text    NOT NULL,
  help          text    NOT NULL
);
COMMENT ON TABLE parameter_def IS 'the parameters that there are, and what their values may be';
INSERT INTO parameter_def (name, type, scopes, lowest, highest, is_whole, choices, default_value, help) VALUES
  ('valid_lifetime', 'seconds', 'any', 1, 4294967295, true, '', '7200', 'lifetime of a lease when the client asks for none'),
  ('min_valid_lifetime', 'seconds', 'any', 1, 4294967295, true, '', '', 'shortest lifetime a client may ask for; default: valid_lifetime'),
  ('max_valid_lifetime', 'seconds', 'any', 1, 4294967295, true, '', '', 'longest lifetime a client may ask for; default: valid_lifetime'),
  ('preferred_lifetime', 'seconds', 'any', 0, 4294967295, true, '', '', 'DHCPv6 preferred lifetime; default: five eighths of the valid lifetime granted'),
  ('offer_lifetime', 'seconds', 'any', 1, 4294967295, true, '', '60', 'how long an offered address is held for the client'),
  ('renew_timer', 'seconds', 'any', 0, 4294967295, true, '', '', 'T1; default: t1_percent of the lifetime'),
  ('rebind_timer', 'seconds', 'any', 0, 4294967295, true, '', '', 'T2; default: t2_percent of the lifetime'),
  ('t1_percent', 'percent', 'any', 1, 100, false, '', '50', 'T1 as a share of the lifetime (RFC 2131 4.4.5); DHCPv6: of the preferred lifetime (RFC 9915 21.4)'),
  ('t2_percent', 'percent', 'any', 1, 100, false, '', '', 'T2 as a share of the lifetime; default: 87.5 (DHCPv4), 80 (DHCPv6)'),
  ('cache_threshold', 'share', 'any', 0, 0.999999, false, '', '0', 'a renewal that changes nothing is answered without a write while the lease''s age is below this share of its lifetime; 0: each is written'),
  ('cache_max_age', 'seconds', 'any', 0, 4294967295, true, '', '', 'oldest lease that cache_threshold is used for; default: no bound'),
  ('authoritative', 'boolean', 'any', NULL, NULL, false, 'true,false', 'true', 'NAK clients that ask for an address of another network (RFC 2131 4.3.2)'),
  ('rapid_commit', 'boolean', 'any', NULL, NULL, false, 'true,false', 'false', 'answer a SOLICIT that has the Rapid Commit option at once (RFC 9915 18.3.1)'),
  ('match_client_id', 'boolean', 'any', NULL, NULL, false, 'true,false', 'true', 'identify DHCPv4 clients by client identifier before hardware address'),
  ('echo_client_id', 'boolean', 'any', NULL, NULL, false, 'true,false', 'true', 'return the client identifier (RFC 6842)'),
  ('server_identifier', 'ipv4-address', 'any', NULL, NULL, false, '', '', 'DHCPv4 server identifier shared by all frontends; default: each frontend''s own address'),
  ('preference', 'uint8', 'any', 0, 255, true, '', '0', 'DHCPv6 server preference (RFC 9915 21.8); 0 is not sent'),
  ('reclaim_grace', 'seconds', 'global', 60, 4294967295, true, '', '60', 'how long after its end an address stays unused, at least 60'),
  ('affinity_time', 'seconds', 'global', 0, 4294967295, true, '', '604800', 'how long an ended binding is remembered for a returning client while its address is not needed'),
  ('max_dead', 'count', 'global', 0, 1000000, true, '', '100000', 'how many ended bindings a pool remembers at most, those that ended last'),
  ('decline_probation_period', 'seconds', 'global', 0, 4294967295, true, '', '86400', 'quarantine of a declined address'),
  ('decline_limit', 'count', 'global', 0, 1000000, true, '', '100', 'addresses that one client or circuit may put into quarantine within decline_probation_period; 0: any number'),
  ('circuit_rate', 'rate', 'global', 0, 1000000, false, '', '0', 'conversations that one circuit behind a relay may begin a second; 0: no limit'),
  ('circuit_burst', 'count', 'global', 0, 1000000, true, '', '10', 'conversations that it may begin at once'),
  ('relay_rate', 'rate', 'global', 0, 1000000, false, '', '0', 'conversations that may begin behind one relay a second; 0: no limit'),
  ('relay_burst', 'count', 'global', 0, 1000000, true, '', '1000', 'conversations that may begin there at once'),
  ('history_retention', 'seconds', 'global', 0, 4294967295, true, '', '31536000', 'how long an ended holding stays in lease_history, and to the end of its month on servers; 0: for ever'),
  ('park_max', 'seconds', 'global', 0, 4294967295, true, '', '604800', 'longest time a parked lease blocks its address'),
  ('ddns_send_updates', 'boolean', 'any', NULL, NULL, false, 'true,false', 'false', 'keep the names of clients in DNS'),
  ('ddns_override_no_update', 'boolean', 'any', NULL, NULL, false, 'true,false', 'false', 'do so also for clients that ask for no update'),
  ('ddns_override_client_update', 'boolean', 'any', NULL, NULL, false, 'true,false', 'false', 'keep the address record also for clients that want to do so themselves'),
  ('ddns_replace_client_name', 'choice', 'any', NULL, NULL, false, 'never,always,when-present,when-not-present', 'never', 'when a generated name stands in for the client''s'),
  ('ddns_generated_prefix', 'label', 'any', NULL, NULL, false, '', 'host', 'first part of generated names'),
  ('ddns_qualifying_suffix', 'domain', 'any', NULL, NULL, false, '', '', 'domain of names that have none, and of generated ones'),
  ('ddns_confine_to_suffix', 'boolean', 'any', NULL, NULL, false, 'true,false', 'true', 'do not use a client''s own name outside of the suffix; no effect without a suffix'),
  ('hostname_char_replacement', 'character', 'any', NULL, NULL, false, '', '', 'stands for each character that a host name may not have; default: it is left out'),
  ('ddns_ttl', 'ttl', 'any', 0, 2147483647, true, '', '', 'TTL of the records in seconds, whatever the lifetime; excludes the next three'),
  ('ddns_ttl_percent', 'whole-percent', 'any', 0, 100, true, '', '', 'TTL as a share of the lifetime; default: a third (RFC 4702 5)'),
  ('ddns_ttl_min', 'ttl', 'any', 0, 2147483647, true, '', '', 'shortest TTL; default: 600'),
  ('ddns_ttl_max', 'ttl', 'any', 0, 2147483647, true, '', '', 'longest TTL; default: none');

-- What overlaps is found by these, whatever there is in other vrfs: by looking at
-- the neighbours of a subnet, or of a generation of a pool, in order of address,
-- because those that are there already do not overlap each other. In that order a
-- prefix is right before those within it.
CREATE INDEX subnet_order ON subnet ((vrf::bigint), (prefix::inet)) WHERE NOT closing;
CREATE INDEX pool_gen_order ON pool_gen ((vrf::bigint), (first_addr::inet));
CREATE INDEX pool_gen_retired ON pool_gen (pool_id, gen) WHERE retired_rev IS NOT NULL;
CREATE INDEX subnet_interface ON subnet (nullif(interface, ''));
CREATE INDEX subnet_interface_id ON subnet (vrf, nullif(interface_id, ''));
CREATE INDEX subnet_relay_addr ON subnet_relay ((addr::inet));

-- Whether the program itself is at work: it, and a move, see to everything.
-- +goose StatementBegin
CREATE FUNCTION rowlock_applying() RETURNS boolean LANGUAGE sql AS $$
  SELECT coalesce((SELECT applying FROM config_head WHERE id = 1), true)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_refuse(object text, rule text, value text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = format('%s: %s: %s', object, rule, value);
END $$;
-- +goose StatementEnd

-- Comments are shown to people: what the program refuses in a document is
-- refused here, too.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_comment(object text, comment text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  never text := '[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]';
BEGIN
  IF octet_length(comment) > 4000 THEN
    PERFORM rowlock_refuse(object, 'a comment must have at most 4000 bytes', octet_length(comment) || ' bytes');
  END IF;
  IF comment ~ never THEN
    PERFORM rowlock_refuse(object, 'a comment must be UTF-8 without control characters, but for tabs and ends of lines',
                           to_json(regexp_replace(left(comment, 60), never, '?', 'g'))::text);
  END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_comment_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  j json := row_to_json(NEW);
BEGIN
  IF NOT rowlock_applying() THEN
    PERFORM rowlock_check_comment(concat_ws(' ', TG_TABLE_NAME, coalesce(j ->> 'id', j ->> 'code', j ->> 'name')), NEW.comment);
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- What several people say of changes that become one revision, one a line, cut
-- at the length of a comment. Who says nothing new adds nothing.
-- +goose StatementBegin
CREATE FUNCTION rowlock_comment_both(was text, said text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  eol  text := chr(10);
  whole text := was || eol || said;
BEGIN
  IF was = '' OR said = '' OR position(eol || was || eol IN eol || said || eol) > 0 THEN
    RETURN said;
  ELSIF position(eol || said || eol IN eol || was || eol) > 0 THEN
    RETURN was;
  END IF;
  WHILE octet_length(whole) > 4000 LOOP
    whole := left(whole, -((octet_length(whole) - 3997) / 4)); -- a character has up to four bytes
  END LOOP;
  RETURN whole;
END $$;
-- +goose StatementEnd

-- Whoever changes rows waits here for others who do, and sees what they did.
-- +goose StatementBegin
CREATE FUNCTION rowlock_config_lock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NOT rowlock_applying() THEN
    PERFORM 1 FROM config_head WHERE id = 1 FOR UPDATE;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Who changed an object since the newest revision that is described. Names beyond
-- the length of a comment are left out.
-- +goose StatementBegin
CREATE FUNCTION rowlock_author_both(was text, author text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN was = '' THEN author
              WHEN author = ANY(string_to_array(was, ', ')) OR octet_length(was) + 2 + octet_length(author) > 4000 THEN was
              ELSE was || ', ' || author END
$$;
-- +goose StatementEnd

-- Raises the revision once in a transaction: its row is this transaction's from
-- then on. Notes what was changed, and returns the revision.
-- +goose StatementBegin
CREATE FUNCTION rowlock_config_note(kinds smallint, ids integer[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  rev  bigint;
  told bigint;
BEGIN
  UPDATE config_head SET revision = revision + 1 WHERE id = 1 AND xmin <> pg_current_xact_id()::xid;
  SELECT revision, described INTO rev, told FROM config_head WHERE id = 1;
  INSERT INTO config_change AS c (kind, id, revision, author)
  SELECT DISTINCT kinds, x, rev, session_user::text FROM unnest(ids) x WHERE x IS NOT NULL
  ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
    author = CASE WHEN c.revision > told THEN rowlock_author_both(c.author, excluded.author) ELSE excluded.author END
    WHERE c.revision <> excluded.revision OR excluded.author <> ALL (string_to_array(c.author, ', '));
  RETURN rev;
END $$;
-- +goose StatementEnd

-- A person may write comments there, and nothing else is of use; any change has
-- a number of its own, so that a comment is described with its own transaction.
-- +goose StatementBegin
CREATE FUNCTION rowlock_head_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF OLD.applying OR NEW.applying THEN
    RETURN NEW;
  END IF;
  IF NEW.revision < OLD.revision THEN
    PERFORM rowlock_refuse('config_head', 'a revision must not go back', format('%s from %s', NEW.revision, OLD.revision));
  END IF;
  IF NEW.comment <> OLD.comment THEN
    PERFORM rowlock_check_comment('config_head comment', NEW.comment);
  END IF;
  IF NEW.change_comment <> OLD.change_comment THEN
    PERFORM rowlock_check_comment('config_head change_comment', NEW.change_comment);
    NEW.change_comment := rowlock_comment_both(OLD.change_comment, NEW.change_comment);
  END IF;
  IF NEW.described > NEW.revision THEN
    PERFORM rowlock_refuse('config_head', 'a revision that is not there must not be described', NEW.described::text);
  END IF;
  IF NEW.revision = OLD.revision AND EXISTS (SELECT 1 FROM config_head h WHERE h.id = NEW.id AND h.xmin <> pg_current_xact_id()::xid) THEN
    NEW.revision := OLD.revision + 1;
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER config_head_guard BEFORE UPDATE ON config_head FOR EACH ROW EXECUTE FUNCTION rowlock_head_guard();
-- +goose StatementBegin
CREATE FUNCTION rowlock_head_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM rowlock_refuse('config_head', 'the row must stay', 'DELETE');
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER config_head_delete BEFORE DELETE ON config_head FOR EACH ROW WHEN (NOT OLD.applying) EXECUTE FUNCTION rowlock_head_delete();
-- +goose StatementBegin
CREATE FUNCTION rowlock_head_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM rowlock_config_note(1::smallint, ARRAY[0]);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER config_head_changed AFTER UPDATE ON config_head FOR EACH ROW
  WHEN ((OLD.comment, OLD.change_comment) <> (NEW.comment, NEW.change_comment) AND NOT OLD.applying AND NOT NEW.applying) EXECUTE FUNCTION rowlock_head_changed();
DROP TRIGGER config_head_notify ON config_head;
CREATE TRIGGER config_head_notify AFTER UPDATE ON config_head FOR EACH ROW
  WHEN (OLD.revision <> NEW.revision) EXECUTE FUNCTION rowlock_config_notify();

-- +goose StatementBegin
CREATE FUNCTION rowlock_config_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rowlock_refuse(TG_TABLE_NAME, 'rows of the configuration must be deleted', 'TRUNCATE');
END $$;
-- +goose StatementEnd

-- A link that has no name is that of one subnet.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_links(ids integer[]) RETURNS void LANGUAGE sql AS $$
  SELECT rowlock_refuse('link ' || l.id, 'a link without a name must have one subnet', count(*) || ' subnets')
    FROM link l JOIN subnet s ON s.link_id = l.id WHERE l.id = ANY(ids) AND coalesce(l.name, '') = '' GROUP BY l.id HAVING count(*) > 1
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_link_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids integer[];
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    ids := ARRAY(SELECT id FROM old_rows);
  ELSE
    ids := ARRAY(SELECT id FROM new_rows);
  END IF;
  IF cardinality(ids) = 0 THEN
    RETURN NULL;
  END IF;
  PERFORM rowlock_config_note(2::smallint, ids);
  IF TG_OP = 'DELETE' THEN
    DELETE FROM parameter WHERE scope = 'link' AND scope_id = ANY(ids);
    DELETE FROM option_data WHERE scope = 'link' AND scope_id = ANY(ids);
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    PERFORM rowlock_refuse('link ' || o.id, 'an id must not change', o.id::text) FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id WHERE n.id IS NULL;
    PERFORM rowlock_refuse('link ' || n.id, 'the vrf of a link must not change while it has subnets', n.vrf::text)
       FROM new_rows n JOIN old_rows o ON o.id = n.id
      WHERE n.vrf <> o.vrf AND EXISTS (SELECT 1 FROM subnet s WHERE s.link_id = n.id OFFSET 0);
    PERFORM rowlock_check_links(ids);
  END IF;
  UPDATE config_head SET last_link_id = (SELECT max(x) FROM unnest(ids) x) WHERE id = 1 AND last_link_id < ANY(ids);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Subnets have the vrf of their link. A person changes it of links without any.
-- +goose StatementBegin
CREATE FUNCTION rowlock_link_vrf() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF rowlock_applying() THEN
    UPDATE subnet SET vrf = NEW.vrf WHERE link_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER link_vrf AFTER UPDATE ON link FOR EACH ROW WHEN (NEW.vrf <> OLD.vrf) EXECUTE FUNCTION rowlock_link_vrf();

-- How a subnet is called in a refusal.
-- +goose StatementBegin
CREATE FUNCTION rowlock_subnet_name(id integer, prefix text) RETURNS text LANGUAGE sql AS $$
  SELECT format('subnet %s (%s)', id, prefix)
$$;
-- +goose StatementEnd

-- The form of a subnet's row, and what in it is not the writer's.
-- +goose StatementBegin
CREATE FUNCTION rowlock_subnet_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  me text := rowlock_subnet_name(NEW.id, NEW.prefix);
  p  inet;
BEGIN
  NEW.vrf := coalesce((SELECT l.vrf FROM link l WHERE l.id = NEW.link_id), 0);
  IF rowlock_applying() THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    NEW.previous_link_id := 0;
    NEW.earlier_link_id := 0;
  ELSIF NEW.link_id <> OLD.link_id THEN
    NEW.previous_link_id := OLD.link_id;
    NEW.earlier_link_id := OLD.previous_link_id;
  ELSE
    NEW.previous_link_id := OLD.previous_link_id;
    NEW.earlier_link_id := OLD.earlier_link_id;
  END IF;
  BEGIN
    p := NEW.prefix::inet;
  EXCEPTION WHEN invalid_text_representation THEN
    PERFORM rowlock_refuse(me, 'a subnet must have a prefix', NEW.prefix);
  END;
  IF p <<= inet '::ffff:0:0/96' THEN
    PERFORM rowlock_refuse(me, 'an IPv4 prefix must be written as IPv4', NEW.prefix);
  END IF;
  IF p <<= inet '224.0.0.0/4' OR p <<= inet 'ff00::/8' THEN
    PERFORM rowlock_refuse(me, 'a subnet must be unicast', NEW.prefix);
  END IF;
  IF p <> network(p) THEN
    PERFORM rowlock_refuse(me, 'the host bits of a prefix must be zero, as in ' || network(p), NEW.prefix);
  END IF;
  IF NEW.prefix <> text(network(p)) THEN
    PERFORM rowlock_refuse(me, 'a prefix must be written in its shortest form, as in ' || network(p), NEW.prefix);
  END IF;
  IF NEW.interface <> '' AND (octet_length(NEW.interface) > 15 OR NEW.interface IN ('.', '..') OR NEW.interface ~ '[/:[:space:][:cntrl:]]') THEN
    PERFORM rowlock_refuse(me, 'an interface must be a name of 1 to 15 characters without space, slash and colon', NEW.interface);
  END IF;
  IF NEW.interface_id <> '' AND family(p) = 4 THEN
    PERFORM rowlock_refuse(me, 'an interface_id must be in an IPv6 subnet', '0x' || encode(NEW.interface_id, 'hex'));
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- A link may have been made only after a subnet of it, by the same statement.
-- +goose StatementBegin
CREATE FUNCTION rowlock_subnet_vrf(ids integer[]) RETURNS void LANGUAGE sql AS $$
  UPDATE subnet s SET vrf = (SELECT l.vrf FROM link l WHERE l.id = s.link_id)
   WHERE s.id = ANY(ids) AND s.vrf <> (SELECT l.vrf FROM link l WHERE l.id = s.link_id)
$$;
-- +goose StatementEnd

-- What subnets have to do with others. Those that are closing are on their way
-- out, and left alone.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_subnets(ids integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rowlock_refuse(rowlock_subnet_name(s.id, s.prefix), 'subnets of a vrf must not overlap', 'overlaps ' || rowlock_subnet_name(o.id, o.prefix))
     FROM unnest(ids) k (id) JOIN subnet s ON s.id = k.id
    CROSS JOIN LATERAL (
      (SELECT t.id, t.prefix FROM subnet t
        WHERE t.vrf::bigint = s.vrf::bigint AND t.prefix::inet <= s.prefix::inet AND t.id <> s.id AND NOT t.closing
        ORDER BY t.vrf::bigint DESC, t.prefix::inet DESC LIMIT 1)
      UNION ALL
      (SELECT t.id, t.prefix FROM subnet t
        WHERE t.vrf::bigint = s.vrf::bigint AND t.prefix::inet > s.prefix::inet AND NOT t.closing
        ORDER BY t.vrf::bigint, t.prefix::inet LIMIT 1)) o
    WHERE NOT s.closing AND o.prefix::inet && s.prefix::inet;
  PERFORM rowlock_refuse(rowlock_subnet_name(s.id, s.prefix), 'the same interface must not select two links', 'also ' || rowlock_subnet_name(t.id, t.prefix))
     FROM unnest(ids) k (id) JOIN subnet s ON s.id = k.id JOIN subnet t ON nullif(t.interface, '') = nullif(s.interface, '')
    WHERE NOT s.closing AND NOT t.closing AND t.link_id <> s.link_id AND family(t.prefix::inet) = family(s.prefix::inet);
  PERFORM rowlock_refuse(rowlock_subnet_name(s.id, s.prefix), 'the same interface_id must not select two links', 'also ' || rowlock_subnet_name(t.id, t.prefix))
     FROM unnest(ids) k (id) JOIN subnet s ON s.id = k.id JOIN subnet t ON t.vrf = s.vrf AND nullif(t.interface_id, '') = nullif(s.interface_id, '')
    WHERE NOT s.closing AND NOT t.closing AND t.link_id <> s.link_id;
END $$;
-- +goose StatementEnd

-- The relays of subnets. Each vrf may have the same: those with an address of
-- these are looked at once, however many subnets there are.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_relays(ids integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rowlock_refuse(format('%s relay %s', rowlock_subnet_name(s.id, s.prefix), r.addr), 'a relay must be a unicast address', r.addr)
     FROM unnest(ids) k (id) JOIN subnet s ON s.id = k.id JOIN subnet_relay r ON r.subnet_id = s.id
    WHERE r.addr::inet <<= inet '224.0.0.0/4' OR r.addr::inet <<= inet 'ff00::/8' OR r.addr IN ('0.0.0.0', '::') OR r.addr::inet <<= inet '::ffff:0:0/96';
  PERFORM rowlock_refuse(format('%s relay %s', rowlock_subnet_name(s.id, s.prefix), r.addr),
                         format('a relay of a v%s subnet must be of that family', family(s.prefix::inet)), r.addr)
     FROM unnest(ids) k (id) JOIN subnet s ON s.id = k.id JOIN subnet_relay r ON r.subnet_id = s.id
    WHERE family(r.addr::inet) <> family(s.prefix::inet);
  PERFORM rowlock_refuse(format('%s relay %s', rowlock_subnet_name(s.id, s.prefix), r.addr), 'the same relay must not select two links',
                         'also ' || rowlock_subnet_name(t.id, t.prefix))
     FROM (SELECT t.vrf, a.addr, array_agg(t.id) AS ids
             FROM (SELECT DISTINCT r.addr::inet AS addr FROM unnest(ids) k (id) JOIN subnet_relay r ON r.subnet_id = k.id) a
             JOIN subnet_relay q ON q.addr::inet = a.addr JOIN subnet t ON t.id = q.subnet_id
            WHERE NOT t.closing GROUP BY t.vrf, a.addr HAVING min(t.link_id) <> max(t.link_id)) g
     JOIN subnet s ON s.id = ANY(g.ids) AND s.id = ANY(rowlock_check_relays.ids)
     JOIN subnet_relay r ON r.subnet_id = s.id AND r.addr::inet = g.addr
     JOIN subnet t ON t.id = ANY(g.ids) AND t.link_id <> s.link_id;
END $$;
-- +goose StatementEnd

-- The options of subnets are of their family.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_options(ids integer[]) RETURNS void LANGUAGE sql AS $$
  SELECT rowlock_refuse(format('%s option_data %s', rowlock_subnet_name(s.id, s.prefix), o.code),
                        format('an option of a v%s subnet must be of that family', family(s.prefix::inet)), 'v' || o.family)
    FROM subnet s JOIN option_data o ON o.scope = 'subnet' AND o.scope_id = s.id
   WHERE s.id = ANY(ids) AND o.family <> family(s.prefix::inet)
$$;
-- +goose StatementEnd

-- The last address that a pool covers.
-- +goose StatementBegin
CREATE FUNCTION rowlock_pool_end(last_addr text, delegated_len integer) RETURNS inet LANGUAGE sql IMMUTABLE AS $$
  SELECT set_masklen(broadcast(set_masklen(last_addr::inet, delegated_len)), CASE family(last_addr::inet) WHEN 4 THEN 32 ELSE 128 END)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_pool_name(id integer, first_addr text, last_addr text) RETURNS text LANGUAGE sql AS $$
  SELECT format('pool %s (%s-%s)', id, first_addr, last_addr)
$$;
-- +goose StatementEnd

-- The form of a pool's row. A change of geometry makes a generation; what IPv6
-- pools begin to hand out they wait for, because leases may be held there.
-- +goose StatementBegin
CREATE FUNCTION rowlock_pool_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  me     text := rowlock_pool_name(NEW.id, NEW.first_addr, NEW.last_addr);
  a      inet;
  b      inet;
  steps  numeric;
  base   inet;
BEGIN
  IF rowlock_applying() THEN
    RETURN NEW;
  END IF;
  a := NEW.first_addr::inet;
  b := NEW.last_addr::inet;
  IF family(a) <> family(b) THEN
    PERFORM rowlock_refuse(me, 'both ends of a pool must be of one family', NEW.first_addr || '-' || NEW.last_addr);
  END IF;
  IF a <<= inet '::ffff:0:0/96' THEN
    PERFORM rowlock_refuse(me, 'an IPv4 address must be written as IPv4', NEW.first_addr || '-' || NEW.last_addr);
  END IF;
  IF a > b THEN
    PERFORM rowlock_refuse(me, 'the first address of a pool must not be above the last', NEW.first_addr || '-' || NEW.last_addr);
  END IF;
  IF NEW.kind = 1 AND NEW.delegated_len <> (CASE family(a) WHEN 4 THEN 32 ELSE 128 END) THEN
    PERFORM rowlock_refuse(me, 'the delegated length of an address pool must be ' || (CASE family(a) WHEN 4 THEN 32 ELSE 128 END), NEW.delegated_len::text);
  END IF;
  IF NEW.kind = 2 THEN
    IF EXISTS (SELECT 1 FROM subnet s WHERE s.id = NEW.subnet_id AND family(s.prefix::inet) = 4) THEN
      PERFORM rowlock_refuse(me, 'a pd_pool must be in an IPv6 subnet', NEW.first_addr);
    END IF;
    IF family(a) = 4 THEN
      PERFORM rowlock_refuse(me, 'the prefix of a pd_pool must be IPv6', NEW.first_addr);
    END IF;
    IF NEW.delegated_len NOT BETWEEN 1 AND 127 THEN
      PERFORM rowlock_refuse(me, 'a delegated length must be from 1 to 127', NEW.delegated_len::text);
    END IF;
    -- the smallest prefix that has both ends, cut into prefixes of the length
    base := inet_merge(a, rowlock_pool_end(NEW.last_addr, NEW.delegated_len));
    IF masklen(base) > NEW.delegated_len OR set_masklen(base, 128) <> a
       OR set_masklen(network(set_masklen(broadcast(base), NEW.delegated_len))::inet, 128) <> b THEN
      PERFORM rowlock_refuse(me, 'a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length ' || NEW.delegated_len,
                             NEW.first_addr || '-' || NEW.last_addr);
    END IF;
  END IF;
  IF TG_OP = 'UPDATE' AND (NEW.kind, NEW.first_addr, NEW.last_addr, NEW.delegated_len, NEW.subnet_id)
                        = (OLD.kind, OLD.first_addr, OLD.last_addr, OLD.delegated_len, OLD.subnet_id) THEN
    NEW.gen := OLD.gen;
    NEW.waiting := OLD.waiting OR OLD.closing AND NOT NEW.closing AND family(a) = 6;
    RETURN NEW;
  END IF;
  NEW.gen := 1 + coalesce((SELECT max(gen) FROM pool_gen g WHERE g.pool_id = NEW.id), 0);
  NEW.waiting := family(a) = 6;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- What pools have to do with their subnet and with others.
-- +goose StatementBegin
CREATE FUNCTION rowlock_check_pools(ids integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rowlock_refuse(rowlock_pool_name(p.id, p.first_addr, p.last_addr), 'a pd_pool must be in an IPv6 subnet', s.prefix)
     FROM unnest(ids) k (id) JOIN pool p ON p.id = k.id JOIN subnet s ON s.id = p.subnet_id
    WHERE p.kind = 2 AND family(s.prefix::inet) = 4 AND NOT p.closing AND NOT s.closing;
  PERFORM rowlock_refuse(rowlock_pool_name(p.id, p.first_addr, p.last_addr), 'a pool must lie within its subnet ' || s.prefix,
                         p.first_addr || '-' || p.last_addr)
     FROM unnest(ids) k (id) JOIN pool p ON p.id = k.id JOIN subnet s ON s.id = p.subnet_id
    WHERE p.kind = 1 AND NOT p.closing AND NOT s.closing
      AND NOT (p.first_addr::inet <<= s.prefix::inet AND p.last_addr::inet <<= s.prefix::inet);
  PERFORM rowlock_refuse(rowlock_pool_name(p.id, p.first_addr, p.last_addr), 'pools of a vrf must not overlap',
                         'overlaps ' || rowlock_pool_name(o.id, o.first_addr, o.last_addr))
     FROM unnest(ids) k (id) JOIN pool p ON p.id = k.id JOIN subnet s ON s.id = p.subnet_id JOIN link l ON l.id = s.link_id
    CROSS JOIN LATERAL (
      (SELECT g.pool_id AS id, g.first_addr, g.last_addr, g.delegated_len FROM pool_gen g
        WHERE g.vrf::bigint = l.vrf::bigint AND g.first_addr::inet <= p.first_addr::inet AND g.pool_id <> p.id
          AND (SELECT NOT q.closing AND NOT t.closing FROM pool q JOIN subnet t ON t.id = q.subnet_id WHERE q.id = g.pool_id AND q.gen = g.gen)
        ORDER BY g.vrf::bigint DESC, g.first_addr::inet DESC LIMIT 1)
      UNION ALL
      (SELECT g.pool_id, g.first_addr, g.last_addr, g.delegated_len FROM pool_gen g
        WHERE g.vrf::bigint = l.vrf::bigint AND g.first_addr::inet > p.first_addr::inet
          AND g.first_addr::inet <= rowlock_pool_end(p.last_addr, p.delegated_len) AND g.pool_id <> p.id
          AND (SELECT NOT q.closing AND NOT t.closing FROM pool q JOIN subnet t ON t.id = q.subnet_id WHERE q.id = g.pool_id AND q.gen = g.gen)
        ORDER BY g.vrf::bigint, g.first_addr::inet LIMIT 1)) o
    WHERE NOT p.closing AND NOT s.closing AND o.first_addr::inet <= rowlock_pool_end(p.last_addr, p.delegated_len)
      AND rowlock_pool_end(o.last_addr, o.delegated_len) >= p.first_addr::inet;
END $$;
-- +goose StatementEnd

-- Generations that are no more are in the way while a frontend lives that may
-- not know. It may begin to live while this transaction lasts.
-- +goose StatementBegin
CREATE FUNCTION rowlock_retire(ids integer[], gens integer[], rev bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE pool_gen g SET retired_rev = rev FROM unnest(ids, gens) AS k (id, gen)
   WHERE g.pool_id = k.id AND g.gen = k.gen
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_pool_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids  integer[];
  subs integer[];
  rev  bigint;
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  CASE TG_OP
    WHEN 'INSERT' THEN
      SELECT array_agg(id), array_agg(subnet_id) INTO ids, subs FROM new_rows;
    WHEN 'UPDATE' THEN
      SELECT array_agg(id), array_agg(subnet_id) || (SELECT array_agg(subnet_id) FROM old_rows) INTO ids, subs FROM new_rows;
    ELSE
      SELECT array_agg(id), array_agg(subnet_id) INTO ids, subs FROM old_rows;
  END CASE;
  IF ids IS NULL THEN
    RETURN NULL;
  END IF;
  rev := rowlock_config_note(2::smallint, ARRAY(SELECT link_id FROM subnet WHERE id = ANY(subs)));
  IF TG_OP = 'UPDATE' THEN
    PERFORM rowlock_refuse(rowlock_pool_name(o.id, o.first_addr, o.last_addr), 'an id must not change', o.id::text)
       FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id WHERE n.id IS NULL;
    PERFORM rowlock_retire(array_agg(o.id), array_agg(o.gen), rev)
       FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE (n.gen <> o.gen OR n.closing AND NOT o.closing);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM rowlock_retire(array_agg(o.id), array_agg(o.gen), rev) FROM old_rows o;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, vrf)
    SELECT n.id, n.gen, n.first_addr, n.last_addr, n.delegated_len,
           (SELECT l.vrf FROM link l WHERE l.id = (SELECT s.link_id FROM subnet s WHERE s.id = n.subnet_id))
      FROM new_rows n ON CONFLICT DO NOTHING;
    PERFORM rowlock_check_pools(ids);
  END IF;
  DELETE FROM addr_chunk c WHERE c.pool_id = ANY(ids) AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen OFFSET 0);
  DELETE FROM pool_cursor c WHERE c.pool_id = ANY(ids) AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen OFFSET 0);
  DELETE FROM addr_free f WHERE f.pool_id = ANY(ids) AND NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = f.pool_id OFFSET 0);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- The pools of a subnet that begins or ends to be closing.
-- +goose StatementBegin
CREATE FUNCTION rowlock_subnet_closing(begun integer[], ended integer[], rev bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rowlock_retire(array_agg(p.id), array_agg(p.gen), rev) FROM pool p WHERE p.subnet_id = ANY(begun) AND NOT p.closing;
  IF ended IS NOT NULL THEN
    UPDATE config_head SET applying = true WHERE id = 1; -- the next statement is not somebody's
    UPDATE pool SET waiting = true WHERE subnet_id = ANY(ended) AND NOT closing AND family(first_addr::inet) = 6;
    UPDATE config_head SET applying = false WHERE id = 1;
  END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_subnet_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids   integer[];
  links integer[];
  rev   bigint;
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  CASE TG_OP
    WHEN 'INSERT' THEN
      SELECT array_agg(id), array_agg(link_id) INTO ids, links FROM new_rows;
    WHEN 'UPDATE' THEN
      SELECT array_agg(id), array_agg(link_id) || (SELECT array_agg(link_id) FROM old_rows) INTO ids, links FROM new_rows;
    ELSE
      SELECT array_agg(id), array_agg(link_id) INTO ids, links FROM old_rows;
  END CASE;
  IF ids IS NULL THEN
    RETURN NULL;
  END IF;
  rev := rowlock_config_note(2::smallint, links);
  IF TG_OP = 'DELETE' THEN
    DELETE FROM parameter WHERE scope = 'subnet' AND scope_id = ANY(ids);
    DELETE FROM option_data WHERE scope = 'subnet' AND scope_id = ANY(ids);
    RETURN NULL;
  END IF;
  PERFORM rowlock_subnet_vrf(ids);
  PERFORM rowlock_check_links(links);
  UPDATE config_head SET last_subnet_id = (SELECT max(x) FROM unnest(ids) x) WHERE id = 1 AND last_subnet_id < ANY(ids);
  IF TG_OP = 'INSERT' THEN
    PERFORM rowlock_check_subnets(ids);
  ELSE
    PERFORM rowlock_refuse(rowlock_subnet_name(o.id, o.prefix), 'an id must not change', o.id::text)
       FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id WHERE n.id IS NULL;
    SELECT array_agg(n.id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id -- a new comment is nobody's business
     WHERE (n.link_id, n.vrf, n.prefix, n.interface, n.interface_id, n.closing) <> (o.link_id, o.vrf, o.prefix, o.interface, o.interface_id, o.closing);
    PERFORM rowlock_check_subnets(ids);
    PERFORM rowlock_refuse(rowlock_subnet_name(n.id, n.prefix), 'a subnet with pools must not move to a link of another vrf', 'link ' || n.link_id)
       FROM new_rows n JOIN old_rows o ON o.id = n.id
      WHERE n.link_id <> o.link_id AND EXISTS (SELECT 1 FROM pool p WHERE p.subnet_id = n.id OFFSET 0)
        AND (SELECT l.vrf FROM link l WHERE l.id = n.link_id) <> (SELECT l.vrf FROM link l WHERE l.id = o.link_id);
    PERFORM rowlock_check_pools(ARRAY(SELECT p.id FROM pool p WHERE p.subnet_id = ANY(ARRAY(
      SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.prefix <> o.prefix OR n.closing <> o.closing))));
    PERFORM rowlock_check_relays(ids);
    PERFORM rowlock_check_options(ids);
    PERFORM rowlock_subnet_closing(array_agg(n.id) FILTER (WHERE n.closing), array_agg(n.id) FILTER (WHERE o.closing), rev)
       FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.closing <> o.closing;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rowlock_relay_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ids integer[] := '{}';
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    ids := ARRAY(SELECT DISTINCT subnet_id FROM old_rows);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    ids := ids || ARRAY(SELECT DISTINCT subnet_id FROM new_rows);
  END IF;
  IF cardinality(ids) > 0 THEN
    PERFORM rowlock_config_note(2::smallint, ARRAY(SELECT link_id FROM subnet WHERE id = ANY(ids)));
    PERFORM rowlock_subnet_vrf(ids);
    PERFORM rowlock_check_relays(ids);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- The value of a parameter.
-- +goose StatementBegin
CREATE FUNCTION rowlock_parameter_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  me text := 'parameter ' || NEW.name;
  d  parameter_def;
BEGIN
  IF rowlock_applying() THEN
    RETURN NEW;
  END IF;
  IF NEW.scope <> 'global' THEN
    me := format('%s %s %s', NEW.scope, NEW.scope_id, me);
  END IF;
  SELECT * INTO d FROM parameter_def p WHERE p.name = NEW.name;
  IF NOT FOUND THEN
    PERFORM rowlock_refuse(me, 'a parameter must be one that exists', NEW.name);
  END IF;
  IF d.scopes = 'global' AND NEW.scope <> 'global' THEN
    PERFORM rowlock_refuse(me, 'the parameter may be set globally only', NEW.value);
  END IF;
  IF NOT (CASE
       WHEN d.lowest IS NOT NULL AND NEW.value !~ (CASE WHEN d.is_whole THEN '^[0-9]{1,20}$' ELSE '^([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})$' END) THEN false
       WHEN d.lowest IS NOT NULL THEN NEW.value::double precision BETWEEN d.lowest AND d.highest
       WHEN d.choices <> '' THEN NEW.value = ANY(string_to_array(d.choices, ','))
       WHEN d.type = 'ipv4-address' THEN NEW.value ~ '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(?!$)|$)){4}$'
       ELSE true END) THEN
    PERFORM rowlock_refuse(me, 'the value must be of type ' || d.type, to_json(left(NEW.value, 100))::text);
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- Parameters and options.
-- +goose StatementBegin
CREATE FUNCTION rowlock_setting_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  links   integer[] := '{}';
  subnets integer[] := '{}';
  globals boolean := false;
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    links := ARRAY(SELECT scope_id FROM old_rows WHERE scope = 'link');
    subnets := ARRAY(SELECT scope_id FROM old_rows WHERE scope = 'subnet');
    globals := EXISTS (SELECT 1 FROM old_rows WHERE scope = 'global');
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM rowlock_refuse(format('%s of %s %s', TG_TABLE_NAME, n.scope, n.scope_id),
                           'the scope_id must be that of a link or subnet, and 0 for global', n.scope_id::text)
       FROM new_rows n
      WHERE NOT CASE n.scope WHEN 'link' THEN EXISTS (SELECT 1 FROM link l WHERE l.id = n.scope_id)
                             WHEN 'subnet' THEN EXISTS (SELECT 1 FROM subnet s WHERE s.id = n.scope_id)
                             ELSE n.scope_id = 0 END;
    links := links || ARRAY(SELECT scope_id FROM new_rows WHERE scope = 'link');
    subnets := subnets || ARRAY(SELECT scope_id FROM new_rows WHERE scope = 'subnet');
    globals := globals OR EXISTS (SELECT 1 FROM new_rows WHERE scope = 'global');
  END IF;
  IF globals THEN
    PERFORM rowlock_config_note(1::smallint, ARRAY[0]);
  END IF;
  links := links || ARRAY(SELECT link_id FROM subnet WHERE id = ANY(subnets));
  IF cardinality(links) > 0 THEN
    PERFORM rowlock_config_note(2::smallint, links);
    PERFORM rowlock_check_options(subnets);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- The form of rows that say what a vrf is selected by, or a zone.
-- +goose StatementBegin
CREATE FUNCTION rowlock_global_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  a inet;
BEGIN
  IF rowlock_applying() THEN
    RETURN NEW;
  END IF;
  CASE TG_TABLE_NAME
    WHEN 'vrf_interface' THEN
      IF octet_length(NEW.name) > 15 OR NEW.name IN ('', '.', '..') OR NEW.name ~ '[/:[:space:][:cntrl:]]' THEN
        PERFORM rowlock_refuse(format('vrf %s interface %s', NEW.vrf, NEW.name), 'an interface must be a name of 1 to 15 characters without space, slash and colon', NEW.name);
      END IF;
    WHEN 'vrf_relay' THEN
      a := NEW.addr::inet;
      IF a <<= inet '224.0.0.0/4' OR a <<= inet 'ff00::/8' OR a <<= inet '::ffff:0:0/96' OR NEW.addr IN ('0.0.0.0', '::') THEN
        PERFORM rowlock_refuse(format('vrf %s relay %s', NEW.vrf, NEW.addr), 'a relay must be a unicast address', NEW.addr);
      END IF;
    ELSE
      IF NEW.name ~ '[^-a-z0-9_/.]' OR '.' || NEW.name || '.' LIKE '%..%' THEN
        PERFORM rowlock_refuse('dns_zone ' || NEW.name, 'the name of a zone must be labels of letters, digits and - (a reverse zone also _ and /), in lower case and without a final dot', NEW.name);
      END IF;
  END CASE;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- A new secret has no fingerprint until the program gives it one: with that of the
-- former one nobody would be told of the change, nor could it be taken back.
-- +goose StatementBegin
CREATE FUNCTION rowlock_key_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.secret <> OLD.secret AND NEW.fingerprint = OLD.fingerprint AND NOT rowlock_applying() THEN
    NEW.fingerprint := '';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- Everything else is outside of links.
-- +goose StatementBegin
CREATE FUNCTION rowlock_global_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF rowlock_applying() THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    PERFORM rowlock_config_note(1::smallint, ARRAY[0]) WHERE EXISTS (SELECT 1 FROM old_rows);
  ELSE
    PERFORM rowlock_config_note(1::smallint, ARRAY[0]) WHERE EXISTS (SELECT 1 FROM new_rows);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER vrf_interface_row BEFORE INSERT OR UPDATE ON vrf_interface FOR EACH ROW EXECUTE FUNCTION rowlock_global_row();
CREATE TRIGGER vrf_relay_row BEFORE INSERT OR UPDATE ON vrf_relay FOR EACH ROW EXECUTE FUNCTION rowlock_global_row();
CREATE TRIGGER dns_zone_row BEFORE INSERT OR UPDATE ON dns_zone FOR EACH ROW EXECUTE FUNCTION rowlock_global_row();
CREATE TRIGGER key_row BEFORE UPDATE ON tsig_key FOR EACH ROW EXECUTE FUNCTION rowlock_key_row();
CREATE TRIGGER subnet_row BEFORE INSERT OR UPDATE ON subnet FOR EACH ROW EXECUTE FUNCTION rowlock_subnet_row();
CREATE TRIGGER pool_row BEFORE INSERT OR UPDATE ON pool FOR EACH ROW EXECUTE FUNCTION rowlock_pool_row();
CREATE TRIGGER parameter_row BEFORE INSERT OR UPDATE ON parameter FOR EACH ROW EXECUTE FUNCTION rowlock_parameter_row();
-- +goose StatementBegin
DO $$
DECLARE
  t record;
  f regprocedure;
BEGIN
  FOR t IN SELECT * FROM (VALUES ('link', 'link'), ('subnet', 'subnet'), ('subnet_relay', 'relay'), ('pool', 'pool'), ('option_data', 'setting'),
      ('parameter', 'setting'), ('vrf', 'global'), ('vrf_interface', 'global'), ('vrf_relay', 'global'), ('tsig_key', 'global'),
      ('dns_zone', 'global'), ('dns_server', 'global')) AS v (name, what) LOOP
    EXECUTE format('CREATE TRIGGER config_lock BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION rowlock_config_lock()', t.name);
    EXECUTE format('CREATE TRIGGER config_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION rowlock_config_truncate()', t.name);
    EXECUTE format('CREATE TRIGGER config_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION rowlock_%s_changed()', t.name, t.what);
    EXECUTE format('CREATE TRIGGER config_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION rowlock_%s_changed()', t.name, t.what);
    EXECUTE format('CREATE TRIGGER config_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION rowlock_%s_changed()', t.name, t.what);
    IF t.name IN ('link', 'subnet', 'pool', 'option_data', 'parameter', 'vrf', 'tsig_key', 'dns_zone') THEN
      EXECUTE format('CREATE TRIGGER comment_row BEFORE INSERT OR UPDATE ON %I FOR EACH ROW WHEN (NEW.comment <> '''') EXECUTE FUNCTION rowlock_comment_row()', t.name);
    END IF;
  END LOOP;
  -- they run with the rights of the schema's owner, find their tables in this schema alone, and are called by triggers only
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = current_schema()::regnamespace AND (p.prosecdef AND p.prorettype = 'trigger'::regtype
               OR p.proname IN ('rowlock_applying', 'rowlock_refuse', 'rowlock_check_comment', 'rowlock_comment_both', 'rowlock_author_both', 'rowlock_config_note', 'rowlock_check_links', 'rowlock_check_subnets', 'rowlock_check_relays',
                                'rowlock_check_options', 'rowlock_check_pools', 'rowlock_retire', 'rowlock_subnet_closing', 'rowlock_subnet_name', 'rowlock_subnet_vrf',
                                'rowlock_pool_name', 'rowlock_pool_end', 'rowlock_config_truncate')) LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    IF f::text !~ 'rowlock_(pool_end|pool_name|subnet_name|applying)' THEN
      EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
    END IF;
  END LOOP;
END $$;
-- +goose StatementEnd
-- All of this is found by index, whatever the planner thinks of tables that it
-- has not looked at yet.
-- +goose StatementBegin
DO $$
DECLARE
  f text;
  v text;
BEGIN
  FOREACH f IN ARRAY ARRAY['pools', 'subnets', 'relays', 'options', 'links'] LOOP
    FOREACH v IN ARRAY ARRAY['enable_sort', 'enable_hashjoin', 'enable_mergejoin', 'enable_seqscan', 'jit'] LOOP
      EXECUTE format('ALTER FUNCTION rowlock_check_%s(integer[]) SET %s = off', f, v);
    END LOOP;
    EXECUTE format('ALTER FUNCTION rowlock_check_%s(integer[]) SET enable_nestloop = on', f);
  END LOOP;
END $$;
-- +goose StatementEnd
-- What triggers do with the rows of a statement is planned for the first one of a
-- session, which may have one row, and kept for those that have 10,000: they join
-- old and new rows by hash or in order, and look for others row by row (OFFSET 0).
-- +goose StatementBegin
DO $$
DECLARE
  f text;
  v text;
BEGIN
  FOREACH f IN ARRAY ARRAY['link', 'subnet', 'pool'] LOOP
    FOREACH v IN ARRAY ARRAY['enable_nestloop', 'enable_seqscan', 'jit'] LOOP
      EXECUTE format('ALTER FUNCTION rowlock_%s_changed() SET %s = off', f, v);
    END LOOP;
  END LOOP;
END $$;
-- +goose StatementEnd
ALTER FUNCTION rowlock_retire(integer[], integer[], bigint) SET enable_nestloop = on;
ALTER FUNCTION rowlock_subnet_closing(integer[], integer[], bigint) SET enable_nestloop = on;

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = current_schema()::regnamespace
              AND p.proname ~ '^rowlock_(applying|refuse|author_|comment_|config_(lock|note|truncate)|head_|check_|subnet_|relay_|pool_|parameter_|setting_|global_|key_|link_|retire)' LOOP
    EXECUTE format('DROP FUNCTION %s CASCADE', f); -- with its triggers
  END LOOP;
END $$;
-- +goose StatementEnd
DROP TRIGGER config_head_notify ON config_head;
CREATE TRIGGER config_head_notify AFTER UPDATE ON config_head FOR EACH ROW EXECUTE FUNCTION rowlock_config_notify();
DROP INDEX pool_gen_retired, pool_gen_order, subnet_relay_addr, subnet_interface_id, subnet_interface, subnet_order;
DROP TABLE parameter_def, vrf_relay, vrf_interface, vrf, config_change;
DROP VIEW frontend_health;
ALTER TABLE frontend DROP COLUMN refused, DROP COLUMN refused_revision;
CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       extract(epoch FROM now() - f.heartbeat_at)::double precision AS heartbeat_age,
       f.heartbeat_at > now() - interval '5 seconds' AS alive
  FROM frontend f CROSS JOIN config_head c;
ALTER TABLE pool_gen DROP COLUMN retired_rev, DROP COLUMN vrf;
ALTER TABLE dns_zone DROP COLUMN comment;
ALTER TABLE tsig_key DROP COLUMN comment;
ALTER TABLE parameter DROP COLUMN comment;
ALTER TABLE option_data DROP COLUMN comment;
ALTER TABLE pool DROP COLUMN waiting, DROP COLUMN comment;
ALTER TABLE subnet DROP COLUMN vrf, DROP COLUMN comment, DROP COLUMN earlier_link_id;
ALTER TABLE link DROP COLUMN comment;
ALTER TABLE config_revision DROP COLUMN is_full, DROP COLUMN content;
ALTER TABLE config_head DROP COLUMN comment, DROP COLUMN change_comment, DROP COLUMN applying, DROP COLUMN described;
