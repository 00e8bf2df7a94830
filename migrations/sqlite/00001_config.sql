-- +goose Up
-- The network configuration. Everything here may be read by anybody who may
-- read the schema; addresses are text in canonical form. Times are
-- microseconds since 1970-01-01 00:00:00 UTC, booleans 0 or 1. SQLite has no
-- address type: the program checks that text is canonical before it writes.

CREATE TABLE config_head (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  revision       INTEGER NOT NULL,
  server_duid    BLOB    NOT NULL CHECK (length(server_duid) BETWEEN 3 AND 130),
  secret         BLOB    NOT NULL CHECK (length(secret) >= 16),
  last_link_id   INTEGER NOT NULL DEFAULT 0,
  last_subnet_id INTEGER NOT NULL DEFAULT 0
) STRICT;
-- One row: the newest configuration revision. server_duid is the DHCPv6 server
-- identifier of all frontends (RFC 9915 11), made once: a DUID-UUID (RFC 6355),
-- type 4 and a random UUID. secret is the key of the order in which IPv6 pools
-- are handed out. last_link_id and last_subnet_id are the highest ids ever
-- used: ids are not used again, because leases and history name them.
INSERT INTO config_head (id, revision, server_duid, secret) VALUES (1, 0,
  unhex('0004' || hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2)
               || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || hex(randomblob(6))),
  randomblob(16));

CREATE TABLE config_revision (
  revision INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000),
  author   TEXT    NOT NULL,
  comment  TEXT    NOT NULL DEFAULT '',
  diff     TEXT    NOT NULL DEFAULT ''
) STRICT;

-- the unit within which a client has one binding: a shared network (it has a
-- name) or a subnet that is in none
CREATE TABLE link (
  id   INTEGER PRIMARY KEY CHECK (id > 0),
  name TEXT    UNIQUE CHECK (name <> ''),
  vrf  INTEGER NOT NULL DEFAULT 0 CHECK (vrf >= 0)
) STRICT;

CREATE TABLE subnet (
  id               INTEGER PRIMARY KEY CHECK (id > 0),
  link_id          INTEGER NOT NULL REFERENCES link,
  previous_link_id INTEGER NOT NULL DEFAULT 0,
  prefix           TEXT    NOT NULL CHECK (prefix GLOB '*?/[0-9]*' AND prefix NOT GLOB '*[^0-9a-f:./]*'),
  interface        TEXT    NOT NULL DEFAULT '',
  interface_id     BLOB    NOT NULL DEFAULT x'',
  closing          INTEGER NOT NULL DEFAULT 0 CHECK (closing IN (0, 1))
) STRICT;
CREATE INDEX subnet_link ON subnet (link_id);

CREATE TABLE subnet_relay (
  subnet_id INTEGER NOT NULL REFERENCES subnet ON DELETE CASCADE,
  addr      TEXT    NOT NULL CHECK (addr <> '' AND addr NOT GLOB '*[^0-9a-f:.]*'),
  PRIMARY KEY (subnet_id, addr)
) STRICT;

CREATE TABLE pool (
  id            INTEGER PRIMARY KEY CHECK (id > 0),
  subnet_id     INTEGER NOT NULL REFERENCES subnet,
  position      INTEGER NOT NULL DEFAULT 0,
  kind          INTEGER NOT NULL CHECK (kind IN (1, 2)), -- 1 addresses, 2 delegated prefixes (a pd_pool)
  first_addr    TEXT    NOT NULL CHECK (first_addr <> '' AND first_addr NOT GLOB '*[^0-9a-f:.]*'), -- first address, or base of the first delegated prefix
  last_addr     TEXT    NOT NULL CHECK (last_addr <> '' AND last_addr NOT GLOB '*[^0-9a-f:.]*'),
  delegated_len INTEGER NOT NULL CHECK (delegated_len BETWEEN 1 AND 128), -- length of a delegated prefix; 32 or 128 for addresses
  gen           INTEGER NOT NULL DEFAULT 1,
  closing       INTEGER NOT NULL DEFAULT 0 CHECK (closing IN (0, 1))
) STRICT;
CREATE INDEX pool_subnet ON pool (subnet_id);

-- the geometry of each generation of a pool; never changed: an edit of a pool
-- makes a new generation
CREATE TABLE pool_gen (
  pool_id       INTEGER NOT NULL,
  gen           INTEGER NOT NULL,
  first_addr    TEXT    NOT NULL,
  last_addr     TEXT    NOT NULL,
  delegated_len INTEGER NOT NULL,
  perm_version  INTEGER NOT NULL DEFAULT 1,
  made_at       INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000),
  PRIMARY KEY (pool_id, gen)
) STRICT;

CREATE TABLE option_data (
  scope    TEXT    NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id INTEGER NOT NULL DEFAULT 0,
  family   INTEGER NOT NULL CHECK (family IN (4, 6)),
  code     INTEGER NOT NULL CHECK (code BETWEEN 1 AND 65535),
  position INTEGER NOT NULL DEFAULT 0,
  name     TEXT    NOT NULL DEFAULT '',
  data     TEXT    NOT NULL,
  is_hex   INTEGER NOT NULL DEFAULT 0 CHECK (is_hex IN (0, 1)),
  always   INTEGER NOT NULL DEFAULT 0 CHECK (always IN (0, 1)),
  PRIMARY KEY (scope, scope_id, family, code)
) STRICT;

CREATE TABLE parameter (
  scope    TEXT    NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id INTEGER NOT NULL DEFAULT 0,
  name     TEXT    NOT NULL,
  value    TEXT    NOT NULL,
  PRIMARY KEY (scope, scope_id, name)
) STRICT;

-- +goose Down
DROP TABLE parameter;
DROP TABLE option_data;
DROP TABLE pool_gen;
DROP TABLE pool;
DROP TABLE subnet_relay;
DROP TABLE subnet;
DROP TABLE link;
DROP TABLE config_revision;
DROP TABLE config_head;
