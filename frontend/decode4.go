package frontend

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// The longest values that the lease table's columns hold, in bytes.
const (
	maxHWAddr   = 20
	maxClientID = 255
	maxRelayID  = 255
)

// query4 is a DHCPv4 message, read and checked. Address fields that are
// absent or 0.0.0.0 are the zero Addr.
type query4 struct {
	msg       *dhcpv4.DHCPv4
	kind      dhcpv4.MessageType
	requested netip.Addr // option 50
	serverID  netip.Addr // option 54
	override  netip.Addr // sub-option 11 of option 82 (RFC 5107)
	origin    origin4
	relayPort bool   // sub-option 19 of option 82 (RFC 8357)
	lease     uint32 // option 51; asked tells whether it was there
	asked     bool
	maxSize   int // option 57, at least 576
	params    []byte
	client    sqlstore.Client
	names     namer
}

// decode4 reads a DHCPv4 message. Its error is a Drop.
func decode4(p *packet) (*query4, error) {
	if len(p.data) < headerLen4 {
		return nil, drop(ReasonMalformed, "%d bytes are no DHCP message", len(p.data))
	}
	if p.data[0] != byte(dhcpv4.OpcodeBootRequest) {
		return nil, drop(ReasonWrongType, "op is %d", p.data[0])
	}
	if hlen := p.data[2]; hlen > 16 {
		return nil, drop(ReasonMalformed, "hlen is %d", hlen)
	}
	msg, err := dhcpv4.FromBytes(p.data)
	if err != nil {
		return nil, drop(ReasonMalformed, "decode message: %w", err)
	}
	if err := readOverload(msg, p.data); err != nil {
		return nil, err
	}
	q := &query4{msg: msg, maxSize: dhcpv4.MaxMessageSize}
	for _, step := range []func() error{q.readType, q.readHeader, q.readAddresses, q.readNumbers, q.readRelay, q.readClient} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	q.origin.unicast = p.dst.Addr() != broadcast4
	q.origin.iface = p.iface
	return q, nil
}

// readOverload adds the options in the file and sname fields, in the order of
// RFC 3396 section 5 (RFC 2131 section 4.1, option overload).
func readOverload(msg *dhcpv4.DHCPv4, data []byte) error {
	v := msg.Options.Get(dhcpv4.OptionOptionOverload)
	if v == nil {
		return nil
	}
	if len(v) != 1 || v[0] < 1 || v[0] > 3 {
		return drop(ReasonMalformed, "option overload is %x", v)
	}
	if v[0]&1 != 0 {
		if err := msg.Options.FromBytes(data[fileAt4:cookieAt4]); err != nil {
			return drop(ReasonMalformed, "decode options in file field: %w", err)
		}
	}
	if v[0]&2 != 0 {
		if err := msg.Options.FromBytes(data[snameAt4:fileAt4]); err != nil {
			return drop(ReasonMalformed, "decode options in sname field: %w", err)
		}
	}
	return nil
}

func (q *query4) readType() error {
	v := q.msg.Options.Get(dhcpv4.OptionDHCPMessageType)
	if len(v) != 1 {
		return drop(ReasonWrongType, "message type is %x", v) // none: BOOTP, which is not served
	}
	q.kind = dhcpv4.MessageType(v[0])
	if kinds4[q.kind] == "" {
		return drop(ReasonWrongType, "%s is not for servers", q.kind)
	}
	return nil
}

func (q *query4) readHeader() error {
	q.origin.giaddr = fromIP(q.msg.GatewayIPAddr)
	q.origin.ciaddr = fromIP(q.msg.ClientIPAddr)
	for _, a := range []netip.Addr{q.origin.giaddr, q.origin.ciaddr} {
		if a.IsMulticast() || a == broadcast4 {
			return drop(ReasonMalformed, "%s is no unicast address", a)
		}
	}
	return nil
}

