package storetest

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

// testGrants is what users of each role may do, and what they may not. What
// those who serve may do is seen in all other suites.
func testGrants(t *testing.T, dialect string) {
	if dialect == "sqlite" {
		t.Skip("it has no users")
	}
	db := migrated(t, dialect)
	g := &granted{db, map[sqlstore.DatabaseRole]string{}}
	for _, role := range sqlstore.DatabaseRoles() {
		g.urls[role] = Login(t, db.owner, role)
	}
	t.Run("manual", func(t *testing.T) { grantsManual(t, g) })
	t.Run("denials", func(t *testing.T) { grantsDenials(t, g) })
	t.Run("partitions", func(t *testing.T) { grantsPartitions(t, g) })
	t.Run("roles", func(t *testing.T) { grantsRoles(t, g) })
	t.Run("errors", func(t *testing.T) { grantsErrors(t, g) })
}

// granted is a database with a user for each role.
type granted struct {
	*database
	urls map[sqlstore.DatabaseRole]string
}

// as lets the user of a role look into the database.
func (g *granted) as(t testing.TB, role sqlstore.DatabaseRole) *database {
	return newDatabase(t, g.dialect, g.urls[role])
}

func (g *granted) store(t testing.TB, role sqlstore.DatabaseRole) sqlstore.Store {
	return Open(t, g.urls[role])
}

// The servers say what the manual says, and so does the list for programs.
func grantsManual(t *testing.T, g *granted) {
	for i, role := range sqlstore.DatabaseRoles() {
		want := manualGrants(t, i, g.postgres())
		require.Greater(t, len(want), 8, role)
		list, err := dialects.Privileges(g.owner, role)
		require.NoError(t, err)
		listed := map[string]bool{}
		for _, p := range list {
			objects := []string{p.Object}
			if len(p.Columns) > 0 {
				objects = nil
			}
			for _, c := range p.Columns {
				objects = append(objects, p.Object+"."+c)
			}
			for _, o := range objects {
				listed[p.Kind+" "+o] = true
			}
		}
		got := g.grants(t, g.urls[role])
		for privilege := range listed { // information_schema is not asked for them
			if strings.HasPrefix(privilege, "EXECUTE ") {
				got[privilege] = true
			}
		}
		if role == sqlstore.RoleAdmin {
			listed = columnwise(listed, g.columns(t)["config_head"])
			got = columnwise(got, g.columns(t)["config_head"])
		}
		require.Equal(t, want, listed, role)
		require.Equal(t, want, got, role)
	}
}

// columnwise writes a privilege on config_head as privileges on its columns.
func columnwise(set map[string]bool, columns []string) map[string]bool {
	out := map[string]bool{}
	for p := range set {
		kind, whole := strings.CutSuffix(p, " config_head")
		if !whole {
			out[p] = true
			continue
		}
		for _, c := range columns {
			out[kind+" config_head."+c] = true
		}
	}
	return out
}

var (
	grantRow  = regexp.MustCompile(`(?m)^\| (.+) \| ([SIUDX]*) ?\| ([SIUDX]*) ?\| ([SIUDX]*) ?\| ([SIUDX]*) ?\|$`)
	ticked    = regexp.MustCompile("`([a-z0-9_.]+)`")
	grantKind = map[rune]string{'S': "SELECT", 'I': "INSERT", 'U': "UPDATE", 'D': "DELETE", 'X': "EXECUTE"}
)

// manualGrants returns what the manual says about the role in that column.
func manualGrants(t testing.TB, column int, postgres bool) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	out := map[string]bool{}
	for _, row := range grantRow.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(row[1], "(PostgreSQL)") && !postgres {
			continue
		}
		for _, object := range ticked.FindAllStringSubmatch(row[1], -1) {
			for _, letter := range row[2+column] {
				out[grantKind[letter]+" "+object[1]] = true
			}
		}
	}
	return out
}

