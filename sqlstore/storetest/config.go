package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// oneSubnet is a configuration with one subnet and one pool of 50 addresses.
func oneSubnet() *sqlstore.Config {
	return &sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{
		Prefix: netip.MustParsePrefix("192.0.2.0/24"),
		Pools: []*sqlstore.Pool{{
			Kind: sqlstore.NA, First: netip.MustParseAddr("192.0.2.1"), Last: netip.MustParseAddr("192.0.2.50"), DelegatedLen: 32,
		}},
	}}}}}
}

// wholeSite has something in every field of a Config.
func wholeSite() *sqlstore.Config {
	ip, prefix := netip.MustParseAddr, netip.MustParsePrefix
	return &sqlstore.Config{
		Comment:    "all of it,\nsaid in two lines",
		Parameters: sqlstore.Parameters{"valid_lifetime": "3600", "reclaim_grace": "120", "ddns_qualifying_suffix": ""},
		Notes:      sqlstore.Notes{"valid_lifetime": "an hour", "ddns_qualifying_suffix": "it's \"empty\""},
		VRFs: []sqlstore.VRF{
			{ID: 3, Comment: "three", Interfaces: []string{"eth3", "vrf3"}, Relays: []netip.Addr{ip("198.51.100.3"), ip("2001:db8::3")}},
			{ID: 8, Comment: "nothing selects it"},
		},
		TSIGKeys: siteKeys(),
		Zones:    siteZones(),
		Options: []sqlstore.OptionData{
			{Family: sqlstore.IPv4, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53, 198.51.100.53"},
			{Family: sqlstore.IPv6, Code: 23, Name: "dns-servers", Data: "2001:db8::53", Comment: "one"},
			{Family: sqlstore.IPv4, Code: 43, Data: "00ff27", Hex: true, Always: true},
		},
		Links: []*sqlstore.Link{
			{
				Name: "campus", VRF: 3, Comment: "ünïcode 🔒", Parameters: sqlstore.Parameters{"offer_lifetime": "30"},
				Notes:   sqlstore.Notes{"offer_lifetime": "short"},
				Options: []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 15, Name: "domain-name", Data: "it's \"quoted\", ünïcode"}},
				Subnets: []*sqlstore.Subnet{
					{
						Prefix: prefix("192.0.2.0/25"), Relays: []netip.Addr{ip("198.51.100.1"), ip("192.0.2.126")}, Interface: "eth0",
						Comment: "first half", Parameters: sqlstore.Parameters{"authoritative": "false"}, Notes: sqlstore.Notes{"authoritative": "not alone"},
						Options: []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 3, Data: "192.0.2.1"}},
						Pools: []*sqlstore.Pool{
							{Kind: sqlstore.NA, First: ip("192.0.2.60"), Last: ip("192.0.2.90"), DelegatedLen: 32},
							{Kind: sqlstore.NA, First: ip("192.0.2.10"), Last: ip("192.0.2.20"), DelegatedLen: 32, Closing: true, Comment: "old"},
						},
					},
					{Prefix: prefix("192.0.2.128/25")},
				},
			},
			{Subnets: []*sqlstore.Subnet{{
				Prefix: prefix("2001:db8:1::/64"), InterfaceID: []byte("\x00port\xff"), Closing: true, Relays: []netip.Addr{ip("2001:db8::ff")},
				Pools: []*sqlstore.Pool{
					{Kind: sqlstore.NA, First: ip("2001:db8:1::"), Last: ip("2001:db8:1::ffff:ffff:ffff:ffff"), DelegatedLen: 128},
					{Kind: sqlstore.PD, First: ip("2001:db8:8000::"), Last: ip("2001:db8:80ff:ff00::"), DelegatedLen: 56},
				},
			}}},
		},
	}
}

func testConfig(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *configured)
	}{
		{"round trip", configRoundTrip},
		{"ids", configIDs},
		{"generations", configGenerations},
		{"moves", configMoves},
		{"base", configBase},
		{"concurrent", configConcurrent},
		{"wait", configWait},
		{"lengths", editLengths},
		{"containing", editContaining},
		{"reopened", editReopened},
		{"zones", configZones},
		{"secrets", configSecrets},
		{"consumer", configConsumer},
		{"by hand", configByHand},
		{"wrong rows", configWrongRows},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := migrated(t, dialect)
			test.run(t, &configured{db, db.openBoth(t)})
		})
	}
	testEdits(t, dialect)
}

// configured is a store with a configuration of its own.
type configured struct {
	db    *database
	store sqlstore.Store
}

func (c *configured) apply(t testing.TB, cfg *sqlstore.Config) int64 {
	t.Helper()
	rev, err := c.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "author", "comment")
	require.NoError(t, err)
	return rev
}

func (c *configured) load(t testing.TB) *sqlstore.Config {
	t.Helper()
	cfg, err := c.store.LoadConfig(t.Context())
	require.NoError(t, err)
	return cfg
}

