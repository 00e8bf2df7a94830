package sqlstore

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// memoryTx is a ConfigTx over nothing but a Config.
type memoryTx struct {
	head    ConfigHead
	now     *Config
	gens    map[uint32]uint32
	inUse   int64
	retired []RetiredPool
	held    map[uint32]bool // pools in whose range other lengths are held
	rows    []NewRevision
	authors []string
}

func newMemory() *memoryTx {
	return &memoryTx{now: &Config{}, gens: map[uint32]uint32{}, inUse: NobodyUses, held: map[uint32]bool{}}
}

func (m *memoryTx) Head() (ConfigHead, error) { return m.head, nil }
func (m *memoryTx) Load() (*Config, error) {
	c := copied(m.now)
	c.Revision = m.head.Revision
	return c, nil
}
func (m *memoryTx) UsedIDs() (UsedIDs, error)       { return UsedIDs{Gens: m.gens}, nil }
func (m *memoryTx) Authors(int64) ([]string, error) { return m.authors, nil }
func (m *memoryTx) InUse() (int64, error)           { return m.inUse, nil }
func (m *memoryTx) Retired() ([]RetiredPool, error) { return m.retired, nil }
func (m *memoryTx) Relabel([]*Pool) error           { return nil }
func (m *memoryTx) PutConsumer() error              { return nil }

func (m *memoryTx) Held(pools []*Pool) (map[uint32]int64, error) {
	held := map[uint32]int64{}
	for _, p := range pools {
		if m.held[p.ID] {
			held[p.ID] = 1
		}
	}
	return held, nil
}

func (m *memoryTx) Put(_, next *Config) error {
	m.now = copied(next)
	for id, p := range poolsOf(next) {
		m.gens[id] = max(m.gens[id], p.Gen)
	}
	return nil
}

func (m *memoryTx) Retire(pools []*Pool, rev int64) error {
	for _, p := range pools {
		same := func(r RetiredPool) bool { return r.Pool.ID == p.ID && r.Pool.Gen == p.Gen }
		m.retired = slices.DeleteFunc(m.retired, same)
		if rev != 0 {
			m.retired = append(m.retired, RetiredPool{p, rev})
		}
	}
	return nil
}

func (m *memoryTx) Open(pools []*Pool) error {
	for _, p := range pools {
		poolsOf(m.now)[p.ID].Waiting = false
	}
	return nil
}

func (m *memoryTx) Contents(revision int64) (parts []RevisionContent, err error) {
	for _, r := range m.rows {
		switch {
		case r.Number > revision:
		case r.Content.Full:
			parts = []RevisionContent{r.Content}
		case len(parts) > 0:
			parts = append(parts, r.Content)
		}
	}
	return parts, nil
}

func (m *memoryTx) Record(n NewRevision) error {
	m.rows = append(m.rows, n)
	m.head = ConfigHead{Revision: n.Number, Described: n.Number}
	return nil
}

// copied is a copy that shares nothing that tests change.
func copied(c *Config) *Config {
	out := *c
	out.Links = nil
	for _, l := range c.Links {
		link := *l
		link.Subnets = nil
		for _, s := range l.Subnets {
			subnet := *s
			subnet.Pools = nil
			for _, p := range s.Pools {
				pool := *p
				subnet.Pools = append(subnet.Pools, &pool)
			}
			link.Subnets = append(link.Subnets, &subnet)
		}
		out.Links = append(out.Links, &link)
	}
	return &out
}

func (m *memoryTx) apply(t *testing.T, c *Config) int64 {
	t.Helper()
	rev, _, err := ApplyTo(m, AnyRevision, c, "author", "")
	require.NoError(t, err)
	return rev
}

// byHand changes what is there without the program.
func (m *memoryTx) byHand(change func(*Config)) {
	change(m.now)
	m.head.Revision++
}

func delegated(id uint32, length uint8, last string) *Pool {
	return &Pool{ID: id, Kind: PD, First: netip.MustParseAddr("2001:db8:8::"), Last: netip.MustParseAddr(last), DelegatedLen: length}
}

func delegating(pools ...*Pool) *Config {
	return &Config{Links: []*Link{{ID: 1, Subnets: []*Subnet{{ID: 1, Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Pools: pools}}}}}
}

