package load

import "encoding/binary"

// duidLen is the length of the clients' DUID-LL (RFC 9915 11.4).
const duidLen = 10

// identities makes the identity of each client from the seed and its number.
// Numbers map one to one to hardware addresses for a given seed.
type identities struct {
	base uint64
}

func newIdentities(seed uint64) identities {
	// One round of SplitMix64, so that near seeds give far ranges.
	z := seed + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return identities{base: z ^ z>>31}
}

// HWAddr returns the hardware address of client n of runs with that seed; its
// DHCPv4 client identifier and its DUID end with it.
func HWAddr(seed uint64, n int) [6]byte { return newIdentities(seed).hwaddr(n) }

// hwaddr returns the locally administered unicast address of client n.
func (i identities) hwaddr(n int) [6]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], i.base+uint64(n))
	return [6]byte{0x02, b[3], b[4], b[5], b[6], b[7]}
}

// duid returns the DUID-LL of client n.
func (i identities) duid(n int) [duidLen]byte {
	mac := i.hwaddr(n)
	d := [duidLen]byte{0, 3, 0, 1}
	copy(d[4:], mac[:])
	return d
}

// iaid returns the IAID of client n, the same for its IA_NA and its IA_PD:
// they are different identity associations all the same (RFC 9915 4.2).
func (i identities) iaid(n int) uint32 { return uint32(i.base) + uint32(n) }

// linkLocal returns the link-local address that client n has (RFC 4291, from
// its hardware address).
func (i identities) linkLocal(n int) [16]byte {
	m := i.hwaddr(n)
	return [16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
}

const hexDigits = "0123456789abcdef"

// putDigits writes the number of a client as eight hexadecimal digits.
func putDigits(b []byte, n int) {
	for i := 7; i >= 0; i-- {
		b[i] = hexDigits[n&15]
		n >>= 4
	}
}
