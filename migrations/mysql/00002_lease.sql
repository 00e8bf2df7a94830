-- +goose Up
-- One row per binding, keyed by client; the address is a second unique key.
-- These two constraints are the whole of mutual exclusion. No row exists for an
-- address that nobody holds. Times are UTC; a lease without end expires at
-- 9000-01-01.
-- state: 1 offered, 2 active, 3 expired, 4 released, 5 declined, 6 parked, 7 reserved
-- No index may name state, expires_at, rev, since or frontend: every renewal
-- changes them.

CREATE TABLE lease4 (
  binding_key   VARBINARY(96)  NOT NULL,
  parked_key    VARBINARY(96),
  vrf           INTEGER        NOT NULL,
  addr          VARBINARY(4)   NOT NULL,
  subnet_id     INTEGER        NOT NULL,
  pool_id       INTEGER        NOT NULL,
  pool_gen      INTEGER        NOT NULL,
  state         SMALLINT       NOT NULL,
  valid_lft     BIGINT         NOT NULL,
  since         DATETIME(6)    NOT NULL,
  expires_at    DATETIME(6)    NOT NULL,
  reclaim_at    DATETIME(6),
  rev           BIGINT         NOT NULL,
  hwaddr        VARBINARY(20),
  hwtype        INTEGER        NOT NULL DEFAULT 0,
  hwaddr_source SMALLINT       NOT NULL DEFAULT 0,
  client_id     VARBINARY(255),
  relay_addr    VARBINARY(16),
  circuit_id    VARBINARY(255),
  remote_id     VARBINARY(255),
  subscriber_id VARBINARY(255),
  relay_id      VARBINARY(255),
  hostname      VARCHAR(255)   NOT NULL DEFAULT '',
  fqdn_flags    SMALLINT       NOT NULL DEFAULT 0,
  classes       VARCHAR(4000)  NOT NULL DEFAULT '',
  frontend      VARCHAR(255)   NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key),
  UNIQUE KEY lease4_addr (vrf, addr),
  KEY lease4_reclaim (pool_id, reclaim_at),
  KEY lease4_hwaddr (hwaddr),
  CONSTRAINT lease4_key CHECK (LENGTH(binding_key) >= 5),
  CONSTRAINT lease4_len CHECK (LENGTH(addr) = 4),
  CONSTRAINT lease4_state CHECK (state BETWEEN 1 AND 7)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE lease6 (
  binding_key   VARBINARY(96)  NOT NULL,
  parked_key    VARBINARY(96),
  vrf           INTEGER        NOT NULL,
  addr          VARBINARY(16)  NOT NULL,
  prefix_len    SMALLINT       NOT NULL CHECK (prefix_len BETWEEN 1 AND 128),
  iaid          BIGINT         NOT NULL,
  preferred_lft BIGINT         NOT NULL,
  subnet_id     INTEGER        NOT NULL,
  pool_id       INTEGER        NOT NULL,
  pool_gen      INTEGER        NOT NULL,
  state         SMALLINT       NOT NULL,
  valid_lft     BIGINT         NOT NULL,
  since         DATETIME(6)    NOT NULL,
  expires_at    DATETIME(6)    NOT NULL,
  reclaim_at    DATETIME(6),
  rev           BIGINT         NOT NULL,
  hwaddr        VARBINARY(20),
  hwtype        INTEGER        NOT NULL DEFAULT 0,
  hwaddr_source SMALLINT       NOT NULL DEFAULT 0,
  duid          VARBINARY(255),
  relay_addr    VARBINARY(16),
  interface_id  VARBINARY(255),
  remote_id     VARBINARY(255),
  subscriber_id VARBINARY(255),
  relay_id      VARBINARY(255),
  hostname      VARCHAR(255)   NOT NULL DEFAULT '',
  fqdn_flags    SMALLINT       NOT NULL DEFAULT 0,
  classes       VARCHAR(4000)  NOT NULL DEFAULT '',
  frontend      VARCHAR(255)   NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key),
  UNIQUE KEY lease6_addr (vrf, addr),
  KEY lease6_reclaim (pool_id, reclaim_at),
  KEY lease6_hwaddr (hwaddr),
  CONSTRAINT lease6_key CHECK (LENGTH(binding_key) >= 5),
  CONSTRAINT lease6_len CHECK (LENGTH(addr) = 16),
  CONSTRAINT lease6_state CHECK (state BETWEEN 1 AND 7)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- Hints: where a free address probably is. They decide nothing.
