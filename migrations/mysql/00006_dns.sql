-- +goose Up
-- Names in DNS: where they are published, what is to be published, and what
-- was; and who may use the API.
-- If it fails half-way: drop the view dns_queue, the column frontend.exchanges
-- and the tables of this file that are there, and run it again.

CREATE TABLE tsig_key (
  name        VARCHAR(255)  NOT NULL PRIMARY KEY COMMENT 'as the DNS server knows it, in lower case, without a final dot',
  algorithm   VARCHAR(32)   NOT NULL,
  secret      VARCHAR(1000) NOT NULL COMMENT 'base64; only the ddns role may read it',
  fingerprint VARCHAR(16)   NOT NULL DEFAULT '' COMMENT 'first 8 hex digits of the SHA-256 of the decoded secret: to compare keys without showing them',
  CONSTRAINT tsig_key_name CHECK (name <> '' AND name = LOWER(name) AND name NOT LIKE '%.'),
  CONSTRAINT tsig_key_algorithm CHECK (algorithm IN ('hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512')),
  CONSTRAINT tsig_key_secret CHECK (secret <> '')
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'keys that sign updates (RFC 8945)';

CREATE TABLE dns_zone (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  CONSTRAINT dns_zone_name CHECK (name <> '' AND name = LOWER(name) AND name NOT LIKE '%.')
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'zones that are updated, forward and reverse; a name belongs to the longest zone that it is below';

CREATE TABLE dns_server (
  zone      VARCHAR(255) NOT NULL,
  position  INTEGER      NOT NULL DEFAULT 0,
  addr      VARCHAR(64)  NOT NULL,
  port      INTEGER      NOT NULL DEFAULT 53,
  transport VARCHAR(8)   NOT NULL DEFAULT 'tcp',
  tsig_key  VARCHAR(255),
  PRIMARY KEY (zone, position),
  KEY dns_server_key (tsig_key),
  CONSTRAINT dns_server_zone FOREIGN KEY (zone) REFERENCES dns_zone (name) ON DELETE CASCADE,
  CONSTRAINT dns_server_signs FOREIGN KEY (tsig_key) REFERENCES tsig_key (name),
  CONSTRAINT dns_server_position CHECK (position >= 0),
  CONSTRAINT dns_server_addr CHECK (IS_IPV4(addr) OR IS_IPV6(addr)),
  CONSTRAINT dns_server_port CHECK (port BETWEEN 1 AND 65535),
  CONSTRAINT dns_server_transport CHECK (transport IN ('tcp', 'udp'))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'primary servers of a zone, in the order in which they are tried';

CREATE TABLE dns_name (
  name       VARCHAR(255)  NOT NULL PRIMARY KEY CHECK (name <> ''),
  zone       VARCHAR(255)  NOT NULL DEFAULT '',
  version    BIGINT        NOT NULL DEFAULT 1 COMMENT 'raised whenever something that decides about the name may have changed',
  state      SMALLINT      NOT NULL DEFAULT 1 COMMENT '1 pending, 2 published, 3 conflict, 4 failed, 5 no zone' CHECK (state BETWEEN 1 AND 5),
  marked_at  DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'since when the name waits',
  due_at     DATETIME(6)   DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'when it is looked at next; NULL: nothing to do. While holder is set it is the end of the claim',
  holder     VARCHAR(255)  NOT NULL DEFAULT '',
  claim      BIGINT        NOT NULL DEFAULT 0 COMMENT 'number of the claim, raised with each: what a worker writes counts only under its own',
  attempts   INTEGER       NOT NULL DEFAULT 0,
  published  MEDIUMTEXT    NOT NULL DEFAULT ('') COMMENT 'the records that the DNS server has confirmed, one a line: TTL, type, data',
  attempted  MEDIUMTEXT    NOT NULL DEFAULT ('') COMMENT 'the records of an update whose outcome is not known',
  last_error VARCHAR(1000) NOT NULL DEFAULT '',
  changed_at DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  KEY dns_name_due (due_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'one row per name in DNS, forward or reverse, that leases want or that was published';

CREATE TABLE dns_name_addr (
  name VARCHAR(255)  NOT NULL,
  vrf  INTEGER       NOT NULL,
  addr VARBINARY(16) NOT NULL,
  PRIMARY KEY (name, vrf, addr),
  KEY dns_name_addr_addr (vrf, addr),
  CONSTRAINT dns_name_addr_len CHECK (LENGTH(addr) IN (4, 16))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'which addresses may have a name; which of them do is what the lease rows say';

CREATE TABLE api_token (
  id         VARCHAR(64)   NOT NULL PRIMARY KEY CHECK (id <> ''),
  kind       SMALLINT      NOT NULL DEFAULT 1 COMMENT '1 token, 2 session of the console' CHECK (kind IN (1, 2)),
  name       VARCHAR(255)  NOT NULL CHECK (name <> ''),
  hash       VARBINARY(32) NOT NULL UNIQUE COMMENT 'SHA-256 of the token, which has 256 random bits and is stored nowhere',
  created_at DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  expires_at DATETIME(6),
  CONSTRAINT api_token_hash CHECK (LENGTH(hash) = 32)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'who may use the API and the console';

ALTER TABLE frontend ADD COLUMN exchanges BIGINT NOT NULL DEFAULT 0 COMMENT 'leases acknowledged since the process began';

CREATE VIEW dns_queue AS
SELECT name, zone, ELT(state, 'pending', 'published', 'conflict', 'failed', 'no zone') AS state, attempts, marked_at, due_at,
       TIMESTAMPDIFF(MICROSECOND, marked_at, UTC_TIMESTAMP(6)) / 1000000 AS age, holder, last_error
  FROM dns_name WHERE due_at IS NOT NULL OR state > 2;

-- +goose Down
DROP VIEW dns_queue;
ALTER TABLE frontend DROP COLUMN exchanges;
DROP TABLE api_token, dns_name_addr, dns_name, dns_server, dns_zone, tsig_key;
