-- What a database user needs for its role, and nothing more. These blocks are
-- not run by the program: `rowlock migrate grants` prints the head, the block of
-- a role and the foot, comments included, with the names filled in. Whatever
-- grants here is also what the program checks and README.md lists, so each
-- grant is a line of its own.

-- name: grants_head
-- Privileges of the database user $user for the role $role.
-- Run it as the owner of the tables, after each `rowlock migrate up`. It makes
-- nothing, takes nothing away, and may be run again at any time. The user must
-- exist, and has a password, or not, by your own means:
--   CREATE USER $user;
GRANT SELECT ON $database.goose_db_version TO $user;
GRANT SELECT ON $database.move_mark TO $user;

-- name: grants_frontend
-- `rowlock serve`: it reads the configuration and changes none of it.
GRANT SELECT (id, revision, server_duid, secret, described, applying, change_comment, comment) ON $database.config_head TO $user;
GRANT SELECT ON $database.vrf TO $user;
GRANT SELECT ON $database.vrf_interface TO $user;
GRANT SELECT ON $database.vrf_relay TO $user;
GRANT SELECT ON $database.link TO $user;
GRANT SELECT ON $database.subnet TO $user;
GRANT SELECT ON $database.subnet_relay TO $user;
GRANT SELECT ON $database.pool TO $user;
GRANT SELECT ON $database.pool_gen TO $user;
GRANT SELECT ON $database.option_data TO $user;
GRANT SELECT ON $database.parameter TO $user;
GRANT SELECT ON $database.dns_zone TO $user;
GRANT SELECT ON $database.dns_server TO $user;
GRANT SELECT (name, algorithm, fingerprint, comment) ON $database.tsig_key TO $user;
GRANT SELECT ON $database.parameter_def TO $user;
-- it writes down what somebody changed by hand, and lets pools hand out whose
-- range others have given up
GRANT UPDATE (revision, described, applying, change_comment) ON $database.config_head TO $user;
GRANT SELECT, INSERT ON $database.config_revision TO $user;
GRANT UPDATE (diff, content, is_full) ON $database.config_revision TO $user;
GRANT SELECT, INSERT, UPDATE ON $database.config_change TO $user;
GRANT UPDATE (waiting) ON $database.pool TO $user;
GRANT UPDATE (retired_rev) ON $database.pool_gen TO $user;
GRANT INSERT, DELETE ON $database.event_consumer TO $user;
-- leases; history and events are written and never read
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.lease4 TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.lease6 TO $user;
GRANT INSERT ON $database.lease_history TO $user;
GRANT INSERT ON $database.lease_event TO $user;
GRANT SELECT ON $database.event_consumer TO $user;
-- while nobody takes the events, the oldest go and all leases are looked at instead
GRANT SELECT (id) ON $database.lease_event TO $user;
GRANT DELETE ON $database.lease_event TO $user;
GRANT UPDATE (seq) ON $database.event_consumer TO $user;
-- free addresses
GRANT SELECT, INSERT, UPDATE ON $database.pool_cursor TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.addr_chunk TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.addr_free TO $user;
-- its place among the others, and the work that one does for all
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.frontend TO $user;
GRANT SELECT, INSERT, UPDATE ON $database.leadership TO $user;
GRANT EXECUTE ON PROCEDURE $database.rowlock_make_partitions TO $user;
GRANT EXECUTE ON PROCEDURE $database.rowlock_bound_history TO $user;

-- name: grants_ddns
-- A process that turns lease changes into DNS updates: it reads the
-- configuration, secrets of keys included, and leases, and looks after the
-- events and what is in DNS.
GRANT SELECT (id, revision, server_duid, secret, described, applying, change_comment, comment) ON $database.config_head TO $user;
GRANT SELECT ON $database.config_change TO $user;
GRANT SELECT ON $database.vrf TO $user;
GRANT SELECT ON $database.vrf_interface TO $user;
GRANT SELECT ON $database.vrf_relay TO $user;
GRANT SELECT ON $database.link TO $user;
GRANT SELECT ON $database.subnet TO $user;
GRANT SELECT ON $database.subnet_relay TO $user;
GRANT SELECT ON $database.pool TO $user;
GRANT SELECT ON $database.option_data TO $user;
GRANT SELECT ON $database.parameter TO $user;
GRANT SELECT ON $database.dns_zone TO $user;
GRANT SELECT ON $database.dns_server TO $user;
GRANT SELECT ON $database.tsig_key TO $user;
GRANT SELECT ON $database.lease4 TO $user;
GRANT SELECT ON $database.lease6 TO $user;
-- events; whoever changes the configuration says whether there are any
GRANT SELECT, DELETE ON $database.lease_event TO $user;
GRANT SELECT, INSERT, DELETE ON $database.event_log TO $user;
GRANT SELECT, UPDATE ON $database.event_consumer TO $user;
-- names in DNS
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.dns_name TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.dns_name_addr TO $user;
-- the others, and the work that one does for all
GRANT SELECT ON $database.frontend TO $user;
GRANT SELECT, INSERT, UPDATE ON $database.leadership TO $user;

