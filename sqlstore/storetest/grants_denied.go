package storetest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// deniedToAll is for the owner alone.
var deniedToAll = []string{
	"CREATE TABLE mine (id INTEGER)",
	"CREATE VIEW mine AS SELECT 1 AS id",
	"ALTER TABLE lease4 ADD COLUMN mine INTEGER",
	"CREATE INDEX mine ON lease4 (vrf)",
	"DROP TABLE lease4",
	"DROP VIEW lease_active",
	"TRUNCATE TABLE lease_history",
	"DELETE FROM lease_history",
	"UPDATE lease_history SET rev = 1",
	"DELETE FROM config_revision",
	"DELETE FROM config_head",
	"UPDATE config_head SET secret = secret",
	"UPDATE config_head SET server_duid = secret",
	"UPDATE pool_gen SET gen = 2",
	"UPDATE config_revision SET author = 'me'",
	"DELETE FROM config_change",
	"UPDATE parameter_def SET lowest = 0",
	"INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)",
	"DELETE FROM goose_db_version",
	"SELECT * FROM rowlock_migration_lock",
}

// deniedTo is what one role must not do, because another one does it.
var deniedTo = map[sqlstore.DatabaseRole][]string{
	sqlstore.RoleFrontend: {
		"UPDATE config_head SET comment = ''",
		"SELECT last_link_id FROM config_head",
		"INSERT INTO vrf (id) VALUES (7)",
		"INSERT INTO parameter (scope, name, value) VALUES ('global', 'a', 'b')",
		"UPDATE pool SET gen = 7",
		"UPDATE subnet SET closing = TRUE",
		"DELETE FROM link",
		"SELECT * FROM lease_history",
		"SELECT * FROM lease_event",
		"SELECT * FROM event_log",
		"SELECT secret FROM tsig_key",
		"SELECT * FROM tsig_key",
		"INSERT INTO dns_zone (name) VALUES ('example.org')",
		"SELECT * FROM dns_name",
		"SELECT * FROM dns_name_addr",
		"SELECT * FROM api_token",
		"DELETE FROM pool_cursor",
		"DELETE FROM leadership",
		"SELECT * FROM lease_active",
	},
	sqlstore.RoleDDNS: {
		"INSERT INTO lease4 (vrf) VALUES (1)",
		"UPDATE lease4 SET hostname = ''",
		"DELETE FROM lease6",
		"UPDATE lease_event SET rev = 1",
		"INSERT INTO lease_event (kind) VALUES (1)",
		"SELECT last_link_id FROM config_head",
		"UPDATE config_head SET revision = 7",
		"UPDATE config_head SET applying = TRUE",
		"SELECT * FROM config_revision",
		"UPDATE pool SET gen = 7",
		"INSERT INTO dns_zone (name) VALUES ('example.org')",
		"DELETE FROM dns_server",
		"UPDATE tsig_key SET algorithm = 'hmac-sha1'",
		"INSERT INTO event_consumer (name) VALUES ('ddns')",
		"DELETE FROM event_consumer",
		"UPDATE event_log SET rev = 1",
		"SELECT * FROM addr_free",
		"SELECT * FROM lease_history",
		"SELECT * FROM address_holder",
		"SELECT * FROM api_token",
		"DELETE FROM frontend",
		"DELETE FROM leadership",
		"make partitions",
	},
	sqlstore.RoleAdmin: {
		"UPDATE frontend SET draining = true",
		"INSERT INTO lease4 (vrf) VALUES (1)",
		"DELETE FROM lease4",
		"DELETE FROM lease_event",
		"UPDATE event_consumer SET seq = 0",
		"SELECT secret FROM tsig_key",
		"SELECT * FROM tsig_key",
		"SELECT name FROM tsig_key WHERE secret <> ''",
		"UPDATE tsig_key SET fingerprint = secret",
		"UPDATE tsig_key SET name = 'mine'",
		"UPDATE dns_name SET published = ''",
		"INSERT INTO dns_name (name) VALUES ('pc.example.org')",
		"DELETE FROM dns_name",
		"DELETE FROM dns_name_addr",
		"UPDATE pool_cursor SET next_index = 0",
		"INSERT INTO addr_free (vrf) VALUES (1)",
		"UPDATE leadership SET fence = 7",
		"make partitions",
	},
	sqlstore.RoleReport: {
		"INSERT INTO lease4 (vrf) VALUES (1)",
		"UPDATE lease4 SET state = 3",
		"DELETE FROM lease6",
		"SELECT secret FROM config_head",
		"SELECT * FROM config_head",
		"UPDATE link SET vrf = 1",
		"UPDATE config_head SET applying = TRUE",
		"SELECT * FROM addr_free",
		"SELECT * FROM lease_event",
		"SELECT * FROM event_consumer",
		"SELECT secret FROM tsig_key",
		"SELECT * FROM api_token",
		"UPDATE dns_name SET state = 1",
		"DELETE FROM frontend",
		"make partitions",
	},
}

// deniedText is how the servers say it.
const deniedText = `(?i)permission denied|must be owner|command denied|access denied`

func grantsDenials(t *testing.T, g *granted) {
	if g.postgres() { // as the script advises; before version 15 everybody may
		g.script(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	}
	partitions := "SELECT rowlock_make_partitions()"
	if g.mysql() {
		partitions = "CALL rowlock_make_partitions()"
	}
	for _, role := range sqlstore.DatabaseRoles() {
		user := g.as(t, role)
		for _, statement := range slices.Concat(deniedTo[role], deniedToAll) {
			if statement == "make partitions" {
				statement = partitions
			}
			_, err := user.query(t, statement)
			require.Error(t, err, "%s: %s", role, statement)
			require.Regexp(t, deniedText, err.Error(), "%s: %s", role, statement)
		}
	}
}
