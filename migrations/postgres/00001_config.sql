-- +goose Up
-- The network configuration. Everything here may be read by anybody who may
-- read the schema; addresses are text in canonical form.

CREATE TABLE config_head (
  id             smallint PRIMARY KEY CHECK (id = 1),
  revision       bigint   NOT NULL,
  server_duid    bytea    NOT NULL CHECK (octet_length(server_duid) BETWEEN 3 AND 130),
  secret         bytea    NOT NULL CHECK (octet_length(secret) >= 16),
  last_link_id   integer  NOT NULL DEFAULT 0,
  last_subnet_id integer  NOT NULL DEFAULT 0
);
COMMENT ON TABLE config_head IS 'one row: the newest configuration revision; locked first by whoever changes the configuration';
COMMENT ON COLUMN config_head.server_duid IS 'DHCPv6 server identifier of all frontends (RFC 9915 11), made once';
COMMENT ON COLUMN config_head.secret IS 'key of the order in which IPv6 pools are handed out';
COMMENT ON COLUMN config_head.last_link_id IS 'highest id ever used: ids are not used again, because leases and history name them';
-- DUID-UUID (RFC 6355): type 4 and a random UUID
INSERT INTO config_head (id, revision, server_duid, secret) VALUES (1, 0, '\x0004'::bytea || decode(replace(gen_random_uuid()::text, '-', ''), 'hex'),
                                decode(replace(gen_random_uuid()::text, '-', ''), 'hex'));

CREATE TABLE config_revision (
  revision bigint      PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT now(),
  author   text        NOT NULL,
  comment  text        NOT NULL DEFAULT '',
  diff     text        NOT NULL DEFAULT ''
);

CREATE TABLE link (
  id   integer PRIMARY KEY CHECK (id > 0),
  name text    UNIQUE CHECK (name <> ''),
  vrf  integer NOT NULL DEFAULT 0 CHECK (vrf >= 0)
);
COMMENT ON TABLE link IS 'the unit within which a client has one binding: a shared network (it has a name) or a subnet that is in none';

CREATE TABLE subnet (
  id               integer PRIMARY KEY CHECK (id > 0),
  link_id          integer NOT NULL REFERENCES link,
  previous_link_id integer NOT NULL DEFAULT 0,
  prefix           text    NOT NULL CHECK (prefix = text(prefix::cidr)),
  interface        text    NOT NULL DEFAULT '',
  interface_id     bytea   NOT NULL DEFAULT '',
  closing          boolean NOT NULL DEFAULT false
);
CREATE INDEX subnet_link ON subnet (link_id);

CREATE TABLE subnet_relay (
  subnet_id integer NOT NULL REFERENCES subnet ON DELETE CASCADE,
  addr      text    NOT NULL CHECK (addr = host(addr::inet)),
  PRIMARY KEY (subnet_id, addr)
);

CREATE TABLE pool (
  id            integer  PRIMARY KEY CHECK (id > 0),
  subnet_id     integer  NOT NULL REFERENCES subnet,
  position      integer  NOT NULL DEFAULT 0,
  kind          smallint NOT NULL CHECK (kind IN (1, 2)),
  first_addr    text     NOT NULL CHECK (first_addr = host(first_addr::inet)),
  last_addr     text     NOT NULL CHECK (last_addr = host(last_addr::inet)),
  delegated_len smallint NOT NULL CHECK (delegated_len BETWEEN 1 AND 128),
  gen           integer  NOT NULL DEFAULT 1,
  closing       boolean  NOT NULL DEFAULT false,
  CHECK (first_addr::inet <= last_addr::inet)
);
COMMENT ON COLUMN pool.kind IS '1 addresses, 2 delegated prefixes (a pd_pool)';
COMMENT ON COLUMN pool.first_addr IS 'first address, or base of the first delegated prefix';
COMMENT ON COLUMN pool.delegated_len IS 'length of a delegated prefix; 32 or 128 for addresses';
CREATE INDEX pool_subnet ON pool (subnet_id);

CREATE TABLE pool_gen (
  pool_id       integer  NOT NULL,
  gen           integer  NOT NULL,
  first_addr    text     NOT NULL,
  last_addr     text     NOT NULL,
  delegated_len smallint NOT NULL,
  perm_version  smallint NOT NULL DEFAULT 1,
  made_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pool_id, gen)
);
COMMENT ON TABLE pool_gen IS 'the geometry of each generation of a pool; never changed: an edit of a pool makes a new generation';

CREATE TABLE option_data (
  scope    text     NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id integer  NOT NULL DEFAULT 0,
  family   smallint NOT NULL CHECK (family IN (4, 6)),
  code     integer  NOT NULL CHECK (code BETWEEN 1 AND 65535),
  position integer  NOT NULL DEFAULT 0,
  name     text     NOT NULL DEFAULT '',
  data     text     NOT NULL,
  is_hex   boolean  NOT NULL DEFAULT false,
  always   boolean  NOT NULL DEFAULT false,
  PRIMARY KEY (scope, scope_id, family, code)
);

CREATE TABLE parameter (
  scope    text    NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id integer NOT NULL DEFAULT 0,
  name     text    NOT NULL,
  value    text    NOT NULL,
  PRIMARY KEY (scope, scope_id, name)
);

-- wakes the frontends; they poll as well
-- +goose StatementBegin
CREATE FUNCTION rowlock_config_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('rowlock_config', NEW.revision::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER config_head_notify AFTER UPDATE ON config_head FOR EACH ROW EXECUTE FUNCTION rowlock_config_notify();

-- +goose Down
DROP TABLE parameter, option_data, pool_gen, pool, subnet_relay, subnet, link, config_revision, config_head;
DROP FUNCTION rowlock_config_notify();
