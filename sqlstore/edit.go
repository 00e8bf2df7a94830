package sqlstore

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// PoolEdits is what a change of the configuration means for the leases that
// are there. Its lists are in order of the pools' ids.
type PoolEdits struct {
	// Fresh are the IPv6 pools that begin to hand out what was not theirs
	// before: new ones, new generations, and those that are not closing any
	// more. A lease with another prefix length in their range would overlap one
	// of theirs.
	Fresh []*Pool
	// Closing and Open are the pools whose range may have leases and free
	// addresses that bear the name of another pool: they are to be named anew,
	// those of Closing first, because an open pool may lie in the range of
	// closing ones.
	Closing, Open []*Pool
}

// EditsOf compares two configurations. The ids and generations of next must
// have been filled in by Assign.
func EditsOf(old, next *Config) PoolEdits {
	was, now := poolsOf(old), poolsOf(next)
	var touched []*Pool
	for id, p := range was {
		if !samePool(p, now[id]) {
			touched = append(touched, p)
		}
	}
	var e PoolEdits
	for id, p := range now {
		same := samePool(p, was[id])
		if !same && p.Closing {
			touched = append(touched, p)
		}
		if p.Family() == IPv6 && (was[id] == nil || was[id].Gen != p.Gen || was[id].Closing && !p.Closing) {
			e.Fresh = append(e.Fresh, p)
		}
	}
	again := newRangeIndex(touched)
	for id, p := range now {
		switch {
		case samePool(p, was[id]) && !again.has(p):
		case p.Closing:
			e.Closing = append(e.Closing, p)
		default:
			e.Open = append(e.Open, p)
		}
	}
	for _, list := range [][]*Pool{e.Fresh, e.Closing, e.Open} {
		slices.SortFunc(list, byID)
	}
	return e
}

func byID(x, y *Pool) int { return cmp.Compare(x.ID, y.ID) }

// samePool tells whether a pool is what it was as far as leases name it.
func samePool(p, q *Pool) bool {
	return p != nil && q != nil && p.Gen == q.Gen && p.SubnetID == q.SubnetID && p.Closing == q.Closing
}

func poolsOf(c *Config) map[uint32]*Pool {
	out := map[uint32]*Pool{}
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			for _, p := range s.Pools {
				out[p.ID] = p
			}
		}
	}
	return out
}

// Around returns the prefixes, shortest first, that contain the pool's first
// address and begin before it, the longest one of each address: a delegated
// prefix that overlaps the pool begins in its range, or begins with one of
// these and is not longer.
func (p *Pool) Around() []netip.Prefix {
	var out []netip.Prefix
	for bits := 1; bits < p.First.BitLen(); bits++ {
		around := netip.PrefixFrom(p.First, bits).Masked()
		if around.Addr() == p.First {
			break
		}
		if n := len(out); n > 0 && out[n-1].Addr() == around.Addr() {
			out[n-1] = around
			continue
		}
		out = append(out, around)
	}
	return out
}

// HeldError is the refusal, ErrHeld, of a pool in whose range n leases of
// another prefix length are held.
func (p *Pool) HeldError(n int64) error {
	what := "leases with another prefix length are"
	if n == 1 {
		what = "lease with another prefix length is"
	}
	return fmt.Errorf("pool %d (%s): %d %s held in its range; remove or close the pool first and let them end: %w",
		p.ID, p.rangeText(), n, what, ErrHeld)
}

func (p *Pool) rangeText() string {
	if base, whole := p.Base(); whole {
		return fmt.Sprintf("%s, /%d", base, p.DelegatedLen)
	}
	return fmt.Sprintf("%s-%s", p.First, p.Last)
}
