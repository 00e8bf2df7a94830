package frontend

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// Sample is a message to be made up, for Explain. Zero fields are left out.
type Sample struct {
	Type         string     // one of SampleTypes
	HWAddr       []byte     // DHCPv4: chaddr. DHCPv6: what a relay saw; the DUID is made of it where there is none
	ClientID     []byte     // DHCPv4 client identifier, DHCPv6 DUID
	IAID         uint32     // DHCPv6
	Prefix       bool       // DHCPv6: with an IA_PD
	Relay        netip.Addr // giaddr; DHCPv6: the relay's own address
	LinkAddress  netip.Addr // DHCPv6 link-address, where it is not Relay
	CircuitID    []byte     // DHCPv6: interface-id
	RemoteID     []byte
	SubscriberID []byte

	LinkSelection   netip.Addr   // RFC 3527
	SubnetSelection netip.Addr   // RFC 3011
	Requested       netip.Prefix // the address, or prefix, that the client names
	ServerID        []byte       // DHCPv6 server identifier
	Asks            []uint16     // codes of the options that it asks for
	Hostname        string       // option 12; DHCPv6: the Client FQDN option, qualified where it has a dot
}

// SampleTypes are the types of messages that can be made up; those of DHCPv6 end
// with 6 where DHCPv4 has the same.
func SampleTypes() []string {
	return []string{
		"discover", "request", "renew", "rebind", "init-reboot", "release", "decline", "inform",
		"solicit", "request6", "renew6", "rebind6", "confirm", "release6", "decline6", "information-request",
	}
}

var sampleTypes6 = map[string]dhcpv6.MessageType{
	"solicit": dhcpv6.MessageTypeSolicit, "request6": dhcpv6.MessageTypeRequest, "renew6": dhcpv6.MessageTypeRenew,
	"rebind6": dhcpv6.MessageTypeRebind, "confirm": dhcpv6.MessageTypeConfirm, "release6": dhcpv6.MessageTypeRelease,
	"decline6": dhcpv6.MessageTypeDecline, "information-request": dhcpv6.MessageTypeInformationRequest,
}

// Input makes the message.
func (s *Sample) Input() (ExplainInput, error) {
	if !slices.Contains(SampleTypes(), s.Type) {
		return ExplainInput{}, fmt.Errorf("type %q: there is no such message", s.Type)
	}
	if t, ok := sampleTypes6[s.Type]; ok {
		return s.input6(t)
	}
	return s.input4()
}

// input4 makes a DHCPv4 message in the state that its type says (RFC 2131 section 4.3.2).
func (s *Sample) input4() (in ExplainInput, err error) {
	for name, a := range map[string]netip.Addr{"relay": s.Relay, "link-selection": s.LinkSelection, "subnet-selection": s.SubnetSelection, "requested": s.Requested.Addr()} {
		if a.IsValid() && !a.Is4() {
			return in, fmt.Errorf("%s: %s is no IPv4 address", name, a)
		}
	}
	if len(s.HWAddr) > 16 || len(s.ClientID) > 255 || len(s.Hostname) > 255 || len(s.Asks) > 255 {
		return in, errors.New("a value does not fit into the message")
	}
	unicast := s.Type == "renew" || s.Type == "release"
	if unicast && s.Relay.IsValid() {
		return in, fmt.Errorf("type %s and relay exclude each other: the client sends it to the server itself, past its relay; a renewal that a relay forwards is a rebind", s.Type)
	}
	b := make([]byte, headerLen4)
	b[0], b[1], b[2] = byte(dhcpv4.OpcodeBootRequest), 1, byte(len(s.HWAddr))
	copy(b[4:], []byte{0, 0, 0, 1})
	copy(b[28:], s.HWAddr)
	binary.BigEndian.PutUint32(b[cookieAt4:], magicCookie)
	want := s.Requested.Addr()
	own := s.Type == "renew" || s.Type == "rebind" || s.Type == "release" || s.Type == "inform"
	if own {
		if !want.IsValid() {
			return in, fmt.Errorf("type %s: the address is missing", s.Type)
		}
		copy(b[12:], want.AsSlice())
	}
	if s.Relay.IsValid() {
		copy(b[24:], s.Relay.AsSlice())
	}
	kind := map[string]dhcpv4.MessageType{
		"discover": dhcpv4.MessageTypeDiscover, "release": dhcpv4.MessageTypeRelease, "decline": dhcpv4.MessageTypeDecline, "inform": dhcpv4.MessageTypeInform,
	}[s.Type]
	if kind == 0 {
		kind = dhcpv4.MessageTypeRequest
	}
	b = appendOption4(b, coded4{dhcpv4.OptionDHCPMessageType.Code(), []byte{byte(kind)}})
	if !own && want.IsValid() {
		b = appendOption4(b, coded4{dhcpv4.OptionRequestedIPAddress.Code(), want.AsSlice()})
	}
	if s.Type == "request" {
		b = appendOption4(b, coded4{dhcpv4.OptionServerIdentifier.Code(), standIn.AsSlice()})
	}
	in.Message = append(s.options4(b), dhcpv4.OptionEnd.Code())
	if own && !unicast && !s.Relay.IsValid() {
		in.To = netip.AddrPortFrom(broadcast4, 67)
	}
	return in, nil
}

