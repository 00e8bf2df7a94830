-- +goose Up
-- Names in DNS: where they are published, what is to be published, and what
-- was; and who may use the API.

-- Keys that sign updates (RFC 8945). name is as the DNS server knows it, in
-- lower case, without a final dot; secret is base64; fingerprint is the first 8
-- hex digits of the SHA-256 of the decoded secret, to compare keys without
-- showing them.
CREATE TABLE tsig_key (
  name        TEXT PRIMARY KEY CHECK (name <> '' AND name = lower(name) AND name NOT LIKE '%.') CHECK (length(CAST(name AS BLOB)) <= 255),
  algorithm   TEXT NOT NULL CHECK (algorithm IN ('hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512')),
  secret      TEXT NOT NULL CHECK (secret <> ''),
  fingerprint TEXT NOT NULL DEFAULT ''
) STRICT;

-- Zones that are updated, forward and reverse; a name belongs to the longest
-- zone that it is below.
CREATE TABLE dns_zone (
  name TEXT PRIMARY KEY CHECK (name <> '' AND name = lower(name) AND name NOT LIKE '%.') CHECK (length(CAST(name AS BLOB)) <= 255)
) STRICT;

-- Primary servers of a zone, in the order in which they are tried.
CREATE TABLE dns_server (
  zone      TEXT    NOT NULL REFERENCES dns_zone ON DELETE CASCADE,
  position  INTEGER NOT NULL DEFAULT 0 CHECK (position >= 0),
  addr      TEXT    NOT NULL CHECK (addr <> ''),
  port      INTEGER NOT NULL DEFAULT 53 CHECK (port BETWEEN 1 AND 65535),
  transport TEXT    NOT NULL DEFAULT 'tcp' CHECK (transport IN ('tcp', 'udp')),
  tsig_key  TEXT    REFERENCES tsig_key,
  PRIMARY KEY (zone, position)
) STRICT;
CREATE INDEX dns_server_key ON dns_server (tsig_key);

-- One row per name in DNS, forward or reverse, that leases want or that was
-- published. state: 1 pending, 2 published, 3 conflict, 4 failed, 5 no zone.
CREATE TABLE dns_name (
  name       TEXT    PRIMARY KEY CHECK (name <> '' AND length(CAST(name AS BLOB)) <= 255),
  zone       TEXT    NOT NULL DEFAULT '',
  version    INTEGER NOT NULL DEFAULT 1, -- raised whenever something that decides about the name may have changed
  state      INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 5),
  marked_at  INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000), -- since when the name waits
  due_at     INTEGER DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000), -- when it is looked at next; NULL: nothing to do. While holder is set it is the end of the claim
  holder     TEXT    NOT NULL DEFAULT '',
  claim      INTEGER NOT NULL DEFAULT 0, -- raised with each claim: what a worker writes counts only under its own
  attempts   INTEGER NOT NULL DEFAULT 0,
  published  TEXT    NOT NULL DEFAULT '', -- the records that the DNS server has confirmed, one a line: TTL, type, data
  attempted  TEXT    NOT NULL DEFAULT '', -- the records of an update whose outcome is not known
  last_error TEXT    NOT NULL DEFAULT '',
  changed_at INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)
) STRICT;
CREATE INDEX dns_name_due ON dns_name (due_at) WHERE due_at IS NOT NULL;

-- Which addresses may have a name; which of them do is what the lease rows say.
CREATE TABLE dns_name_addr (
  name TEXT    NOT NULL,
  vrf  INTEGER NOT NULL,
  addr BLOB    NOT NULL CHECK (length(addr) IN (4, 16)),
  PRIMARY KEY (name, vrf, addr)
) STRICT;
CREATE INDEX dns_name_addr_addr ON dns_name_addr (vrf, addr);

-- Who may use the API and the console. kind: 1 token, 2 session of the console.
-- hash is the SHA-256 of the token, which has 256 random bits and is stored
-- nowhere.
CREATE TABLE api_token (
  id         TEXT    PRIMARY KEY CHECK (id <> ''),
  kind       INTEGER NOT NULL DEFAULT 1 CHECK (kind IN (1, 2)),
  name       TEXT    NOT NULL CHECK (name <> '' AND length(CAST(name AS BLOB)) <= 255),
  hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
  created_at INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000),
  expires_at INTEGER
) STRICT;

ALTER TABLE frontend ADD COLUMN exchanges INTEGER NOT NULL DEFAULT 0; -- leases acknowledged since the process began

CREATE VIEW dns_queue AS
SELECT name, zone, CASE state WHEN 1 THEN 'pending' WHEN 2 THEN 'published' WHEN 3 THEN 'conflict' WHEN 4 THEN 'failed' ELSE 'no zone' END AS state,
       attempts, strftime('%Y-%m-%dT%H:%M:%fZ', marked_at / 1000000.0, 'unixepoch') AS marked_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', due_at / 1000000.0, 'unixepoch') AS due_at,
       (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - marked_at) / 1000000.0 AS age, holder, last_error
  FROM dns_name WHERE due_at IS NOT NULL OR state > 2;

-- +goose Down
DROP VIEW dns_queue;
ALTER TABLE frontend DROP COLUMN exchanges;
DROP TABLE api_token;
DROP TABLE dns_name_addr;
DROP TABLE dns_name;
DROP TABLE dns_server;
DROP TABLE dns_zone;
DROP TABLE tsig_key;
