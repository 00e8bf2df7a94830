package storetest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testSettle is what becomes of a generation of a pool that is no more while
// there are frontends that do not know.
func testSettle(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hand)
	}{
		{"edits", settleEdits},
		{"nobody", settleNobody},
		{"beginner", settleBeginner},
		{"dead", settleDead},
		{"passed over", settlePassedOver},
		{"refused", settleRefused},
		{"held", settleHeld},
		{"one by one", settleOneByOne},
		{"closing", settleClosing},
		{"last moment", settleLastMoment},
		{"live", settleLive},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHand(t, dialect)) })
	}
}

// uses writes frontends that are alive and use these revisions.
func (h *hand) uses(t testing.TB, revisions ...int64) {
	t.Helper()
	h.db.exec(t, "DELETE FROM frontend")
	for i, rev := range revisions {
		h.db.exec(t, "INSERT INTO frontend (id, incarnation, revision) VALUES ('fe%d', 1, %d)", i+1, rev)
	}
}

// retired returns the ids of pools that have generations in the way.
func (h *hand) retired(t testing.TB) []uint32 {
	t.Helper()
	ids := []uint32{}
	for _, r := range h.db.rows(t, "SELECT pool_id FROM pool_gen WHERE retired_rev IS NOT NULL ORDER BY pool_id, gen") {
		ids = append(ids, uint32(atoi(t, r[0])))
	}
	return ids
}

