-- +goose Up
-- One row per binding, keyed by client; the address is a second unique key.
-- These two constraints are the whole of mutual exclusion. No row exists for an
-- address that nobody holds.
-- state: 1 offered, 2 active, 3 expired, 4 released, 5 declined, 6 parked, 7 reserved

CREATE TABLE lease4 (
  binding_key   bytea       NOT NULL CHECK (octet_length(binding_key) BETWEEN 5 AND 96),
  parked_key    bytea,
  vrf           integer     NOT NULL,
  addr          bytea       NOT NULL CHECK (octet_length(addr) = 4),
  subnet_id     integer     NOT NULL,
  pool_id       integer     NOT NULL,
  pool_gen      integer     NOT NULL,
  state         smallint    NOT NULL CHECK (state BETWEEN 1 AND 7),
  valid_lft     bigint      NOT NULL,
  since         timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  reclaim_at    timestamptz,
  rev           bigint      NOT NULL,
  hwaddr        bytea       CHECK (octet_length(hwaddr) <= 20),
  hwtype        integer     NOT NULL DEFAULT 0,
  hwaddr_source smallint    NOT NULL DEFAULT 0,
  client_id     bytea       CHECK (octet_length(client_id) <= 255),
  relay_addr    bytea,
  circuit_id    bytea       CHECK (octet_length(circuit_id) <= 255),
  remote_id     bytea       CHECK (octet_length(remote_id) <= 255),
  subscriber_id bytea       CHECK (octet_length(subscriber_id) <= 255),
  relay_id      bytea       CHECK (octet_length(relay_id) <= 255),
  hostname      text        NOT NULL DEFAULT '' COLLATE "C" CHECK (octet_length(hostname) <= 255),
  fqdn_flags    smallint    NOT NULL DEFAULT 0,
  classes       text        NOT NULL DEFAULT '',
  frontend      text        NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
-- no index, and no index predicate, may name state, expires_at, rev, since or
-- frontend: every renewal changes them, and it must stay a heap-only update
CREATE UNIQUE INDEX lease4_addr    ON lease4 (vrf, addr);
CREATE        INDEX lease4_reclaim ON lease4 (pool_id, reclaim_at) WHERE reclaim_at IS NOT NULL;
CREATE        INDEX lease4_hwaddr  ON lease4 (hwaddr) WHERE hwaddr IS NOT NULL;

CREATE TABLE lease6 (
  binding_key   bytea       NOT NULL CHECK (octet_length(binding_key) BETWEEN 5 AND 96),
  parked_key    bytea,
  vrf           integer     NOT NULL,
  addr          bytea       NOT NULL CHECK (octet_length(addr) = 16),
  prefix_len    smallint    NOT NULL CHECK (prefix_len BETWEEN 1 AND 128),
  iaid          bigint      NOT NULL,
  preferred_lft bigint      NOT NULL,
  subnet_id     integer     NOT NULL,
  pool_id       integer     NOT NULL,
  pool_gen      integer     NOT NULL,
  state         smallint    NOT NULL CHECK (state BETWEEN 1 AND 7),
  valid_lft     bigint      NOT NULL,
  since         timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  reclaim_at    timestamptz,
  rev           bigint      NOT NULL,
  hwaddr        bytea       CHECK (octet_length(hwaddr) <= 20),
  hwtype        integer     NOT NULL DEFAULT 0,
  hwaddr_source smallint    NOT NULL DEFAULT 0,
  duid          bytea       CHECK (octet_length(duid) <= 255),
  relay_addr    bytea,
  interface_id  bytea       CHECK (octet_length(interface_id) <= 255),
  remote_id     bytea       CHECK (octet_length(remote_id) <= 255),
  subscriber_id bytea       CHECK (octet_length(subscriber_id) <= 255),
  relay_id      bytea       CHECK (octet_length(relay_id) <= 255),
  hostname      text        NOT NULL DEFAULT '' COLLATE "C" CHECK (octet_length(hostname) <= 255),
  fqdn_flags    smallint    NOT NULL DEFAULT 0,
  classes       text        NOT NULL DEFAULT '',
  frontend      text        NOT NULL DEFAULT '',
  PRIMARY KEY (binding_key)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
-- no index, and no index predicate, may name state, expires_at, rev, since or
-- frontend: every renewal changes them, and it must stay a heap-only update
CREATE UNIQUE INDEX lease6_addr    ON lease6 (vrf, addr);
CREATE        INDEX lease6_reclaim ON lease6 (pool_id, reclaim_at) WHERE reclaim_at IS NOT NULL;
CREATE        INDEX lease6_hwaddr  ON lease6 (hwaddr) WHERE hwaddr IS NOT NULL;

-- Hints: where a free address probably is. They decide nothing.
CREATE TABLE pool_cursor (
  pool_id    integer NOT NULL,
  gen        integer NOT NULL,
  next_index bigint  NOT NULL DEFAULT 0,
  size       bigint  NOT NULL,
  PRIMARY KEY (pool_id, gen)
) WITH (fillfactor = 10);

CREATE TABLE addr_chunk (
  chunk_id    bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pool_id     integer NOT NULL,
  gen         integer NOT NULL,
  first_index bigint  NOT NULL,
  n           integer NOT NULL,
  holder      text    NOT NULL,
  incarnation bigint  NOT NULL
);
CREATE INDEX addr_chunk_pool ON addr_chunk (pool_id, gen);
COMMENT ON TABLE addr_chunk IS 'ranges of fresh indexes being handed out by a frontend; anyone takes over those of a dead one';

CREATE TABLE addr_free (
  vrf        integer     NOT NULL,
  addr       bytea       NOT NULL,
  pool_id    integer     NOT NULL,
  token      bigint      GENERATED ALWAYS AS IDENTITY,
  hold_until timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (vrf, addr)
);
CREATE INDEX addr_free_pool ON addr_free (pool_id, hold_until);
COMMENT ON TABLE addr_free IS 'addresses given back: of dead offers and of deleted bindings';

-- Outbox of lease changes, written only while event_consumer has a row. It is
-- a bag: ids are not commit order, only the sequencer reads it.
CREATE TABLE lease_event (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT now(),
  kind        smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
  family      smallint    NOT NULL CHECK (family IN (4, 6)),
  vrf         integer     NOT NULL,
  addr        bytea       NOT NULL,
  prefix_len  smallint    NOT NULL,
  subnet_id   integer     NOT NULL,
  binding_key bytea       NOT NULL,
  hostname    text        NOT NULL,
  fqdn_flags  smallint    NOT NULL,
  state       smallint    NOT NULL,
  rev         bigint      NOT NULL
);
COMMENT ON COLUMN lease_event.kind IS '1 assigned, 2 changed, 3 ended';
CREATE TABLE event_log (
  seq         bigint      PRIMARY KEY,
  at          timestamptz NOT NULL,
  kind        smallint    NOT NULL,
  family      smallint    NOT NULL,
  vrf         integer     NOT NULL,
  addr        bytea       NOT NULL,
  prefix_len  smallint    NOT NULL,
  subnet_id   integer     NOT NULL,
  binding_key bytea       NOT NULL,
  hostname    text        NOT NULL,
  fqdn_flags  smallint    NOT NULL,
  state       smallint    NOT NULL,
  rev         bigint      NOT NULL
);
CREATE TABLE event_consumer (
  name      text        PRIMARY KEY,
  seq       bigint      NOT NULL DEFAULT 0,
  last_seen timestamptz NOT NULL DEFAULT now()
);

-- One row per holding that has ended: who had which address from when to when.
CREATE TABLE lease_history (
  family        smallint    NOT NULL,
  vrf           integer     NOT NULL,
  addr          bytea       NOT NULL,
  prefix_len    smallint    NOT NULL,
  subnet_id     integer     NOT NULL,
  binding_key   bytea       NOT NULL,
  since         timestamptz NOT NULL,
  ended_at      timestamptz NOT NULL,
  ended_by      smallint    NOT NULL,
  rev           bigint      NOT NULL,
  hwaddr        bytea,
  client_id     bytea,
  iaid          bigint,
  relay_addr    bytea,
  circuit_id    bytea,
  remote_id     bytea,
  subscriber_id bytea,
  relay_id      bytea,
  hostname      text        NOT NULL,
  frontend      text        NOT NULL,
  PRIMARY KEY (ended_at, vrf, addr, rev)
) PARTITION BY RANGE (ended_at);
COMMENT ON COLUMN lease_history.ended_by IS 'state that followed: 2 a new holding of the same client, 3 expired, 4 released, 5 declined, 6 parked';
COMMENT ON COLUMN lease_history.client_id IS 'DHCPv4 client identifier, DHCPv6 DUID';
COMMENT ON COLUMN lease_history.circuit_id IS 'DHCPv4 circuit-id, DHCPv6 interface-id';
CREATE TABLE lease_history_default PARTITION OF lease_history DEFAULT;

-- Makes the partitions of this month and the next three. Runs with the rights
-- of the schema's owner, so that a frontend's role needs no DDL.
-- +goose StatementBegin
CREATE FUNCTION rowlock_make_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  m timestamptz := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  upto timestamptz;
  made integer := 0;
BEGIN
  PERFORM 1 FROM config_head WHERE id = 1 FOR UPDATE;
  FOR i IN 0..3 LOOP
    upto := ((m AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    IF to_regclass(format('lease_history_%s', to_char(m AT TIME ZONE 'UTC', 'YYYYMM'))) IS NULL
       AND NOT EXISTS (SELECT 1 FROM lease_history_default WHERE ended_at >= m AND ended_at < upto) THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF lease_history FOR VALUES FROM (%L) TO (%L)',
                     'lease_history_' || to_char(m AT TIME ZONE 'UTC', 'YYYYMM'), m, upto);
      made := made + 1;
    END IF;
    m := upto;
  END LOOP;
  RETURN made;
END $$;
-- +goose StatementEnd
-- It finds its tables in this schema alone, temporary ones last: a caller cannot
-- put a view of its own in their place. Who may call it is granted by role.
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION rowlock_make_partitions() SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION rowlock_make_partitions() FROM PUBLIC;
SELECT rowlock_make_partitions();

-- +goose Down
DROP FUNCTION rowlock_make_partitions();
DROP TABLE lease_history, event_consumer, event_log, lease_event, addr_free, addr_chunk, pool_cursor, lease6, lease4;
