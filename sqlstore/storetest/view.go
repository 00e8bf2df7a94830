package storetest

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testViews is what reports read.
func testViews(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	c := &configured{db, db.openBoth(t)}
	cfg := wholeSite()
	c.apply(t, cfg)
	c.fill(t, cfg)
	t.Run("lease_active", func(t *testing.T) { viewActive(t, c) })
	t.Run("usage", func(t *testing.T) { viewUsage(t, c) })
	t.Run("address_holder", func(t *testing.T) { viewHolder(t, c) })
	t.Run("frontend_health", func(t *testing.T) { viewHealth(t, c) })
	t.Run("dns_queue", func(t *testing.T) { viewQueue(t, c) })
	t.Run("lists", func(t *testing.T) { viewLists(t, c) })
}

// fill makes one row of each state in the first pool of each kind.
func (c *configured) fill(t *testing.T, cfg *sqlstore.Config) {
	for _, v := range variants {
		subnet := cfg.Links[0].Subnets[0]
		if v.family == sqlstore.IPv6 {
			subnet = cfg.Links[1].Subnets[0]
		}
		pool := subnet.Pools[0]
		if v.kind == sqlstore.PD {
			pool = subnet.Pools[1]
			v.length = 56
		}
		b := &bench{v, c.db, c.store, pool.VRF}
		addr := pool.First
		for i, action := range []sqlstore.Action{
			sqlstore.Hold, sqlstore.Activate, sqlstore.Activate, sqlstore.Release, sqlstore.Expire, sqlstore.Quarantine, sqlstore.Park, sqlstore.Activate,
		} {
			in := b.insert(pool.VRF, i+1, addr)
			in.Key = v.key(subnet.LinkID, i+1)
			in.SubnetID, in.PoolID, in.PoolGen = subnet.ID, pool.ID, pool.Gen
			l := place(t, c.store, in).Lease
			require.NotEmpty(t, l.Key)
			addr = nextAddr(pool, addr)
			if action == sqlstore.Hold {
				continue
			}
			l = b.do(t, sqlstore.Activate, l, 0)
			if action == sqlstore.Expire || i == 7 {
				b.db.age(t, v.family, l.Key, 2*time.Hour)
			}
			if action != sqlstore.Activate {
				b.do(t, action, l, l.Rev)
			}
		}
		in := b.insert(pool.VRF, 20, addr)
		in.Key, in.SubnetID, in.PoolID, in.PoolGen = b.key(subnet.LinkID, 20), subnet.ID, pool.ID, pool.Gen
		l := b.do(t, sqlstore.Activate, place(t, c.store, in).Lease, 0)
		b.vrf = subnet.LinkID
		l = b.reserve(t, l, uint64(20+int(v.kind)+int(v.family)))
		b.do(t, sqlstore.Release, l, l.Rev)
	}
}

func viewActive(t *testing.T, c *configured) {
	rows := c.db.rows(t, `SELECT family, vrf, address, hwaddr, client_id, iaid, relay_addr, circuit_id, hostname
	  FROM lease_active ORDER BY family, address`)
	require.Len(t, rows, 6)
	require.Equal(t, []string{"4", "3", "192.0.2.61", "303030303032", "00636c69656e742d32", "", "192.0.2.250", "63697263756974", "host-2.example.org"}, plain(rows[0]))
	require.Equal(t, "192.0.2.62", plain(rows[1])[2])
	var text strings.Builder
	for _, r := range rows[2:] {
		require.Equal(t, "1", r[5])
		text.WriteString(r[2] + " ")
	}
	require.Contains(t, text.String(), "/56 ", "a prefix shows its length")
	require.Equal(t, 2, strings.Count(text.String(), "/56"))
}

// plain removes the length that PostgreSQL's inet shows for an address.
func plain(row []string) []string {
	for i := range row {
		row[i] = strings.TrimSuffix(row[i], "/32")
	}
	return row
}

func viewUsage(t *testing.T, c *configured) {
	for _, r := range c.db.rows(t, "SELECT kind, offered, active, ended, blocked, reserved, closing, pool_id FROM pool_usage ORDER BY pool_id") {
		if r[7] == "2" { // nothing was ever assigned there
			require.Equal(t, []string{"0", "0", "0", "0", "0"}, r[1:6])
			continue
		}
		require.Equal(t, []string{"1", "2", "3", "2", "1"}, r[1:6], "pool %s", r[7])
	}
	require.EqualValues(t, 4, c.db.number(t, "SELECT count(*) FROM pool_usage"))
	rows := c.db.rows(t, "SELECT prefix, offered, active, ended, blocked, reserved FROM subnet_usage ORDER BY prefix")
	require.Equal(t, [][]string{
		{"192.0.2.0/25", "1", "2", "3", "2", "1"},
		{"192.0.2.128/25", "", "", "", "", ""},
		{"2001:db8:1::/64", "2", "4", "6", "4", "2"},
	}, rows)
}