func configRoundTrip(t *testing.T, c *configured) {
	empty := c.load(t)
	require.Zero(t, empty.Revision)
	require.Empty(t, empty.Links)
	require.Greater(t, len(empty.ServerDUID), 3)
	want := wholeSite()
	rev := c.apply(t, want)
	require.EqualValues(t, 1, rev)
	got := c.load(t)
	require.Equal(t, rev, got.Revision)
	require.Equal(t, empty.ServerDUID, got.ServerDUID, "made once")
	require.True(t, sqlstore.SameConfig(want, got), "%+v\n%+v", want, got)
	pools := got.Links[0].Subnets[0].Pools
	require.Equal(t, "192.0.2.60", pools[0].First.String(), "pools keep their order")
	for _, l := range got.Links {
		for _, s := range l.Subnets {
			require.Equal(t, l.ID, s.LinkID)
			for _, p := range s.Pools {
				require.Equal(t, [4]uint32{s.ID, l.ID, l.VRF, 1}, [4]uint32{p.SubnetID, p.LinkID, p.VRF, p.Gen})
				require.NotZero(t, p.PermKey)
			}
		}
	}

	require.Equal(t, rev, c.apply(t, wholeSite()), "nothing has changed")
	require.Equal(t, rev, c.apply(t, c.load(t)), "nothing has changed")
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM config_revision"))
	require.Equal(t, [][]string{{"1", "author", "comment"}}, c.db.rows(t, "SELECT revision, author, comment FROM config_revision"))

	rev = c.apply(t, &sqlstore.Config{})
	require.EqualValues(t, 2, rev)
	require.True(t, sqlstore.SameConfig(&sqlstore.Config{ServerDUID: empty.ServerDUID}, c.load(t)))
}

// Ids are kept by what an object is, whatever else changes, and never used for
// something else.
func configIDs(t *testing.T, c *configured) {
	c.apply(t, wholeSite())
	first := c.load(t)
	next := wholeSite()
	next.Links = append([]*sqlstore.Link{{Name: "annex", Subnets: []*sqlstore.Subnet{{Prefix: netip.MustParsePrefix("198.51.100.0/24")}}}}, next.Links...)
	next.Links[1].Subnets[0].Interface = "eth1"
	next.Links[1].Subnets[0].Pools = next.Links[1].Subnets[0].Pools[:1]
	c.apply(t, next)
	second := c.load(t)
	byName := func(cfg *sqlstore.Config, name string) *sqlstore.Link {
		for _, l := range cfg.Links {
			if l.Name == name {
				return l
			}
		}
		require.Fail(t, "no link "+name)
		return nil
	}
	was, is := byName(first, "campus"), byName(second, "campus")
	require.Equal(t, was.ID, is.ID)
	require.Equal(t, was.Subnets[0].ID, is.Subnets[0].ID)
	require.Equal(t, was.Subnets[0].Pools[0], is.Subnets[0].Pools[0])
	require.Equal(t, byName(first, "").ID, byName(second, "").ID)
	require.NotContains(t, []uint32{first.Links[0].ID, first.Links[1].ID}, byName(second, "annex").ID)

	// explicit ids win, and a subnet may get a new one with its pools
	third := wholeSite()
	third.Links[0].Subnets[0].ID = 77
	for _, p := range third.Links[0].Subnets[0].Pools {
		p.ID = was.Subnets[0].Pools[0].ID + uint32(len(p.First.String()))*100
	}
	third.Links[0].Subnets[0].Pools[0].ID = was.Subnets[0].Pools[0].ID
	third.Links[0].Subnets[0].Pools[1].ID = 500
	c.apply(t, third)
	require.True(t, sqlstore.SameConfig(third, c.load(t)))
	require.EqualValues(t, 77, c.load(t).Links[0].Subnets[1].ID, "subnets are in order of their ids")

	twice := wholeSite()
	twice.Links[0].Subnets[0].ID, twice.Links[0].Subnets[1].ID = 5, 5
	before := c.load(t)
	_, err := c.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, twice, "author", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	require.Equal(t, before, c.load(t))
}

func onlyPool(cfg *sqlstore.Config) *sqlstore.Pool { return cfg.Links[0].Subnets[0].Pools[0] }

// A pool's geometry belongs to its generation: an edit, and a pool that comes
// back, have a newer one; hints of older ones go away.
func configGenerations(t *testing.T, c *configured) {
	c.apply(t, oneSubnet())
	pool := onlyPool(c.load(t))
	require.EqualValues(t, 1, pool.Gen)
	_, err := c.store.TakeFree(t.Context(), sqlstore.Fence{}, []sqlstore.PoolNeed{{Pool: pool, Want: 10}})
	require.NoError(t, err)
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM addr_chunk"))

	edited := oneSubnet()
	onlyPool(edited).ID, onlyPool(edited).Last = pool.ID, netip.MustParseAddr("192.0.2.60")
	c.apply(t, edited)
	now := onlyPool(c.load(t))
	require.Equal(t, pool.ID, now.ID)
	require.EqualValues(t, 2, now.Gen)
	require.NotEqual(t, pool.PermKey, now.PermKey)
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM addr_chunk"))
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM pool_cursor"))

	closing := c.load(t)
	onlyPool(closing).Closing = true
	c.apply(t, closing)
	require.EqualValues(t, 2, onlyPool(c.load(t)).Gen, "no change of its geometry")

	c.apply(t, &sqlstore.Config{})
	back := oneSubnet()
	onlyPool(back).ID = pool.ID
	c.apply(t, back)
	require.EqualValues(t, 3, onlyPool(c.load(t)).Gen, "what was handed out before is not known any more")
	require.EqualValues(t, 3, c.db.number(t, "SELECT count(*) FROM pool_gen WHERE pool_id = %d", pool.ID))

	c.apply(t, &sqlstore.Config{})
	c.apply(t, oneSubnet())
	require.NotEqual(t, pool.ID, onlyPool(c.load(t)).ID, "a new pool does not take an old one's id")
}