// grants asks the server what a user may do with tables, views and columns.
func (d *database) grants(t testing.TB, userURL string) map[string]bool {
	t.Helper()
	name := newDatabase(t, d.dialect, userURL).rows(t, "SELECT CURRENT_USER")[0][0]
	grantee, schema := "'"+name+"'", "'public'"
	if d.mysql() {
		user, host, _ := strings.Cut(name, "@")
		grantee, schema = fmt.Sprintf(`"'%s'@'%s'"`, user, host), "DATABASE()"
	}
	out := map[string]bool{}
	for _, r := range d.rows(t, "SELECT privilege_type, table_name FROM information_schema.table_privileges WHERE grantee = %s AND table_schema = %s", grantee, schema) {
		out[r[0]+" "+r[1]] = true
	}
	for _, r := range d.rows(t, "SELECT privilege_type, table_name, column_name FROM information_schema.column_privileges WHERE grantee = %s AND table_schema = %s", grantee, schema) {
		if !out[r[0]+" "+r[1]] {
			out[r[0]+" "+r[1]+"."+r[2]] = true
		}
	}
	if d.mysql() {
		require.Zero(t, d.number(t, "SELECT count(*) FROM information_schema.schema_privileges WHERE grantee = %s", grantee))
	} else {
		require.Zero(t, d.number(t, "SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'PUBLIC' AND table_schema = 'public'"))
	}
	return out
}

