-- name: diagnose_settings
-- The settings that matter, as they are in the session that asks.
SELECT name, setting FROM pg_settings WHERE name IN (
  'server_version_num', 'server_encoding', 'fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names',
  'default_transaction_read_only', 'max_connections', 'superuser_reserved_connections', 'reserved_connections', 'autovacuum',
  'statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'TimeZone', 'plan_cache_mode', 'enable_hashjoin');

-- name: diagnose_server
-- What is no setting: whether this is a standby, the process that answers, the
-- connections there are, and who asks in which database.
SELECT pg_is_in_recovery(), pg_backend_pid(), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_user::text, current_database()::text,
       coalesce((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1),
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database());

-- name: diagnose_snapshots
-- Transactions and prepared transactions older than five minutes, the oldest
-- first: VACUUM removes nothing that ended after they began. Without
-- pg_monitor the user sees its own only.
SELECT pid, who, extract(epoch FROM now() - began)::bigint FROM (
  SELECT pid, concat_ws(' ', nullif(application_name, ''), 'user ' || usename, state) AS who, xact_start AS began
    FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  UNION ALL SELECT 0, gid, prepared FROM pg_prepared_xacts WHERE database = current_database()) t
 WHERE began < now() - interval '5 minutes' ORDER BY began LIMIT 3;

-- name: diagnose_history
-- How many of this month's and the next three months' history partitions are
-- there, and how many bytes are in the one that should stay empty.
SELECT count(*) FILTER (WHERE to_regclass(format('lease_history_%s', to_char((now() AT TIME ZONE 'UTC') + i * interval '1 month', 'YYYYMM'))) IS NOT NULL),
       coalesce(pg_relation_size(to_regclass('lease_history_default')), 0)::bigint
  FROM generate_series(0, 3) i;

-- name: privilege_missing
-- Which of the privileges ($1 object, $2 kind, $3 columns or '') the user
-- lacks, by their numbers from 1. Objects that are not there are left out.
SELECT n FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS need (object, kind, columns, n)
 WHERE CASE
   WHEN kind = 'EXECUTE' THEN to_regproc(object) IS NOT NULL AND NOT has_function_privilege(to_regproc(object), kind)
   WHEN to_regclass(object) IS NULL THEN false
   WHEN columns = '' THEN NOT has_table_privilege(to_regclass(object), kind)
   ELSE EXISTS (SELECT 1 FROM unnest(string_to_array(columns, ',')) c WHERE NOT has_column_privilege(to_regclass(object), c, kind)) END
 ORDER BY n;

-- name: diagnose_clock
-- The database's time at this moment.
SELECT clock_timestamp();

-- name: diagnose_relays
-- Relay addresses that some lease rows name; a table of millions is not read
-- to its end.
SELECT DISTINCT relay_addr FROM (
  (SELECT relay_addr FROM lease4 WHERE relay_addr IS NOT NULL LIMIT 10000)
  UNION ALL (SELECT relay_addr FROM lease6 WHERE relay_addr IS NOT NULL LIMIT 10000)) t
 WHERE octet_length(relay_addr) IN (4, 16) ORDER BY relay_addr LIMIT $1;
