-- name: history_insert
-- Records a holding that has ended. The columns have the same names for both
-- families.
INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hwaddr, client_id,
                           iaid, relay_addr, circuit_id, remote_id, subscriber_id, relay_id, hostname, frontend)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20);

-- name: event_insert
-- Puts a change into the outbox; used only while somebody consumes events.
INSERT INTO lease_event (at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: event_lead
-- Tells whether holder ?2 has a leadership under number ?3 at time ?4.
SELECT 1 FROM leadership WHERE name = ?1 AND holder = ?2 AND fence = ?3 AND expires_at > ?4;

-- name: event_first
-- Reads the first events in the bag. All are committed, and none with a lower
-- id can come later: whoever inserts has the write lock until it commits.
SELECT id, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM lease_event ORDER BY id LIMIT ?1;

-- name: event_log_top
-- Reads the highest number of the log.
SELECT coalesce(max(seq), 0) FROM event_log;

-- name: event_log_append
-- Copies event ?1 to the log under number ?2.
INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
SELECT ?2, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM lease_event WHERE id = ?1;

-- name: event_delete
-- Takes an event out of the bag.
DELETE FROM lease_event WHERE id = ?1;

-- name: event_trim
-- Of the oldest ?1 rows of the log deletes those from before time ?2 or more
-- than ?3; 0 is no limit. The last row stays.
DELETE FROM event_log WHERE seq IN (
  SELECT w.seq FROM (SELECT seq, at FROM event_log ORDER BY seq LIMIT ?1) w, (SELECT max(seq) AS seq FROM event_log) top
   WHERE w.seq < top.seq AND (w.at < ?2 OR ?3 > 0 AND w.seq <= top.seq - ?3));

-- name: event_drop
-- Of a bag that spans more than ?1 ids deletes the oldest events, at most ?2.
DELETE FROM lease_event
 WHERE (SELECT max(id) - min(id) FROM lease_event) >= ?1 AND id <= (SELECT min(max(id) - ?1, min(id) + ?2 - 1) FROM lease_event);

-- name: event_missed
-- Has all leases looked at, because events are missing.
UPDATE event_consumer SET seq = -1 WHERE name = 'ddns';

-- name: event_backlog
-- Counts the events in the bag up to a limit, and tells when the first was.
SELECT (SELECT count(*) FROM (SELECT 1 FROM lease_event LIMIT ?1)), (SELECT at FROM lease_event ORDER BY id LIMIT 1);

-- name: consumer_seen
-- Refreshes a consumer at time ?2 and tells where it is.
UPDATE event_consumer SET last_seen = ?2 WHERE name = ?1 RETURNING seq;

-- name: consumer_set
-- Moves a consumer on that is still where it was.
UPDATE event_consumer SET seq = ?3, last_seen = ?4 WHERE name = ?1 AND seq = ?2;

-- name: history_bound
-- Deletes the ?1 oldest of the holdings that ended longer ago than the site wants
-- to know of: the parameter history_retention, 0 for ever, a year by default.
DELETE FROM lease_history WHERE rowid IN (
  SELECT h.rowid FROM lease_history h
   WHERE h.ended_at < (
     SELECT CASE WHEN k.keep > 0 THEN CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 - k.keep * 1000000 ELSE 0 END
       FROM (SELECT coalesce(max(CAST(p.value AS INTEGER)), 31536000) AS keep
               FROM parameter p WHERE p.scope = 'global' AND p.name = 'history_retention') k)
   ORDER BY h.ended_at LIMIT ?1);
