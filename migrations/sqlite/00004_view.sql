-- +goose Up
-- Views for reports: readable addresses, stable columns. Times are ISO 8601
-- text in UTC, addresses are dotted decimals or eight groups of hex digits; a
-- prefix has its length behind it. Only functions that SQLite 3.38 has are
-- used, so that an older sqlite3 shell can read them.

CREATE VIEW lease_active AS
WITH l AS (
  SELECT 4 AS family, vrf, hex(addr) AS a, 32 AS prefix_len, subnet_id, pool_id, since, expires_at, valid_lft, hwaddr, client_id,
         NULL AS iaid, hex(relay_addr) AS r, circuit_id, remote_id, subscriber_id, hostname, frontend
    FROM lease4 WHERE state = 2 AND expires_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
  UNION ALL
  SELECT 6, vrf, hex(addr), prefix_len, subnet_id, pool_id, since, expires_at, valid_lft, hwaddr, duid,
         iaid, hex(relay_addr), interface_id, remote_id, subscriber_id, hostname, frontend
    FROM lease6 WHERE state = 2 AND expires_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
SELECT family, vrf,
       CASE length(a)
       WHEN 8 THEN
           (16 * instr('123456789ABCDEF', substr(a, 1, 1)) + instr('123456789ABCDEF', substr(a, 2, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 3, 1)) + instr('123456789ABCDEF', substr(a, 4, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 5, 1)) + instr('123456789ABCDEF', substr(a, 6, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 7, 1)) + instr('123456789ABCDEF', substr(a, 8, 1)))
       WHEN 32 THEN
           lower(substr(a, 1, 4) || ':' || substr(a, 5, 4) || ':' || substr(a, 9, 4) || ':' || substr(a, 13, 4) || ':' ||
           substr(a, 17, 4) || ':' || substr(a, 21, 4) || ':' || substr(a, 25, 4) || ':' || substr(a, 29, 4))
           || CASE WHEN prefix_len < 128 THEN '/' || prefix_len ELSE '' END
       END AS address,
       subnet_id, pool_id, strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000000.0, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%fZ', expires_at / 1000000.0, 'unixepoch') AS expires_at, valid_lft,
       nullif(lower(hex(hwaddr)), '') AS hwaddr, nullif(lower(hex(client_id)), '') AS client_id, iaid,
       CASE length(r)
       WHEN 8 THEN
           (16 * instr('123456789ABCDEF', substr(r, 1, 1)) + instr('123456789ABCDEF', substr(r, 2, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(r, 3, 1)) + instr('123456789ABCDEF', substr(r, 4, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(r, 5, 1)) + instr('123456789ABCDEF', substr(r, 6, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(r, 7, 1)) + instr('123456789ABCDEF', substr(r, 8, 1)))
       WHEN 32 THEN
           lower(substr(r, 1, 4) || ':' || substr(r, 5, 4) || ':' || substr(r, 9, 4) || ':' || substr(r, 13, 4) || ':' ||
           substr(r, 17, 4) || ':' || substr(r, 21, 4) || ':' || substr(r, 25, 4) || ':' || substr(r, 29, 4))
       END AS relay_addr,
       nullif(lower(hex(circuit_id)), '') AS circuit_id, nullif(lower(hex(remote_id)), '') AS remote_id,
       nullif(lower(hex(subscriber_id)), '') AS subscriber_id, hostname, frontend
  FROM l;

CREATE VIEW pool_usage AS
SELECT p.id AS pool_id, p.subnet_id, p.kind, p.first_addr, p.last_addr, p.delegated_len, p.closing,
       coalesce(u.offered, 0) AS offered, coalesce(u.active, 0) AS active, coalesce(u.ended, 0) AS ended,
       coalesce(u.blocked, 0) AS blocked, coalesce(u.reserved, 0) AS reserved
  FROM pool p LEFT JOIN (
    SELECT pool_id,
           sum(state = 1) AS offered,
           sum(state = 2 AND live) AS active,
           sum(state IN (3, 4) OR (state = 2 AND NOT live)) AS ended,
           sum(state IN (5, 6)) AS blocked,
           sum(state = 7) AS reserved
      FROM (SELECT pool_id, state, expires_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) AS live FROM lease4
            UNION ALL
            SELECT pool_id, state, expires_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM lease6)
     GROUP BY pool_id) u ON u.pool_id = p.id;

CREATE VIEW subnet_usage AS
SELECT s.id AS subnet_id, s.prefix, s.link_id, sum(u.offered) AS offered, sum(u.active) AS active,
       sum(u.ended) AS ended, sum(u.blocked) AS blocked, sum(u.reserved) AS reserved
  FROM subnet s LEFT JOIN pool_usage u ON u.subnet_id = s.id GROUP BY s.id;

-- who held an address from since to ended_at; ended_by is NULL while the
-- holding lasts
CREATE VIEW address_holder AS
WITH l AS (
  SELECT family, vrf, hex(addr) AS a, prefix_len, since, ended_at, ended_by, subnet_id, hwaddr, client_id, iaid, circuit_id, remote_id, hostname
    FROM lease_history
  UNION ALL
  SELECT 4, vrf, hex(addr), 32, since, min(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), expires_at), NULL,
         subnet_id, hwaddr, client_id, NULL, circuit_id, remote_id, hostname
    FROM lease4 WHERE state = 2
  UNION ALL
  SELECT 6, vrf, hex(addr), prefix_len, since, min(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), expires_at), NULL,
         subnet_id, hwaddr, duid, iaid, interface_id, remote_id, hostname
    FROM lease6 WHERE state = 2)
SELECT family, vrf,
       CASE length(a)
       WHEN 8 THEN
           (16 * instr('123456789ABCDEF', substr(a, 1, 1)) + instr('123456789ABCDEF', substr(a, 2, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 3, 1)) + instr('123456789ABCDEF', substr(a, 4, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 5, 1)) + instr('123456789ABCDEF', substr(a, 6, 1)))
           || '.' || (16 * instr('123456789ABCDEF', substr(a, 7, 1)) + instr('123456789ABCDEF', substr(a, 8, 1)))
       WHEN 32 THEN
           lower(substr(a, 1, 4) || ':' || substr(a, 5, 4) || ':' || substr(a, 9, 4) || ':' || substr(a, 13, 4) || ':' ||
           substr(a, 17, 4) || ':' || substr(a, 21, 4) || ':' || substr(a, 25, 4) || ':' || substr(a, 29, 4))
           || CASE WHEN prefix_len < 128 THEN '/' || prefix_len ELSE '' END
       END AS address,
       strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000000.0, 'unixepoch') AS since, strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000000.0, 'unixepoch') AS ended_at,
       CASE ended_by WHEN 1 THEN 'offered' WHEN 2 THEN 'active' WHEN 3 THEN 'expired' WHEN 4 THEN 'released'
                     WHEN 5 THEN 'declined' WHEN 6 THEN 'parked' WHEN 7 THEN 'reserved' END AS ended_by, subnet_id,
       nullif(lower(hex(hwaddr)), '') AS hwaddr, nullif(lower(hex(client_id)), '') AS client_id, iaid, nullif(lower(hex(circuit_id)), '') AS circuit_id,
       nullif(lower(hex(remote_id)), '') AS remote_id, hostname
  FROM l;

CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining,
       strftime('%Y-%m-%dT%H:%M:%fZ', f.started_at / 1000000.0, 'unixepoch') AS started_at,
       (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - f.heartbeat_at) / 1000000.0 AS heartbeat_age,
       f.heartbeat_at > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - 5000000 AS alive
  FROM frontend f CROSS JOIN config_head c;

-- +goose Down
DROP VIEW frontend_health;
DROP VIEW address_holder;
DROP VIEW subnet_usage;
DROP VIEW pool_usage;
DROP VIEW lease_active;
