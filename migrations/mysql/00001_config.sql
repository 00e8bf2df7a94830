-- +goose Up
-- The network configuration. Everything here may be read by anybody who may
-- read the schema; addresses are text in canonical form. Times are UTC. MySQL
-- has no address type: the program checks that text is canonical before it
-- writes, the tables only that it is an address.

CREATE TABLE config_head (
  id             SMALLINT       NOT NULL PRIMARY KEY CHECK (id = 1),
  revision       BIGINT         NOT NULL,
  server_duid    VARBINARY(130) NOT NULL COMMENT 'DHCPv6 server identifier of all frontends (RFC 9915 11), made once',
  secret         VARBINARY(64)  NOT NULL COMMENT 'key of the order in which IPv6 pools are handed out',
  last_link_id   INTEGER        NOT NULL DEFAULT 0 COMMENT 'highest id ever used: ids are not used again, because leases and history name them',
  last_subnet_id INTEGER        NOT NULL DEFAULT 0,
  CHECK (LENGTH(server_duid) >= 3),
  CHECK (LENGTH(secret) >= 16)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'one row: the newest configuration revision; locked first by whoever changes the configuration';
-- DUID-UUID (RFC 6355): type 4 and a random UUID
INSERT INTO config_head (id, revision, server_duid, secret) VALUES (1, 0,
  CONCAT(x'0004', RANDOM_BYTES(6), UNHEX(CONCAT('4', SUBSTRING(HEX(RANDOM_BYTES(2)), 2))),
         UNHEX(CONCAT(SUBSTRING('89AB', 1 + FLOOR(4 * RAND()), 1), SUBSTRING(HEX(RANDOM_BYTES(2)), 2))), RANDOM_BYTES(6)),
  RANDOM_BYTES(16));

CREATE TABLE config_revision (
  revision BIGINT       NOT NULL PRIMARY KEY,
  at       DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  author   VARCHAR(255) NOT NULL,
  comment  TEXT         NOT NULL DEFAULT (''),
  diff     LONGTEXT     NOT NULL DEFAULT ('')
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE link (
  id   INTEGER      NOT NULL PRIMARY KEY CHECK (id > 0),
  name VARCHAR(255) UNIQUE CHECK (name <> ''),
  vrf  INTEGER      NOT NULL DEFAULT 0 CHECK (vrf >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'the unit within which a client has one binding: a shared network (it has a name) or a subnet that is in none';

CREATE TABLE subnet (
  id               INTEGER        NOT NULL PRIMARY KEY CHECK (id > 0),
  link_id          INTEGER        NOT NULL,
  previous_link_id INTEGER        NOT NULL DEFAULT 0,
  prefix           VARCHAR(49)    NOT NULL CHECK (prefix REGEXP '^[0-9a-f:.]+/[0-9]+$'),
  interface        VARCHAR(255)   NOT NULL DEFAULT '',
  interface_id     VARBINARY(255) NOT NULL DEFAULT '',
  closing          BOOLEAN        NOT NULL DEFAULT FALSE,
  KEY subnet_link (link_id),
  CONSTRAINT subnet_link FOREIGN KEY (link_id) REFERENCES link (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE subnet_relay (
  subnet_id INTEGER     NOT NULL,
  addr      VARCHAR(45) NOT NULL CHECK (addr REGEXP '^[0-9a-f:.]+$' AND INET6_ATON(addr) IS NOT NULL),
  PRIMARY KEY (subnet_id, addr),
  CONSTRAINT subnet_relay_subnet FOREIGN KEY (subnet_id) REFERENCES subnet (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE pool (
  id            INTEGER     NOT NULL PRIMARY KEY CHECK (id > 0),
  subnet_id     INTEGER     NOT NULL,
  position      INTEGER     NOT NULL DEFAULT 0,
  kind          SMALLINT    NOT NULL COMMENT '1 addresses, 2 delegated prefixes (a pd_pool)' CHECK (kind IN (1, 2)),
  first_addr    VARCHAR(45) NOT NULL COMMENT 'first address, or base of the first delegated prefix' CHECK (first_addr REGEXP '^[0-9a-f:.]+$'),
  last_addr     VARCHAR(45) NOT NULL CHECK (last_addr REGEXP '^[0-9a-f:.]+$'),
  delegated_len SMALLINT    NOT NULL COMMENT 'length of a delegated prefix; 32 or 128 for addresses' CHECK (delegated_len BETWEEN 1 AND 128),
  gen           INTEGER     NOT NULL DEFAULT 1,
  closing       BOOLEAN     NOT NULL DEFAULT FALSE,
  KEY pool_subnet (subnet_id),
  CONSTRAINT pool_subnet FOREIGN KEY (subnet_id) REFERENCES subnet (id),
  CONSTRAINT pool_order CHECK (LENGTH(INET6_ATON(first_addr)) = LENGTH(INET6_ATON(last_addr)) AND INET6_ATON(first_addr) <= INET6_ATON(last_addr))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE pool_gen (
  pool_id       INTEGER     NOT NULL,
  gen           INTEGER     NOT NULL,
  first_addr    VARCHAR(45) NOT NULL,
  last_addr     VARCHAR(45) NOT NULL,
  delegated_len SMALLINT    NOT NULL,
  perm_version  SMALLINT    NOT NULL DEFAULT 1,
  made_at       DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  PRIMARY KEY (pool_id, gen)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'the geometry of each generation of a pool; never changed: an edit of a pool makes a new generation';

CREATE TABLE option_data (
  scope    VARCHAR(16)  NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id INTEGER      NOT NULL DEFAULT 0,
  family   SMALLINT     NOT NULL CHECK (family IN (4, 6)),
  code     INTEGER      NOT NULL CHECK (code BETWEEN 1 AND 65535),
  position INTEGER      NOT NULL DEFAULT 0,
  name     VARCHAR(255) NOT NULL DEFAULT '',
  data     MEDIUMTEXT   NOT NULL,
  is_hex   BOOLEAN      NOT NULL DEFAULT FALSE,
  always   BOOLEAN      NOT NULL DEFAULT FALSE,
  PRIMARY KEY (scope, scope_id, family, code)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE parameter (
  scope    VARCHAR(16)  NOT NULL CHECK (scope IN ('global', 'link', 'subnet')),
  scope_id INTEGER      NOT NULL DEFAULT 0,
  name     VARCHAR(255) NOT NULL,
  value    TEXT         NOT NULL,
  PRIMARY KEY (scope, scope_id, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE parameter, option_data, pool_gen, pool, subnet_relay, subnet, link, config_revision, config_head;
