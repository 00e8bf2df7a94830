-- +goose Up
-- What `rowlock move` keeps while it copies a database into another one, and
-- leaves behind in the one that was copied.

CREATE TABLE move_mark (
  id          SMALLINT       NOT NULL PRIMARY KEY CHECK (id = 1),
  role        VARCHAR(16)    NOT NULL COMMENT 'source: is (being) moved to peer; target: is being filled from peer' CHECK (role IN ('source', 'target')),
  peer        VARCHAR(4000)  NOT NULL,
  server_duid VARBINARY(130) NOT NULL,
  finished    BOOLEAN        NOT NULL DEFAULT FALSE COMMENT 'the other database has everything',
  at          DATETIME(6)    NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'at most one row; while there is one the program serves neither from this database nor changes it';

CREATE TABLE move_progress (
  name     VARCHAR(64)     NOT NULL PRIMARY KEY,
  copied   BIGINT          NOT NULL DEFAULT 0,
  position VARBINARY(8000) NOT NULL DEFAULT '' COMMENT 'key of the last row that was copied',
  done     BOOLEAN         NOT NULL DEFAULT FALSE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin COMMENT = 'in a target: how far each table is';

-- +goose Down
DROP TABLE move_progress, move_mark;
