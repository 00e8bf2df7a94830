package sqlstore

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// hintTx is a database in memory, for one frontend; it counts calls.
type hintTx struct {
	calls   int
	chunk   int64
	next    map[*Pool]uint64
	dead    map[*Pool][]Chunk // to be adopted
	others  map[*Pool][]Chunk // of live frontends
	free    map[*Pool][]UsedFree
	rows    map[Place]bool
	gone    map[*Pool]bool // not the generation in use
	dropped []int64
	used    []UsedFree
	locked  []uint32 // pools whose cursors were locked, in order
}

func newHintTx() *hintTx {
	return &hintTx{
		next: map[*Pool]uint64{}, dead: map[*Pool][]Chunk{}, others: map[*Pool][]Chunk{}, free: map[*Pool][]UsedFree{},
		rows: map[Place]bool{}, gone: map[*Pool]bool{},
	}
}

func (x *hintTx) Current(pools []*Pool) ([]bool, error) {
	x.calls++
	out := make([]bool, len(pools))
	for i, p := range pools {
		out[i] = !x.gone[p]
	}
	return out, nil
}

func (x *hintTx) Adopt(needs []PoolNeed) ([]Chunk, error) {
	x.calls++
	out := make([]Chunk, len(needs))
	for i, n := range needs {
		p := n.Pool
		if len(x.dead[p]) > 0 {
			out[i], x.dead[p] = x.dead[p][0], x.dead[p][1:]
		}
	}
	return out, nil
}

func (x *hintTx) Advance(needs []PoolNeed) ([]Chunk, error) {
	x.calls++
	out := make([]Chunk, len(needs))
	for i, n := range needs {
		x.locked = append(x.locked, n.Pool.ID)
		if count := min(uint64(n.Want), n.Pool.Size()-x.next[n.Pool]); count > 0 {
			x.chunk++
			out[i] = Chunk{ID: x.chunk, First: x.next[n.Pool], N: int(count)}
			x.next[n.Pool] += count
		}
	}
	return out, nil
}

func (x *hintTx) Hold(needs []PoolNeed) ([][]UsedFree, error) {
	x.calls++
	out := make([][]UsedFree, len(needs))
	for i, n := range needs {
		out[i] = x.free[n.Pool]
		delete(x.free, n.Pool)
	}
	return out, nil
}

func (x *hintTx) Held(f Family, places []Place) (out []Place, err error) {
	x.calls++
	for _, p := range places {
		if p.Addr.Is4() != (f == IPv4) {
			panic("an address of the other family")
		}
		if x.rows[p] {
			out = append(out, p)
		}
	}
	return out, nil
}

func (x *hintTx) Drop(chunks []int64, used []UsedFree) error {
	x.calls++
	x.dropped, x.used = append(x.dropped, chunks...), append(x.used, used...)
	return nil
}

func (x *hintTx) Others(pools []*Pool) ([][]Chunk, error) {
	x.calls++
	out := make([][]Chunk, len(pools))
	for i, p := range pools {
		out[i] = x.others[p]
	}
	return out, nil
}

func (x *hintTx) Lent(pools []*Pool) ([][]Place, error) {
	x.calls++
	return make([][]Place, len(pools)), nil
}

func (x *hintTx) Reach(p *Pool) (uint64, error) { return x.next[p], nil }

func (x *hintTx) Chunks(p *Pool, _, _ uint64) ([]Chunk, error) { return x.others[p], nil }

func (x *hintTx) List(p *Pool, addrs []netip.Addr) (int, error) {
	for _, a := range addrs {
		x.free[p] = append(x.free[p], UsedFree{VRF: p.VRF, Addr: a})
	}
	return len(addrs), nil
}

func hintPools(n int, first, last string) []*Pool {
	pools := make([]*Pool, n)
	for i := range pools {
		a := netip.MustParseAddr(first)
		pools[i] = &Pool{ID: uint32(i + 1), Gen: 1, VRF: uint32(i), Kind: NA, First: a, Last: netip.MustParseAddr(last), DelegatedLen: uint8(a.BitLen())}
	}
	return pools
}

func ask(pools []*Pool) (needs []PoolNeed) {
	for _, p := range pools {
		needs = append(needs, PoolNeed{Pool: p, Want: 8})
	}
	return needs
}

// What one pool costs, many cost; cursors are locked in the order of pools.
func TestTakeHintsForManyPools(t *testing.T) {
	cost := map[int]int{}
	for _, n := range []int{1, 700} {
		x := newHintTx()
		pools := hintPools(n, "192.0.2.0", "192.0.2.255")
		slices.Reverse(pools)
		x.gone[pools[0]] = n > 1
		found, err := TakeHints(x, ask(pools))
		require.NoError(t, err)
		for i, h := range found {
			require.Same(t, pools[i], h.Pool)
			if x.gone[h.Pool] {
				require.Empty(t, h.Addrs)
				require.True(t, h.Gone)
				continue
			}
			require.Equal(t, HintFresh, h.Source)
			require.Len(t, h.Addrs, 8)
		}
		require.True(t, slices.IsSorted(x.locked))
		cost[n] = x.calls
	}
	require.Equal(t, map[int]int{1: 4, 700: 4}, cost)
}

