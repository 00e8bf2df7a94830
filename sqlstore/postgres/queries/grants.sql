-- What a database user needs for its role, and nothing more. These blocks are
-- not run by the program: `rowlock migrate grants` prints the head, the block of
-- a role and the foot, comments included, with the names filled in. Whatever
-- grants here is also what the program checks and README.md lists, so each
-- grant is a line of its own.

-- name: grants_head
-- Privileges of the database user $user for the role $role.
-- Run it in the database $database as the owner of the tables, after each
-- `rowlock migrate up`. It makes nothing, takes nothing away, and may be run
-- again at any time. The user must exist:
--   CREATE ROLE $user LOGIN;
-- and has a password, or not, by your own means (\password in psql).
-- Nobody but the owner should be able to make tables or functions where the
-- owner's functions look for them; PostgreSQL 14 lets everybody:
--   REVOKE CREATE ON SCHEMA $schema FROM PUBLIC;
BEGIN;
GRANT CONNECT ON DATABASE $database TO $user;
GRANT USAGE ON SCHEMA $schema TO $user;
GRANT SELECT ON $schema.goose_db_version TO $user;
GRANT SELECT ON $schema.move_mark TO $user;

-- name: grants_foot
COMMIT;

-- name: grants_frontend
-- `rowlock serve`: it reads the configuration and changes none of it.
GRANT SELECT (id, revision, server_duid, secret, described, applying, change_comment, comment) ON $schema.config_head TO $user;
GRANT SELECT ON $schema.vrf TO $user;
GRANT SELECT ON $schema.vrf_interface TO $user;
GRANT SELECT ON $schema.vrf_relay TO $user;
GRANT SELECT ON $schema.link TO $user;
GRANT SELECT ON $schema.subnet TO $user;
GRANT SELECT ON $schema.subnet_relay TO $user;
GRANT SELECT ON $schema.pool TO $user;
GRANT SELECT ON $schema.pool_gen TO $user;
GRANT SELECT ON $schema.option_data TO $user;
GRANT SELECT ON $schema.parameter TO $user;
GRANT SELECT ON $schema.dns_zone TO $user;
GRANT SELECT ON $schema.dns_server TO $user;
GRANT SELECT (name, algorithm, fingerprint, comment) ON $schema.tsig_key TO $user;
GRANT SELECT ON $schema.parameter_def TO $user;
-- it writes down what somebody changed by hand, and lets pools hand out whose
-- range others have given up
GRANT UPDATE (revision, described, applying, change_comment) ON $schema.config_head TO $user;
GRANT SELECT, INSERT ON $schema.config_revision TO $user;
GRANT UPDATE (diff, content, is_full) ON $schema.config_revision TO $user;
GRANT SELECT, INSERT, UPDATE ON $schema.config_change TO $user;
GRANT UPDATE (waiting) ON $schema.pool TO $user;
GRANT UPDATE (retired_rev) ON $schema.pool_gen TO $user;
GRANT INSERT, DELETE ON $schema.event_consumer TO $user;
-- leases; history and events are written and never read
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.lease4 TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.lease6 TO $user;
GRANT INSERT ON $schema.lease_history TO $user;
GRANT INSERT ON $schema.lease_event TO $user;
GRANT SELECT ON $schema.event_consumer TO $user;
-- while nobody takes the events, the oldest go and all leases are looked at instead
GRANT SELECT (id) ON $schema.lease_event TO $user;
GRANT DELETE ON $schema.lease_event TO $user;
GRANT UPDATE (seq) ON $schema.event_consumer TO $user;
-- free addresses
GRANT SELECT, INSERT, UPDATE ON $schema.pool_cursor TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.addr_chunk TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.addr_free TO $user;
-- its place among the others, and the work that one does for all
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.frontend TO $user;
GRANT SELECT, INSERT, UPDATE ON $schema.leadership TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_make_partitions() TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_bound_history() TO $user;

-- name: grants_ddns
-- A process that turns lease changes into DNS updates: it reads the
-- configuration, secrets of keys included, and leases, and looks after the
-- events and what is in DNS.
GRANT SELECT (id, revision, server_duid, secret, described, applying, change_comment, comment) ON $schema.config_head TO $user;
GRANT SELECT ON $schema.config_change TO $user;
GRANT SELECT ON $schema.vrf TO $user;
GRANT SELECT ON $schema.vrf_interface TO $user;
GRANT SELECT ON $schema.vrf_relay TO $user;
GRANT SELECT ON $schema.link TO $user;
GRANT SELECT ON $schema.subnet TO $user;
GRANT SELECT ON $schema.subnet_relay TO $user;
GRANT SELECT ON $schema.pool TO $user;
GRANT SELECT ON $schema.option_data TO $user;
GRANT SELECT ON $schema.parameter TO $user;
GRANT SELECT ON $schema.dns_zone TO $user;
GRANT SELECT ON $schema.dns_server TO $user;
GRANT SELECT ON $schema.tsig_key TO $user;
GRANT SELECT ON $schema.lease4 TO $user;
GRANT SELECT ON $schema.lease6 TO $user;
-- events; whoever changes the configuration says whether there are any
GRANT SELECT, DELETE ON $schema.lease_event TO $user;
GRANT SELECT, INSERT, DELETE ON $schema.event_log TO $user;
GRANT SELECT, UPDATE ON $schema.event_consumer TO $user;
-- names in DNS
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.dns_name TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.dns_name_addr TO $user;
-- the others, and the work that one does for all
GRANT SELECT ON $schema.frontend TO $user;
GRANT SELECT, INSERT, UPDATE ON $schema.leadership TO $user;

