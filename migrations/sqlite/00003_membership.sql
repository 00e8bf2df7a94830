-- +goose Up
-- one row per frontend, refreshed each second; a lane write changes nothing
-- unless the heartbeat is under 5 s old
CREATE TABLE frontend (
  id           TEXT    PRIMARY KEY CHECK (id <> ''),
  incarnation  INTEGER NOT NULL,
  host         TEXT    NOT NULL DEFAULT '',
  version      TEXT    NOT NULL DEFAULT '',
  roles        TEXT    NOT NULL DEFAULT '',
  addrs        TEXT    NOT NULL DEFAULT '', -- DHCPv4 server identifiers, separated by commas
  revision     INTEGER NOT NULL DEFAULT 0,
  draining     INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
  started_at   INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000),
  heartbeat_at INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)
) STRICT;

-- who sweeps: holder, fencing number (raised with every change of holder),
-- expiry by database time
CREATE TABLE leadership (
  name       TEXT    PRIMARY KEY,
  holder     TEXT    NOT NULL,
  fence      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE leadership;
DROP TABLE frontend;