func (s *Sample) options4(b []byte) []byte {
	add := func(code uint8, v []byte) {
		if len(v) > 0 {
			b = appendOption4(b, coded4{code, v})
		}
	}
	add(dhcpv4.OptionClientIdentifier.Code(), s.ClientID)
	add(dhcpv4.OptionHostName.Code(), []byte(s.Hostname))
	asks := make([]byte, len(s.Asks))
	for i, code := range s.Asks {
		asks[i] = byte(code)
	}
	add(dhcpv4.OptionParameterRequestList.Code(), asks)
	if s.SubnetSelection.IsValid() {
		add(dhcpv4.OptionSubnetSelection.Code(), s.SubnetSelection.AsSlice())
	}
	var agent []byte
	for _, o := range []coded4{
		{dhcpv4.AgentCircuitIDSubOption.Code(), s.CircuitID},
		{dhcpv4.AgentRemoteIDSubOption.Code(), s.RemoteID},
		{dhcpv4.LinkSelectionSubOption.Code(), s.LinkSelection.AsSlice()},
		{dhcpv4.SubscriberIDSubOption.Code(), s.SubscriberID},
	} {
		if len(o.data) > 0 {
			agent = appendOption4(agent, o)
		}
	}
	add(dhcpv4.OptionRelayAgentInformation.Code(), agent)
	return b
}

// input6 makes a DHCPv6 message, in a relay message where a relay is named.
func (s *Sample) input6(kind dhcpv6.MessageType) (in ExplainInput, err error) {
	for name, a := range map[string]netip.Addr{"relay": s.Relay, "link-address": s.LinkAddress, "requested": s.Requested.Addr()} {
		if a.IsValid() && (a.Is4() || a.Zone() != "") {
			return in, fmt.Errorf("%s: %s is no IPv6 address", name, a)
		}
	}
	duid := s.ClientID
	if len(duid) == 0 && len(s.HWAddr) > 0 {
		duid = append([]byte{0, 3, 0, 1}, s.HWAddr...) // DUID-LL (RFC 9915 section 11.4)
	}
	msg := []byte{byte(kind), 0, 0, 1}
	msg = option6(msg, dhcpv6.OptionClientID, duid)
	if rule, _ := rules6(kind); rule.serverID == must {
		id := s.ServerID
		if len(id) == 0 {
			id = unknownDUID
		}
		msg = option6(msg, dhcpv6.OptionServerID, id)
	}
	if kind != dhcpv6.MessageTypeInformationRequest {
		msg = s.ias6(msg)
	}
	var oro []byte
	for _, code := range s.Asks {
		oro = binary.BigEndian.AppendUint16(oro, code)
	}
	msg = option6(msg, dhcpv6.OptionORO, oro)
	if s.Hostname != "" {
		fqdn := name.FQDN{Name: strings.TrimSuffix(s.Hostname, "."), Full: name.Dotted(s.Hostname), S: true}
		v, err := fqdn.Append6(nil)
		if err != nil {
			return in, fmt.Errorf("hostname: %w", err)
		}
		msg = option6(msg, dhcpv6.OptionFQDN, v)
	}
	in.Message = s.relay6(msg, &in)
	if len(in.Message) > maxPacket {
		return in, errors.New("a value does not fit into the message")
	}
	return in, nil
}

// option6 adds an option that is not empty.
func option6(b []byte, code dhcpv6.OptionCode, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = binary.BigEndian.AppendUint16(b, uint16(min(len(v), 65535)))
	return append(b, v...)
}

// ias6 adds an IA_NA unless a prefix is asked for, and an IA_PD if one is.
func (s *Sample) ias6(b []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, s.IAID)
	head = append(head, make([]byte, 8)...) // T1 and T2
	named := s.Requested.IsValid()
	isPrefix := named && !s.Requested.IsSingleIP()
	if !isPrefix {
		ia := slices.Clone(head)
		if named {
			ia = option6(ia, dhcpv6.OptionIAAddr, append(s.Requested.Addr().AsSlice(), make([]byte, 8)...))
		}
		b = option6(b, dhcpv6.OptionIANA, ia)
	}
	if s.Prefix || isPrefix {
		ia := slices.Clone(head)
		if isPrefix {
			v := append(make([]byte, 8), byte(s.Requested.Bits()))
			ia = option6(ia, dhcpv6.OptionIAPrefix, append(v, s.Requested.Masked().Addr().AsSlice()...))
		}
		b = option6(b, dhcpv6.OptionIAPD, ia)
	}
	return b
}

// relay6 puts the message into that of a relay, if the sample has one.
func (s *Sample) relay6(msg []byte, in *ExplainInput) []byte {
	if !s.Relay.IsValid() && !s.LinkAddress.IsValid() && len(s.CircuitID)+len(s.RemoteID)+len(s.SubscriberID) == 0 {
		return msg
	}
	link, peer := netip.IPv6Unspecified(), netip.MustParseAddr("fe80::1")
	switch {
	case s.LinkAddress.IsValid():
		link = s.LinkAddress
	case s.Relay.IsValid():
		link = s.Relay
	}
	if s.Relay.IsValid() {
		in.From = netip.AddrPortFrom(s.Relay, 547)
	}
	b := append([]byte{byte(dhcpv6.MessageTypeRelayForward), 0}, link.AsSlice()...)
	b = append(b, peer.AsSlice()...)
	b = option6(b, dhcpv6.OptionInterfaceID, s.CircuitID)
	if len(s.RemoteID) > 0 {
		b = option6(b, dhcpv6.OptionRemoteID, append(make([]byte, 4), s.RemoteID...))
	}
	b = option6(b, dhcpv6.OptionRelayAgentSubscriberID, s.SubscriberID)
	if len(s.HWAddr) > 0 {
		b = option6(b, dhcpv6.OptionClientLinkLayerAddr, append([]byte{0, 1}, s.HWAddr...))
	}
	return option6(b, dhcpv6.OptionRelayMsg, msg)
}

// SampleFamily is the family of messages of a type.
func SampleFamily(kind string) sqlstore.Family {
	if _, ok := sampleTypes6[kind]; ok {
		return sqlstore.IPv6
	}
	return sqlstore.IPv4
}
