package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

func testDiagnose(t *testing.T, dialect string) {
	t.Run("healthy", func(t *testing.T) { diagnoseHealthy(t, dialect) })
	t.Run("no schema", func(t *testing.T) { diagnoseNoSchema(t, dialect) })
	t.Run("relays", func(t *testing.T) { diagnoseRelays(t, dialect) })
	if dialect == "sqlite" {
		return // one user, who may do everything
	}
	t.Run("privileges", func(t *testing.T) { diagnosePrivileges(t, dialect) })
	t.Run("login", func(t *testing.T) { diagnoseLogin(t, dialect) })
}

// diagnosed runs a diagnosis and returns the statuses by id.
func diagnosed(t *testing.T, s sqlstore.Store) map[string]sqlstore.FindingStatus {
	t.Helper()
	all, err := s.(sqlstore.Diagnoser).Diagnose(t.Context(), sqlstore.DiagnoseOptions{Frontends: 1, Deep: true})
	require.NoError(t, err)
	out := map[string]sqlstore.FindingStatus{}
	for _, f := range all {
		require.NotEmpty(t, f.Text, f.ID)
		require.Equal(t, f.Status == sqlstore.FindingOK, f.Advice == "", "%+v", f)
		require.NotEqual(t, sqlstore.FindingProblem, f.Status, "%+v", f)
		out[f.ID] = max(out[f.ID], f.Status)
	}
	return out
}

func diagnoseHealthy(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	s := Open(t, db.url)
	found := diagnosed(t, s)
	require.Contains(t, found, "database.version")
	require.Contains(t, found, "database.durability")
	if dialect != "sqlite" {
		require.Contains(t, found, "database.connections")
		require.Equal(t, sqlstore.FindingOK, found["schema.partitions"])
		require.Equal(t, sqlstore.FindingOK, found["schema.history_default"])
	}
	d := s.(sqlstore.Diagnoser)
	before := db.now(t)
	at, err := d.Clock(t.Context())
	require.NoError(t, err)
	require.False(t, at.Before(before.Add(-time.Millisecond)), "%s, before: %s", at, before)
	missing, err := d.Missing(t.Context(), frontendPrivileges(t, db.url))
	require.NoError(t, err)
	require.Empty(t, missing)
}

// The server is looked at before there is a schema.
func diagnoseNoSchema(t *testing.T, dialect string) {
	found := diagnosed(t, Open(t, URL(t, dialect)))
	require.Contains(t, found, "database.version")
	require.NotContains(t, found, "schema.partitions")
}

func diagnoseRelays(t *testing.T, dialect string) {
	s := Open(t, Migrated(t, dialect))
	d := s.(sqlstore.Diagnoser)
	none, err := d.RecentRelays(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, none)
	for i, relay := range []string{"198.51.100.2", "198.51.100.1", "198.51.100.2"} {
		hw := []byte{2, 0, 0, 0, 0, byte(i)}
		client := sqlstore.Client{HWAddr: hw, HWType: 1, RelayAddr: netip.MustParseAddr(relay)}
		_, err := s.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{{
			Family: sqlstore.IPv4, Key: sqlstore.ClientKey(1, sqlstore.KeyHWAddr, hw), Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}),
			PrefixLen: 32, SubnetID: 1, PoolID: 1, PoolGen: 1, ValidLft: 60, OfferLft: 60, Client: client,
		}}})
		require.NoError(t, err)
	}
	relays, err := d.RecentRelays(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")}, relays)
	relays, err = d.RecentRelays(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, relays, 1)
}

// frontendPrivileges lists what serving needs; SQLite has no users.
func frontendPrivileges(t *testing.T, databaseURL string) []sqlstore.Privilege {
	t.Helper()
	list, err := dialects.Privileges(databaseURL, sqlstore.RoleFrontend)
	if !errors.Is(err, dialects.ErrNoUsers) {
		require.NoError(t, err)
		require.NotEmpty(t, list)
	}
	return list
}

// A user that has all but a few privileges lacks just these.
func diagnosePrivileges(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	const password = "not-a-secret"
	user := fmt.Sprintf("rowlock_less_%d_%d", os.Getpid(), databases.Add(1))
	account := `"` + user + `"`
	lacks := map[string]bool{"UPDATE lease4": true, "EXECUTE rowlock_make_partitions": true, "SELECT config_head": true}
	if db.mysql() {
		account = "'" + user + "'@'localhost'"
		db.exec(t, "CREATE USER %s IDENTIFIED BY '%s'", account, password)
	} else {
		db.exec(t, "CREATE ROLE %s LOGIN PASSWORD '%s'", account, password)
		db.exec(t, "REVOKE EXECUTE ON FUNCTION rowlock_make_partitions() FROM PUBLIC")
	}
	t.Cleanup(func() { dropUser(t, db, account) })
	var want []sqlstore.Privilege
	for _, p := range frontendPrivileges(t, db.url) {
		what := p.Kind
		if lacks[p.Kind+" "+p.Object] {
			want = append(want, p)
			if p.Columns == nil {
				continue
			}
			what += " (id, revision)" // of four
		}
		kind := map[bool]string{true: "FUNCTION ", false: ""}[p.Kind == "EXECUTE"]
		if kind != "" && db.mysql() {
			kind = "PROCEDURE "
		}
		db.exec(t, "GRANT %s ON %s%s TO %s", what, kind, p.Object, account)
	}
	u, err := url.Parse(db.url)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	s, err := dialects.Open(t.Context(), u.String(), dialects.Options{})
	require.NoError(t, err)
	defer s.Close()
	missing, err := s.(sqlstore.Diagnoser).Missing(t.Context(), frontendPrivileges(t, db.url))
	require.NoError(t, err)
	require.Equal(t, want, missing)
	require.Contains(t, diagnosed(t, s), "database.durability", "such a user may look at the server")
}

func dropUser(t *testing.T, db *database, account string) {
	t.Helper()
	statements := []string{"DROP OWNED BY " + account, "DROP ROLE " + account}
	if db.mysql() {
		statements = []string{"DROP USER " + account}
	}
	for _, s := range statements {
		_, err := db.db.Exec(s)
		require.NoError(t, err)
	}
}

// A user that is refused is told from a server that is not there.
func diagnoseLogin(t *testing.T, dialect string) {
	u, err := url.Parse(URL(t, dialect))
	require.NoError(t, err)
	u.User = url.UserPassword("rowlock_nobody", "not-a-secret")
	_, err = dialects.Open(t.Context(), u.String(), dialects.Options{})
	require.ErrorIs(t, err, sqlstore.ErrLogin)
	require.ErrorIs(t, err, sqlstore.ErrUnavailable, "it may be mended meanwhile")
	require.NotContains(t, err.Error(), "not-a-secret")
	none := strings.NewReplacer("host=", "host=/nowhere", "socket=", "socket=/nowhere").Replace(u.String())
	if none == u.String() {
		return // a server that is reached by network
	}
	_, err = dialects.Open(t.Context(), none, dialects.Options{})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.NotErrorIs(t, err, sqlstore.ErrLogin)
}
