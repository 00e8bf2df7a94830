-- name: config_revision
SELECT revision FROM config_head WHERE id = 1;

-- name: config_head
SELECT revision, server_duid, secret FROM config_head WHERE id = 1;

-- name: config_lock
-- Whoever changes the configuration takes this lock first.
SELECT revision FROM config_head WHERE id = 1 FOR UPDATE;

-- name: config_raise
-- Raises the revision and records the change.
WITH h AS (UPDATE config_head SET revision = revision + 1,
  last_link_id = greatest(last_link_id, (SELECT coalesce(max(id), 0) FROM link)),
  last_subnet_id = greatest(last_subnet_id, (SELECT coalesce(max(id), 0) FROM subnet)) WHERE id = 1 RETURNING revision)
INSERT INTO config_revision (revision, author, comment) SELECT revision, $1, $2 FROM h RETURNING revision;

-- name: config_links
SELECT id, coalesce(name, ''), vrf FROM link ORDER BY id;

-- name: config_subnets
SELECT id, link_id, previous_link_id, prefix, interface, interface_id, closing FROM subnet ORDER BY link_id, id;

-- name: config_relays
SELECT subnet_id, addr FROM subnet_relay ORDER BY subnet_id, addr::inet;

-- name: config_pools
SELECT id, subnet_id, kind, first_addr, last_addr, delegated_len, gen, closing FROM pool ORDER BY subnet_id, position, id;

-- name: config_options
SELECT scope, scope_id, family, code, name, data, is_hex, always FROM option_data ORDER BY scope, scope_id, family, position, code;

-- name: config_parameters
SELECT scope, scope_id, name, value FROM parameter;

-- name: config_gens
-- The highest generation that each pool id ever had (1), and the highest ids of
-- links (2) and subnets (3).
SELECT 1, pool_id, max(gen) FROM pool_gen GROUP BY pool_id
UNION ALL SELECT 2, last_link_id, 0 FROM config_head
UNION ALL SELECT 3, last_subnet_id, 0 FROM config_head;

-- name: config_clear_settings
DELETE FROM option_data;

-- name: config_clear_parameters
DELETE FROM parameter;

-- name: config_clear_relays
DELETE FROM subnet_relay;

-- name: config_clear_pools
DELETE FROM pool WHERE NOT id = ANY($1::int[]);

-- name: config_clear_subnets
DELETE FROM subnet WHERE NOT id = ANY($1::int[]);

-- name: config_clear_links
DELETE FROM link WHERE NOT id = ANY($1::int[]);

-- name: config_clear_names
-- Lets names move between links.
UPDATE link SET name = NULL WHERE name IS NOT NULL;

-- name: config_put_links
INSERT INTO link (id, name, vrf) SELECT id, nullif(name, ''), vrf FROM unnest($1::int[], $2::text[], $3::int[]) AS k (id, name, vrf)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, vrf = excluded.vrf;

-- name: config_put_subnets
INSERT INTO subnet (id, link_id, previous_link_id, prefix, interface, interface_id, closing)
SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::text[], $6::bytea[], $7::boolean[])
ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id, previous_link_id = excluded.previous_link_id, prefix = excluded.prefix,
  interface = excluded.interface, interface_id = excluded.interface_id, closing = excluded.closing;

-- name: config_put_relays
INSERT INTO subnet_relay (subnet_id, addr) SELECT * FROM unnest($1::int[], $2::text[]);

-- name: config_put_pools
INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen, closing)
SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::int[], $8::int[], $9::boolean[])
ON CONFLICT (id) DO UPDATE SET subnet_id = excluded.subnet_id, position = excluded.position, kind = excluded.kind,
  first_addr = excluded.first_addr, last_addr = excluded.last_addr, delegated_len = excluded.delegated_len, gen = excluded.gen,
  closing = excluded.closing;

-- name: config_put_gens
INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len)
SELECT id, gen, first_addr, last_addr, delegated_len FROM pool ON CONFLICT DO NOTHING;

-- name: config_put_options
INSERT INTO option_data (scope, scope_id, family, code, position, name, data, is_hex, always)
SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[], $8::boolean[], $9::boolean[]);

-- name: config_put_parameters
INSERT INTO parameter (scope, scope_id, name, value) SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[]);

-- name: config_clear_chunks
-- Hints of pool generations that are no more.
DELETE FROM addr_chunk c WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_cursors
DELETE FROM pool_cursor c WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = c.pool_id AND p.gen = c.gen);

-- name: config_clear_free
DELETE FROM addr_free f WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE p.id = f.pool_id);
