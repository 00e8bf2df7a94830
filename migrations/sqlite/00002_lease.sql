-- +goose Up
-- One row per binding, keyed by client; the address is a second unique key.
-- These two constraints are the whole of mutual exclusion. No row exists for an
-- address that nobody holds. Times are microseconds since 1970-01-01 00:00:00
-- UTC; a lease without end expires at 9000-01-01 (221845392000000000).
-- state: 1 offered, 2 active, 3 expired, 4 released, 5 declined, 6 parked, 7 reserved
-- Rowid tables on purpose: clustering on the key costs twice as much a lease.

CREATE TABLE lease4 (
  binding_key   BLOB    NOT NULL CHECK (length(binding_key) BETWEEN 5 AND 96),
  parked_key    BLOB,
  vrf           INTEGER NOT NULL,
  addr          BLOB    NOT NULL CHECK (length(addr) = 4),
  subnet_id     INTEGER NOT NULL,
  pool_id       INTEGER NOT NULL,
  pool_gen      INTEGER NOT NULL,
  state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),
  valid_lft     INTEGER NOT NULL,
  since         INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  reclaim_at    INTEGER,
  rev           INTEGER NOT NULL,
  hwaddr        BLOB    CHECK (length(hwaddr) <= 20),
  hwtype        INTEGER NOT NULL DEFAULT 0,
  hwaddr_source INTEGER NOT NULL DEFAULT 0,
  client_id     BLOB    CHECK (length(client_id) <= 255),
  relay_addr    BLOB,
  circuit_id    BLOB    CHECK (length(circuit_id) <= 255),
  remote_id     BLOB    CHECK (length(remote_id) <= 255),
  subscriber_id BLOB    CHECK (length(subscriber_id) <= 255),
  relay_id      BLOB    CHECK (length(relay_id) <= 255),
  hostname      TEXT    NOT NULL DEFAULT '' CHECK (length(CAST(hostname AS BLOB)) <= 255),
  fqdn_flags    INTEGER NOT NULL DEFAULT 0,
  classes       TEXT    NOT NULL DEFAULT '',
  frontend      TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key)
) STRICT;
-- no index, and no index predicate, may name state, expires_at, rev, since or
-- frontend: every renewal changes them
CREATE UNIQUE INDEX lease4_addr    ON lease4 (vrf, addr);
CREATE        INDEX lease4_reclaim ON lease4 (pool_id, reclaim_at) WHERE reclaim_at IS NOT NULL;
CREATE        INDEX lease4_hwaddr  ON lease4 (hwaddr) WHERE hwaddr IS NOT NULL;

CREATE TABLE lease6 (
  binding_key   BLOB    NOT NULL CHECK (length(binding_key) BETWEEN 5 AND 96),
  parked_key    BLOB,
  vrf           INTEGER NOT NULL,
  addr          BLOB    NOT NULL CHECK (length(addr) = 16),
  prefix_len    INTEGER NOT NULL CHECK (prefix_len BETWEEN 1 AND 128),
  iaid          INTEGER NOT NULL,
  preferred_lft INTEGER NOT NULL,
  subnet_id     INTEGER NOT NULL,
  pool_id       INTEGER NOT NULL,
  pool_gen      INTEGER NOT NULL,
  state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),
  valid_lft     INTEGER NOT NULL,
  since         INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  reclaim_at    INTEGER,
  rev           INTEGER NOT NULL,
  hwaddr        BLOB    CHECK (length(hwaddr) <= 20),
  hwtype        INTEGER NOT NULL DEFAULT 0,
  hwaddr_source INTEGER NOT NULL DEFAULT 0,
  duid          BLOB    CHECK (length(duid) <= 255),
  relay_addr    BLOB,
  interface_id  BLOB    CHECK (length(interface_id) <= 255),
  remote_id     BLOB    CHECK (length(remote_id) <= 255),
  subscriber_id BLOB    CHECK (length(subscriber_id) <= 255),
  relay_id      BLOB    CHECK (length(relay_id) <= 255),
  hostname      TEXT    NOT NULL DEFAULT '' CHECK (length(CAST(hostname AS BLOB)) <= 255),
  fqdn_flags    INTEGER NOT NULL DEFAULT 0,
  classes       TEXT    NOT NULL DEFAULT '',
  frontend      TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key)
) STRICT;
-- no index, and no index predicate, may name state, expires_at, rev, since or
-- frontend: every renewal changes them
CREATE UNIQUE INDEX lease6_addr    ON lease6 (vrf, addr);
CREATE        INDEX lease6_reclaim ON lease6 (pool_id, reclaim_at) WHERE reclaim_at IS NOT NULL;
CREATE        INDEX lease6_hwaddr  ON lease6 (hwaddr) WHERE hwaddr IS NOT NULL;