// waiting returns the ids of pools that hand out nothing yet.
func waiting(c *sqlstore.Config) []uint32 {
	ids := []uint32{}
	for _, p := range poolsOf(c) {
		if p.Waiting {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (h *hand) settle(t testing.TB, known *sqlstore.Config) int {
	t.Helper()
	left, err := h.revisions().SettleConfig(t.Context(), known)
	require.NoError(t, err)
	require.EqualValues(t, 1, h.db.number(t, "SELECT count(*) FROM config_head WHERE described = revision AND NOT applying"))
	return left
}

// settleCase is an edit, by document and by hand.
type settleCase struct {
	name    string
	edit    func(*testing.T, *sqlstore.Config)
	hand    []string
	retired []uint32
	blocked []uint32 // pools that wait for the retired ones
}

func settleCases() []settleCase {
	ip := netip.MustParseAddr
	cut := func(s *sqlstore.Subnet, id uint32) {
		s.Pools = slices.DeleteFunc(s.Pools, func(p *sqlstore.Pool) bool { return p.ID == id })
	}
	none := []uint32{}
	return []settleCase{
		{
			"shrink", func(t *testing.T, c *sqlstore.Config) { poolOf(t, c, 101).Last = ip("192.0.2.35") },
			[]string{"UPDATE pool SET last_addr = '192.0.2.35' WHERE id = 101"},
			[]uint32{101},
			none,
		},
		{
			"grow", func(t *testing.T, c *sqlstore.Config) { poolOf(t, c, 200).Last = ip("2001:db8:1::2fff") },
			[]string{"UPDATE pool SET last_addr = '2001:db8:1::2fff' WHERE id = 200"},
			[]uint32{200},
			none,
		},
		{
			"split", func(t *testing.T, c *sqlstore.Config) {
				poolOf(t, c, 101).Last = ip("192.0.2.35")
				s := subnetOf(t, c, 10)
				s.Pools = append(s.Pools, &sqlstore.Pool{ID: 105, Kind: sqlstore.NA, First: ip("192.0.2.36"), Last: ip("192.0.2.40"), DelegatedLen: 32})
			},
			[]string{"UPDATE pool SET last_addr = '192.0.2.35' WHERE id = 101", newPool(105, 10, "192.0.2.36", "192.0.2.40")},
			[]uint32{101},
			none,
		},
		{
			"move", func(t *testing.T, c *sqlstore.Config) {
				l := linkOf(t, c, 1)
				linkOf(t, c, 4).Subnets, l.Subnets = l.Subnets[:1], l.Subnets[1:]
			},
			[]string{"UPDATE subnet SET link_id = 4 WHERE id = 10"},
			none, none,
		},
		{
			"delete", func(t *testing.T, c *sqlstore.Config) { cut(subnetOf(t, c, 20), 201) },
			[]string{"DELETE FROM pool WHERE id = 201"},
			[]uint32{201},
			none,
		},
		{
			"length", func(t *testing.T, c *sqlstore.Config) {
				p := poolOf(t, c, 201)
				p.DelegatedLen, p.Last = 60, ip("2001:db8:80ff:fff0::")
			},
			[]string{"UPDATE pool SET delegated_len = 60, last_addr = '2001:db8:80ff:fff0::' WHERE id = 201"},
			[]uint32{201},
			[]uint32{201},
		},
		{
			"another pool in its range", func(t *testing.T, c *sqlstore.Config) {
				s := subnetOf(t, c, 20)
				cut(s, 201)
				s.Pools = append(s.Pools, &sqlstore.Pool{
					ID: 203, Kind: sqlstore.PD, First: ip("2001:db8:8000::"), Last: ip("2001:db8:8000:f::"), DelegatedLen: 64,
				})
			},
			[]string{"DELETE FROM pool WHERE id = 201", poolRow(203, 20, 2, "2001:db8:8000::", "2001:db8:8000:f::", 64)},
			[]uint32{201},
			[]uint32{203},
		},
		{
			"re-create", func(t *testing.T, c *sqlstore.Config) { poolOf(t, c, 201).ID = 204 },
			[]string{"DELETE FROM pool WHERE id = 201", poolRow(201, 20, 2, "2001:db8:8000::", "2001:db8:80ff:ff00::", 56)},
			[]uint32{201},
			none,
		},
	}
}

// A range that changes hands is handed out anew when every frontend knows.
func settleEdits(t *testing.T, h *hand) {
	for _, x := range settleCases() {
		for _, byHand := range []bool{false, true} {
			name := fmt.Sprintf("%s by hand %v", x.name, byHand)
			h.uses(t)
			h.apply(t, handSite())
			for h.settle(t, nil) > 0 {
				require.Empty(t, h.retired(t), name)
			}
			before := h.load(t).Revision
			h.uses(t, before, before)
			if byHand {
				h.does(t, x.hand...)
			} else {
				next := h.load(t)
				x.edit(t, next)
				h.apply(t, next)
			}
			now := h.load(t)
			require.ElementsMatch(t, x.retired, h.retired(t), name)
			if !byHand {
				require.ElementsMatch(t, x.blocked, waiting(now), name)
			}
			left := len(x.retired) + len(x.blocked)
			require.Equal(t, left, h.settle(t, now), name)
			require.ElementsMatch(t, x.blocked, waiting(h.load(t)), "the others are open: "+name)
			h.uses(t, now.Revision, before)
			require.Equal(t, left, h.settle(t, nil), "one does not know: "+name)
			h.uses(t, now.Revision, now.Revision)
			require.Zero(t, h.settle(t, h.load(t)), name)
			require.Empty(t, h.retired(t), name)
			done := h.load(t)
			require.Empty(t, waiting(done), name)
			require.True(t, sqlstore.SameConfig(done, h.at(t, done.Revision)), name)
			require.Zero(t, h.settle(t, done), name)
			require.Equal(t, done.Revision, h.load(t).Revision, "nothing more to do: "+name)
			if len(x.blocked) > 0 {
				require.Greater(t, done.Revision, now.Revision, name)
				require.Equal(t, "rowlock", h.newestRevision(t).Author, name)
			}
		}
	}
}

const otherLength = "UPDATE pool SET delegated_len = 60, last_addr = '2001:db8:80ff:fff0::' WHERE id = 201"

// Where nobody serves, nothing is in the way; but somebody may begin meanwhile, so
// what goes is retired all the same until the first pass.
func settleNobody(t *testing.T, h *hand) {
	h.apply(t, handSite())
	next := h.load(t)
	p := poolOf(t, next, 201)
	p.DelegatedLen, p.Last = 60, netip.MustParseAddr("2001:db8:80ff:fff0::")
	h.apply(t, next)
	require.Equal(t, []uint32{201}, waiting(h.load(t)))
	require.Len(t, h.retired(t), 1)
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, h.retired(t))
	require.Empty(t, waiting(h.load(t)))
	h.does(t, "UPDATE pool SET delegated_len = 56, last_addr = '2001:db8:80ff:ff00::' WHERE id = 201")
	require.Equal(t, []uint32{201}, waiting(h.load(t)), "no trigger looks at leases")
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, h.retired(t))
	require.Empty(t, waiting(h.load(t)))
}

// A frontend that has none because it refused what there was may use the next
// revision, and has not told of it yet.
func settleBeginner(t *testing.T, h *hand) {
	h.apply(t, handSite())
	h.does(t, otherLength)
	now := h.load(t).Revision
	refuses := func(revision int64) {
		h.uses(t)
		h.db.exec(t, "INSERT INTO frontend (id, incarnation, revision, refused_revision) VALUES ('fe1', 1, 0, %d)", revision)
	}
	refuses(now - 2)
	require.Equal(t, 2, h.settle(t, nil), "it may use the one before the change")
	refuses(now - 1)
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, waiting(h.load(t)))
}