// Who had the address? Whoever holds it, or held it, at that time.
func viewHolder(t *testing.T, c *configured) {
	rows := c.db.rows(t, "SELECT address, ended_by, hostname FROM address_holder WHERE family = 4 ORDER BY address")
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join(plain(r), " "))
	}
	require.Equal(t, []string{
		"192.0.2.61  host-2.example.org",
		"192.0.2.62  host-3.example.org",
		"192.0.2.63 released host-4.example.org",
		"192.0.2.64 expired host-5.example.org",
		"192.0.2.65 declined host-6.example.org",
		"192.0.2.66 parked host-7.example.org",
		"192.0.2.67  host-8.example.org",
		"192.0.2.68 released host-20.example.org",
	}, got)
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM address_holder WHERE since > ended_at"))
	require.EqualValues(t, 24, c.db.number(t, "SELECT count(*) FROM address_holder"))
}

func viewHealth(t *testing.T, c *configured) {
	for _, id := range []string{"fe1", "fe2"} {
		_, err := c.store.Register(t.Context(), sqlstore.FrontendInfo{ID: id, Host: "host.example.org", Roles: []string{"dhcp4"}})
		require.NoError(t, err)
	}
	c.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = 'fe2'", c.db.back("heartbeat_at", 6*time.Second))
	rows := c.db.rows(t, "SELECT id, CASE WHEN alive THEN 'alive' ELSE 'dead' END, newest_revision, CASE WHEN heartbeat_age >= 6 THEN 'old' ELSE 'new' END FROM frontend_health ORDER BY id")
	require.Equal(t, [][]string{{"fe1", "alive", "1", "new"}, {"fe2", "dead", "1", "old"}}, rows)
}

// Names that wait do so since they were marked; those that are published and
// due for nothing are left out.
func viewQueue(t *testing.T, c *configured) {
	for state := 1; state <= 5; state++ {
		c.db.exec(t, "INSERT INTO dns_name (name, zone, state, due_at, attempts) VALUES ('pc%[1]d.example.org', 'example.org', %[1]d, NULL, %[1]d)", state)
	}
	c.db.exec(t, "UPDATE dns_name SET marked_at = %s", c.db.back("marked_at", time.Hour))
	c.db.exec(t, "UPDATE dns_name SET due_at = marked_at WHERE state = 1")
	rows := c.db.rows(t, `SELECT name, zone, state, attempts, CASE WHEN age BETWEEN 3600 AND 3900 THEN 'an hour' ELSE 'wrong' END,
	  CASE WHEN due_at IS NULL THEN 'never' ELSE 'due' END FROM dns_queue ORDER BY name`)
	require.Equal(t, [][]string{
		{"pc1.example.org", "example.org", "pending", "1", "an hour", "due"},
		{"pc3.example.org", "example.org", "conflict", "3", "an hour", "never"},
		{"pc4.example.org", "example.org", "failed", "4", "an hour", "never"},
		{"pc5.example.org", "example.org", "no zone", "5", "an hour", "never"},
	}, rows)
}

// The listings for people and tools.
func viewLists(t *testing.T, c *configured) {
	list := func(f sqlstore.LeaseFilter) []sqlstore.Lease {
		out, err := c.store.Leases(t.Context(), f)
		require.NoError(t, err)
		return out
	}
	all := list(sqlstore.LeaseFilter{Family: sqlstore.IPv4})
	require.Len(t, all, 9)
	for i := 1; i < len(all); i++ {
		require.True(t, all[i-1].Addr.Less(all[i].Addr))
	}
	require.Equal(t, sqlstore.Expired, all[7].State, "active, but its time has passed")
	var paged []sqlstore.Lease
	filter := sqlstore.LeaseFilter{Family: sqlstore.IPv4, Limit: 4}
	for {
		page := list(filter)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		last := page[len(page)-1]
		filter.AfterVRF, filter.AfterAddr = last.VRF, last.Addr
	}
	require.Len(t, paged, 9)
	require.Len(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: sqlstore.Active}), 2)
	require.Len(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: sqlstore.Expired}), 2)
	require.Len(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv4, Addr: all[3].Addr}), 1)
	require.Len(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv4, HWAddr: all[3].Client.HWAddr}), 1)
	require.Empty(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv4, SubnetID: 999}))
	require.Len(t, list(sqlstore.LeaseFilter{Family: sqlstore.IPv6}), 18)

	counts, err := c.store.CountLeases(t.Context(), sqlstore.IPv4)
	require.NoError(t, err)
	require.Equal(t, map[uint32]map[sqlstore.State]int64{all[0].SubnetID: {
		sqlstore.Offered: 1, sqlstore.Active: 2, sqlstore.Expired: 2, sqlstore.Released: 1, sqlstore.Declined: 1, sqlstore.Parked: 1, sqlstore.Reserved: 1,
	}}, counts)
}

// nextAddr returns the address or prefix after addr in the pool.
func nextAddr(p *sqlstore.Pool, addr netip.Addr) netip.Addr {
	b := addr.AsSlice()
	for i := int(p.DelegatedLen)/8 - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			break
		}
	}
	next, _ := netip.AddrFromSlice(b)
	return next
}