-- name: grants_admin
-- `rowlock apply`, `export` and `lease`, and who changes rows of the
-- configuration by hand: it reads everything but the secrets of keys, changes
-- the configuration, and ends leases.
GRANT SELECT ON $database.config_head TO $user;
GRANT UPDATE (revision, last_link_id, last_subnet_id, described, applying, change_comment, comment) ON $database.config_head TO $user;
GRANT SELECT, INSERT ON $database.config_revision TO $user;
GRANT UPDATE (diff, content, is_full) ON $database.config_revision TO $user;
GRANT SELECT, INSERT, UPDATE ON $database.config_change TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.vrf TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.vrf_interface TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.vrf_relay TO $user;
GRANT SELECT ON $database.parameter_def TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.link TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.subnet TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.subnet_relay TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.pool TO $user;
GRANT SELECT, INSERT ON $database.pool_gen TO $user;
GRANT UPDATE (retired_rev) ON $database.pool_gen TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.option_data TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.parameter TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.dns_zone TO $user;
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.dns_server TO $user;
-- it writes secrets, and tells them apart by their fingerprints
GRANT SELECT (name, algorithm, fingerprint, comment) ON $database.tsig_key TO $user;
GRANT INSERT, DELETE ON $database.tsig_key TO $user;
GRANT UPDATE (algorithm, secret, fingerprint, comment) ON $database.tsig_key TO $user;
-- leases of a pool that changed get its name; a lease that is released is
-- written to the history and told
GRANT SELECT, UPDATE ON $database.lease4 TO $user;
GRANT SELECT, UPDATE ON $database.lease6 TO $user;
GRANT SELECT, INSERT ON $database.lease_history TO $user;
GRANT SELECT, INSERT ON $database.lease_event TO $user;
GRANT SELECT ON $database.event_log TO $user;
GRANT SELECT, INSERT, DELETE ON $database.event_consumer TO $user;
-- names in DNS that are to be tried again
GRANT SELECT ON $database.dns_name TO $user;
GRANT UPDATE (version, state, marked_at, due_at, attempts, last_error, changed_at) ON $database.dns_name TO $user;
GRANT SELECT ON $database.dns_name_addr TO $user;
-- free addresses of a pool that changed likewise, or they are forgotten
GRANT SELECT, DELETE ON $database.pool_cursor TO $user;
GRANT SELECT, DELETE ON $database.addr_chunk TO $user;
GRANT SELECT, UPDATE, DELETE ON $database.addr_free TO $user;
GRANT SELECT ON $database.frontend TO $user;
GRANT UPDATE (incarnation) ON $database.frontend TO $user;
-- tokens and sessions of the API and the console
GRANT SELECT, INSERT, UPDATE, DELETE ON $database.api_token TO $user;
GRANT SELECT ON $database.leadership TO $user;
GRANT SELECT ON $database.lease_active TO $user;
GRANT SELECT ON $database.address_holder TO $user;
GRANT SELECT ON $database.pool_usage TO $user;
GRANT SELECT ON $database.subnet_usage TO $user;
GRANT SELECT ON $database.frontend_health TO $user;
GRANT SELECT ON $database.dns_queue TO $user;

-- name: grants_report
-- Reports, `rowlock lease list` and `show`: it reads and writes nothing, and
-- secrets are not for it.
GRANT SELECT ON $database.lease_active TO $user;
GRANT SELECT ON $database.address_holder TO $user;
GRANT SELECT ON $database.pool_usage TO $user;
GRANT SELECT ON $database.subnet_usage TO $user;
GRANT SELECT ON $database.frontend_health TO $user;
GRANT SELECT ON $database.dns_queue TO $user;
-- the tables below them
GRANT SELECT (id, revision, server_duid, last_link_id, last_subnet_id, described, applying, change_comment, comment) ON $database.config_head TO $user;
GRANT SELECT ON $database.config_revision TO $user;
GRANT SELECT ON $database.config_change TO $user;
GRANT SELECT ON $database.vrf TO $user;
GRANT SELECT ON $database.vrf_interface TO $user;
GRANT SELECT ON $database.vrf_relay TO $user;
GRANT SELECT ON $database.parameter_def TO $user;
GRANT SELECT ON $database.link TO $user;
GRANT SELECT ON $database.subnet TO $user;
GRANT SELECT ON $database.subnet_relay TO $user;
GRANT SELECT ON $database.pool TO $user;
GRANT SELECT ON $database.pool_gen TO $user;
GRANT SELECT ON $database.option_data TO $user;
GRANT SELECT ON $database.parameter TO $user;
GRANT SELECT ON $database.dns_zone TO $user;
GRANT SELECT ON $database.dns_server TO $user;
GRANT SELECT (name, algorithm, fingerprint, comment) ON $database.tsig_key TO $user;
GRANT SELECT ON $database.dns_name TO $user;
GRANT SELECT ON $database.dns_name_addr TO $user;
GRANT SELECT ON $database.lease4 TO $user;
GRANT SELECT ON $database.lease6 TO $user;
GRANT SELECT ON $database.lease_history TO $user;
GRANT SELECT ON $database.frontend TO $user;
GRANT SELECT ON $database.leadership TO $user;
