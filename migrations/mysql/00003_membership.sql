-- +goose Up
CREATE TABLE frontend (
  id           VARCHAR(255)  NOT NULL PRIMARY KEY CHECK (id <> ''),
  incarnation  BIGINT        NOT NULL,
  host         VARCHAR(255)  NOT NULL DEFAULT '',
  version      VARCHAR(255)  NOT NULL DEFAULT '',
  roles        VARCHAR(255)  NOT NULL DEFAULT '',
  addrs        VARCHAR(8000) NOT NULL DEFAULT '' COMMENT 'DHCPv4 server identifiers, separated by commas',
  revision     BIGINT        NOT NULL DEFAULT 0,
  draining     BOOLEAN       NOT NULL DEFAULT FALSE,
  started_at   DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  heartbeat_at DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'one row per frontend, refreshed each second; a lane write changes nothing unless the heartbeat is under 5 s old';

CREATE TABLE leadership (
  name       VARCHAR(255) NOT NULL PRIMARY KEY,
  holder     VARCHAR(255) NOT NULL,
  fence      BIGINT       NOT NULL,
  expires_at DATETIME(6)  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'who sweeps: holder, fencing number (raised with every change of holder), expiry by database time';

-- +goose Down
DROP TABLE leadership, frontend;