// fromIP returns the zero Addr for 0.0.0.0.
func fromIP(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// address reads an option that is one address. Absent or 0.0.0.0, it is the
// zero Addr.
func address(o dhcpv4.Options, code dhcpv4.OptionCode) (netip.Addr, error) {
	v, ok := o[code.Code()]
	if ok && len(v) != 4 {
		return netip.Addr{}, drop(ReasonMalformed, "option %d has %d bytes", code.Code(), len(v))
	}
	return fromIP(v), nil
}

func (q *query4) readAddresses() (err error) {
	if q.requested, err = address(q.msg.Options, dhcpv4.OptionRequestedIPAddress); err != nil {
		return err
	}
	if q.serverID, err = address(q.msg.Options, dhcpv4.OptionServerIdentifier); err != nil {
		return err
	}
	q.origin.subnetSelection, err = address(q.msg.Options, dhcpv4.OptionSubnetSelection)
	return err
}

func (q *query4) readNumbers() error {
	q.params = q.msg.Options.Get(dhcpv4.OptionParameterRequestList)
	if v, ok := q.msg.Options[dhcpv4.OptionIPAddressLeaseTime.Code()]; ok {
		if len(v) != 4 {
			return drop(ReasonMalformed, "lease time has %d bytes", len(v))
		}
		q.lease, q.asked = binary.BigEndian.Uint32(v), true
	}
	if v, ok := q.msg.Options[dhcpv4.OptionMaximumDHCPMessageSize.Code()]; ok {
		if len(v) != 2 {
			return drop(ReasonMalformed, "maximum message size has %d bytes", len(v))
		}
		q.maxSize = max(q.maxSize, int(binary.BigEndian.Uint16(v)))
	}
	return nil
}

// readRelay reads option 82 (RFC 3046).
func (q *query4) readRelay() (err error) {
	v, ok := q.msg.Options[dhcpv4.OptionRelayAgentInformation.Code()]
	if !ok {
		return nil
	}
	sub := dhcpv4.Options{}
	if err := sub.FromBytes(v); err != nil {
		return drop(ReasonMalformed, "decode relay agent information: %w", err)
	}
	if q.origin.linkSelection, err = address(sub, dhcpv4.LinkSelectionSubOption); err != nil {
		return err
	}
	if q.override, err = address(sub, dhcpv4.ServerIdentifierOverrideSubOption); err != nil {
		return err
	}
	_, q.relayPort = sub[dhcpv4.RelaySourcePortSubOption.Code()]
	c := &q.client
	c.CircuitID = sub[dhcpv4.AgentCircuitIDSubOption.Code()]
	c.RemoteID = sub[dhcpv4.AgentRemoteIDSubOption.Code()]
	c.SubscriberID = sub[dhcpv4.SubscriberIDSubOption.Code()]
	c.RelayID = sub[relayIDSubOption]
	for _, id := range [][]byte{c.CircuitID, c.RemoteID, c.SubscriberID, c.RelayID} {
		if len(id) > maxRelayID {
			return drop(ReasonOversize, "sub-option of option 82 has %d bytes", len(id))
		}
	}
	return nil
}

// relayIDSubOption is the relay agent identifier (RFC 6925).
const relayIDSubOption = 12

// readClient reads who the client is.
func (q *query4) readClient() error {
	c := &q.client
	c.RelayAddr = q.origin.giaddr
	c.HWType = uint16(q.msg.HWType)
	if len(q.msg.ClientHWAddr) > 0 {
		c.HWAddr, c.HWSource = q.msg.ClientHWAddr, 1
	}
	if id := q.msg.Options.Get(dhcpv4.OptionClientIdentifier); len(id) > 0 {
		c.ClientID = id
	}
	if len(c.ClientID) > maxClientID {
		return drop(ReasonOversize, "client identifier has %d bytes", len(c.ClientID))
	}
	if len(c.HWAddr) == 0 && len(c.ClientID) == 0 {
		return drop(ReasonNoIdentity, "no client identifier and hlen is 0")
	}
	sent := &q.names.sent
	sent.host = strings.TrimRight(string(q.msg.Options.Get(dhcpv4.OptionHostName)), "\x00")
	if v, ok := q.msg.Options[dhcpv4.OptionFQDN.Code()]; ok {
		sent.take(v, name.Parse4)
	}
	c.Hostname, c.FQDNFlags = sent.plain()
	return nil
}