// What a frontend may still hand out of a pool that is closing is in the way of
// another length, as if the pool were gone.
func TestClosingPoolIsInTheWay(t *testing.T) {
	m := newMemory()
	first := m.apply(t, delegating(delegated(1, 56, "2001:db8:8:ff00::")))
	m.inUse = first
	shut := delegated(1, 56, "2001:db8:8:ff00::")
	shut.Closing = true
	second := m.apply(t, delegating(shut, delegated(2, 60, "2001:db8:8:fff0::")))
	require.Len(t, m.retired, 1)
	require.Equal(t, second, m.retired[0].Rev)
	require.True(t, poolsOf(m.now)[2].Waiting)
	left, err := SettleIn(m, nil)
	require.NoError(t, err)
	require.Equal(t, 2, left)
	m.inUse = second
	left, err = SettleIn(m, nil)
	require.NoError(t, err)
	require.Zero(t, left)
	require.False(t, poolsOf(m.now)[2].Waiting)
	require.Equal(t, second+1, m.head.Revision)
	require.Empty(t, m.retired)
}

// Leases of another length keep a pool waiting, and refuse it while nobody has
// it yet.
func TestHeldPoolWaits(t *testing.T) {
	m := newMemory()
	m.apply(t, delegating(delegated(1, 56, "2001:db8:8:ff00::")))
	m.held[2] = true
	_, _, err := ApplyTo(m, AnyRevision, delegating(delegated(2, 60, "2001:db8:8:fff0::")), "author", "")
	require.ErrorIs(t, err, ErrHeld)
	m.byHand(func(c *Config) {
		p := delegated(2, 60, "2001:db8:8:fff0::")
		p.Waiting, p.Gen = true, 1
		c.Links[0].Subnets[0].Pools = []*Pool{p}
	})
	left, err := SettleIn(m, nil)
	require.NoError(t, err)
	require.Equal(t, 1, left)
	delete(m.held, 2)
	left, err = SettleIn(m, nil)
	require.NoError(t, err)
	require.Zero(t, left)
}

// A base is a revision, also 0: of two who begin a configuration one wins.
func TestApplyToABase(t *testing.T) {
	m := newMemory()
	first, second := delegating(delegated(1, 56, "2001:db8:8:ff00::")), delegating(delegated(1, 60, "2001:db8:8:fff0::"))
	_, changed, err := ApplyTo(m, 0, first, "one", "")
	require.NoError(t, err)
	require.True(t, changed)
	_, _, err = ApplyTo(m, 0, second, "two", "")
	require.ErrorIs(t, err, ErrConflict)
	_, _, err = ApplyTo(m, AnyRevision, second, "two", "")
	require.NoError(t, err)
}

// What goes is in the way also while nobody serves: somebody may begin with it
// while it is changed.
func TestRetireWhileNobodyServes(t *testing.T) {
	m := newMemory()
	m.apply(t, delegating(delegated(1, 56, "2001:db8:8:ff00::")))
	require.False(t, poolsOf(m.now)[1].Waiting, "there was nothing before")
	m.apply(t, delegating(delegated(1, 60, "2001:db8:8:fff0::")))
	require.Len(t, m.retired, 1)
	require.True(t, poolsOf(m.now)[1].Waiting)
	m.inUse = 1
	left, err := SettleIn(m, nil)
	require.NoError(t, err)
	require.Equal(t, 2, left)
	m.inUse = NobodyUses
	left, err = SettleIn(m, nil)
	require.NoError(t, err)
	require.Zero(t, left)
	require.False(t, poolsOf(m.now)[1].Waiting)
}

func TestSeveralAuthors(t *testing.T) {
	require.Empty(t, several(nil))
	require.Equal(t, "a, b", several([]string{"a", "b"}))
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("rowlock@pod-%02d", i))
	}
	text := several(many)
	require.LessOrEqual(t, len(text), maxAuthor)
	require.True(t, strings.HasPrefix(text, "rowlock@pod-00, rowlock@pod-01, "), text)
	require.Regexp(t, ", rowlock@pod-1[0-9] and 2[0-9] more$", text)
	require.Equal(t, strings.Repeat("\u00e4", maxAuthor), several([]string{strings.Repeat("\u00e4", 300)}))
}

// What is set in a document is noted for those who load changes only.
func TestApplyNotes(t *testing.T) {
	m := newMemory()
	m.apply(t, delegating(delegated(1, 56, "2001:db8:8:ff00::")))
	require.False(t, m.rows[0].Global, "there is nothing outside of links")
	require.Equal(t, []uint32{1}, m.rows[0].Links)
	c := delegating(delegated(1, 56, "2001:db8:8:ff00::"))
	c.Comment = "new"
	m.apply(t, c)
	require.True(t, m.rows[1].Global)
	require.Empty(t, m.rows[1].Links)
	require.Equal(t, int64(2), m.apply(t, copied(c)), "nothing has changed")
	m.apply(t, &Config{Comment: "new"})
	require.False(t, m.rows[2].Global)
	require.Equal(t, []uint32{1}, m.rows[2].Links)
}