// Only the owner's rights make partitions, and whoever serves may ask for it.
func grantsPartitions(t *testing.T, g *granted) {
	ahead := time.Date(g.now(t).Year(), g.now(t).Month()+3, 1, 0, 0, 0, 0, time.UTC).Format("200601")
	remove, count := "DROP TABLE lease_history_"+ahead, "SELECT count(*) FROM pg_tables WHERE tablename = 'lease_history_"+ahead+"'"
	if g.mysql() {
		remove = "ALTER TABLE lease_history DROP PARTITION p" + ahead
		count = "SELECT count(*) FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name = 'p" + ahead + "'"
	}
	g.script(t, remove)
	require.Zero(t, g.number(t, "%s", count))
	require.NoError(t, g.store(t, sqlstore.RoleFrontend).MakePartitions(t.Context()))
	require.EqualValues(t, 1, g.number(t, "%s", count))
	_, _, err := g.store(t, sqlstore.RoleFrontend).BoundHistory(t.Context())
	require.NoError(t, err)
	if !g.postgres() {
		return
	}
	// a caller cannot put something of its own in the place of a table
	c, err := g.as(t, sqlstore.RoleFrontend).db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	for _, statement := range []string{"CREATE TEMPORARY TABLE config_head (nothing INTEGER)", "SELECT rowlock_make_partitions()", "CREATE TEMPORARY TABLE parameter (nothing INTEGER)", "SELECT rowlock_bound_history()"} {
		_, err = c.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// What each role is there for, on one lease.
func grantsRoles(t *testing.T, g *granted) {
	ctx := t.Context()
	admin, serving := g.store(t, sqlstore.RoleAdmin), g.store(t, sqlstore.RoleFrontend)
	ddns, report := g.as(t, sqlstore.RoleDDNS), g.as(t, sqlstore.RoleReport)
	site := wholeSite()
	_, err := admin.ApplyConfig(ctx, sqlstore.AnyRevision, site, "admin", "")
	require.NoError(t, err)
	cfg, err := admin.LoadConfig(ctx)
	require.NoError(t, err)
	require.True(t, sqlstore.SameConfig(site, cfg))

	b := &bench{variants[0], g.database, serving, newVRF()}
	l := b.row(t, 1, "active")
	b.store = admin
	require.Equal(t, sqlstore.Released, b.do(t, sqlstore.Release, l, l.Rev).State)
	require.Len(t, g.history(t, sqlstore.IPv4, b.vrf), 1)

	events := ddns.rows(t, "SELECT kind FROM lease_event ORDER BY id")
	require.Equal(t, [][]string{{"1"}, {"3"}}, events)
	ddns.exec(t, `INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
	  SELECT id, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM lease_event`)
	ddns.exec(t, "DELETE FROM lease_event")
	ddns.exec(t, "UPDATE event_consumer SET seq = 2 WHERE name = 'ddns'")
	require.EqualValues(t, 2, ddns.exec(t, "DELETE FROM event_log"))
	store := g.store(t, sqlstore.RoleDDNS)
	_, err = store.Lead(ctx, "dns", "one", time.Minute)
	require.NoError(t, err)
	grantsNames(t, g)

	for _, v := range []string{"lease_active", "address_holder", "pool_usage", "subnet_usage", "frontend_health", "dns_queue"} {
		report.rows(t, "SELECT * FROM %s", v)
	}
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	for _, block := range sqlBlock.FindAllStringSubmatch(string(text), -1) {
		_, err := report.query(t, block[1])
		require.NoError(t, err, block[1])
	}
	store = g.store(t, sqlstore.RoleReport)
	require.NoError(t, store.CheckSchema(ctx))
	found, err := store.Leases(ctx, sqlstore.LeaseFilter{Family: sqlstore.IPv4})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

// grantsNames is what the roles do with names in DNS and with each other.
func grantsNames(t *testing.T, g *granted) {
	ctx := t.Context()
	want, err := g.store(t, sqlstore.RoleAdmin).LoadConfig(ctx)
	require.NoError(t, err)
	for _, role := range []sqlstore.DatabaseRole{sqlstore.RoleFrontend, sqlstore.RoleDDNS} {
		cfg, err := g.store(t, role).LoadConfig(ctx)
		require.NoError(t, err, role)
		require.Equal(t, want, cfg, role)
	}
	for _, role := range []sqlstore.DatabaseRole{sqlstore.RoleDDNS, sqlstore.RoleAdmin} {
		_, err := g.store(t, role).Frontends(ctx)
		require.NoError(t, err, role)
	}
	ddns, admin := g.as(t, sqlstore.RoleDDNS), g.as(t, sqlstore.RoleAdmin)
	require.Equal(t, [][]string{{secondSecret}, {firstSecret}}, ddns.rows(t, "SELECT secret FROM tsig_key ORDER BY name"))
	ddns.exec(t, "INSERT INTO dns_name (name, state, due_at, attempts) VALUES ('pc.example.org', 4, NULL, 3)")
	ddns.exec(t, "INSERT INTO dns_name_addr (name, vrf, addr) VALUES ('pc.example.org', 3, %s)", ddns.bytes([]byte{192, 0, 2, 1}))
	admin.exec(t, "UPDATE dns_name SET state = 1, due_at = marked_at, version = version + 1, attempts = 0, last_error = '' WHERE name = 'pc.example.org'")
	require.Equal(t, [][]string{{"pc.example.org", "pending"}}, admin.rows(t, "SELECT name, state FROM dns_queue"))
	ddns.exec(t, "UPDATE dns_name SET state = 2, due_at = NULL, published = '600 A 192.0.2.1'")
	ddns.exec(t, "DELETE FROM dns_name_addr")
	ddns.exec(t, "DELETE FROM dns_name")
	admin.exec(t, "INSERT INTO api_token (id, name, hash) VALUES ('one', 'who', %s)", admin.bytes(make([]byte, 32)))
	admin.exec(t, "UPDATE api_token SET name = 'somebody'")
	admin.exec(t, "DELETE FROM api_token")
}

// A privilege that is missing is told as such, with the name of the table.
func grantsErrors(t *testing.T, g *granted) {
	report := g.store(t, sqlstore.RoleReport)
	_, err := report.Register(t.Context(), sqlstore.FrontendInfo{ID: "fe1"})
	require.ErrorIs(t, err, sqlstore.ErrDenied)
	require.ErrorContains(t, err, "frontend")
	_, err = report.ApplyConfig(t.Context(), sqlstore.AnyRevision, oneSubnet(), "report", "")
	require.ErrorIs(t, err, sqlstore.ErrDenied)
	_, err = report.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{variants[0].insert(1, 1, variants[0].addr(1))}})
	require.ErrorIs(t, err, sqlstore.ErrDenied)
	require.Regexp(t, "lease4|event_consumer", err.Error())

	check := func(role sqlstore.DatabaseRole) error {
		return g.store(t, role).(interface{ CheckServing(context.Context) error }).CheckServing(t.Context())
	}
	require.NoError(t, check(sqlstore.RoleFrontend))
	for _, role := range []sqlstore.DatabaseRole{sqlstore.RoleAdmin, sqlstore.RoleReport, sqlstore.RoleDDNS} {
		err := check(role)
		require.ErrorIs(t, err, sqlstore.ErrDenied, role)
		require.Regexp(t, "lease4|event_consumer", err.Error(), role)
	}
}
