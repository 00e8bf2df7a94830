package name

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"rowlock/sqlstore"
)

// IdentityType is the kind of a client's identity in a DHCID record (RFC 4701
// section 3.3).
type IdentityType uint16

// The identity types.
const (
	HWAddrIdentity   IdentityType = 0 // htype (1 byte) and chaddr
	ClientIDIdentity IdentityType = 1 // value of DHCPv4 option 61
	DUIDIdentity     IdentityType = 2 // DHCP unique identifier
)

// Identity is who a DHCID record says the owner of a name is.
type Identity struct {
	Type IdentityType
	Data []byte
}

// A client identifier of RFC 4361 section 6.1: this type, an IAID, a DUID. A
// DUID has two bytes of type and at least one more (RFC 9915 section 11.1).
const (
	clientIDTypeDUID = 255
	duidOffset       = 5
	minDUID          = 3
)

// digestSHA256 is the digest type of every DHCID (RFC 4701 section 3.4).
const digestSHA256 = 1

// ClientIdentity returns the identity of a client by which its DHCID is made:
// DUID before client identifier before hardware address (RFC 4701 section
// 3.3). A DHCPv4 client that uses its DUID (RFC 4361) has the identity that it
// has in DHCPv6, so both may share a name. The data may alias the client's.
func ClientIdentity(family sqlstore.Family, c *sqlstore.Client) (Identity, error) {
	switch {
	case family == sqlstore.IPv6 && len(c.ClientID) > 0:
		return Identity{Type: DUIDIdentity, Data: c.ClientID}, nil
	case len(c.ClientID) >= duidOffset+minDUID && c.ClientID[0] == clientIDTypeDUID:
		return Identity{Type: DUIDIdentity, Data: c.ClientID[duidOffset:]}, nil
	case len(c.ClientID) > 0:
		return Identity{Type: ClientIDIdentity, Data: c.ClientID}, nil
	case len(c.HWAddr) == 0:
		return Identity{}, ReasonNoIdentity
	case c.HWType > 255:
		return Identity{}, ReasonHWType
	}
	return Identity{Type: HWAddrIdentity, Data: slices.Concat([]byte{byte(c.HWType)}, c.HWAddr)}, nil
}

// DHCID returns the data of the DHCID record of a client at a fully qualified
// name (RFC 4701 section 3.5): identity type, digest type, and the SHA-256 of
// the identity and the name in lower case.
func DHCID(id Identity, name string) ([]byte, error) {
	name = Canonical(name)
	if name == "" {
		return nil, refuse(name, ReasonEmpty)
	}
	wire, err := appendWire(nil, name, true)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(slices.Concat(id.Data, wire))
	b := binary.BigEndian.AppendUint16(nil, uint16(id.Type))
	return append(append(b, digestSHA256), sum[:]...), nil
}

// DHCIDText returns the data of a DHCID record as zone files have it, in
// base64 (RFC 4701 section 3.2).
func DHCIDText(rdata []byte) string { return base64.StdEncoding.EncodeToString(rdata) }
