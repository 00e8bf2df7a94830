-- +goose Up
-- What `rowlock move` keeps while it copies a database into another one, and
-- leaves behind in the one that was copied.

-- At most one row. While there is one the program serves neither from this
-- database nor changes it. role: 'source' is (being) moved to peer, 'target' is
-- being filled from peer; finished: the other database has everything. peer has
-- no password in it.
CREATE TABLE move_mark (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  role        TEXT    NOT NULL CHECK (role IN ('source', 'target')),
  peer        TEXT    NOT NULL,
  server_duid BLOB    NOT NULL,
  finished    INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
  at          INTEGER NOT NULL DEFAULT (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)
) STRICT;

-- In a target: how far each table is. position is the key of the last row that
-- was copied.
CREATE TABLE move_progress (
  name     TEXT    PRIMARY KEY,
  copied   INTEGER NOT NULL DEFAULT 0,
  position BLOB    NOT NULL DEFAULT x'',
  done     INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;

-- +goose Down
DROP TABLE move_progress;
DROP TABLE move_mark;
