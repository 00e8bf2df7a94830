package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// Key is a binding_key: the link (4 bytes, big endian), the key kind (1 byte)
// and the identity of the client; DHCPv6 adds IAID (4 bytes), kind (1) and
// slot (1). It is a string so that it can be compared and used in maps.
type Key string

// KeyKind says what the identity in a Key is.
type KeyKind uint8

// The key kinds. KeyHashed is added to a kind when the identity is longer
// than MaxIdentity and was replaced by its SHA-256.
const (
	KeyParked      KeyKind = 0x00 // a parked row: hash of the old key and the address
	KeyClientID    KeyKind = 0x01 // DHCPv4 client identifier, option 61
	KeyHWAddr      KeyKind = 0x02 // htype (1 byte) and chaddr
	KeyExpression  KeyKind = 0x03 // what the site's expression made of the packet
	KeyDUID        KeyKind = 0x04 // DHCP unique identifier
	KeyReservation KeyKind = 0x05 // a reservation that has no address here
	KeyHashed      KeyKind = 0x10
	KeyReserved    KeyKind = 0xfe // a reserved address
)

// MaxIdentity is the longest identity that stands in a key as it is, in bytes.
const MaxIdentity = 64

// ClientKey returns the key of a DHCPv4 client on a link.
func ClientKey(link uint32, kind KeyKind, identity []byte) Key {
	return Key(clientKey(link, kind, identity))
}

// IAKey returns the key of one identity association of a DHCPv6 client.
// slot is 0; 1 only while a deprecated lease of the same IA is replaced.
func IAKey(link uint32, kind KeyKind, identity []byte, iaid uint32, ia Kind, slot uint8) Key {
	b := clientKey(link, kind, identity)
	b = binary.BigEndian.AppendUint32(b, iaid)
	return Key(append(b, byte(ia), slot))
}

// ReservedKey returns the key of item (counted from 0) of a reservation's
// addresses or prefixes; ia is 0 for IPv4.
func ReservedKey(link uint32, reservation uint64, ia Kind, item uint16) Key {
	b := binary.BigEndian.AppendUint32(nil, link)
	b = append(b, byte(KeyReserved))
	b = binary.BigEndian.AppendUint64(b, reservation)
	b = append(b, byte(ia))
	return Key(binary.BigEndian.AppendUint16(b, item))
}

// ParkedKey returns the key under which a row is parked: the link of the old
// key, KeyParked, the SHA-256 of the old key and the address.
func ParkedKey(old Key, addr netip.Addr) Key {
	sum := sha256.Sum256([]byte(old))
	b := append([]byte(old[:4]), byte(KeyParked))
	b = append(b, sum[:]...)
	return Key(append(b, addr.AsSlice()...))
}

// Link returns the link id of the key.
func (k Key) Link() uint32 {
	if len(k) < 5 {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(k[:4]))
}

// Kind returns the key kind.
func (k Key) Kind() KeyKind {
	if len(k) < 5 {
		return KeyParked
	}
	return KeyKind(k[4])
}

// IsReserved tells whether the key is that of a reserved address, whose row
// is never deleted and goes back to state Reserved when a holding ends.
func (k Key) IsReserved() bool { return k.Kind() == KeyReserved }

func clientKey(link uint32, kind KeyKind, identity []byte) []byte {
	b := make([]byte, 0, 5+MaxIdentity+6)
	b = binary.BigEndian.AppendUint32(b, link)
	if len(identity) > MaxIdentity {
		sum := sha256.Sum256(identity)
		b = append(b, byte(kind|KeyHashed))
		return append(b, sum[:]...)
	}
	b = append(b, byte(kind))
	return append(b, identity...)
}