CREATE TABLE pool_cursor (
  pool_id    INTEGER NOT NULL,
  gen        INTEGER NOT NULL,
  next_index BIGINT  NOT NULL DEFAULT 0,
  size       BIGINT  NOT NULL,
  PRIMARY KEY (pool_id, gen)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE addr_chunk (
  chunk_id    BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  pool_id     INTEGER      NOT NULL,
  gen         INTEGER      NOT NULL,
  first_index BIGINT       NOT NULL,
  n           INTEGER      NOT NULL,
  holder      VARCHAR(255) NOT NULL,
  incarnation BIGINT       NOT NULL,
  KEY addr_chunk_pool (pool_id, gen)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'ranges of fresh indexes being handed out by a frontend; anyone takes over those of a dead one';

CREATE TABLE addr_free (
  vrf        INTEGER       NOT NULL,
  addr       VARBINARY(16) NOT NULL,
  pool_id    INTEGER       NOT NULL,
  token      BIGINT        NOT NULL COMMENT 'changes whenever the address is listed or handed out',
  hold_until DATETIME(6)   NOT NULL DEFAULT '1970-01-01 00:00:00',
  PRIMARY KEY (vrf, addr),
  KEY addr_free_pool (pool_id, hold_until)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'addresses given back: of dead offers and of deleted bindings';

-- Outbox of lease changes, written only while event_consumer has a row. It is
-- a bag: ids are not commit order, only the sequencer reads it.
CREATE TABLE lease_event (
  id          BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at          DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  kind        SMALLINT      NOT NULL COMMENT '1 assigned, 2 changed, 3 ended' CHECK (kind BETWEEN 1 AND 3),
  family      SMALLINT      NOT NULL CHECK (family IN (4, 6)),
  vrf         INTEGER       NOT NULL,
  addr        VARBINARY(16) NOT NULL,
  prefix_len  SMALLINT      NOT NULL,
  subnet_id   INTEGER       NOT NULL,
  binding_key VARBINARY(96) NOT NULL,
  hostname    VARCHAR(255)  NOT NULL,
  fqdn_flags  SMALLINT      NOT NULL,
  state       SMALLINT      NOT NULL,
  rev         BIGINT        NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE event_log (
  seq         BIGINT        NOT NULL PRIMARY KEY,
  at          DATETIME(6)   NOT NULL,
  kind        SMALLINT      NOT NULL,
  family      SMALLINT      NOT NULL,
  vrf         INTEGER       NOT NULL,
  addr        VARBINARY(16) NOT NULL,
  prefix_len  SMALLINT      NOT NULL,
  subnet_id   INTEGER       NOT NULL,
  binding_key VARBINARY(96) NOT NULL,
  hostname    VARCHAR(255)  NOT NULL,
  fqdn_flags  SMALLINT      NOT NULL,
  state       SMALLINT      NOT NULL,
  rev         BIGINT        NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE event_consumer (
  name      VARCHAR(255) NOT NULL PRIMARY KEY,
  seq       BIGINT       NOT NULL DEFAULT 0,
  last_seen DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row per holding that has ended: who had which address from when to when.
CREATE TABLE lease_history (
  family        SMALLINT       NOT NULL,
  vrf           INTEGER        NOT NULL,
  addr          VARBINARY(16)  NOT NULL,
  prefix_len    SMALLINT       NOT NULL,
  subnet_id     INTEGER        NOT NULL,
  binding_key   VARBINARY(96)  NOT NULL,
  since         DATETIME(6)    NOT NULL,
  ended_at      DATETIME(6)    NOT NULL,
  ended_by      SMALLINT       NOT NULL COMMENT 'state that followed: 2 a new holding of the same client, 3 expired, 4 released, 5 declined, 6 parked',
  rev           BIGINT         NOT NULL,
  hwaddr        VARBINARY(20),
  client_id     VARBINARY(255) COMMENT 'DHCPv4 client identifier, DHCPv6 DUID',
  iaid          BIGINT,
  relay_addr    VARBINARY(16),
  circuit_id    VARBINARY(255) COMMENT 'DHCPv4 circuit-id, DHCPv6 interface-id',
  remote_id     VARBINARY(255),
  subscriber_id VARBINARY(255),
  relay_id      VARBINARY(255),
  hostname      VARCHAR(255)   NOT NULL,
  frontend      VARCHAR(255)   NOT NULL,
  PRIMARY KEY (ended_at, vrf, addr, rev)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE COLUMNS (ended_at) (PARTITION p_default VALUES LESS THAN (MAXVALUE));

-- Makes the partitions of this month and the next three by splitting the last
-- one, where that has no rows for them. Runs with the rights of the schema's
-- owner, so that a frontend's user needs no DDL. Somebody else may do the same
-- at this moment: a partition that is there already is no error.
-- +goose StatementBegin
CREATE PROCEDURE rowlock_make_partitions() SQL SECURITY DEFINER
BEGIN
  DECLARE i INT DEFAULT 0;
  DECLARE month DATE DEFAULT DATE(DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-01'));
  DECLARE upto DATE;
  DECLARE CONTINUE HANDLER FOR 1493, 1517 BEGIN END;
  WHILE i < 4 DO
    SET upto = month + INTERVAL 1 MONTH;
    IF NOT EXISTS (SELECT 1 FROM information_schema.partitions
                    WHERE table_schema = DATABASE() AND table_name = 'lease_history' AND partition_name = DATE_FORMAT(month, 'p%Y%m'))
       AND NOT EXISTS (SELECT 1 FROM lease_history WHERE ended_at >= month AND ended_at < upto) THEN
      SET @rowlock_ddl = CONCAT('ALTER TABLE lease_history REORGANIZE PARTITION p_default INTO (PARTITION ', DATE_FORMAT(month, 'p%Y%m'),
                                ' VALUES LESS THAN (', QUOTE(upto), '), PARTITION p_default VALUES LESS THAN (MAXVALUE))');
      PREPARE ddl FROM @rowlock_ddl;
      EXECUTE ddl;
      DEALLOCATE PREPARE ddl;
    END IF;
    SET month = upto, i = i + 1;
  END WHILE;
END
-- +goose StatementEnd
CALL rowlock_make_partitions();

-- +goose Down
DROP PROCEDURE rowlock_make_partitions;
DROP TABLE lease_history, event_consumer, event_log, lease_event, addr_free, addr_chunk, pool_cursor, lease6, lease4;
