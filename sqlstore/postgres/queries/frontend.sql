-- name: frontend_register
-- Writes the frontend's row with an incarnation higher than any before, and
-- removes those that were not seen for a day; no row when a move has marked the
-- database.
WITH gone AS (DELETE FROM frontend WHERE heartbeat_at < now() - interval '1 day' AND id <> $1)
INSERT INTO frontend AS f (id, incarnation, host, version, roles, addrs)
SELECT $1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM move_mark)
ON CONFLICT (id) DO UPDATE SET incarnation = greatest(f.incarnation + 1, excluded.incarnation), host = excluded.host,
  version = excluded.version, roles = excluded.roles, addrs = excluded.addrs, draining = false, revision = 0, exchanges = 0,
  refused_revision = 0, refused = '',
  started_at = now(), heartbeat_at = now()
RETURNING incarnation;

-- name: frontend_heartbeat
-- Refreshes the row of this incarnation, unless a move has marked the database.
UPDATE frontend SET heartbeat_at = now(), addrs = $3, revision = $4, draining = $5, exchanges = $6, refused_revision = $7, refused = $8
 WHERE id = $1 AND incarnation = $2 AND NOT EXISTS (SELECT 1 FROM move_mark);

-- name: frontend_list
-- Frontends seen in the last day.
SELECT id, incarnation, host, version, roles, addrs, revision, draining, exchanges, refused_revision, refused, extract(epoch FROM now() - heartbeat_at)::double precision
  FROM frontend WHERE heartbeat_at > now() - interval '1 day' ORDER BY id;

-- name: frontend_unregister
-- Removes the row of this incarnation.
DELETE FROM frontend WHERE id = $1 AND incarnation = $2;

-- name: lead
-- Takes or keeps a leadership; no row when somebody else has it.
INSERT INTO leadership AS l (name, holder, fence, expires_at) VALUES ($1, $2, 1, now() + $3::double precision * interval '1 second')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
  fence = CASE WHEN l.holder = excluded.holder AND l.expires_at > now() THEN l.fence ELSE l.fence + 1 END
  WHERE l.holder = excluded.holder OR l.expires_at <= now()
RETURNING fence;

-- name: make_partitions
-- History partitions of this month and the next three.
SELECT rowlock_make_partitions();

-- name: bound_history
-- Drops history that is older than the site wants to keep.
SELECT gone, stray FROM rowlock_bound_history();
