-- The outbox of lease changes and those who follow it. While a transaction has
-- the row of a leadership locked, nobody else is the holder.

-- name: event_lead
-- Locks a leadership; no row unless the holder still has it under this number.
-- The time is that of the answer: it may have waited for the lock.
SELECT 1 FROM leadership WHERE name = $1 AND holder = $2 AND fence = $3 AND expires_at > clock_timestamp() FOR UPDATE;

-- name: event_take
-- Moves the first events from the bag to the log. What is not committed is not
-- seen and taken later, whatever its id is; only whoever leads deletes here.
WITH gone AS (
  DELETE FROM lease_event e WHERE e.id = ANY (ARRAY(SELECT x.id FROM lease_event x ORDER BY x.id LIMIT $1)) RETURNING e.*),
log AS (
  INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
  SELECT (SELECT coalesce(max(l.seq), 0) FROM event_log l) + row_number() OVER (ORDER BY g.id), g.at, g.kind, g.family, g.vrf, g.addr,
         g.prefix_len, g.subnet_id, g.binding_key, g.hostname, g.fqdn_flags, g.state, g.rev FROM gone g)
SELECT id, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM gone ORDER BY id;

-- name: event_trim
-- Of the oldest $1 rows of the log deletes those that are older than $2
-- microseconds or more than $3; 0 is no limit. The last row stays.
DELETE FROM event_log e WHERE e.seq = ANY (ARRAY(
  SELECT w.seq FROM (SELECT l.seq, l.at FROM event_log l ORDER BY l.seq LIMIT $1) w, (SELECT max(l.seq) AS seq FROM event_log l) top
   WHERE w.seq < top.seq AND ($2::bigint > 0 AND w.at < now() - $2 * interval '1 microsecond' OR $3::bigint > 0 AND w.seq <= top.seq - $3)));

-- name: event_bound
-- Of a bag that spans more than $1 ids deletes the oldest events, at most $2,
-- and has all leases looked at instead.
WITH b AS (SELECT min(id) AS low, max(id) AS high FROM lease_event),
d AS (DELETE FROM lease_event e USING b WHERE b.high - b.low >= $1::bigint AND e.id <= least(b.high - $1, b.low + $2::bigint - 1) RETURNING e.id),
c AS (UPDATE event_consumer SET seq = -1 WHERE name = 'ddns' AND EXISTS (SELECT 1 FROM d))
SELECT count(*) FROM d;

-- name: event_backlog
-- How many events are in the bag, counted up to a limit, and the age of the
-- first.
SELECT (SELECT count(*) FROM (SELECT 1 FROM lease_event LIMIT $1) c),
       coalesce((SELECT extract(epoch FROM now() - e.at) FROM lease_event e ORDER BY e.id LIMIT 1), 0)::double precision;

-- name: consumer_seen
UPDATE event_consumer SET last_seen = now() WHERE name = $1 RETURNING seq;

-- name: consumer_set
UPDATE event_consumer SET seq = $3, last_seen = now() WHERE name = $1 AND seq = $2;
