package sqlstore

import (
	"fmt"
	"net/netip"
)

// Config is the whole network configuration at one revision: what the
// configuration tables hold, or what a site document says. A loaded Config is
// immutable.
type Config struct {
	Revision   int64
	ServerDUID []byte // DHCPv6 server identifier, one for all frontends
	Comment    string // of the whole document
	Parameters Parameters
	Notes      Notes // of Parameters
	Options    []OptionData
	VRFs       []VRF // in order of id; those without a selector need no entry
	Links      []*Link
	TSIGKeys   []TSIGKey // in order of name
	Zones      []DNSZone // in order of name
}

// Notes are the comments of parameters, by the parameter's name.
type Notes map[string]string

// VRF tells which packets belong to an address plan of its own: those that come
// in by one of the interfaces, else those whose relay (giaddr, link-address, or
// the address it sends from) is one of the relays. All others belong to VRF 0.
type VRF struct {
	ID         uint32
	Comment    string
	Interfaces []string
	Relays     []netip.Addr
}

// TSIGKey signs DNS updates (RFC 8945).
type TSIGKey struct {
	Name        string // canonical: lower case, without a final dot
	Algorithm   string // hmac-sha256 and so on
	Fingerprint string // first 8 hex digits of the SHA-256 of the decoded secret
	Comment     string
	// Secret is in base64. It is set only in a document that is to be applied,
	// and empty there to keep the stored one: LoadConfig does not read it.
	Secret string `json:"-"`
}

// DNSZone is a zone that is updated, forward or reverse.
type DNSZone struct {
	Name    string // canonical
	Comment string
	Servers []DNSServer
}

// DNSServer is a primary server of a zone.
type DNSServer struct {
	Addr      netip.AddrPort
	Transport string // tcp or udp
	Key       string // name of the TSIGKey; "" for unsigned updates
}

// NewDNSServer makes a server of the values of its row; ErrData where they are
// none.
func NewDNSServer(addr string, port int64, transport, key string) (DNSServer, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil || port < 1 || port > 65535 {
		return DNSServer{}, fmt.Errorf("dns_server %q port %d: %w", addr, port, ErrData)
	}
	return DNSServer{Addr: netip.AddrPortFrom(a, uint16(port)), Transport: transport, Key: key}, nil
}

// AddServer appends a server to the zone, nil for none. The zone becomes the
// last one unless it is that already.
func (c *Config) AddServer(zone string, s *DNSServer) {
	if n := len(c.Zones); n == 0 || c.Zones[n-1].Name != zone {
		c.Zones = append(c.Zones, DNSZone{Name: zone})
	}
	if s != nil {
		z := &c.Zones[len(c.Zones)-1]
		z.Servers = append(z.Servers, *s)
	}
}

// Link is the unit within which a client has one binding: a shared network
// (Name is set), or a subnet that is in none (Name is empty and it has that
// one subnet).
type Link struct {
	ID         uint32 // 0 in a document: chosen when applied, and kept from then on
	Name       string // name of the shared network
	VRF        uint32
	Comment    string // of a shared network
	Parameters Parameters
	Notes      Notes
	Options    []OptionData
	Subnets    []*Subnet
}

// Subnet is one subnet; its family is that of its prefix.
type Subnet struct {
	ID             uint32
	LinkID         uint32
	PreviousLinkID uint32 // the link it was moved from, 0 if none
	EarlierLinkID  uint32 // the link it was on before that one
	Prefix         netip.Prefix
	Relays         []netip.Addr // giaddr or link-address values that select it, beside those inside Prefix
	Interface      string       // incoming interface that selects it
	InterfaceID    []byte       // DHCPv6 interface-id that selects it
	Closing        bool         // so are its pools
	Comment        string
	Parameters     Parameters
	Notes          Notes
	Options        []OptionData
	Pools          []*Pool
}

// Family returns the subnet's address family.
func (s *Subnet) Family() Family {
	if s.Prefix.Addr().Is4() {
		return IPv4
	}
	return IPv6
}

// OptionData is one option as configured: text in Kea's comma-separated form,
// or hex.
type OptionData struct {
	Family Family
	Code   uint16
	Name   string // as written; may be empty when Code is given
	Data   string // value in comma form, or hex digits when Hex
	Hex    bool
	Always bool // sent also when the client did not ask for it

	Comment string
}

// Parameters are settings by name, as text; the names and their rules are in
// ParameterDefs. A name that is absent is inherited from the next scope:
// subnet, then link, then global, then the default.
type Parameters map[string]string
