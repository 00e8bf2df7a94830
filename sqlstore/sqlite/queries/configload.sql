-- Each of these statements is there twice: for the whole configuration, and, with
-- the lines that end in --of, for the links with the ids in the JSON array ?1 and
-- what is outside of links.

-- name: config_links
-- Links in order of id.
SELECT id, coalesce(name, ''), vrf, comment FROM link
 WHERE id IN (SELECT value FROM json_each(?1)) --of
 ORDER BY id;

-- name: config_subnets
-- Subnets by link.
SELECT id, link_id, previous_link_id, earlier_link_id, prefix, interface, interface_id, closing, comment FROM subnet
 WHERE link_id IN (SELECT value FROM json_each(?1)) --of
 ORDER BY link_id, id;

-- name: config_relays
-- Relay addresses that select a subnet.
SELECT subnet_id, addr FROM subnet_relay
 WHERE subnet_id IN (SELECT id FROM subnet WHERE link_id IN (SELECT value FROM json_each(?1))) --of
 ORDER BY subnet_id, addr;

-- name: config_pools
-- Pools in the order of allocation of their subnets.
SELECT id, subnet_id, kind, first_addr, last_addr, delegated_len, gen, closing, waiting, comment FROM pool
 WHERE subnet_id IN (SELECT id FROM subnet WHERE link_id IN (SELECT value FROM json_each(?1))) --of
 ORDER BY subnet_id, position, id;

-- name: config_options
-- Options in their order within a scope.
SELECT scope, scope_id, family, code, name, data, is_hex, always, comment FROM option_data
 WHERE scope = 'global' OR scope = 'link' AND scope_id IN (SELECT value FROM json_each(?1)) --of
    OR scope = 'subnet' AND scope_id IN (SELECT id FROM subnet WHERE link_id IN (SELECT value FROM json_each(?1))) --of
 ORDER BY scope, scope_id, family, position, code;

-- name: config_parameters
-- Parameters with their comments.
SELECT scope, scope_id, name, value, comment FROM parameter
 WHERE scope = 'global' OR scope = 'link' AND scope_id IN (SELECT value FROM json_each(?1)) --of
    OR scope = 'subnet' AND scope_id IN (SELECT id FROM subnet WHERE link_id IN (SELECT value FROM json_each(?1))) --of
;
