package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// template is a migrated file, made once for all tests.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rowlock")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "rowlock.db")
	m, err := NewMigrator(file, nil, true)
	if err != nil {
		return nil, err
	}
	_, err = m.Up(context.Background())
	if err = errors.Join(err, m.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// migrated makes a file with the newest schema.
func migrated(t testing.TB) string {
	t.Helper()
	b, err := template()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "rowlock.db")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	return file
}

// openTest opens a store on a file, closed with the test.
func openTest(t testing.TB, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), file, Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// fixture is a store and a plain connection beside it, which changes what only
// time or another process changes.
type fixture struct {
	*Store
	t  testing.TB
	db *sql.DB
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	file := migrated(t)
	db, err := openDB(file, busyTimeout, url.Values{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &fixture{Store: openTest(t, file), t: t, db: db}
}

func (x *fixture) run(statement string, args ...any) {
	x.t.Helper()
	_, err := x.db.Exec(statement, args...)
	require.NoError(x.t, err)
}

func (x *fixture) number(query string, args ...any) (n int64) {
	x.t.Helper()
	require.NoError(x.t, x.db.QueryRow(query, args...).Scan(&n))
	return n
}

func (x *fixture) text(query string, args ...any) (s string) {
	x.t.Helper()
	require.NoError(x.t, x.db.QueryRow(query, args...).Scan(&s))
	return s
}

// age moves all times of the lease tables into the past.
func (x *fixture) age(d time.Duration) {
	x.t.Helper()
	for _, table := range []string{"lease4", "lease6"} {
		x.run("UPDATE "+table+" SET since = since - ?1, expires_at = expires_at - ?1, reclaim_at = reclaim_at - ?1", d.Microseconds())
	}
}

func (x *fixture) apply(b *sqlstore.Batch) *sqlstore.BatchResult {
	x.t.Helper()
	res, err := x.Apply(x.t.Context(), b)
	require.NoError(x.t, err)
	require.Len(x.t, res.Inserts, len(b.Inserts))
	require.Len(x.t, res.Updates, len(b.Updates))
	return res
}

func (x *fixture) insert(in sqlstore.Insert) sqlstore.InsertResult {
	x.t.Helper()
	return x.apply(&sqlstore.Batch{Inserts: []sqlstore.Insert{in}}).Inserts[0]
}

func (x *fixture) update(u sqlstore.Update) sqlstore.UpdateResult {
	x.t.Helper()
	return x.apply(&sqlstore.Batch{Updates: []sqlstore.Update{u}}).Updates[0]
}

// row reads a row as it is now.
func (x *fixture) row(f sqlstore.Family, key sqlstore.Key) (sqlstore.Lease, bool) {
	x.t.Helper()
	res := x.insert(sqlstore.Insert{Family: f, Key: key})
	return res.Lease, res.Status == sqlstore.KeyExists
}

// key4, offer4 and their kin are clients by number.
func key4(n int) sqlstore.Key {
	return sqlstore.ClientKey(1, sqlstore.KeyHWAddr, []byte{1, 2, 0, 0, 0, byte(n >> 8), byte(n)})
}

func key6(n int) sqlstore.Key {
	return sqlstore.IAKey(1, sqlstore.KeyDUID, []byte{0, 3, 0, 1, 2, 0, 0, 0, byte(n >> 8), byte(n)}, 7, sqlstore.NA, 0)
}

func addr4(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(100 + n>>8), byte(n)}) }

func addr6(n int) netip.Addr {
	a := netip.MustParseAddr("2001:db8:1::").As16()
	a[14], a[15] = byte(n>>8), byte(n)
	return netip.AddrFrom16(a)
}

func client(n int) sqlstore.Client {
	return sqlstore.Client{
		HWAddr: []byte{2, 0, 0, 0, byte(n >> 8), byte(n)}, HWType: 1, HWSource: 1, ClientID: []byte(fmt.Sprintf("client-%d", n)),
		RelayAddr: netip.MustParseAddr("192.0.2.1"), CircuitID: []byte("port 1"), RemoteID: []byte("remote 1"),
		SubscriberID: []byte("subscriber 1"), RelayID: []byte("relay 1"), Hostname: fmt.Sprintf("host-%d", n), FQDNFlags: 1, Classes: "known",
	}
}

func offer4(n int) sqlstore.Insert {
	return sqlstore.Insert{
		Family: sqlstore.IPv4, Key: key4(n), Addr: addr4(n), PrefixLen: 32, SubnetID: 1, PoolID: 1, PoolGen: 1,
		ValidLft: 3600, OfferLft: 60, Client: client(n),
	}
}

func offer6(n int) sqlstore.Insert {
	c := client(n)
	c.RelayAddr, c.IAID = netip.MustParseAddr("2001:db8::1"), 7
	return sqlstore.Insert{
		Family: sqlstore.IPv6, Key: key6(n), Addr: addr6(n), PrefixLen: 128, SubnetID: 2, PoolID: 2, PoolGen: 1,
		ValidLft: 3600, PrefLft: 1800, OfferLft: 60, Client: c,
	}
}