// A frontend that is dead uses nothing.
func settleDead(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.load(t).Revision
	h.uses(t, before, before)
	h.does(t, otherLength)
	now := h.load(t).Revision
	h.uses(t, now, before)
	require.Equal(t, 2, h.settle(t, nil))
	h.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = 'fe2'", h.db.back("heartbeat_at", 6*time.Second))
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, waiting(h.load(t)))
}

// One whose heartbeats are late when the change is made may come back before
// anything is settled, with hints of what was.
func settlePassedOver(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.load(t).Revision
	h.uses(t, before)
	beat := func(past time.Duration) {
		h.db.exec(t, "UPDATE frontend SET heartbeat_at = %s", h.db.back("heartbeat_at", past))
	}
	beat(6 * time.Second)
	h.does(t, otherLength, "DELETE FROM pool WHERE id = 101")
	beat(-6 * time.Second)
	require.ElementsMatch(t, []uint32{101, 201}, h.retired(t))
	require.Equal(t, 3, h.settle(t, nil))
	require.Equal(t, []uint32{201}, waiting(h.load(t)))
	h.uses(t, h.load(t).Revision)
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, h.retired(t))
}

// One that could not use the new revision goes on with the old one; one that has
// just begun may come to have it.
func settleRefused(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.load(t).Revision
	h.uses(t, before, before)
	h.does(t, otherLength)
	now := h.load(t).Revision
	h.uses(t, now, before)
	h.db.exec(t, "UPDATE frontend SET refused_revision = %d, refused = 'subnet 7' WHERE id = 'fe2'", now)
	require.Equal(t, 2, h.settle(t, nil))
	require.Equal(t, [][]string{{fmt.Sprint(now), "subnet 7"}}, h.db.rows(t, "SELECT refused_revision, refused FROM frontend_health WHERE id = 'fe2'"))
	h.uses(t, now, 0)
	require.Equal(t, 2, h.settle(t, nil))
	h.db.exec(t, "UPDATE frontend SET refused_revision = %d WHERE id = 'fe2'", now)
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, waiting(h.load(t)))
}

// Prefixes of another length that are held keep a pool waiting, until they end.
func settleHeld(t *testing.T, h *hand) {
	h.apply(t, handSite())
	b := &bench{variant{"pd", sqlstore.IPv6, sqlstore.PD, 56}, h.db, h.store, 0}
	in := b.insert(0, 1, netip.MustParseAddr("2001:db8:8000:500::"))
	in.SubnetID, in.PoolID, in.PoolGen = 20, 201, poolOf(t, h.load(t), 201).Gen
	l := b.do(t, sqlstore.Activate, place(t, h.store, in).Lease, 0)
	h.uses(t, h.load(t).Revision)
	h.does(t, otherLength)
	h.uses(t, h.load(t).Revision)
	require.Equal(t, 1, h.settle(t, nil))
	require.Equal(t, []uint32{201}, waiting(h.load(t)))
	require.Empty(t, h.retired(t))
	rev := h.load(t).Revision
	require.Equal(t, 1, h.settle(t, h.load(t)))
	require.Equal(t, rev, h.load(t).Revision)
	b.do(t, sqlstore.Release, l, l.Rev)
	require.Zero(t, h.settle(t, nil))
	require.Empty(t, waiting(h.load(t)))
}

