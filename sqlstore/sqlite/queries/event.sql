-- name: history_insert
-- Records a holding that has ended. The columns have the same names for both
-- families.
INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hwaddr, client_id,
                           iaid, relay_addr, circuit_id, remote_id, subscriber_id, relay_id, hostname, frontend)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20);

-- name: event_insert
-- Puts a change into the outbox; used only while somebody consumes events.
INSERT INTO lease_event (at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