func commit(in sqlstore.Insert) sqlstore.Update {
	return sqlstore.Update{
		Family: in.Family, Action: sqlstore.Activate, Key: in.Key, Addr: in.Addr, ValidLft: in.ValidLft, PrefLft: in.PrefLft, Client: in.Client,
	}
}

func TestOpenMakesAPrivateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "odd ?name#%41.db")
	s := openTest(t, file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, s.Ping(t.Context()))
	require.Regexp(t, `^SQLite 3\.`, s.Version())
	require.Equal(t, "sqlite", s.Dialect())
	require.False(t, s.SplitLanes())
}

func TestOpenSettings(t *testing.T) {
	s := openTest(t, migrated(t))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "0"} {
		var got string
		require.NoError(t, s.w.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	_, err := s.r.db.Exec("DELETE FROM lease4")
	require.Error(t, err, "read connections cannot write")
}

// What waiting does not mend has no sentinel: a server ends, and says why.
func TestOpenWhatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	letter, damaged, newer := filepath.Join(dir, "letter"), filepath.Join(dir, "damaged"), filepath.Join(dir, "newer")
	require.NoError(t, os.WriteFile(letter, []byte("this is a letter and not a database, and long enough to tell"), 0o600))
	b, err := template()
	require.NoError(t, err)
	b = bytes.Clone(b)
	copy(b[100:], bytes.Repeat([]byte{0xff}, 400)) // the root of the schema
	require.NoError(t, os.WriteFile(damaged, b, 0o600))
	b, err = template()
	require.NoError(t, err)
	b = bytes.Clone(b)
	b[18], b[19] = 9, 9 // written by a later SQLite
	require.NoError(t, os.WriteFile(newer, b, 0o600))
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "rowlock.db"): "no such file or directory",
		filepath.Join(letter, "rowlock.db"):      "not a directory",
		"":                                       "has no name",
		dir:                                      "unable to open database file",
		letter:                                   "file is not a database",
		damaged:                                  "database disk image is malformed",
		newer:                                    "database file cannot be used",
	} {
		_, err := Open(t.Context(), path, Options{Create: true})
		require.ErrorContains(t, err, want, path)
		require.False(t, classified(err), "%s: %v", path, err)
	}
}

// Only who says so makes a file.
func TestOpenMakesNoFileUnasked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rowlock.db")
	_, err := Open(t.Context(), file, Options{})
	require.ErrorContains(t, err, "no such file: "+file+" (rowlock serve or rowlock migrate up makes it)")
	require.False(t, classified(err), err)
	_, err = NewMigrator(file, nil, false)
	require.ErrorContains(t, err, "no such file: "+file)
	_, _, err = Report(t.Context(), file, "SELECT 1")
	require.Error(t, err)
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s, err := Open(t.Context(), migrated(t), Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.ErrorIs(t, s.Ping(t.Context()), sqlstore.ErrUnavailable)
}

func TestLockServingIsForOneStore(t *testing.T) {
	file := migrated(t)
	first, err := Open(t.Context(), file, Options{})
	require.NoError(t, err)
	second := openTest(t, file)
	require.NoError(t, first.LockServing())
	require.NoError(t, first.LockServing(), "twice is no conflict")
	err = second.LockServing()
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	require.ErrorContains(t, err, fmt.Sprintf("served by another process (pid %d)", os.Getpid()))
	_, err = second.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}})
	require.NoError(t, err, "tools write beside the server")
	require.NoError(t, first.Close())
	require.NoError(t, second.LockServing())
}

func TestCheckSchema(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "empty.db"))
	err := s.CheckSchema(t.Context())
	require.ErrorIs(t, err, sqlstore.ErrSchema)
	require.ErrorContains(t, err, "rowlock migrate up")
	_, err = s.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}})
	require.ErrorIs(t, err, sqlstore.ErrSchema)

	x := newFixture(t)
	require.NoError(t, x.CheckSchema(t.Context()))
	x.run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	err = x.CheckSchema(t.Context())
	require.ErrorIs(t, err, sqlstore.ErrSchema)
	require.ErrorContains(t, err, "install a newer rowlock")
}

// A panic inside a transaction takes the connection with it; the next
// transaction gets another one.
func TestWriterSurvivesAPanic(t *testing.T) {
	x := newFixture(t)
	require.Panics(t, func() {
		_ = x.w.write(t.Context(), "test", func(t *transaction) error {
			if _, err := t.exec(0, "config_raise", int64(99)); err != nil {
				return err
			}
			panic("on purpose")
		})
	})
	require.Equal(t, sqlstore.Inserted, x.insert(offer4(1)).Status)
	require.Zero(t, x.number("SELECT revision FROM config_head"))
}
