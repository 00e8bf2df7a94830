-- The outbox of lease changes and those who follow it. While a transaction has
-- the row of a leadership locked, nobody else is the holder.

-- name: event_lead
-- Locks a leadership.
SELECT 1 FROM leadership WHERE name = ? FOR UPDATE;

-- name: event_leads
-- Whether the holder still has it under this number: by the clock as it is now,
-- because the lock may have been waited for.
SELECT EXISTS (SELECT 1 FROM leadership WHERE name = ? AND holder = ? AND fence = ? AND expires_at > UTC_TIMESTAMP(6));

-- name: event_first
-- The first events in the bag. What is not committed is not seen and taken
-- later, whatever its id is; only whoever leads deletes here.
SELECT id, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM lease_event ORDER BY id LIMIT ?;

-- name: event_append
-- Copies events to the log, under the numbers that follow the highest there.
INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
SELECT top.seq + k.n, e.at, e.kind, e.family, e.vrf, e.addr, e.prefix_len, e.subnet_id, e.binding_key, e.hostname, e.fqdn_flags, e.state, e.rev
  FROM (SELECT COALESCE(MAX(l.seq), 0) AS seq FROM event_log l) top
  STRAIGHT_JOIN JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, id BIGINT PATH '$[0]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease_event e FORCE INDEX (PRIMARY) ON e.id = k.id;

-- name: event_delete
-- Takes events out of the bag.
DELETE e FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR)) k
  STRAIGHT_JOIN lease_event e FORCE INDEX (PRIMARY) ON e.id = k.id;

-- name: event_trim
-- Of the oldest rows of the log deletes those that are too old, or too many; 0
-- is no limit. The last row stays. Arguments: how many are looked at, the age in
-- microseconds twice, the number twice.
DELETE e FROM (
    SELECT w.seq FROM (SELECT l.seq, l.at FROM event_log l ORDER BY l.seq LIMIT ?) w
      JOIN (SELECT MAX(l.seq) AS seq FROM event_log l) top
     WHERE w.seq < top.seq AND (? > 0 AND w.at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND OR ? > 0 AND w.seq <= top.seq - ?)) k
  STRAIGHT_JOIN event_log e FORCE INDEX (PRIMARY) ON e.seq = k.seq;

-- name: event_span
-- Up to which id events are to be deleted of a bag that spans too many: no row,
-- or NULL, for none. Arguments: how many it may span, how many are deleted, the
-- first once more.
SELECT LEAST(MAX(id) - ?, MIN(id) + ?) FROM lease_event HAVING MAX(id) - MIN(id) >= ?;

-- name: event_missed
-- Has all leases looked at, because events are missing.
UPDATE event_consumer SET seq = -1 WHERE name = 'ddns';

-- name: event_drop
-- Deletes events up to an id.
DELETE FROM lease_event WHERE id <= ?;

-- name: event_backlog
-- How many events are in the bag, counted up to a limit, and the age of the
-- first.
SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM lease_event LIMIT ?) c),
       (SELECT TIMESTAMPDIFF(MICROSECOND, e.at, UTC_TIMESTAMP(6)) FROM lease_event e ORDER BY e.id LIMIT 1);

-- name: consumer_seen
UPDATE event_consumer SET last_seen = $now WHERE name = ?;

-- name: consumer_read
SELECT seq FROM event_consumer WHERE name = ?;

-- name: consumer_set
UPDATE event_consumer SET seq = ?, last_seen = UTC_TIMESTAMP(6) WHERE name = ? AND seq = ?;
