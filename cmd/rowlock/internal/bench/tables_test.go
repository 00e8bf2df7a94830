//go:build linux

package main

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

// tables puts rows into a database, in bulk. The drivers are those that the
// dialects register.
type tables struct {
	dialect string
	db      *sql.DB
	pools   []*sqlstore.Pool
}

func openTables(b *testing.B, dialect, databaseURL string) *tables {
	b.Helper()
	driver, source := "pgx", databaseURL
	switch dialect {
	case "sqlite":
		driver, source = "sqlite", "file:"+strings.TrimPrefix(databaseURL, "sqlite:")+"?_pragma=busy_timeout(10000)"
	case "mysql", "mariadb":
		dsn, err := mysql.DSN(databaseURL)
		require.NoError(b, err)
		driver, source = "mysql", dsn
	}
	db, err := sql.Open(driver, source)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	c, err := storetest.Open(b, databaseURL).LoadConfig(b.Context())
	require.NoError(b, err)
	t := &tables{dialect: dialect, db: db}
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			t.pools = append(t.pools, s.Pools...)
		}
	}
	return t
}

// pool is the pool of a relay's subnet.
func (t *tables) pool(b *testing.B, relay netip.Addr) *sqlstore.Pool {
	b.Helper()
	for _, p := range t.pools {
		if first, _ := pool4(relay, 1); p.First == first {
			return p
		}
	}
	b.Fatalf("relay %s has no pool", relay)
	return nil
}

// dialectSQL is how a dialect says what the statements need: the bytes of a
// hexadecimal prefix and a number, and a time some seconds from now.
var dialectSQL = map[string]struct{ bytes, time string }{
	"postgres": {"decode('$1' || lpad(to_hex($2), 8, '0'), 'hex')", "now() + interval '$1 seconds'"},
	"mysql":    {"UNHEX(CONCAT('$1', LPAD(HEX($2), 8, '0')))", "UTC_TIMESTAMP(6) + INTERVAL $1 SECOND"},
	"sqlite":   {"unhex('$1' || printf('%08x', $2))", "CAST((unixepoch('subsec') + $1) * 1000000 AS INTEGER)"},
}

var (
	bytesMark = regexp.MustCompile(`BYTES\(([0-9a-f]*): ([^)]*)\)`)
	timeMark  = regexp.MustCompile(`TIME\((-?[0-9]+)\)`)
)

func (t *tables) exec(b *testing.B, format string, args ...any) {
	b.Helper()
	words := dialectSQL[strings.Replace(t.dialect, "mariadb", "mysql", 1)]
	text := fmt.Sprintf(format, args...)
	text = bytesMark.ReplaceAllString(text, words.bytes)
	text = timeMark.ReplaceAllString(text, words.time)
	_, err := t.db.ExecContext(b.Context(), text)
	require.NoError(b, err)
}

// fillSQL makes up to 100,000 leases, one in every few of them ended.
const fillSQL = `INSERT INTO lease4 (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev,
  hwaddr, hwtype, client_id, relay_addr, circuit_id, remote_id, hostname)
WITH d (n) AS (SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9),
number (i) AS (SELECT %[1]d + a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n FROM d a, d b, d c, d e, d f)
SELECT BYTES(%08[3]x0102: i), %[4]d, BYTES(: %[5]d + i), %[6]d, %[7]d, %[8]d,
  CASE WHEN i %% %[9]d = 0 THEN 4 ELSE 2 END, 3600, TIME(-7200), CASE WHEN i %% %[9]d = 0 THEN TIME(-3600) ELSE TIME(86400) END,
  CASE WHEN i %% %[9]d = 0 THEN TIME(-1800) END, 1000 + i,
  BYTES(0a00: i), 1, BYTES(010a00: i), BYTES(: %[5]d), BYTES(65746830: i), BYTES(0a00: i), 'cpe'
FROM number WHERE i < %[2]d`

// fill gives the addresses of a relay's pool from an index on to clients; one in
// each stride has ended and may be reclaimed. Nothing is left to be handed out
// for the first time.
func (t *tables) fill(b *testing.B, relay netip.Addr, from, size, stride int) {
	b.Helper()
	p := t.pool(b, relay)
	first := binary.BigEndian.Uint32(p.First.AsSlice())
	for ; from < size; from += 100_000 {
		t.exec(b, fillSQL, from, size, p.LinkID, p.VRF, first, p.SubnetID, p.ID, p.Gen, stride)
	}
	for _, table := range []string{"addr_chunk", "addr_free", "pool_cursor"} {
		t.exec(b, "DELETE FROM %s WHERE pool_id = %d", table, p.ID)
	}
	t.exec(b, "INSERT INTO pool_cursor (pool_id, gen, next_index, size) VALUES (%d, %d, %d, %d)", p.ID, p.Gen, size, size)
}

// settle lets the database finish what it would do later, in the background.
func (t *tables) settle(b *testing.B) {
	b.Helper()
	switch t.dialect {
	case "postgres":
		t.exec(b, "VACUUM (ANALYZE) lease4")
		t.exec(b, "CHECKPOINT")
	case "sqlite":
		t.exec(b, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
}

// end ends, as if long ago, the leases that a frontend gave out of a pool, but
// for the first addresses.
func (t *tables) end(b *testing.B, relay netip.Addr, known int) {
	b.Helper()
	p := t.pool(b, relay)
	t.exec(b, "UPDATE lease4 SET state = 4, expires_at = TIME(-3600), reclaim_at = TIME(-1800) WHERE pool_id = %d AND frontend <> '' AND state = 2 AND addr >= BYTES(: %d)",
		p.ID, binary.BigEndian.Uint32(p.First.AsSlice())+uint32(known))
}

// occupy gives what a pool has left to those who had it before.
func (t *tables) occupy(b *testing.B, relay netip.Addr) {
	b.Helper()
	p := t.pool(b, relay)
	t.exec(b, "UPDATE lease4 SET state = 2, expires_at = TIME(86400), reclaim_at = NULL WHERE pool_id = %d AND state <> 2", p.ID)
	t.exec(b, "DELETE FROM addr_free WHERE pool_id = %d", p.ID)
}
