-- +goose Up
-- What `rowlock move` keeps while it copies a database into another one, and
-- leaves behind in the one that was copied.

CREATE TABLE move_mark (
  id          smallint    PRIMARY KEY CHECK (id = 1),
  role        text        NOT NULL CHECK (role IN ('source', 'target')),
  peer        text        NOT NULL,
  server_duid bytea       NOT NULL,
  finished    boolean     NOT NULL DEFAULT false,
  at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE move_mark IS 'at most one row; while there is one the program serves neither from this database nor changes it';
COMMENT ON COLUMN move_mark.role IS 'source: is (being) moved to peer; target: is being filled from peer';
COMMENT ON COLUMN move_mark.finished IS 'the other database has everything';

CREATE TABLE move_progress (
  name     text    PRIMARY KEY,
  copied   bigint  NOT NULL DEFAULT 0,
  position bytea   NOT NULL DEFAULT '',
  done     boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE move_progress IS 'in a target: how far each table is';
COMMENT ON COLUMN move_progress.position IS 'key of the last row that was copied';

-- +goose Down
DROP TABLE move_progress, move_mark;
