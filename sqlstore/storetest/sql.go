package storetest

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
)

// database looks into the tables beside a store: what a person with a SQL
// shell can see and do. The drivers are those that the dialects register.
type database struct {
	dialect string
	owner   string // URL of whoever made the tables
	url     string // URL that stores are opened with
	db      *sql.DB
}

// newDatabase opens a database that exists already.
func newDatabase(t testing.TB, dialect, databaseURL string) *database {
	t.Helper()
	// behind a pooler the driver must not prepare statements
	driver, source := "pgx", strings.Replace(databaseURL, "pooler=true", "default_query_exec_mode=cache_describe", 1)
	switch dialect {
	case "sqlite":
		driver, source = "sqlite", "file:"+strings.TrimPrefix(databaseURL, "sqlite:")+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	case "mysql", "mariadb":
		dsn, err := mysql.DSN(databaseURL)
		require.NoError(t, err)
		driver, source = "mysql", dsn
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	db.SetMaxOpenConns(2)
	t.Cleanup(func() { _ = db.Close() })
	return &database{dialect: dialect, owner: databaseURL, url: databaseURL, db: db}
}

// migrated makes a database with the newest schema.
func migrated(t testing.TB, dialect string) *database {
	t.Helper()
	return newDatabase(t, dialect, Migrated(t, dialect))
}

func (d *database) postgres() bool { return d.dialect == "postgres" }
func (d *database) mysql() bool    { return d.dialect == "mysql" || d.dialect == "mariadb" }

// server tells whether many may write at once.
func (d *database) server() bool { return d.dialect != "sqlite" }

// exec runs one statement and returns how many rows it changed.
func (d *database) exec(t testing.TB, format string, args ...any) int64 {
	t.Helper()
	res, err := d.db.ExecContext(t.Context(), fmt.Sprintf(format, args...))
	for range 5 { // InnoDB lets a person's statement lose a deadlock against a lane
		if err == nil || !strings.Contains(err.Error(), "Error 1213") {
			break
		}
		res, err = d.db.ExecContext(t.Context(), fmt.Sprintf(format, args...))
	}
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	return n
}

// rows returns what a query finds, as text; NULL is "".
func (d *database) rows(t testing.TB, format string, args ...any) [][]string {
	t.Helper()
	out, err := d.query(t, fmt.Sprintf(format, args...))
	require.NoError(t, err)
	return out
}

func (d *database) query(t testing.TB, statement string) (out [][]string, err error) {
	rows, err := d.db.QueryContext(t.Context(), statement)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		cells, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			row[i] = c.String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// number returns the only value of a query.
func (d *database) number(t testing.TB, format string, args ...any) int64 {
	t.Helper()
	rows := d.rows(t, format, args...)
	require.Len(t, rows, 1)
	n, err := strconv.ParseInt(rows[0][0], 10, 64)
	require.NoError(t, err)
	return n
}

// bytes is a literal of a binary value.
func (d *database) bytes(b []byte) string {
	if d.postgres() {
		return `'\x` + hex.EncodeToString(b) + `'::bytea`
	}
	return "X'" + hex.EncodeToString(b) + "'"
}

func (d *database) key(k sqlstore.Key) string   { return d.bytes([]byte(k)) }
func (d *database) address(a netip.Addr) string { return d.bytes(a.AsSlice()) }
func table(f sqlstore.Family) string            { return "lease" + strconv.Itoa(int(f)) }
func micros(us int64) time.Time                 { return time.UnixMicro(us).UTC() }
func (d *database) rowOf(k sqlstore.Key) string { return "binding_key = " + d.key(k) }

// micros is an expression for a time column in microseconds since 1970.
func (d *database) micros(column string) string {
	if d.postgres() {
		return "(extract(epoch FROM " + column + ") * 1000000)::bigint"
	}
	if d.mysql() {
		return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " + column + ")"
	}
	return column
}

// back is an expression for a time column moved into the past.
func (d *database) back(column string, by time.Duration) string {
	if d.postgres() {
		return fmt.Sprintf("%s - interval '%d microseconds'", column, by.Microseconds())
	}
	if d.mysql() {
		return fmt.Sprintf("%s - INTERVAL %d MICROSECOND", column, by.Microseconds())
	}
	return fmt.Sprintf("%s - %d", column, by.Microseconds())
}

// future is an expression for the time as it will be.
func (d *database) future(in time.Duration) string {
	switch {
	case d.postgres():
		return d.back("now()", -in)
	case d.mysql():
		return d.back("UTC_TIMESTAMP(6)", -in)
	}
	return d.back("CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000", -in)
}

// now reads the clock of the database.
func (d *database) now(t testing.TB) time.Time {
	t.Helper()
	if d.postgres() {
		return micros(d.number(t, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))
	}
	if d.mysql() {
		return micros(d.number(t, "SELECT %s", d.micros("UTC_TIMESTAMP(6)")))
	}
	return micros(d.number(t, "SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000"))
}

// age moves all times of a lease row into the past, as if it had been written
// that much earlier.
func (d *database) age(t testing.TB, f sqlstore.Family, k sqlstore.Key, by time.Duration) {
	t.Helper()
	n := d.exec(t, "UPDATE %s SET since = %s, expires_at = %s, reclaim_at = %s WHERE %s", table(f),
		d.back("since", by), d.back("expires_at", by), d.back("reclaim_at", by), d.rowOf(k))
	require.EqualValues(t, 1, n, "no row to age")
}

// ended is one row of lease_history.
type ended struct {
	Addr          netip.Addr
	Since, EndedA time.Time
	By            sqlstore.State
	Key           sqlstore.Key
}

// history returns the ended holdings of a vrf in order of their end.
func (d *database) history(t testing.TB, f sqlstore.Family, vrf uint32) []ended {
	t.Helper()
	var out []ended
	for _, r := range d.rows(t, "SELECT addr, %s, %s, ended_by, binding_key FROM lease_history WHERE family = %d AND vrf = %d ORDER BY ended_at, rev",
		d.micros("since"), d.micros("ended_at"), f, vrf) {
		addr, ok := netip.AddrFromSlice([]byte(r[0]))
		require.True(t, ok)
		out = append(out, ended{addr, micros(atoi(t, r[1])), micros(atoi(t, r[2])), sqlstore.State(atoi(t, r[3])), sqlstore.Key(r[4])})
	}
	return out
}

// event is one row of lease_event.
type event struct {
	Kind int64
	Addr netip.Addr
	Key  sqlstore.Key
	Name string
}

// The kinds of lease_event.
const (
	assigned = 1
	changed  = 2
	endedEv  = 3
)

// events returns the outbox of a vrf in order of its ids.
func (d *database) events(t testing.TB, f sqlstore.Family, vrf uint32) []event {
	t.Helper()
	var out []event
	for _, r := range d.rows(t, "SELECT kind, addr, binding_key, hostname FROM lease_event WHERE family = %d AND vrf = %d ORDER BY id", f, vrf) {
		addr, ok := netip.AddrFromSlice([]byte(r[1]))
		require.True(t, ok)
		out = append(out, event{atoi(t, r[0]), addr, sqlstore.Key(r[2]), r[3]})
	}
	return out
}

func atoi(t testing.TB, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}
