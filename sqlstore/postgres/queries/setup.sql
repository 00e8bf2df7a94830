-- name: lane_settings
-- Gives the transaction the settings of a lane: behind a pooler a connection
-- keeps none.
SELECT set_config(s.name, s.value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value);
