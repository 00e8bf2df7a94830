-- name: frontend_register
-- Writes the frontend's row at time ?7 with an incarnation higher than any
-- before; no row when a move has marked the database.
INSERT INTO frontend (id, incarnation, host, version, roles, addrs, started_at, heartbeat_at)
SELECT ?1, ?6, ?2, ?3, ?4, ?5, ?7, ?7 WHERE NOT EXISTS (SELECT 1 FROM move_mark)
ON CONFLICT (id) DO UPDATE SET incarnation = max(incarnation + 1, excluded.incarnation), host = excluded.host,
  version = excluded.version, roles = excluded.roles, addrs = excluded.addrs, draining = 0, revision = 0, exchanges = 0,
  refused_revision = 0, refused = '',
  started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at
RETURNING incarnation;

-- name: frontend_forget
-- Removes the others that were not seen for a day before time ?2.
DELETE FROM frontend WHERE id <> ?1 AND heartbeat_at < ?2 - 86400000000;

-- name: frontend_heartbeat
-- Refreshes the row of this incarnation, unless a move has marked the database.
UPDATE frontend SET heartbeat_at = ?6, addrs = ?3, revision = ?4, draining = ?5, exchanges = ?7, refused_revision = ?8, refused = ?9
 WHERE id = ?1 AND incarnation = ?2 AND NOT EXISTS (SELECT 1 FROM move_mark);

-- name: frontend_list
-- Frontends seen in the last day, with the microseconds since.
SELECT id, incarnation, host, version, roles, addrs, revision, draining, exchanges, refused_revision, refused,
       CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 - heartbeat_at AS age
  FROM frontend WHERE age < 86400000000 ORDER BY id;

-- name: frontend_unregister
-- Removes the row of this incarnation.
DELETE FROM frontend WHERE id = ?1 AND incarnation = ?2;

-- name: lead
-- Takes or keeps a leadership from time ?4 for ?3 microseconds; no row when
-- somebody else has it. The number is raised unless the same holder keeps it
-- in time.
INSERT INTO leadership AS l (name, holder, fence, expires_at) VALUES (?1, ?2, 1, ?4 + ?3)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
  fence = CASE WHEN l.holder = excluded.holder AND l.expires_at > ?4 THEN l.fence ELSE l.fence + 1 END
  WHERE l.holder = excluded.holder OR l.expires_at <= ?4
RETURNING fence;