// Each pool has the first source that has anything; what is in use is left out
// and given up.
func TestTakeHintsSources(t *testing.T) {
	x := newHintTx()
	pools := hintPools(4, "2001:db8::", "2001:db8::ff")
	dead, fresh, listed, dry := pools[0], pools[1], pools[2], pools[3]
	x.dead[dead] = []Chunk{{ID: 101, First: 0, N: 2}, {ID: 102, First: 2, N: 2}}
	x.rows[Place{dead.VRF, dead.At(0)}], x.rows[Place{dead.VRF, dead.At(1)}] = true, true
	x.rows[Place{fresh.VRF, fresh.At(0)}] = true
	x.next[listed], x.next[dry] = listed.Size(), dry.Size()
	x.free[listed] = []UsedFree{
		{listed.VRF, netip.MustParseAddr("2001:db8::100"), 1}, {9, listed.At(1), 2}, {listed.VRF, listed.At(2), 3}, {listed.VRF, listed.At(3), 4},
	}
	x.rows[Place{listed.VRF, listed.At(2)}] = true
	found, err := TakeHints(x, ask(pools))
	require.NoError(t, err)
	require.Equal(t, []HintSource{HintAdopted, HintFresh, HintReturned, 0}, []HintSource{found[0].Source, found[1].Source, found[2].Source, found[3].Source})
	require.Equal(t, []FreeAddr{{Addr: dead.At(2)}, {Addr: dead.At(3)}}, found[0].Addrs)
	require.EqualValues(t, 102, found[0].Chunk)
	require.Len(t, found[1].Addrs, 7)
	require.Equal(t, FreeAddr{Addr: fresh.At(1), Exclusive: true}, found[1].Addrs[0])
	require.Equal(t, []FreeAddr{{Addr: listed.At(3), Token: 4, Exclusive: true}}, found[2].Addrs)
	require.Empty(t, found[3].Addrs)
	require.False(t, found[3].More)
	require.Equal(t, []int64{101}, x.dropped)
	require.Len(t, x.used, 3, "strange or in use")
}

// A pool of which all is in use as far as one call looks has more.
func TestTakeHintsHaveMore(t *testing.T) {
	x := newHintTx()
	p := hintPools(1, "192.0.2.0", "192.0.2.255")[0]
	for i := range uint64(100) {
		x.rows[Place{p.VRF, p.At(i)}] = true
	}
	found, err := TakeHints(x, ask([]*Pool{p}))
	require.NoError(t, err)
	require.True(t, found[0].More)
	found, err = TakeHints(x, ask([]*Pool{p}))
	require.NoError(t, err)
	require.False(t, found[0].More)
	require.Equal(t, p.At(100), found[0].Addrs[0].Addr)
	require.Len(t, x.dropped, 12)
}

// Every address that others have in hand may be the first, and each comes once.
func TestBorrowHintsFromARandomOne(t *testing.T) {
	x := newHintTx()
	p := hintPools(1, "192.0.2.0", "192.0.2.255")[0]
	x.others[p] = []Chunk{{1, 0, 3}, {2, 10, 1}, {3, 20, 5}}
	x.rows[Place{p.VRF, p.At(21)}] = true
	firsts := map[netip.Addr]bool{}
	for range 500 {
		found, err := BorrowHints(x, []PoolNeed{{Pool: p, Want: 256}})
		require.NoError(t, err)
		require.Equal(t, HintBorrowed, found[0].Source)
		require.Len(t, found[0].Addrs, 8)
		once := map[netip.Addr]bool{}
		for _, a := range found[0].Addrs {
			once[a.Addr] = true
		}
		require.Len(t, once, 8)
		firsts[found[0].Addrs[0].Addr] = true
	}
	require.Len(t, firsts, 8)
	x.others[p] = []Chunk{{1, 0, 256}, {2, 0, 256}, {3, 0, 256}}
	require.Len(t, someOf(p, x.others[p], nil), borrowLook, "no more than is looked at")
}

// Windows meet without a gap, also where a chunk lies across their border.
func TestScrubPoolWindows(t *testing.T) {
	x := newHintTx()
	p := hintPools(1, "10.0.0.0", "10.255.255.255")[0]
	x.next[p] = 2*ScrubWindow + 10
	x.others[p] = []Chunk{{1, ScrubWindow - 5, 10}, {2, 2 * ScrubWindow, 9}}
	x.rows[Place{p.VRF, p.At(0)}] = true
	total := 0
	for _, want := range []struct{ from, next uint64 }{{0, ScrubWindow}, {ScrubWindow, 2 * ScrubWindow}, {2 * ScrubWindow, 0}} {
		n, next, err := ScrubPool(x, p, want.from)
		require.NoError(t, err)
		require.Equal(t, want.next, next)
		total += n
	}
	require.Equal(t, 2*ScrubWindow+10-10-9-1, total)
	require.Len(t, x.free[p], total)
	n, next, err := ScrubPool(x, p, 3*ScrubWindow)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, next)
}