// A subnet that moves to another link remembers where its leases are.
func configMoves(t *testing.T, c *configured) {
	c.apply(t, wholeSite())
	was := c.load(t)
	moved := wholeSite()
	campus := moved.Links[0]
	moved.Links = append(moved.Links, &sqlstore.Link{Name: "new", VRF: campus.VRF, Subnets: campus.Subnets[:1]})
	campus.Subnets = campus.Subnets[1:]
	c.apply(t, moved)
	got := c.load(t)
	subnet := got.Links[2].Subnets[0]
	require.Equal(t, "new", got.Links[2].Name)
	require.Equal(t, was.Links[0].Subnets[0].ID, subnet.ID)
	require.Equal(t, was.Links[0].ID, subnet.PreviousLinkID)
	require.Equal(t, was.Links[0].Subnets[0].Pools[0].Gen, subnet.Pools[0].Gen)

	// names change places
	swapped := c.load(t)
	swapped.Links[0].Name, swapped.Links[2].Name = swapped.Links[2].Name, swapped.Links[0].Name
	c.apply(t, swapped)
	require.True(t, sqlstore.SameConfig(swapped, c.load(t)))
	require.Equal(t, was.Links[0].ID, c.load(t).Links[2].Subnets[0].PreviousLinkID, "kept")
}

func configBase(t *testing.T, c *configured) {
	rev := c.apply(t, oneSubnet())
	_, err := c.store.ApplyConfig(t.Context(), rev+1, wholeSite(), "author", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	require.True(t, sqlstore.SameConfig(c.load(t), func() *sqlstore.Config { x := c.load(t); return x }()))
	require.Len(t, c.load(t).Links, 1)
	next, err := c.store.ApplyConfig(t.Context(), rev, wholeSite(), "author", "")
	require.NoError(t, err)
	require.Equal(t, rev+1, next)
	_, err = c.store.ApplyConfig(t.Context(), rev, oneSubnet(), "author", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	got, err := c.store.Revision(t.Context())
	require.NoError(t, err)
	require.Equal(t, next, got)
}

// Two who change the same revision: one of them is told. Without a base both
// are done, one after the other, and no reader sees a mixture.
func configConcurrent(t *testing.T, c *configured) {
	base := c.apply(t, oneSubnet())
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			cfg := oneSubnet()
			cfg.Parameters = sqlstore.Parameters{"offer_lifetime": fmt.Sprint(10 + i)}
			_, errs[i] = c.store.ApplyConfig(context.Background(), base, cfg, "author", "")
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, sqlstore.ErrConflict)
	}
	require.Equal(t, 1, won)

	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			cfg, err := c.store.LoadConfig(context.Background())
			if err != nil {
				done <- err
				return
			}
			if got, want := cfg.Links[0].Parameters["offer_lifetime"], cfg.Parameters["offer_lifetime"]; got != want && got != "" {
				done <- fmt.Errorf("revision %d is a mixture: %s and %s", cfg.Revision, got, want)
				return
			}
		}
	}()
	for w := range 3 {
		wg.Go(func() {
			for i := range 8 {
				cfg := oneSubnet()
				cfg.Parameters = sqlstore.Parameters{"offer_lifetime": fmt.Sprint(100*w + i + 30)}
				cfg.Links[0].Parameters = cfg.Parameters
				_, err := c.store.ApplyConfig(context.Background(), sqlstore.AnyRevision, cfg, "author", "")
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	close(stop)
	require.NoError(t, <-done)
	require.Equal(t, base+1+24, c.load(t).Revision)
}

// A frontend that waits for a change comes back when there is one, and also
// when there is none: waiting is a hint.
func configWait(t *testing.T, c *configured) {
	rev := c.apply(t, oneSubnet())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, c.store.WaitRevision(ctx, rev-1), "there is a newer one already")
	require.NoError(t, c.store.WaitRevision(ctx, rev), "there is none")
	told := make(chan error, 1)
	go func(known int64) { told <- c.store.WaitRevision(ctx, known) }(rev)
	cfg := oneSubnet()
	cfg.Parameters = sqlstore.Parameters{"offer_lifetime": "21"}
	rev = c.apply(t, cfg)
	require.NoError(t, <-told)
	newest, err := c.store.Revision(ctx)
	require.NoError(t, err)
	require.Equal(t, rev, newest)
}