-- name: grants_admin
-- `rowlock apply`, `export` and `lease`, and who changes rows of the
-- configuration by hand: it reads everything but the secrets of keys, changes
-- the configuration, and ends leases.
GRANT SELECT ON $schema.config_head TO $user;
GRANT UPDATE (revision, last_link_id, last_subnet_id, described, applying, change_comment, comment) ON $schema.config_head TO $user;
GRANT SELECT, INSERT ON $schema.config_revision TO $user;
GRANT UPDATE (diff, content, is_full) ON $schema.config_revision TO $user;
GRANT SELECT, INSERT, UPDATE ON $schema.config_change TO $user;
GRANT SELECT ON $schema.parameter_def TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.vrf TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.vrf_interface TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.vrf_relay TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.link TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.subnet TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.subnet_relay TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.pool TO $user;
GRANT SELECT, INSERT ON $schema.pool_gen TO $user;
GRANT UPDATE (retired_rev) ON $schema.pool_gen TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.option_data TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.parameter TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.dns_zone TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.dns_server TO $user;
-- it writes secrets, and tells them apart by their fingerprints
GRANT SELECT (name, algorithm, fingerprint, comment) ON $schema.tsig_key TO $user;
GRANT INSERT, DELETE ON $schema.tsig_key TO $user;
GRANT UPDATE (algorithm, secret, fingerprint, comment) ON $schema.tsig_key TO $user;
-- leases of a pool that changed get its name; a lease that is released is
-- written to the history and told
GRANT SELECT, UPDATE ON $schema.lease4 TO $user;
GRANT SELECT, UPDATE ON $schema.lease6 TO $user;
GRANT SELECT, INSERT ON $schema.lease_history TO $user;
GRANT SELECT, INSERT ON $schema.lease_event TO $user;
GRANT SELECT ON $schema.event_log TO $user;
GRANT SELECT, INSERT, DELETE ON $schema.event_consumer TO $user;
-- names in DNS that are to be tried again
GRANT SELECT ON $schema.dns_name TO $user;
GRANT UPDATE (version, state, marked_at, due_at, attempts, last_error, changed_at) ON $schema.dns_name TO $user;
GRANT SELECT ON $schema.dns_name_addr TO $user;
-- free addresses of a pool that changed likewise, or they are forgotten
GRANT SELECT, DELETE ON $schema.pool_cursor TO $user;
GRANT SELECT, DELETE ON $schema.addr_chunk TO $user;
GRANT SELECT, UPDATE, DELETE ON $schema.addr_free TO $user;
GRANT SELECT ON $schema.frontend TO $user;
GRANT UPDATE (incarnation) ON $schema.frontend TO $user;
-- tokens and sessions of the API and the console
GRANT SELECT, INSERT, UPDATE, DELETE ON $schema.api_token TO $user;
GRANT SELECT ON $schema.leadership TO $user;
GRANT SELECT ON $schema.lease_active TO $user;
GRANT SELECT ON $schema.address_holder TO $user;
GRANT SELECT ON $schema.pool_usage TO $user;
GRANT SELECT ON $schema.subnet_usage TO $user;
GRANT SELECT ON $schema.frontend_health TO $user;
GRANT SELECT ON $schema.dns_queue TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_inet(bytea, integer) TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_state(integer) TO $user;

-- name: grants_report
-- Reports, `rowlock lease list` and `show`: it reads and writes nothing, and
-- secrets are not for it.
GRANT SELECT ON $schema.lease_active TO $user;
GRANT SELECT ON $schema.address_holder TO $user;
GRANT SELECT ON $schema.pool_usage TO $user;
GRANT SELECT ON $schema.subnet_usage TO $user;
GRANT SELECT ON $schema.frontend_health TO $user;
GRANT SELECT ON $schema.dns_queue TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_inet(bytea, integer) TO $user;
GRANT EXECUTE ON FUNCTION $schema.rowlock_state(integer) TO $user;
-- the tables below them
GRANT SELECT (id, revision, server_duid, last_link_id, last_subnet_id, described, applying, change_comment, comment) ON $schema.config_head TO $user;
GRANT SELECT ON $schema.config_revision TO $user;
GRANT SELECT ON $schema.config_change TO $user;
GRANT SELECT ON $schema.parameter_def TO $user;
GRANT SELECT ON $schema.vrf TO $user;
GRANT SELECT ON $schema.vrf_interface TO $user;
GRANT SELECT ON $schema.vrf_relay TO $user;
GRANT SELECT ON $schema.link TO $user;
GRANT SELECT ON $schema.subnet TO $user;
GRANT SELECT ON $schema.subnet_relay TO $user;
GRANT SELECT ON $schema.pool TO $user;
GRANT SELECT ON $schema.pool_gen TO $user;
GRANT SELECT ON $schema.option_data TO $user;
GRANT SELECT ON $schema.parameter TO $user;
GRANT SELECT ON $schema.dns_zone TO $user;
GRANT SELECT ON $schema.dns_server TO $user;
GRANT SELECT (name, algorithm, fingerprint, comment) ON $schema.tsig_key TO $user;
GRANT SELECT ON $schema.dns_name TO $user;
GRANT SELECT ON $schema.dns_name_addr TO $user;
GRANT SELECT ON $schema.lease4 TO $user;
GRANT SELECT ON $schema.lease6 TO $user;
GRANT SELECT ON $schema.lease_history TO $user;
GRANT SELECT ON $schema.frontend TO $user;
GRANT SELECT ON $schema.leadership TO $user;