// Each generation is left when the slowest frontend has passed it.
func settleOneByOne(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.load(t).Revision
	h.uses(t, before)
	h.does(t, "UPDATE pool SET last_addr = '192.0.2.41' WHERE id = 101")
	one := h.load(t).Revision
	h.does(t, "UPDATE pool SET last_addr = '192.0.2.21' WHERE id = 100")
	two := h.load(t).Revision
	require.Equal(t, []uint32{100, 101}, h.retired(t))
	require.Equal(t, 2, h.settle(t, nil))
	h.uses(t, one)
	require.Equal(t, 1, h.settle(t, nil))
	require.Equal(t, []uint32{100}, h.retired(t))
	h.uses(t, two)
	require.Zero(t, h.settle(t, nil))
	require.Equal(t, two, h.load(t).Revision, "nothing waited")
}

// A pool that closes may still be handed out of by those who do not know.
func settleClosing(t *testing.T, h *hand) {
	inside := poolRow(203, 20, 2, "2001:db8:8000::", "2001:db8:8000:f::", 64)
	for name, edit := range map[string]func(){
		"pool": func() { h.does(t, "UPDATE pool SET closing = true WHERE id = 201", inside) },
		"subnet": func() {
			h.does(t, "UPDATE subnet SET closing = true WHERE id = 20", subnetRow(22, 4, "2001:db8:2::/64"),
				strings.Replace(inside, "203, 20,", "203, 22,", 1))
		},
		"apply": func() {
			next := h.load(t)
			poolOf(t, next, 201).Closing = true
			s := subnetOf(t, next, 20)
			s.Pools = append(s.Pools, &sqlstore.Pool{
				ID: 203, Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8:8000::"), Last: netip.MustParseAddr("2001:db8:8000:f::"), DelegatedLen: 64,
			})
			h.apply(t, next)
		},
	} {
		h.uses(t)
		h.apply(t, handSite())
		h.settle(t, nil)
		before := h.load(t).Revision
		h.uses(t, before)
		edit()
		now := h.load(t).Revision
		require.Contains(t, h.retired(t), uint32(201), name)
		h.settle(t, nil)
		require.Equal(t, []uint32{203}, waiting(h.load(t)), name)
		h.uses(t, now)
		require.Zero(t, h.settle(t, nil), name)
		require.Empty(t, waiting(h.load(t)), name)

		// and back: the other one must have gone
		h.does(t, "DELETE FROM pool WHERE id = 203", "UPDATE pool SET closing = false WHERE id = 201", "UPDATE subnet SET closing = false WHERE id = 20")
		require.Contains(t, waiting(h.load(t)), uint32(201), name)
		h.settle(t, nil)
		require.Equal(t, []uint32{201}, waiting(h.load(t)), name)
		h.uses(t, h.load(t).Revision)
		require.Zero(t, h.settle(t, nil), name)
		require.Empty(t, waiting(h.load(t)), name)
	}
}

// What a frontend hands out of a generation that is no more, before it knows,
// gets the name of the pool that has the address then.
func settleLastMoment(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.load(t)
	h.uses(t, before.Revision)
	h.does(t, "UPDATE pool SET last_addr = '192.0.2.35' WHERE id = 101", newPool(105, 10, "192.0.2.36", "192.0.2.40"))
	h.gather(t, nil)
	b := &bench{variants[0], h.db, h.store, 0}
	in := b.insert(0, 1, netip.MustParseAddr("192.0.2.38"))
	in.SubnetID, in.PoolID, in.PoolGen = 10, 101, poolOf(t, before, 101).Gen
	l := place(t, h.store, in).Lease
	h.uses(t, h.load(t).Revision)
	require.Zero(t, h.settle(t, nil))
	require.Equal(t, [][]string{{"105", "1"}}, h.db.rows(t, "SELECT pool_id, pool_gen FROM lease4 WHERE %s", h.db.rowOf(l.Key)))
}

// Leases are counted in a range, whatever pool they are named after.
func settleLive(t *testing.T, h *hand) {
	cfg := wholeSite()
	h.apply(t, cfg)
	h.fill(t, cfg)
	first, second := cfg.Links[0].Subnets[0].Pools, cfg.Links[1].Subnets[0].Pools
	other := *first[0]
	other.VRF = 99
	part := *first[0]
	part.Last = netip.MustParseAddr("192.0.2.61")
	pools := []*sqlstore.Pool{first[0], first[1], &other, &part, second[0], second[1]}
	h.db.exec(t, "UPDATE lease4 SET pool_id = 77")
	got, err := h.revisions().CountLive(t.Context(), pools)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 0, 0, 1, 2, 2}, got)
	got, err = h.revisions().CountLive(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
