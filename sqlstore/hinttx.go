package sqlstore

import (
	"net/netip"
)

// Chunk is a run of indexes of a pool that one frontend hands out: an
// addr_chunk row.
type Chunk struct {
	ID    int64 // 0: none
	First uint64
	N     int
}

// Place is an address in its vrf.
type Place struct {
	VRF  uint32
	Addr netip.Addr
}

// HintTx is what a dialect does about free addresses, within one transaction of
// one frontend. Pools are in order of (id, generation) and different; what is
// returned is parallel to them. Locks are taken in their order.
type HintTx interface {
	// Current tells which of the pools are of the generation in use, or unknown
	// to the configuration.
	Current(pools []*Pool) ([]bool, error)
	// Adopt takes over the oldest chunk of each pool whose holder is gone or has
	// been silent for ten seconds, twice as long as it may write, or is this
	// frontend and does not know it.
	Adopt(needs []PoolNeed) ([]Chunk, error)
	// Advance moves the cursors of the pools, which are made if they are not
	// there, and makes chunks of what they passed: at most Want indexes, and no
	// more than an eighth of a live frontend's share of what is left.
	Advance(needs []PoolNeed) ([]Chunk, error)
	// Hold keeps entries of addr_free for ten seconds under new tokens: at most
	// Want, and no more than a live frontend's share of them.
	Hold(needs []PoolNeed) ([][]UsedFree, error)
	// Held returns those of the addresses, of one family, that have a row.
	Held(f Family, places []Place) ([]Place, error)
	// Drop deletes chunks of this frontend, and addr_free rows by token.
	Drop(chunks []int64, used []UsedFree) error
	// Others returns chunks that other frontends hold.
	Others(pools []*Pool) ([][]Chunk, error)
	// Lent returns addresses of addr_free that somebody holds.
	Lent(pools []*Pool) ([][]Place, error)
	// Reach returns the next index of the pool's cursor.
	Reach(p *Pool) (uint64, error)
	// Chunks returns the chunks of the pool that have an index in [from, to).
	Chunks(p *Pool, from, to uint64) ([]Chunk, error)
	// List enters addresses into addr_free that are not there under this pool,
	// and returns how many these were.
	List(p *Pool, addrs []netip.Addr) (int, error)
}
