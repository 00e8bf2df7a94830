package postgres_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/storetest"
)

// reads returns how many entries of indexes, and rows of tables from end to end,
// a statement reads with all its triggers.
func reads(t *testing.T, c *pgx.Conn, statement string) int {
	t.Helper()
	run(t, c, "BEGIN")
	const all = `SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class
	  WHERE relkind IN ('r', 'i') AND relnamespace = current_schema()::regnamespace`
	before := number(t, c, all)
	run(t, c, statement)
	n := number(t, c, all) - before
	run(t, c, "COMMIT")
	return n
}

// What a person writes is compared with what there is in its vrf, however many
// other vrfs have the same, and whatever the session has planned before.
func TestChecksStayWithinTheirVRF(t *testing.T) {
	const n = 1000
	c := connect(t, storetest.Migrated(t, "postgres"), nil)
	// each vrf has the same prefixes, selectors and pools
	statements := func(from, to int) []string {
		each := fmt.Sprintf(" FROM generate_series(%d, %d) i", from, to)
		ids := fmt.Sprintf(" WHERE id BETWEEN %d AND %d OR id BETWEEN 100000 + %[1]d AND 100000 + %[2]d", from, to)
		return []string{
			"INSERT INTO link (id, vrf) SELECT i, i" + each,
			"INSERT INTO link (id, vrf) SELECT 100000 + i, i" + each,
			"INSERT INTO subnet (id, link_id, prefix) SELECT i, i, '192.0.2.0/24'" + each,
			`INSERT INTO subnet (id, link_id, prefix, interface_id) SELECT 100000 + i, 100000 + i, '2001:db8:1::/64', 'port 1'` + each,
			"INSERT INTO subnet_relay (subnet_id, addr) SELECT 100000 + i, '2001:db8::ff'" + each,
			"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) SELECT i, i, 1, '192.0.2.1', '192.0.2.9', 32" + each,
			"UPDATE subnet SET comment = 'new'" + ids,
			"UPDATE subnet SET closing = true" + ids,
			"UPDATE subnet SET closing = false" + ids,
			"UPDATE pool SET last_addr = '192.0.2.19'" + ids,
			"UPDATE link SET comment = 'new'" + ids,
		}
	}
	for i, statement := range statements(n, n) {
		run(t, c, statement) // its plans, too, are kept
		require.Less(t, reads(t, c, statements(1, n-1)[i]), 200*n, statement)
	}
	for _, statement := range statements(n+1, n+1) {
		most := 300
		if strings.Contains(statement, "subnet_relay") || strings.Contains(statement, "closing") {
			most += 4 * n // those with the address of its relay are looked at once
		}
		require.Less(t, reads(t, c, statement), most, statement)
	}
	require.Zero(t, number(t, c, "SELECT count(*) FROM subnet s JOIN link l ON l.id = s.link_id WHERE s.vrf <> l.vrf"))
	run(t, c, "INSERT INTO link (id, vrf) VALUES (200000, 1)")
	for statement, want := range map[string]string{
		"INSERT INTO subnet (id, link_id, prefix) VALUES (200000, 200000, '192.0.2.128/25')":                          "overlaps subnet 1 (192.0.2.0/24)",
		"INSERT INTO subnet (id, link_id, prefix) VALUES (200000, 200000, '192.0.0.0/16')":                            "overlaps subnet 1 (192.0.2.0/24)",
		"UPDATE subnet_relay SET subnet_id = 100002 WHERE subnet_id = 100001":                                         "duplicate key",
		"UPDATE link SET vrf = 1 WHERE id = 2":                                                                        "must not change while it has subnets",
		"UPDATE subnet SET link_id = 200000, interface_id = 'port 1' WHERE id = 100002":                               "subnets of a vrf must not overlap",
		"INSERT INTO subnet (id, link_id, prefix, interface_id) VALUES (200000, 200000, '2001:db8:2::/64', 'port 1')": "also subnet 100001",
	} {
		_, err := c.Exec(t.Context(), statement)
		require.ErrorContains(t, err, want, statement)
	}
}

// drawn is a subnet by chance.
type drawn struct {
	link, vrf int
	prefix    netip.Prefix
	closing   bool
}

// overlap tells whether two subnets are in each other's way.
func overlap(all map[int]drawn) bool {
	for i, a := range all {
		for j, b := range all {
			if i < j && a.vrf == b.vrf && !a.closing && !b.closing && a.prefix.Overlaps(b.prefix) {
				return true
			}
		}
	}
	return false
}

// To look at neighbours finds each overlap, whatever a statement changes at once.
func TestOverlapsAreFound(t *testing.T) {
	c := connect(t, storetest.Migrated(t, "postgres"), nil)
	run(t, c, "INSERT INTO link (id, name, vrf) VALUES (1, 'one', 0), (2, 'two', 0), (3, 'three', 7)")
	r := rand.New(rand.NewPCG(7, 11))
	base := []netip.Addr{netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("2001:db8::")}
	now := map[int]drawn{}
	var taken, refused int
	for range 600 {
		next := maps.Clone(now)
		var rows []string
		for _, id := range r.Perm(16)[:1+r.IntN(4)] {
			d := drawn{link: 1 + r.IntN(3), closing: r.IntN(4) == 0}
			d.vrf = d.link / 3 * 7
			a := base[r.IntN(2)].AsSlice()
			a[3] = byte(r.IntN(16)) // of either family
			addr, _ := netip.AddrFromSlice(a)
			d.prefix = netip.PrefixFrom(addr, 28+r.IntN(5)).Masked()
			next[id+1] = d
			rows = append(rows, fmt.Sprintf("(%d, %d, '%s', %t)", id+1, d.link, d.prefix, d.closing))
		}
		_, err := c.Exec(t.Context(), "INSERT INTO subnet (id, link_id, prefix, closing) VALUES "+strings.Join(rows, ", ")+
			" ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id, prefix = excluded.prefix, closing = excluded.closing")
		if overlap(next) {
			require.ErrorContains(t, err, "subnets of a vrf must not overlap", "%v", rows)
			refused++
			continue
		}
		require.NoError(t, err, "%v", rows)
		now = next
		taken++
		if len(now) == 16 && r.IntN(8) == 0 {
			run(t, c, "DELETE FROM subnet WHERE id <= 8")
			maps.DeleteFunc(now, func(id int, _ drawn) bool { return id <= 8 })
		}
	}
	require.Greater(t, taken, 50)
	require.Greater(t, refused, 50)
}
