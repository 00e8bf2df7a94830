-- +goose Up
CREATE TABLE frontend (
  id           text        PRIMARY KEY CHECK (id <> ''),
  incarnation  bigint      NOT NULL,
  host         text        NOT NULL DEFAULT '',
  version      text        NOT NULL DEFAULT '',
  roles        text        NOT NULL DEFAULT '',
  addrs        text        NOT NULL DEFAULT '',
  revision     bigint      NOT NULL DEFAULT 0,
  draining     boolean     NOT NULL DEFAULT false,
  started_at   timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
COMMENT ON TABLE frontend IS 'one row per frontend, refreshed each second; a lane write changes nothing unless the heartbeat is under 5 s old';
COMMENT ON COLUMN frontend.addrs IS 'DHCPv4 server identifiers, separated by commas';

CREATE TABLE leadership (
  name       text        PRIMARY KEY,
  holder     text        NOT NULL,
  fence      bigint      NOT NULL,
  expires_at timestamptz NOT NULL
);
COMMENT ON TABLE leadership IS 'who sweeps: holder, fencing number (raised with every change of holder), expiry by database time';

-- +goose Down
DROP TABLE leadership, frontend;
