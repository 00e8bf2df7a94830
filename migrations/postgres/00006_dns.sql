-- +goose Up
-- Names in DNS: where they are published, what is to be published, and what
-- was; and who may use the API.

CREATE TABLE tsig_key (
  name        text PRIMARY KEY CHECK (name <> '' AND name = lower(name) AND name NOT LIKE '%.') CHECK (octet_length(name) <= 255),
  algorithm   text NOT NULL CHECK (algorithm IN ('hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512')),
  secret      text NOT NULL CHECK (secret <> ''),
  fingerprint text NOT NULL DEFAULT ''
);
COMMENT ON TABLE tsig_key IS 'keys that sign updates (RFC 8945)';
COMMENT ON COLUMN tsig_key.name IS 'as the DNS server knows it, in lower case, without a final dot';
COMMENT ON COLUMN tsig_key.secret IS 'base64; only the ddns role may read it';
COMMENT ON COLUMN tsig_key.fingerprint IS 'first 8 hex digits of the SHA-256 of the decoded secret: to compare keys without showing them';

CREATE TABLE dns_zone (
  name text PRIMARY KEY CHECK (name <> '' AND name = lower(name) AND name NOT LIKE '%.') CHECK (octet_length(name) <= 255)
);
COMMENT ON TABLE dns_zone IS 'zones that are updated, forward and reverse; a name belongs to the longest zone that it is below';

CREATE TABLE dns_server (
  zone      text     NOT NULL REFERENCES dns_zone ON DELETE CASCADE,
  position  integer  NOT NULL DEFAULT 0 CHECK (position >= 0),
  addr      text     NOT NULL CHECK (addr = host(addr::inet)),
  port      integer  NOT NULL DEFAULT 53 CHECK (port BETWEEN 1 AND 65535),
  transport text     NOT NULL DEFAULT 'tcp' CHECK (transport IN ('tcp', 'udp')),
  tsig_key  text     REFERENCES tsig_key,
  PRIMARY KEY (zone, position)
);
CREATE INDEX dns_server_key ON dns_server (tsig_key);
COMMENT ON TABLE dns_server IS 'primary servers of a zone, in the order in which they are tried';

-- state: 1 pending, 2 published, 3 conflict, 4 failed, 5 no zone
CREATE TABLE dns_name (
  name       text        PRIMARY KEY COLLATE "C" CHECK (name <> '' AND octet_length(name) <= 255),
  zone       text        NOT NULL DEFAULT '' COLLATE "C",
  version    bigint      NOT NULL DEFAULT 1,
  state      smallint    NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 5),
  marked_at  timestamptz NOT NULL DEFAULT now(),
  due_at     timestamptz DEFAULT now(),
  holder     text        NOT NULL DEFAULT '',
  claim      bigint      NOT NULL DEFAULT 0,
  attempts   integer     NOT NULL DEFAULT 0,
  published  text        NOT NULL DEFAULT '',
  attempted  text        NOT NULL DEFAULT '',
  last_error text        NOT NULL DEFAULT '',
  changed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX dns_name_due ON dns_name (due_at) WHERE due_at IS NOT NULL;
COMMENT ON TABLE dns_name IS 'one row per name in DNS, forward or reverse, that leases want or that was published';
COMMENT ON COLUMN dns_name.version IS 'raised whenever something that decides about the name may have changed';
COMMENT ON COLUMN dns_name.marked_at IS 'since when the name waits';
COMMENT ON COLUMN dns_name.due_at IS 'when it is looked at next; NULL: nothing to do. While holder is set it is the end of the claim';
COMMENT ON COLUMN dns_name.claim IS 'number of the claim, raised with each: what a worker writes counts only under its own';
COMMENT ON COLUMN dns_name.published IS 'the records that the DNS server has confirmed, one a line: TTL, type, data';
COMMENT ON COLUMN dns_name.attempted IS 'the records of an update whose outcome is not known';

CREATE TABLE dns_name_addr (
  name text    NOT NULL COLLATE "C",
  vrf  integer NOT NULL,
  addr bytea   NOT NULL CHECK (octet_length(addr) IN (4, 16)),
  PRIMARY KEY (name, vrf, addr)
);
CREATE INDEX dns_name_addr_addr ON dns_name_addr (vrf, addr);
COMMENT ON TABLE dns_name_addr IS 'which addresses may have a name; which of them do is what the lease rows say';

-- the outbox is filled and emptied all the time, so it must be cleaned often
ALTER TABLE lease_event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0,
                             autovacuum_analyze_threshold = 50000);

CREATE TABLE api_token (
  id         text        PRIMARY KEY CHECK (id <> ''),
  kind       smallint    NOT NULL DEFAULT 1 CHECK (kind IN (1, 2)),
  name       text        NOT NULL CHECK (name <> '' AND octet_length(name) <= 255),
  hash       bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz
);
COMMENT ON TABLE api_token IS 'who may use the API and the console';
COMMENT ON COLUMN api_token.kind IS '1 token, 2 session of the console';
COMMENT ON COLUMN api_token.hash IS 'SHA-256 of the token, which has 256 random bits and is stored nowhere';

ALTER TABLE frontend ADD COLUMN exchanges bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN frontend.exchanges IS 'leases acknowledged since the process began';

CREATE VIEW dns_queue AS
SELECT name, zone, (ARRAY['pending','published','conflict','failed','no zone'])[state] AS state, attempts, marked_at, due_at,
       extract(epoch FROM now() - marked_at)::double precision AS age, holder, last_error
  FROM dns_name WHERE due_at IS NOT NULL OR state > 2;
COMMENT ON VIEW dns_queue IS 'names that wait for their update, and those that could not be published';

-- +goose Down
DROP VIEW dns_queue;
ALTER TABLE frontend DROP COLUMN exchanges;
ALTER TABLE lease_event RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor,
                               autovacuum_analyze_threshold);
DROP TABLE api_token, dns_name_addr, dns_name, dns_server, dns_zone, tsig_key;