-- Hints: where a free address probably is. They decide nothing.
CREATE TABLE pool_cursor (
  pool_id    INTEGER NOT NULL,
  gen        INTEGER NOT NULL,
  next_index INTEGER NOT NULL DEFAULT 0,
  size       INTEGER NOT NULL,
  PRIMARY KEY (pool_id, gen)
) STRICT;

-- ranges of fresh indexes being handed out by a frontend; anyone takes over
-- those of a dead one
CREATE TABLE addr_chunk (
  chunk_id    INTEGER PRIMARY KEY AUTOINCREMENT,
  pool_id     INTEGER NOT NULL,
  gen         INTEGER NOT NULL,
  first_index INTEGER NOT NULL,
  n           INTEGER NOT NULL,
  holder      TEXT    NOT NULL,
  incarnation INTEGER NOT NULL
) STRICT;
CREATE INDEX addr_chunk_pool ON addr_chunk (pool_id, gen);

-- addresses given back: of dead offers and of deleted bindings. token changes
-- whenever the address is listed or handed out.
CREATE TABLE addr_free (
  vrf        INTEGER NOT NULL,
  addr       BLOB    NOT NULL,
  pool_id    INTEGER NOT NULL,
  token      INTEGER NOT NULL,
  hold_until INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (vrf, addr)
) STRICT;
CREATE INDEX addr_free_pool ON addr_free (pool_id, hold_until);

-- Outbox of lease changes, written only while event_consumer has a row. It is
-- a bag: ids are not commit order, only the sequencer reads it.
CREATE TABLE lease_event (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000),
  kind        INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3), -- 1 assigned, 2 changed, 3 ended
  family      INTEGER NOT NULL CHECK (family IN (4, 6)),
  vrf         INTEGER NOT NULL,
  addr        BLOB    NOT NULL,
  prefix_len  INTEGER NOT NULL,
  subnet_id   INTEGER NOT NULL,
  binding_key BLOB    NOT NULL,
  hostname    TEXT    NOT NULL,
  fqdn_flags  INTEGER NOT NULL,
  state       INTEGER NOT NULL,
  rev         INTEGER NOT NULL
) STRICT;
CREATE TABLE event_log (
  seq         INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  family      INTEGER NOT NULL,
  vrf         INTEGER NOT NULL,
  addr        BLOB    NOT NULL,
  prefix_len  INTEGER NOT NULL,
  subnet_id   INTEGER NOT NULL,
  binding_key BLOB    NOT NULL,
  hostname    TEXT    NOT NULL,
  fqdn_flags  INTEGER NOT NULL,
  state       INTEGER NOT NULL,
  rev         INTEGER NOT NULL
) STRICT;
CREATE TABLE event_consumer (
  name      TEXT    PRIMARY KEY,
  seq       INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)
) STRICT;

-- One row per holding that has ended: who had which address from when to when.
CREATE TABLE lease_history (
  family        INTEGER NOT NULL,
  vrf           INTEGER NOT NULL,
  addr          BLOB    NOT NULL,
  prefix_len    INTEGER NOT NULL,
  subnet_id     INTEGER NOT NULL,
  binding_key   BLOB    NOT NULL,
  since         INTEGER NOT NULL,
  ended_at      INTEGER NOT NULL,
  ended_by      INTEGER NOT NULL, -- state that followed: 2 a new holding of the same client, 3 expired, 4 released, 5 declined, 6 parked
  rev           INTEGER NOT NULL,
  hwaddr        BLOB,
  client_id     BLOB,             -- DHCPv4 client identifier, DHCPv6 DUID
  iaid          INTEGER,
  relay_addr    BLOB,
  circuit_id    BLOB,             -- DHCPv4 circuit-id, DHCPv6 interface-id
  remote_id     BLOB,
  subscriber_id BLOB,
  relay_id      BLOB,
  hostname      TEXT    NOT NULL,
  frontend      TEXT    NOT NULL,
  PRIMARY KEY (ended_at, vrf, addr, rev)
) STRICT;

-- +goose Down
DROP TABLE lease_history;
DROP TABLE event_consumer;
DROP TABLE event_log;
DROP TABLE lease_event;
DROP TABLE addr_free;
DROP TABLE addr_chunk;
DROP TABLE pool_cursor;
DROP TABLE lease6;
DROP TABLE lease4;
