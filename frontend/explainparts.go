package frontend

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/frontend/option"
	"rowlock/sqlstore"
)

func hwText(b []byte) string { return net.HardwareAddr(b).String() }

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// take shows an item and what would become of it.
func (b *ExplainedBinding) take(f sqlstore.Family, it *sqlstore.Item, p *sqlstore.Preview) {
	b.Op, b.Preview = it.Op.String(), p
	b.Key, b.Identity = hex.EncodeToString([]byte(it.Key)), identityText(it)
	for _, k := range it.Former {
		b.FormerKeys = append(b.FormerKeys, hex.EncodeToString([]byte(k)))
	}
	b.Outcome, b.Steps = p.Result.Code.String(), append(b.Steps, p.Steps...)
	if p.Result.Code != sqlstore.Granted {
		return
	}
	l := &p.Result.Lease
	if b.Valid = it.ValidLft; f == sqlstore.IPv6 {
		b.Preferred = it.PreferredLft
	}
	if p.Any {
		b.AnyOfPool = l.PoolID
		return
	}
	b.Address = prefixText(l.Prefix())
}

func identityText(it *sqlstore.Item) string {
	switch it.Key.Kind() &^ sqlstore.KeyHashed {
	case sqlstore.KeyClientID:
		return "client identifier " + hex.EncodeToString(it.Client.ClientID)
	case sqlstore.KeyHWAddr:
		return fmt.Sprintf("hardware type %d, address %s", it.Client.HWType, hwText(it.Client.HWAddr))
	case sqlstore.KeyDUID:
		return fmt.Sprintf("DUID %x, IAID %d", it.Client.ClientID, it.Client.IAID)
	}
	return ""
}

// settings shows the parameters that apply in a network, and where they are set.
func (x *explainer) settings(at *network) {
	scopes := at.scopes(x.snap.config)
	for _, d := range sqlstore.ParameterDefs {
		v := ExplainedParameter{Name: d.Name, Value: sqlstore.Lookup(d.Name, scopes...), From: scopeDefault.String()}
		for i, p := range scopes {
			if _, ok := p[d.Name]; ok {
				v.From = [...]scope{scopeSubnet, scopeLink, scopeGlobal}[i].String()
				break
			}
		}
		if v.Value != "" {
			x.out.Parameters = append(x.out.Parameters, v)
		}
	}
}

// pools shows the pools of the network in the order of allocation, then those
// from which nothing is given.
func (x *explainer) pools(n *network) {
	for _, set := range []*sqlstore.PoolSet{n.pools, n.prefixes} {
		for p := range set.Open {
			x.pool(p, "open")
		}
	}
	for _, s := range n.link.Subnets {
		for _, p := range s.Pools {
			switch {
			case s.Family() != n.subnet.Family():
			case p.Closing || s.Closing:
				x.pool(p, "closing")
			case p.Waiting:
				x.pool(p, "waiting")
			}
		}
	}
}

func (x *explainer) pool(p *sqlstore.Pool, state string) {
	x.out.Pools = append(x.out.Pools, ExplainedPool{
		ID: p.ID, Subnet: p.SubnetID, Kind: p.Kind.String(), First: p.First.String(), Last: p.Last.String(),
		Length: p.DelegatedLen, Size: p.Size(), State: state,
	})
}

// sent shows an option of the reply. configured is that of the configuration, if
// there is one; copied tells that the message has the same option.
func (x *explainer) sent(f sqlstore.Family, code uint16, data []byte, configured wireOption, has, copied bool) {
	v := optionView(f, code, data)
	v.Sent = true
	switch {
	case has && bytes.Equal(configured.data, data):
		v.From, v.Why = configured.from.String(), "asked for"
		switch {
		case configured.always:
			v.Why = "always"
		case f == sqlstore.IPv4 && len(x.out.Packet.Asks) == 0:
			v.Why = "the client has no list of what it wants"
		}
	case copied:
		v.From, v.Why = "packet", "sent back"
	default:
		v.From, v.Why = "server", "made by the server"
	}
	x.out.Options = append(x.out.Options, v)
}

// unsent shows the configured options that are not in the reply.
func (x *explainer) unsent(f sqlstore.Family, at *network) {
	sent := map[uint16]bool{}
	for _, o := range x.out.Options {
		sent[o.Code] = true
	}
	all := f == sqlstore.IPv4 && len(x.out.Packet.Asks) == 0
	for _, o := range at.options {
		if sent[o.code] {
			continue
		}
		v := optionView(f, o.code, o.data)
		v.From, v.Why = o.from.String(), "the client does not ask for it"
		if all || o.always || slices.Contains(x.out.Packet.Asks, o.code) {
			v.Why = "no room, or not in this message"
		}
		x.out.Options = append(x.out.Options, v)
	}
}

// optionView shows a value as text where it has a text, else as hex.
func optionView(f sqlstore.Family, code uint16, data []byte) ExplainedOption {
	v := ExplainedOption{Code: code, Name: ownNames[familyIndex(f)][code], Value: hex.EncodeToString(data)}
	d, known := option.ByCode(f, code)
	if known {
		v.Name = d.Name
		if text, err := d.Decode(data); err == nil {
			v.Value = text
		}
	}
	switch dhcpv4.GenericOptionCode(code) {
	case dhcpv4.GenericOptionCode(dhcpv4.OptionIPAddressLeaseTime.Code()), dhcpv4.GenericOptionCode(dhcpv4.OptionRenewTimeValue.Code()),
		dhcpv4.GenericOptionCode(dhcpv4.OptionRebindingTimeValue.Code()):
		if f == sqlstore.IPv4 && len(data) == 4 {
			v.Value = strconv.FormatUint(uint64(binary.BigEndian.Uint32(data)), 10)
		}
	}
	return v
}

// ownNames are Kea's names of the options that no configuration may set, by
// family.
var ownNames = [2]map[uint16]string{
	{
		51: "dhcp-lease-time", 53: "dhcp-message-type", 54: "dhcp-server-identifier", 58: "dhcp-renewal-time", 59: "dhcp-rebinding-time",
		61: "dhcp-client-identifier", 81: "fqdn", 82: "dhcp-agent-options", 118: "subnet-selection",
	},
	{1: "clientid", 2: "serverid", 3: "ia-na", 4: "ia-ta", 7: "preference", 13: "status-code", 14: "rapid-commit", 25: "ia-pd", 39: "client-fqdn"},
}

// named shows the name that the client has at the address it gets.
func (x *explainer) named(m *namer, n *network, p *sqlstore.Preview) {
	if p.Result.Code != sqlstore.Granted || p.Any || !n.segment.named || x.out.Name != nil {
		return
	}
	d := m.at(p.Result.Lease.Addr)
	v := &ExplainedName{Name: d.choice.Name, Forward: d.does.Forward, Reverse: d.does.Reverse}
	if err := m.refused(p.Result.Lease.Addr); err != nil {
		v.Refused = err.Error()
	}
	x.out.Name = v
}
