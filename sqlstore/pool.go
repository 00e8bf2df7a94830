package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// MaxIndex bounds the index space of a pool: a larger pool uses the first
// 2^62 indexes of its permutation.
const MaxIndex = uint64(1) << 62

// Pool is one generation of a pool of addresses or of delegated prefixes.
// Its geometry never changes; an edit makes a new generation.
type Pool struct {
	ID           uint32
	Gen          uint32
	SubnetID     uint32
	LinkID       uint32
	VRF          uint32
	Kind         Kind
	First        netip.Addr // first address, or base of the first prefix
	Last         netip.Addr // last address, or base of the last prefix
	DelegatedLen uint8      // length of a delegated prefix; 32 or 128 for addresses
	PermKey      uint64     `json:"-"` // key of the order in which a v6 pool is handed out
	Closing      bool       // nothing new is allocated, and live leases are not renewed
	Waiting      bool       // nothing new is allocated until others have given up its range; renewals go on
	Comment      string
}

// Family returns the family of the pool's addresses.
func (p *Pool) Family() Family {
	if p.First.Is4() {
		return IPv4
	}
	return IPv6
}

// Size returns the number of addresses or prefixes in the pool, at most
// MaxIndex.
func (p *Pool) Size() uint64 {
	d := p.offset(p.Last)
	if d.hi != 0 || d.lo >= MaxIndex {
		return MaxIndex
	}
	return d.lo + 1
}

// Contains tells whether addr is in the pool; for prefixes: whether it is the
// base of one of its delegated prefixes.
func (p *Pool) Contains(addr netip.Addr) bool {
	if addr.BitLen() != p.First.BitLen() || addr.Less(p.First) || p.Last.Less(addr) {
		return false
	}
	return p.Kind == NA || netip.PrefixFrom(addr, int(p.DelegatedLen)).Masked().Addr() == addr
}

// At returns the address with the given index, 0 <= index < Size: in order
// for IPv4, by a keyed permutation for IPv6 so that addresses cannot be
// guessed from one another (RFC 7943 gives the reason).
func (p *Pool) At(index uint64) netip.Addr {
	if p.Family() == IPv6 {
		index = permute(index, p.Size(), p.PermKey)
	}
	return p.add(index)
}

type u128 struct{ hi, lo uint64 }

// offset returns (addr - First) in units of the pool.
func (p *Pool) offset(addr netip.Addr) u128 {
	a, b := toU128(addr), toU128(p.First)
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return u128{hi, lo}.shr(uint(p.First.BitLen()) - uint(p.DelegatedLen))
}

func (p *Pool) add(index uint64) netip.Addr {
	d := u128{0, index}.shl(uint(p.First.BitLen()) - uint(p.DelegatedLen))
	b := toU128(p.First)
	lo, carry := bits.Add64(b.lo, d.lo, 0)
	hi, _ := bits.Add64(b.hi, d.hi, carry)
	return fromU128(u128{hi, lo}, p.First.Is4())
}

func (u u128) shr(n uint) u128 {
	if n >= 64 {
		return u128{0, u.hi >> (n - 64)}
	}
	return u128{u.hi >> n, u.lo>>n | u.hi<<(64-n)}
}

func (u u128) shl(n uint) u128 {
	if n >= 64 {
		return u128{u.lo << (n - 64), 0}
	}
	return u128{u.hi<<n | u.lo>>(64-n), u.lo << n}
}

func toU128(a netip.Addr) u128 {
	if a.Is4() {
		b := a.As4()
		return u128{0, uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return u128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func fromU128(u u128, is4 bool) netip.Addr {
	if is4 {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(u.lo))))
	}
	b := binary.BigEndian.AppendUint64(nil, u.hi)
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(b, u.lo)))
}

// permute maps index to another index below size, one to one: a four-round
// Feistel network over the next even number of bits, walked until the result
// is below size.
func permute(index, size, key uint64) uint64 {
	if size <= 2 {
		return index
	}
	half := uint(bits.Len64(size-1)+1) / 2
	mask := uint64(1)<<half - 1
	for {
		l, r := index>>half, index&mask
		for round := range uint64(4) {
			l, r = r, l^(mix(r, key, round)&mask)
		}
		if index = l<<half | r; index < size {
			return index
		}
	}
}

func mix(v, key, round uint64) uint64 {
	v ^= key + round*0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// PermKeyFor returns the permutation key of a pool generation, a function of
// the database's own secret so that every frontend uses the same order.
func PermKeyFor(secret []byte, pool, gen uint32) uint64 {
	b := binary.BigEndian.AppendUint32(slices.Clone(secret), pool)
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(b, gen))
	return binary.BigEndian.Uint64(sum[:8])
}

// PoolSet is an immutable set of pools that do not overlap, found by address.
type PoolSet struct {
	first  []*Pool // of open, those that come before the others
	open   []*Pool // as configured: the order of allocation; those that wait left out
	byAddr []*Pool // all, sorted by First
}

// NewPoolSet returns the set of the given pools, in their order of allocation.
func NewPoolSet(pools ...*Pool) *PoolSet {
	s := &PoolSet{byAddr: slices.Clone(pools)}
	for _, p := range pools {
		if !p.Waiting {
			s.open = append(s.open, p)
		}
	}
	slices.SortFunc(s.byAddr, func(a, b *Pool) int { return a.First.Compare(b.First) })
	return s
}

// Prefer returns the set in another order of allocation: these pools, as far as
// they are in it, come first. It shares the rest with s.
func (s *PoolSet) Prefer(pools ...*Pool) *PoolSet {
	if len(s.open) < 2 {
		return s
	}
	other := *s
	other.first = nil
	for _, p := range pools {
		if !p.Waiting && s.Find(p.First) == p {
			other.first = append(other.first, p)
		}
	}
	return &other
}

// Withhold returns the set as it is where these pools wait, s itself if it has none of
// them.
func (s *PoolSet) Withhold(these func(*Pool) bool) *PoolSet {
	if s == nil || !slices.ContainsFunc(s.byAddr, these) {
		return s
	}
	other := &PoolSet{
		first: slices.DeleteFunc(slices.Clone(s.first), these), open: slices.DeleteFunc(slices.Clone(s.open), these), byAddr: slices.Clone(s.byAddr),
	}
	for i, p := range s.byAddr {
		if these(p) {
			own := *p
			own.Waiting = true
			other.byAddr[i] = &own
		}
	}
	return other
}

// Open yields the pools that hand out addresses, in their order of allocation:
// all but those that wait.
func (s *PoolSet) Open(yield func(*Pool) bool) {
	if s == nil {
		return
	}
	for _, p := range s.first {
		if !yield(p) {
			return
		}
	}
	for _, p := range s.open {
		if !slices.Contains(s.first, p) && !yield(p) {
			return
		}
	}
}

// All returns the pools in order of address, those that wait too. The caller
// must not change the slice.
func (s *PoolSet) All() []*Pool {
	if s == nil {
		return nil
	}
	return s.byAddr
}

// Find returns the pool that contains addr, or nil. It may be one that waits.
func (s *PoolSet) Find(addr netip.Addr) *Pool {
	if s == nil || !addr.IsValid() {
		return nil
	}
	i, found := slices.BinarySearchFunc(s.byAddr, addr, func(p *Pool, a netip.Addr) int { return p.First.Compare(a) })
	if !found {
		i--
	}
	if i < 0 || !s.byAddr[i].Contains(addr) {
		return nil
	}
	return s.byAddr[i]
}
