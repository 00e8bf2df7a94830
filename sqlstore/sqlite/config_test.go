package sqlite

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func subnet(prefix, first, last string) *sqlstore.Subnet {
	s := &sqlstore.Subnet{Prefix: netip.MustParsePrefix(prefix)}
	if first != "" {
		p := &sqlstore.Pool{Kind: sqlstore.NA, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}
		p.DelegatedLen = uint8(p.First.BitLen())
		s.Pools = []*sqlstore.Pool{p}
	}
	return s
}

// site is a configuration with everything in it; ids are to be chosen.
func site() *sqlstore.Config {
	a, b, c := subnet("192.0.2.0/24", "192.0.2.10", "192.0.2.99"), subnet("2001:db8:1::/64", "2001:db8:1::1", "2001:db8:1::ffff"), subnet("198.51.100.0/24", "", "")
	a.Relays = []netip.Addr{netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("10.1.1.2")}
	a.Interface = "eth0"
	a.Parameters = sqlstore.Parameters{"valid_lifetime": "600"}
	a.Options = []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 3, Name: "routers", Data: "192.0.2.1"}}
	b.InterfaceID = []byte{0, 1, 2}
	b.Pools = append(b.Pools, &sqlstore.Pool{
		Kind: sqlstore.PD, DelegatedLen: 56, First: netip.MustParseAddr("2001:db8:8000::"), Last: netip.MustParseAddr("2001:db8:8000:ff00::"),
	})
	return &sqlstore.Config{
		Parameters: sqlstore.Parameters{"valid_lifetime": "3600", "authoritative": "false"},
		Options: []sqlstore.OptionData{
			{Family: sqlstore.IPv4, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53"},
			{Family: sqlstore.IPv6, Code: 23, Data: "20010db8", Hex: true, Always: true},
		},
		Links: []*sqlstore.Link{
			{Name: "campus", VRF: 2, Subnets: []*sqlstore.Subnet{a, b}, Parameters: sqlstore.Parameters{"t1_percent": "40"}},
			{Subnets: []*sqlstore.Subnet{c}},
		},
	}
}

func (x *fixture) put(c *sqlstore.Config) int64 {
	x.t.Helper()
	rev, err := x.ApplyConfig(x.t.Context(), sqlstore.AnyRevision, c, "test", "why")
	require.NoError(x.t, err)
	loaded, err := x.LoadConfig(x.t.Context())
	require.NoError(x.t, err)
	require.Equal(x.t, rev, loaded.Revision)
	require.True(x.t, sqlstore.SameConfig(c, loaded), "what is loaded is what was applied")
	return rev
}

func TestConfigComesBack(t *testing.T) {
	x := newFixture(t)
	empty, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.Zero(t, empty.Revision)
	require.Len(t, empty.ServerDUID, 18)
	require.Equal(t, []byte{0, 4}, empty.ServerDUID[:2], "RFC 6355: DUID-UUID")
	require.Equal(t, byte(4), empty.ServerDUID[8]>>4, "a random UUID")
	require.Equal(t, byte(2), empty.ServerDUID[10]>>6)

	c := site()
	require.Equal(t, int64(1), x.put(c))
	loaded, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.Equal(t, empty.ServerDUID, loaded.ServerDUID)
	require.Equal(t, []sqlstore.OptionData{c.Options[0], c.Options[1]}, loaded.Options)
	pd := loaded.Links[0].Subnets[1].Pools[1]
	require.Equal(t, uint32(2), pd.VRF)
	require.Equal(t, loaded.Links[0].ID, pd.LinkID)
	require.NotZero(t, pd.PermKey)
	require.Equal(t, int64(3), x.number("SELECT count(*) FROM pool_gen"))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM config_revision WHERE revision = 1 AND author = 'test' AND comment = 'why'"))
}

func TestUnchangedConfigKeepsItsRevision(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	require.Equal(t, int64(1), x.put(site()))
	loaded, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1), x.put(loaded))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM config_revision"))

	closing := func() *sqlstore.Config {
		c := site()
		c.Links[0].Subnets[0].Closing = true
		return c
	}
	rev, err := x.ApplyConfig(t.Context(), sqlstore.AnyRevision, closing(), "", "")
	require.NoError(t, err)
	require.Equal(t, int64(2), rev)
	rev, err = x.ApplyConfig(t.Context(), sqlstore.AnyRevision, closing(), "", "")
	require.NoError(t, err)
	require.Equal(t, int64(2), rev)
	loaded, err = x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.True(t, loaded.Links[0].Subnets[0].Pools[0].Closing, "a closing subnet closes its pools")
	require.Equal(t, int64(3), x.put(site()))
}

func TestConfigBase(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	c := site()
	c.Parameters["valid_lifetime"] = "1"
	_, err := x.ApplyConfig(t.Context(), 7, c, "", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	rev, err := x.Revision(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1), rev)
	rev, err = x.ApplyConfig(t.Context(), 1, c, "", "")
	require.NoError(t, err)
	require.Equal(t, int64(2), rev)
}

func TestRefusedConfigChangesNothing(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	bad := site()
	bad.Parameters["authoritative"] = "true"
	bad.Links[1].Subnets[0].Options = []sqlstore.OptionData{{Family: 5, Code: 3, Data: "x"}}
	_, err := x.ApplyConfig(t.Context(), sqlstore.AnyRevision, bad, "", "")
	require.ErrorIs(t, err, sqlstore.ErrData)
	require.Equal(t, int64(1), x.put(site()))
}

