-- name: diagnose_variables
-- The settings that matter, of the server: ours are set by each connection.
SHOW GLOBAL VARIABLES WHERE Variable_name IN (
  'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'binlog_format', 'log_bin_trust_function_creators', 'innodb_doublewrite',
  'sql_mode', 'time_zone', 'system_time_zone', 'max_connections', 'max_allowed_packet', 'read_only', 'super_read_only',
  'innodb_read_only', 'transaction_read_only', 'tx_read_only', 'wait_timeout', 'default_storage_engine', 'wsrep_on',
  'lower_case_table_names', 'character_set_server');

-- name: diagnose_connections
-- How many connections the server has.
SHOW GLOBAL STATUS LIKE 'Threads_connected';

-- name: diagnose_session
-- What a connection was set to, the database it is in, and its user.
SELECT @@SESSION.time_zone, @@SESSION.sql_mode, COALESCE(DATABASE(), ''), CURRENT_USER();

-- name: diagnose_transactions
-- Transactions older than five minutes, the oldest first: purging removes
-- nothing that ended after they began. Needs the privilege PROCESS.
SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW()) FROM information_schema.innodb_trx
 WHERE trx_started < NOW() - INTERVAL 5 MINUTE ORDER BY trx_started LIMIT 3;

-- name: diagnose_partitions
-- The history partitions from this month on, and an estimate of the rows in the
-- one that should stay empty.
SELECT COALESCE(SUM(partition_name <> 'p_default' AND partition_name >= DATE_FORMAT(UTC_TIMESTAMP(), 'p%Y%m')), 0),
       COALESCE(MAX(CASE WHEN partition_name = 'p_default' THEN table_rows END), 0)
  FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name = 'lease_history' AND partition_name IS NOT NULL;

-- name: diagnose_tables
-- The tables and views that the user may see.
SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE();

-- name: diagnose_grants
-- What the user may do, those roles left out that it was given but has not
-- taken.
SHOW GRANTS;

-- name: diagnose_roles
-- The roles that the connection has taken; MariaDB lists what they grant in
-- SHOW GRANTS already.
SELECT CURRENT_ROLE();

-- name: diagnose_grants_with
-- The same with what these roles grant; roles cannot be parameters, $1 is a
-- quoted list. MySQL only.
SHOW GRANTS FOR CURRENT_USER() USING $1;

-- name: diagnose_clock
-- The database's time at this moment, in microseconds since 1970.
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6));

-- name: diagnose_relays
-- Relay addresses that some lease rows name; a table of millions is not read
-- to its end.
SELECT DISTINCT relay_addr FROM (
  (SELECT relay_addr FROM lease4 WHERE relay_addr IS NOT NULL LIMIT 10000)
  UNION ALL (SELECT relay_addr FROM lease6 WHERE relay_addr IS NOT NULL LIMIT 10000)) t
 WHERE LENGTH(relay_addr) IN (4, 16) ORDER BY relay_addr LIMIT ?;
