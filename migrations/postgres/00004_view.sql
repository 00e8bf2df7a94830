-- +goose Up
-- Views for reports: readable addresses, stable columns.

CREATE FUNCTION rowlock_inet(addr bytea, len integer) RETURNS inet LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE octet_length(addr)
    WHEN 4 THEN set_masklen((get_byte(addr, 0) || '.' || get_byte(addr, 1) || '.' || get_byte(addr, 2) || '.' || get_byte(addr, 3))::inet, len)
    ELSE set_masklen(regexp_replace(encode(addr, 'hex'), '(....)(?!$)', '\1:', 'g')::inet, len) END
$$;
CREATE FUNCTION rowlock_state(state integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (ARRAY['offered','active','expired','released','declined','parked','reserved'])[state]
$$;

CREATE VIEW lease_active AS
SELECT 4 AS family, vrf, rowlock_inet(addr, 32) AS address, subnet_id, pool_id, since, expires_at, valid_lft,
       encode(hwaddr, 'hex') AS hwaddr, encode(client_id, 'hex') AS client_id, NULL::bigint AS iaid,
       rowlock_inet(relay_addr, 8 * octet_length(relay_addr)) AS relay_addr, encode(circuit_id, 'hex') AS circuit_id,
       encode(remote_id, 'hex') AS remote_id, encode(subscriber_id, 'hex') AS subscriber_id, hostname, frontend
  FROM lease4 WHERE state = 2 AND expires_at > now()
UNION ALL
SELECT 6, vrf, rowlock_inet(addr, prefix_len), subnet_id, pool_id, since, expires_at, valid_lft,
       encode(hwaddr, 'hex'), encode(duid, 'hex'), iaid,
       rowlock_inet(relay_addr, 8 * octet_length(relay_addr)), encode(interface_id, 'hex'),
       encode(remote_id, 'hex'), encode(subscriber_id, 'hex'), hostname, frontend
  FROM lease6 WHERE state = 2 AND expires_at > now();

CREATE VIEW pool_usage AS
SELECT p.id AS pool_id, p.subnet_id, p.kind, p.first_addr, p.last_addr, p.delegated_len, p.closing,
       coalesce(u.offered, 0) AS offered, coalesce(u.active, 0) AS active, coalesce(u.ended, 0) AS ended,
       coalesce(u.blocked, 0) AS blocked, coalesce(u.reserved, 0) AS reserved
  FROM pool p LEFT JOIN (
    SELECT pool_id,
           count(*) FILTER (WHERE state = 1) AS offered,
           count(*) FILTER (WHERE state = 2 AND expires_at > now()) AS active,
           count(*) FILTER (WHERE state IN (3, 4) OR (state = 2 AND expires_at <= now())) AS ended,
           count(*) FILTER (WHERE state IN (5, 6)) AS blocked,
           count(*) FILTER (WHERE state = 7) AS reserved
      FROM (SELECT pool_id, state, expires_at FROM lease4
            UNION ALL SELECT pool_id, state, expires_at FROM lease6) l
     GROUP BY pool_id) u ON u.pool_id = p.id;

CREATE VIEW subnet_usage AS
SELECT s.id AS subnet_id, s.prefix, s.link_id, sum(u.offered) AS offered, sum(u.active) AS active,
       sum(u.ended) AS ended, sum(u.blocked) AS blocked, sum(u.reserved) AS reserved
  FROM subnet s LEFT JOIN pool_usage u ON u.subnet_id = s.id GROUP BY s.id;

CREATE VIEW address_holder AS
SELECT family, vrf, rowlock_inet(addr, prefix_len) AS address, since, ended_at, rowlock_state(ended_by) AS ended_by, subnet_id,
       encode(hwaddr, 'hex') AS hwaddr, encode(client_id, 'hex') AS client_id, iaid, encode(circuit_id, 'hex') AS circuit_id,
       encode(remote_id, 'hex') AS remote_id, hostname
  FROM lease_history
UNION ALL
SELECT 4, vrf, rowlock_inet(addr, 32), since, least(now(), expires_at), NULL, subnet_id, encode(hwaddr, 'hex'), encode(client_id, 'hex'),
       NULL, encode(circuit_id, 'hex'), encode(remote_id, 'hex'), hostname FROM lease4 WHERE state = 2
UNION ALL
SELECT 6, vrf, rowlock_inet(addr, prefix_len), since, least(now(), expires_at), NULL, subnet_id, encode(hwaddr, 'hex'), encode(duid, 'hex'),
       iaid, encode(interface_id, 'hex'), encode(remote_id, 'hex'), hostname FROM lease6 WHERE state = 2;
COMMENT ON VIEW address_holder IS 'who held an address from since to ended_at; ended_by is NULL while the holding lasts';

CREATE VIEW frontend_health AS
SELECT f.id, f.host, f.version, f.roles, f.addrs, f.revision, c.revision AS newest_revision, f.draining, f.started_at,
       extract(epoch FROM now() - f.heartbeat_at)::double precision AS heartbeat_age,
       f.heartbeat_at > now() - interval '5 seconds' AS alive
  FROM frontend f CROSS JOIN config_head c;

-- +goose Down
DROP VIEW frontend_health, address_holder, subnet_usage, pool_usage, lease_active;
DROP FUNCTION rowlock_state(integer);
DROP FUNCTION rowlock_inet(bytea, integer);