func TestConfigRewritesEverything(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	c, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	campus := c.Links[0]
	// the names of two links change places, a subnet moves, another goes
	c.Links[1].Name, campus.Name = "campus", "other"
	moved := campus.Subnets[0]
	moved.Options, moved.Parameters, moved.Relays = nil, nil, moved.Relays[1:]
	campus.Subnets = campus.Subnets[1:]
	campus.Subnets[0].Pools = campus.Subnets[0].Pools[1:]
	c.Links[1].Subnets = []*sqlstore.Subnet{moved}
	c.Options = nil
	require.Equal(t, int64(2), x.put(c))
	require.Equal(t, campus.ID, moved.PreviousLinkID)
	require.Equal(t, int64(2), x.number("SELECT count(*) FROM subnet"))
	require.Zero(t, x.number("SELECT count(*) FROM option_data"))

	require.Equal(t, int64(3), x.put(&sqlstore.Config{}))
	for _, table := range []string{"link", "subnet", "subnet_relay", "pool", "option_data", "parameter"} {
		require.Zero(t, x.number("SELECT count(*) FROM "+table), table)
	}
	require.Equal(t, int64(4), x.number("SELECT count(*) FROM pool_gen"), "generations are history; the moved pool came to another vrf")
}

// A pool that changes its shape gets a new generation, and the hints of the old
// one are void.
func TestNewGenerationVoidsHints(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	load := func() (*sqlstore.Config, *sqlstore.Pool) {
		c, err := x.LoadConfig(t.Context())
		require.NoError(t, err)
		return c, c.Links[0].Subnets[0].Pools[0]
	}
	c, p := load()
	a := x.frontend("a")
	x.take(a, p, 4)
	x.run("INSERT INTO addr_free (vrf, addr, pool_id, token) VALUES (2, x'c000020b', ?, 1)", p.ID)
	p.Last = netip.MustParseAddr("192.0.2.150")
	x.put(c)
	for _, table := range []string{"addr_chunk", "pool_cursor", "addr_free"} {
		require.Zero(t, x.number("SELECT count(*) FROM "+table), table)
	}
	_, again := load()
	require.Equal(t, p.ID, again.ID)
	require.Equal(t, uint32(2), again.Gen)
	require.Equal(t, int64(2), x.number("SELECT count(*) FROM pool_gen WHERE pool_id = ?", p.ID))
	require.Equal(t, netip.MustParseAddr("192.0.2.10"), x.take(a, again, 4).Addrs[0].Addr, "from its start")
}

func TestWaitRevision(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	start := time.Now()
	require.NoError(t, x.WaitRevision(t.Context(), 0))
	require.Less(t, time.Since(start), pollInterval, "a newer one is there already")
	require.NoError(t, x.WaitRevision(t.Context(), 1))
	require.GreaterOrEqual(t, time.Since(start), pollInterval)

	woken := make(chan time.Duration, 1)
	begun := time.Now()
	x.mu.Lock()
	before := x.changed
	x.mu.Unlock()
	go func() {
		_ = x.WaitRevision(t.Context(), 1)
		woken <- time.Since(begun)
	}()
	c := site()
	c.Parameters["valid_lifetime"] = "77"
	x.put(c)
	<-before // closed: everybody who waited is awake
	require.Less(t, <-woken, 5*time.Second)
}

// A change of one subnet writes few rows, however large the configuration is.
func TestSmallChangeOfALargeConfig(t *testing.T) {
	x := newFixture(t)
	large := func() *sqlstore.Config {
		c := &sqlstore.Config{}
		for i := range 500 {
			s := subnet(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), fmt.Sprintf("10.%d.%d.10", i/256, i%256), fmt.Sprintf("10.%d.%d.200", i/256, i%256))
			c.Links = append(c.Links, &sqlstore.Link{Subnets: []*sqlstore.Subnet{s}})
		}
		return c
	}
	x.put(large())
	c := large()
	c.Links[250].Subnets[0].Closing = true
	var before, after int64
	changes := func(n *int64) {
		require.NoError(t, x.w.conn.QueryRowContext(t.Context(), "SELECT total_changes()").Scan(n))
	}
	changes(&before)
	rev, err := x.ApplyConfig(t.Context(), sqlstore.AnyRevision, c, "", "")
	require.NoError(t, err)
	require.Equal(t, int64(2), rev)
	changes(&after)
	require.LessOrEqual(t, after-before, int64(7), "the subnet, the generation of its pool, its revision and what that changed, and three times config_head")
}

// Rows that somebody wrote may have any positions, and a pool of a closing
// subnet may be closing itself: what is applied counts all the same.
func TestApplyOverRowsOfOthers(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO link (id, name) VALUES (1, 'one')")
	x.run("INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '192.0.2.0/24')")
	for id := 1; id <= 3; id++ {
		x.run("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (?1, 1, 1, ?2, ?2, 32)", id, fmt.Sprintf("192.0.2.%d", id))
		x.run("INSERT INTO option_data (scope, scope_id, family, code, data) VALUES ('subnet', 1, 4, ?1, 'data')", id)
	}
	x.run("UPDATE pool SET closing = 1 WHERE id = 1")
	x.run("UPDATE subnet SET closing = 1")
	next, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	s := next.Links[0].Subnets[0]
	s.Closing = false
	for _, p := range s.Pools {
		p.Closing = false
	}
	s.Pools = []*sqlstore.Pool{s.Pools[1], s.Pools[0], s.Pools[2]}
	s.Options = []sqlstore.OptionData{s.Options[1], s.Options[0], s.Options[2]}
	x.put(next)
	now, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.Equal(t, next, now)
}
