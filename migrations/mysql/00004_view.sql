-- +goose Up
-- Views for reports: readable addresses, stable columns. Addresses are text; a
-- prefix has its length behind it. Times are UTC. No function of our own: on a
-- server with a binary log those need rights that a schema's owner may lack.

CREATE VIEW lease_active AS
SELECT 4 AS family, vrf, INET6_NTOA(addr) AS address, subnet_id, pool_id, since, expires_at, valid_lft,
       LOWER(HEX(hwaddr)) AS hwaddr, LOWER(HEX(client_id)) AS client_id, CAST(NULL AS SIGNED) AS iaid,
       INET6_NTOA(relay_addr) AS relay_addr, LOWER(HEX(circuit_id)) AS circuit_id,
       LOWER(HEX(remote_id)) AS remote_id, LOWER(HEX(subscriber_id)) AS subscriber_id, hostname, frontend
  FROM lease4 WHERE state = 2 AND expires_at > UTC_TIMESTAMP(6)
UNION ALL
SELECT 6, vrf, CONCAT(INET6_NTOA(addr), IF(prefix_len < 128, CONCAT('/', prefix_len), '')), subnet_id, pool_id, since, expires_at, valid_lft,
       LOWER(HEX(hwaddr)), LOWER(HEX(duid)), iaid,
       INET6_NTOA(relay_addr), LOWER(HEX(interface_id)),
       LOWER(HEX(remote_id)), LOWER(HEX(subscriber_id)), hostname, frontend
  FROM lease6 WHERE state = 2 AND expires_at > UTC_TIMESTAMP(6);

CREATE VIEW pool_usage AS
SELECT p.id AS pool_id, p.subnet_id, p.kind, p.first_addr, p.last_addr, p.delegated_len, p.closing,
       COALESCE(u.offered, 0) AS offered, COALESCE(u.active, 0) AS active, COALESCE(u.ended, 0) AS ended,
       COALESCE(u.blocked, 0) AS blocked, COALESCE(u.reserved, 0) AS reserved
  FROM pool p LEFT JOIN (
    SELECT pool_id,
           SUM(state = 1) AS offered,
           SUM(state = 2 AND expires_at > UTC_TIMESTAMP(6)) AS active,
           SUM(state IN (3, 4) OR (state = 2 AND expires_at <= UTC_TIMESTAMP(6))) AS ended,
           SUM(state IN (5, 6)) AS blocked,
           SUM(state = 7) AS reserved
      FROM (SELECT pool_id, state, expires_at FROM lease4
            UNION ALL SELECT pool_id, state, expires_at FROM lease6) l
     GROUP BY pool_id) u ON u.pool_id = p.id;

CREATE VIEW subnet_usage AS
SELECT s.id AS subnet_id, s.prefix, s.link_id, SUM(u.offered) AS offered, SUM(u.active) AS active,
       SUM(u.ended) AS ended, SUM(u.blocked) AS blocked, SUM(u.reserved) AS reserved
  FROM subnet s LEFT JOIN pool_usage u ON u.subnet_id = s.id GROUP BY s.id, s.prefix, s.link_id;

-- who held an address from since to ended_at; ended_by is NULL while the
-- holding lasts
CREATE VIEW address_holder AS
SELECT family, vrf, CONCAT(INET6_NTOA(addr), IF(family = 6 AND prefix_len < 128, CONCAT('/', prefix_len), '')) AS address, since, ended_at,
       ELT(ended_by, 'offered', 'active', 'expired', 'released', 'declined', 'parked', 'reserved') AS ended_by, subnet_id,
       LOWER(HEX(hwaddr)) AS hwaddr, LOWER(HEX(client_id)) AS client_id, iaid, LOWER(HEX(circuit_id)) AS circuit_id,
       LOWER(HEX(remote_id)) AS remote_id, hostname
  FROM lease_history
UNION ALL
SELECT 4, vrf, INET6_NTOA(addr), since, LEAST(UTC_TIMESTAMP(6), expires_at), NULL, subnet_id, LOWER(HEX(hwaddr)), LOWER(HEX(client_id)),
       NULL, LOWER(HEX(circuit_id)), LOWER(HEX(remote_id)), hostname FROM lease4 WHERE state = 2
UNION ALL
SELECT 6, vrf, CONCAT(INET6_NTOA(addr), IF(prefix_len < 128, CONCAT('/', prefix_len), '')), since, LEAST(UTC_TIMESTAMP(6), expires_at), NULL,
       subnet_id, LOWER(HEX(hwaddr)), LOWER(HEX(duid)), iaid, LOWER(HEX(interface_id)), LOWER(HEX(remote_id)), hostname FROM lease6 WHERE state = 2;

CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       TIMESTAMPDIFF(MICROSECOND, f.heartbeat_at, UTC_TIMESTAMP(6)) / 1000000 AS heartbeat_age,
       f.heartbeat_at > UTC_TIMESTAMP(6) - INTERVAL 5 SECOND AS alive
  FROM frontend f CROSS JOIN config_head c;

-- +goose Down
DROP VIEW frontend_health, address_holder, subnet_usage, pool_usage, lease_active;
