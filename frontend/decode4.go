package frontend

import (
	"bytes"
	"encoding/binary"
	"net/netip"

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
	msg       inbound4
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
	q := &query4{maxSize: dhcpv4.MaxMessageSize}
	if err := q.msg.read(p.data); err != nil {
		return nil, drop(ReasonMalformed, "decode message: %w", err)
	}
	for _, step := range [...]func(*query4) error{
		(*query4).readOverload, (*query4).readType, (*query4).readHeader, (*query4).readAddresses, (*query4).readNumbers, (*query4).readRelay, (*query4).readClient,
	} {
		if err := step(q); err != nil {
			return nil, err
		}
	}
	q.origin.unicast = p.dst.Addr() != broadcast4
	return q, nil
}

// readOverload adds the options in the file and sname fields, in the order of
// RFC 3396 section 5 (RFC 2131 section 4.1, option overload).
func (q *query4) readOverload() error {
	v, _ := q.msg.options.get(dhcpv4.OptionOptionOverload)
	if v == nil {
		return nil
	}
	if len(v) != 1 || v[0] < 1 || v[0] > 3 {
		return drop(ReasonMalformed, "option overload is %x", v)
	}
	fields := v[0] // an option of that number in a field would not count
	if fields&1 != 0 {
		if _, err := q.msg.options.read(q.msg.data[fileAt4:cookieAt4]); err != nil {
			return drop(ReasonMalformed, "decode options in file field: %w", err)
		}
	}
	if fields&2 != 0 {
		if _, err := q.msg.options.read(q.msg.data[snameAt4:fileAt4]); err != nil {
			return drop(ReasonMalformed, "decode options in sname field: %w", err)
		}
	}
	return nil
}

func (q *query4) readType() error {
	v, _ := q.msg.options.get(dhcpv4.OptionDHCPMessageType)
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
	q.origin.giaddr, q.origin.ciaddr = q.msg.giaddr(), q.msg.ciaddr()
	for _, a := range [...]netip.Addr{q.origin.giaddr, q.origin.ciaddr} {
		if a.IsMulticast() || a == broadcast4 {
			return drop(ReasonMalformed, "%s is no unicast address", a)
		}
	}
	return nil
}

func (q *query4) readAddresses() (err error) {
	if q.requested, err = q.msg.options.address(dhcpv4.OptionRequestedIPAddress); err != nil {
		return err
	}
	if q.serverID, err = q.msg.options.address(dhcpv4.OptionServerIdentifier); err != nil {
		return err
	}
	q.origin.subnetSelection, err = q.msg.options.address(dhcpv4.OptionSubnetSelection)
	return err
}

func (q *query4) readNumbers() error {
	q.params, _ = q.msg.options.get(dhcpv4.OptionParameterRequestList)
	if v, ok := q.msg.options.get(dhcpv4.OptionIPAddressLeaseTime); ok {
		if len(v) != 4 {
			return drop(ReasonMalformed, "lease time has %d bytes", len(v))
		}
		q.lease, q.asked = binary.BigEndian.Uint32(v), true
	}
	if v, ok := q.msg.options.get(dhcpv4.OptionMaximumDHCPMessageSize); ok {
		if len(v) != 2 {
			return drop(ReasonMalformed, "maximum message size has %d bytes", len(v))
		}
		q.maxSize = max(q.maxSize, int(binary.BigEndian.Uint16(v)))
	}
	return nil
}

// readRelay reads option 82 (RFC 3046).
func (q *query4) readRelay() (err error) {
	v, ok := q.msg.options.get(dhcpv4.OptionRelayAgentInformation)
	if !ok {
		return nil
	}
	var room [8]coded4
	sub := options4{list: room[:0]}
	if _, err := sub.read(v); err != nil {
		return drop(ReasonMalformed, "decode relay agent information: %w", err)
	}
	if q.origin.linkSelection, err = sub.address(dhcpv4.LinkSelectionSubOption); err != nil {
		return err
	}
	if q.override, err = sub.address(dhcpv4.ServerIdentifierOverrideSubOption); err != nil {
		return err
	}
	_, q.relayPort = sub.get(dhcpv4.RelaySourcePortSubOption)
	c := &q.client
	c.CircuitID, _ = sub.get(dhcpv4.AgentCircuitIDSubOption)
	c.RemoteID, _ = sub.get(dhcpv4.AgentRemoteIDSubOption)
	c.SubscriberID, _ = sub.get(dhcpv4.SubscriberIDSubOption)
	c.RelayID, _ = sub.get(relayIDSubOption)
	for _, id := range [...][]byte{c.CircuitID, c.RemoteID, c.SubscriberID, c.RelayID} {
		if len(id) > maxRelayID {
			return drop(ReasonOversize, "sub-option of option 82 has %d bytes", len(id))
		}
	}
	return nil
}

// relayIDSubOption is the relay agent identifier (RFC 6925).
const relayIDSubOption = dhcpv4.GenericOptionCode(12)

// readClient reads who the client is.
func (q *query4) readClient() error {
	c := &q.client
	c.RelayAddr = q.origin.giaddr
	c.HWType = q.msg.hwType()
	if hw := q.msg.chaddr(); len(hw) > 0 {
		c.HWAddr, c.HWSource = hw, 1
	}
	if id, _ := q.msg.options.get(dhcpv4.OptionClientIdentifier); len(id) > 0 {
		c.ClientID = id
	}
	if len(c.ClientID) > maxClientID {
		return drop(ReasonOversize, "client identifier has %d bytes", len(c.ClientID))
	}
	if len(c.HWAddr) == 0 && len(c.ClientID) == 0 {
		return drop(ReasonNoIdentity, "no client identifier and hlen is 0")
	}
	sent := &q.names.sent
	host, _ := q.msg.options.get(dhcpv4.OptionHostName)
	sent.host = string(bytes.TrimRight(host, "\x00"))
	if v, ok := q.msg.options.get(dhcpv4.OptionFQDN); ok {
		sent.take(v, name.Parse4)
	}
	c.Hostname, c.FQDNFlags = sent.plain()
	return nil
}
