-- name: frontend_prune
-- Removes those that were not seen for a day.
DELETE FROM frontend WHERE heartbeat_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY AND id <> ?;

-- name: frontend_register
-- Writes the frontend's row with an incarnation higher than any before, unless
-- a move has marked the database.
INSERT INTO frontend (id, incarnation, host, version, roles, addrs)
SELECT ?, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), ?, ?, ?, ? FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM move_mark)
ON DUPLICATE KEY UPDATE incarnation = GREATEST(frontend.incarnation + 1, VALUES(incarnation)), host = VALUES(host),
  version = VALUES(version), roles = VALUES(roles), addrs = VALUES(addrs), draining = FALSE, revision = 0, exchanges = 0,
  refused_revision = 0, refused = '',
  started_at = UTC_TIMESTAMP(6), heartbeat_at = UTC_TIMESTAMP(6);

-- name: frontend_incarnation
SELECT incarnation FROM frontend WHERE id = ?;

-- name: frontend_heartbeat
-- Refreshes the row of this incarnation, unless a move has marked the database.
UPDATE frontend SET heartbeat_at = UTC_TIMESTAMP(6), addrs = ?, revision = ?, draining = ?, exchanges = ?,
  refused_revision = ?, refused = ?
 WHERE id = ? AND incarnation = ? AND NOT EXISTS (SELECT 1 FROM move_mark);

-- name: frontend_list
-- Frontends seen in the last day.
SELECT id, incarnation, host, version, roles, addrs, revision, draining, exchanges, TIMESTAMPDIFF(MICROSECOND, heartbeat_at, UTC_TIMESTAMP(6)),
       refused_revision, refused
  FROM frontend WHERE heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY ORDER BY id;

-- name: frontend_unregister
-- Removes the row of this incarnation.
DELETE FROM frontend WHERE id = ? AND incarnation = ?;

-- name: lead_make
-- Makes the row of a leadership that nobody has had, and locks it.
INSERT INTO leadership (name, holder, fence, expires_at) VALUES (?, '', 0, '1970-01-01 00:00:00') ON DUPLICATE KEY UPDATE name = leadership.name;

-- name: lead_take
-- Takes or keeps it, unless somebody else has it. The assignments are made from
-- left to right: the first one still reads the row as it was.
UPDATE leadership SET fence = IF(holder = ? AND expires_at > $now, fence, fence + 1), holder = ?, expires_at = $now + INTERVAL ? MICROSECOND
 WHERE name = ? AND (holder = ? OR expires_at <= $now);

-- name: lead_read
SELECT fence, holder FROM leadership WHERE name = ?;

-- name: make_partitions
-- History partitions of this month and the next three.
CALL rowlock_make_partitions();

-- name: bound_history
-- Drops history that is older than the site wants to keep.
CALL rowlock_bound_history();
