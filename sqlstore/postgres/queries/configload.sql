-- Each of these statements is there twice: for the whole configuration, and, with
-- the lines that end in --of, for the links with the ids $1 and what is outside
-- of links.

-- name: config_links
SELECT id, coalesce(name, ''), vrf, comment FROM link
 WHERE id = ANY($1::int[]) --of
 ORDER BY id;

-- name: config_subnets
SELECT id, link_id, previous_link_id, earlier_link_id, prefix, interface, interface_id, closing, comment FROM subnet
 WHERE link_id = ANY($1::int[]) --of
 ORDER BY link_id, id;

-- name: config_relays
SELECT subnet_id, addr FROM subnet_relay
 WHERE subnet_id IN (SELECT s.id FROM subnet s WHERE s.link_id = ANY($1::int[])) --of
 ORDER BY subnet_id, addr::inet;

-- name: config_pools
SELECT id, subnet_id, kind, first_addr, last_addr, delegated_len, gen, closing, waiting, comment FROM pool
 WHERE subnet_id IN (SELECT s.id FROM subnet s WHERE s.link_id = ANY($1::int[])) --of
 ORDER BY subnet_id, position, id;

-- name: config_options
SELECT scope, scope_id, family, code, name, data, is_hex, always, comment FROM option_data
 WHERE scope = 'global' OR scope = 'link' AND scope_id = ANY($1::int[]) --of
    OR scope = 'subnet' AND scope_id = ANY(ARRAY(SELECT s.id FROM subnet s WHERE s.link_id = ANY($1::int[]))) --of
 ORDER BY scope, scope_id, family, position, code;

-- name: config_parameters
SELECT scope, scope_id, name, value, comment FROM parameter
 WHERE scope = 'global' OR scope = 'link' AND scope_id = ANY($1::int[]) --of
    OR scope = 'subnet' AND scope_id = ANY(ARRAY(SELECT s.id FROM subnet s WHERE s.link_id = ANY($1::int[]))) --of
;
