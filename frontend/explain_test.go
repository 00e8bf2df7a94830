package frontend

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// previewOf asks a Leaser and takes its answers as those of a preview.
func previewOf(l Leaser) func(context.Context, *sqlstore.Request) ([]sqlstore.Preview, error) {
	return func(ctx context.Context, r *sqlstore.Request) ([]sqlstore.Preview, error) {
		d, err := l.Do(ctx, r)
		if err != nil {
			return nil, err
		}
		var out []sqlstore.Preview
		for _, res := range d.Results {
			out = append(out, sqlstore.Preview{Result: res})
		}
		return out, nil
	}
}

func explained(t testing.TB, config string, s Sample, iface string) *Explanation {
	t.Helper()
	c, err := parseConfig4(config)
	require.NoError(t, err)
	if s.HWAddr == nil {
		s.HWAddr = []byte{2, 0, 0x5e, 0x10, 0, 1}
	}
	in, err := s.Input()
	require.NoError(t, err)
	in.Interface, in.Preview = iface, previewOf(newModel4())
	x, err := Explain(t.Context(), c, in)
	require.NoError(t, err)
	return x
}

// The rule that chose the subnet, and what was refused for which reason.
func TestExplainSelection(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	vrfs := fourPlans + "\n link floor\n subnet 198.18.1.0/24\n subnet 198.18.2.0/24 closing\n subnet 198.18.3.0/24"
	whole := `
		link
		subnet 192.0.2.0/24
		link
		subnet 198.51.100.0/24 relay=192.0.2.1
		link
		subnet 10.0.0.0/8 vrf=7
		link
		subnet 10.0.0.0/8 vrf=8
		link
		subnet 203.0.113.0/24 vrf=9
		link
		subnet 203.0.113.0/24
		link
		subnet 198.18.0.0/24 closing
		link
		subnet 198.18.0.0/16
		link
		subnet 10.0.0.0/7 vrf=9`
	for _, c := range []struct {
		name, config string
		sample       Sample
		iface        string
		vrf, subnet  uint32 // 0: none
		rule         string
		why          []string // of the candidates
	}{
		{
			"vrf by relay", vrfs, Sample{Type: "discover", Relay: a("192.0.2.1")}, "", 8, 30, "giaddr", []string{
				"giaddr 192.0.2.1: it is in vrf 0, and the packet in vrf 8", "giaddr 192.0.2.1: it is in vrf 7, and the packet in vrf 8",
				"giaddr 192.0.2.1: it is in vrf 9, and the packet in vrf 8",
			},
		},
		{"vrf by interface", vrfs, Sample{Type: "discover", Relay: a("10.7.0.1")}, "eth7", 7, 60, "giaddr", nil},
		{
			"no subnet in vrf 0, one in 7", vrfs,
			Sample{Type: "discover", Relay: a("10.7.0.1")},
			"", 0, 0, "",
			[]string{"giaddr 10.7.0.1: it is in vrf 7, and the packet in vrf 0"},
		},
		{
			"relay list before prefix", whole,
			Sample{Type: "discover", Relay: a("192.0.2.1")},
			"", 0, 20, "relay list",
			[]string{"giaddr 192.0.2.1: relay list comes before giaddr"},
		},
		{
			"link-selection before relay list", whole,
			Sample{Type: "discover", Relay: a("192.0.2.1"), LinkSelection: a("203.0.113.9")},
			"", 0, 60, "link-selection",
			[]string{
				"giaddr 192.0.2.1: link-selection comes before giaddr", "relay list 192.0.2.1: link-selection comes before relay list",
				"link-selection 203.0.113.9: vrf 0 comes before vrf 9 where no vrf says which packets are its own",
			},
		},
		{
			"an unknown link-selection decides", whole,
			Sample{Type: "discover", Relay: a("192.0.2.1"), LinkSelection: a("100.64.0.1")},
			"", 0, 0, "",
			[]string{
				"giaddr 192.0.2.1: link-selection decides alone, and no other subnet takes its place",
				"relay list 192.0.2.1: link-selection decides alone, and no other subnet takes its place",
			},
		},
		{
			"two vrfs, none says which packets are its own", whole, Sample{Type: "discover", Relay: a("10.0.0.1")}, "", 0, 0, "", []string{
				"giaddr 10.0.0.1: so do subnets of other vrfs than its vrf 7, none of them vrf 0, and no vrf says which packets are its own",
				"giaddr 10.0.0.1: so do subnets of other vrfs than its vrf 8, none of them vrf 0, and no vrf says which packets are its own",
				"giaddr 10.0.0.1: a longer prefix has it, in several vrfs and not in vrf 0, and no vrf says which packets are its own",
			},
		},
		{
			"an open subnet around one that is closing", whole,
			Sample{Type: "discover", Relay: a("198.18.0.1")},
			"", 0, 80, "giaddr",
			[]string{"giaddr 198.18.0.1: it is closing, and an open subnet is preferred"},
		},
		{"interface of a subnet", vrfs, Sample{Type: "discover"}, "eth9", 9, 40, "interface", nil},
		{"subnet-selection", whole, Sample{Type: "discover", Relay: a("203.0.113.1"), SubnetSelection: a("198.51.100.0")}, "", 0, 20, "subnet-selection", []string{
			"giaddr 203.0.113.1: vrf 0 comes before vrf 9 where no vrf says which packets are its own", "giaddr 203.0.113.1: subnet-selection comes before giaddr",
		}},
	} {
		x := explained(t, c.config, c.sample, c.iface)
		var why []string
		for _, s := range x.Candidates {
			why = append(why, s.Why)
		}
		require.Equal(t, c.why, why, c.name)
		if c.subnet == 0 {
			require.Equal(t, ReasonNoSubnet, x.Drop.Reason, c.name)
			require.Nil(t, x.Subnet, c.name)
			require.False(t, slices.ContainsFunc(x.Selection, func(r ExplainedRule) bool { return r.Chosen }))
			continue
		}
		require.Equal(t, c.subnet, x.Subnet.ID, c.name)
		require.Equal(t, c.rule, x.Subnet.Why, c.name)
		require.Equal(t, c.vrf, x.VRF.ID, c.name)
		last := x.Selection[len(x.Selection)-1]
		require.True(t, last.Chosen && last.Rule == c.rule && last.Subnet == c.subnet, c.name)
	}
	x := explained(t, vrfs, Sample{Type: "discover", Relay: a("198.18.3.1")}, "")
	require.Equal(t, &ExplainedLink{ID: 10, SharedNetwork: "floor", Subnets: []ExplainedSubnet{
		{ID: 100, Prefix: "198.18.1.0/24", Link: 10, Why: "same link: its pools come after those of the chosen subnet"},
		{ID: 101, Prefix: "198.18.2.0/24", Link: 10, Closing: true, Why: "closing: its pools give nothing"},
		{ID: 102, Prefix: "198.18.3.0/24", Link: 10, Why: "chosen: its pools come first"},
	}}, x.Link)
}

// Subnets that are closing come last, and the explanation says so.
func TestExplainClosing(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	const config = `
		link
		subnet 10.0.0.0/24 closing relay=192.0.2.1
		link
		subnet 192.0.2.0/24
		link
		subnet 198.18.0.0/24 vrf=7
		link
		subnet 198.18.0.0/24 vrf=8
		link
		subnet 198.18.0.0/16 vrf=9 closing`
	x := explained(t, config, Sample{Type: "discover", Relay: a("192.0.2.1")}, "")
	require.EqualValues(t, 20, x.Subnet.ID)
	require.Len(t, x.Candidates, 1)
	require.Equal(t, "relay list 192.0.2.1: it is closing, and an open subnet is preferred", x.Candidates[0].Why)
	x = explained(t, config, Sample{Type: "discover", Relay: a("10.0.0.1")}, "")
	require.Equal(t, []ExplainedRule{
		{Rule: "relay list", Value: "10.0.0.1", Text: "no open subnet has it"},
		{Rule: "giaddr", Value: "10.0.0.1", Text: "no open subnet has it"},
		{Rule: "giaddr", Value: "10.0.0.1", Subnet: 10, Chosen: true, Text: "subnet 10 (10.0.0.0/24)"},
	}, x.Selection)
	x = explained(t, config, Sample{Type: "discover", Relay: a("198.18.0.1")}, "")
	require.Equal(t, ReasonNoSubnet, x.Drop.Reason)
	require.Len(t, x.Candidates, 3)
	require.Equal(t, "giaddr 198.18.0.1: open subnets of several vrfs have it, none of them vrf 0, and no vrf says which packets are its own", x.Candidates[2].Why)
}

// A renewal to the interface of another vrf's subnet is in vrf 0.
func TestExplainRenewalOfVRF0(t *testing.T) {
	t.Parallel()
	x := explained(t, fourPlans, Sample{Type: "renew", Requested: netip.MustParsePrefix("192.0.2.99/32")}, "eth9")
	require.Equal(t, &ExplainedVRF{ID: 0, Rule: "ciaddr, which the vrf of the interface's subnet does not have", Value: "192.0.2.99"}, x.VRF)
	require.Equal(t, "192.0.2.0/24", x.Subnet.Prefix)
}

const explainConfig4 = `
	param valid_lifetime 3600
	param ddns_send_updates true
	param ddns_qualifying_suffix dyn.example.org
	option domain-name-servers 192.0.2.53
	option ntp-servers 192.0.2.123
	option log-servers! 192.0.2.14
	link floor
	param renew_timer 200
	option domain-name floor.example.org
	subnet 192.0.2.0/28 relay=203.0.113.9 previous=9
	param valid_lifetime 600
	option routers 192.0.2.1
	pool 192.0.2.5 192.0.2.6 closing
	pool 192.0.2.7 192.0.2.8
	subnet 198.51.100.0/24
	pool 198.51.100.9 198.51.100.10`

func TestExplain4(t *testing.T) {
	t.Parallel()
	s := Sample{
		Type: "discover", Relay: netip.MustParseAddr("203.0.113.9"), ClientID: []byte{1, 2, 3}, CircuitID: []byte("port1"), RemoteID: []byte("r"),
		SubscriberID: []byte("s"), Hostname: "pc", Asks: []uint16{3, 15}, Requested: netip.MustParsePrefix("192.0.2.8/32"),
	}
	x := explained(t, explainConfig4, s, "")
	require.Nil(t, x.Drop)
	require.Equal(t, ExplainedPacket{
		Family: "v4", Type: "discover", XID: "00000001", From: "203.0.113.9:67", To: "server", Relays: []string{"203.0.113.9"},
		HWAddr: "02:00:5e:10:00:01", ClientID: "010203", CircuitID: "706f727431", RemoteID: "72", SubscriberID: "73", Hostname: "pc", Asks: []uint16{3, 15},
	}, x.Packet)
	b := x.Bindings[0]
	b.Preview = nil
	require.Equal(t, ExplainedBinding{
		Op: "offer", Kind: "na", Identity: "client identifier 010203", Key: "0000000101010203", FormerKeys: []string{"0000000901010203"},
		Want: "192.0.2.8", Outcome: "granted", Address: "192.0.2.8", Valid: 600, Steps: []string{},
	}, b)
	require.Equal(t, []ExplainedPool{
		{ID: 2, Subnet: 10, Kind: "na", First: "192.0.2.7", Last: "192.0.2.8", Length: 32, Size: 2, State: "open"},
		{ID: 3, Subnet: 11, Kind: "na", First: "198.51.100.9", Last: "198.51.100.10", Length: 32, Size: 2, State: "open"},
		{ID: 1, Subnet: 10, Kind: "na", First: "192.0.2.5", Last: "192.0.2.6", Length: 32, Size: 2, State: "closing"},
	}, x.Pools)
	from := map[string]string{}
	for _, p := range x.Parameters {
		from[p.Name] = p.From + " " + p.Value
	}
	require.Equal(t, "subnet 600", from["valid_lifetime"])
	require.Equal(t, "link 200", from["renew_timer"])
	require.Equal(t, "global true", from["ddns_send_updates"])
	require.Equal(t, "default 60", from["offer_lifetime"])
	require.NotContains(t, from, "max_valid_lifetime")
	options := map[uint16]ExplainedOption{}
	for _, o := range x.Options {
		options[o.Code] = o
	}
	require.Equal(t, ExplainedOption{3, "routers", "192.0.2.1", "subnet", true, "asked for"}, options[3])
	require.Equal(t, ExplainedOption{15, "domain-name", "floor.example.org", "link", true, "asked for"}, options[15])
	require.Equal(t, ExplainedOption{7, "log-servers", "192.0.2.14", "global", true, "always"}, options[7])
	require.Equal(t, ExplainedOption{42, "ntp-servers", "192.0.2.123", "global", false, "the client does not ask for it"}, options[42])
	require.Equal(t, "packet", options[82].From)
	require.Equal(t, "packet", options[61].From)
	require.Equal(t, "server", options[51].From)
	require.NotContains(t, options, uint16(54), "each frontend has its own")
	require.Equal(t, &ExplainedName{Name: "pc.dyn.example.org", Forward: true, Reverse: true}, x.Name)
	require.Equal(t, &ExplainedReply{Type: "offer", To: "203.0.113.9:67"}, x.Reply)
}

// Each type of message is what a client in that state sends.
func TestExplainSamples4(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2]string{
		"discover": {"offer", "offer"}, "request": {"select", "ack"}, "renew": {"renew", "ack"}, "rebind": {"rebind", "ack"},
		"init-reboot": {"init-reboot", "not-ours"}, "release": {"release", "no-binding"}, "decline": {"decline", "no-binding"}, "inform": {"", "ack"},
	} {
		for _, relay := range []netip.Addr{{}, netip.MustParseAddr("192.0.2.1")} {
			if relay.IsValid() && (kind == "renew" || kind == "release") {
				continue // refused, see TestExplainDrops
			}
			x := explained(t, "link\n subnet 192.0.2.0/24 interface=eth0\n pool 192.0.2.10 192.0.2.20", Sample{
				Type: kind, Relay: relay, Requested: netip.MustParsePrefix("192.0.2.12/32"),
			}, map[bool]string{true: "", false: "eth0"}[relay.IsValid()])
			op, end := "", ""
			if len(x.Bindings) > 0 {
				op = x.Bindings[0].Op
			}
			if x.Reply != nil {
				end = x.Reply.Type
			}
			if x.Drop != nil {
				end = string(x.Drop.Reason)
			}
			require.Equal(t, want, [2]string{op, end}, "%s, relay %s", kind, relay)
		}
	}
}

func TestExplainDrops(t *testing.T) {
	t.Parallel()
	const net = "link\n subnet 192.0.2.0/24 interface=eth0\n pool 192.0.2.10 192.0.2.20"
	x := explained(t, net, Sample{Type: "discover"}, "")
	require.Equal(t, ReasonNotRelayed, x.Drop.Reason)
	x = explained(t, "vrf 8 relay=10.8.0.1\n"+net+"\n link\n subnet 10.8.0.0/24 vrf=8", Sample{Type: "renew", Requested: netip.MustParsePrefix("10.8.0.9/32")}, "eth0")
	require.Equal(t, ReasonUnknownVRF, x.Drop.Reason)
	require.Equal(t, []ExplainedRule{{Rule: "ciaddr", Value: "10.8.0.9", Text: "no subnet has it"}}, x.Selection)
	require.Len(t, x.Candidates, 2)
	require.Equal(t, "interface eth0: ciaddr decides alone, and no other subnet takes its place", x.Candidates[0].Why)
	require.Equal(t, "ciaddr 10.8.0.9: it is in vrf 8, and the packet in vrf 0", x.Candidates[1].Why)
	x = explained(t, net, Sample{Type: "init-reboot", Requested: netip.MustParsePrefix("10.0.0.1/32")}, "eth0")
	require.Nil(t, x.Drop)
	require.Equal(t, "nak", x.Reply.Type)
	require.Equal(t, []string{"10.0.0.1 is in no subnet of the link, so the database is not asked"}, x.Bindings[0].Steps)
	x = explained(t, "link\n subnet 192.0.2.0/24 interface=eth0", Sample{Type: "discover"}, "eth0")
	require.Equal(t, &ExplainedDrop{Reason: ReasonExhausted, Text: "subnet 192.0.2.0/24"}, x.Drop)
	x = explained(t, net, Sample{Type: "discover", HWAddr: []byte{}}, "eth0")
	require.Equal(t, ReasonNoIdentity, x.Drop.Reason)

	c, err := parseConfig4(net)
	require.NoError(t, err)
	_, err = Explain(t.Context(), c, ExplainInput{Message: make([]byte, maxPacket+1)})
	require.ErrorContains(t, err, "4097 bytes")
	x, err = Explain(t.Context(), c, ExplainInput{})
	require.NoError(t, err)
	require.Equal(t, ReasonMalformed, x.Drop.Reason)
	failing := func(context.Context, *sqlstore.Request) ([]sqlstore.Preview, error) { return nil, errors.New("away") }
	in := ExplainInput{Message: encode4(t, "DISCOVER"), Interface: "eth0", Preview: failing}
	_, err = Explain(t.Context(), c, in)
	require.ErrorContains(t, err, "explain: away")
	in.Preview = func(context.Context, *sqlstore.Request) ([]sqlstore.Preview, error) { return nil, nil }
	_, err = Explain(t.Context(), c, in)
	require.ErrorContains(t, err, "0 previews for 1 items")
	_, err = Explain(t.Context(), nil, in)
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorContains(t, err, "no configuration")
	for _, s := range []Sample{
		{Type: "offer"},
		{Type: "renew"},
		{Type: "renew", Relay: netip.MustParseAddr("192.0.2.1"), Requested: netip.MustParsePrefix("192.0.2.12/32")},
		{Type: "release", Relay: netip.MustParseAddr("192.0.2.1"), Requested: netip.MustParsePrefix("192.0.2.12/32")},
		{Type: "discover", Relay: netip.MustParseAddr("2001:db8::1")},
		{Type: "solicit", Relay: netip.MustParseAddr("192.0.2.1")},
		{Type: "discover", HWAddr: make([]byte, 17)},
		{Type: "solicit", ClientID: make([]byte, 5000)},
	} {
		_, err := s.Input()
		require.Error(t, err, s.Type)
	}
}

// A name goes into a DHCPv6 message label by label, or the sample is refused.
func TestSampleHostname6(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for host, want := range map[string]name.FQDN{
		"pc": {Name: "pc"}, "a.b.c": {Name: "a.b.c", Full: true}, "a.b.c.": {Name: "a.b.c", Full: true}, long + ".b": {Name: long + ".b", Full: true},
	} {
		in, err := (&Sample{Type: "solicit", Hostname: host}).Input()
		require.NoError(t, err)
		q, err := decode6(&packet{family: sqlstore.IPv6, data: in.Message})
		require.NoError(t, err)
		want.S = true
		require.True(t, q.names.sent.has, host)
		require.Equal(t, want, q.names.sent.fqdn, host)
	}
	for _, host := range []string{long + "a", "a..b", ".a", strings.Repeat("a.", 127) + "a"} {
		_, err := (&Sample{Type: "solicit", Hostname: host}).Input()
		require.ErrorContains(t, err, "hostname: ", host)
	}
}

func TestExplain6(t *testing.T) {
	t.Parallel()
	c := config6()
	explain := func(s Sample, iface string) *Explanation {
		in, err := s.Input()
		require.NoError(t, err)
		in.Interface, in.Preview = iface, previewOf(&leaser6{})
		x, err := Explain(t.Context(), c, in)
		require.NoError(t, err)
		return x
	}
	duid := []byte{0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1}
	x := explain(Sample{Type: "solicit", HWAddr: duid[4:], IAID: 7, Prefix: true, Relay: netip.MustParseAddr("2001:db8:1::1"), CircuitID: []byte("other"), Asks: []uint16{23}}, "")
	require.Nil(t, x.Drop)
	require.Equal(t, "solicit", x.Packet.Type)
	require.Equal(t, hex.EncodeToString(duid), x.Packet.ClientID)
	require.Equal(t, []string{"2001:db8:1::1"}, x.Packet.Relays)
	require.Len(t, x.Bindings, 2)
	require.Equal(t, "na", x.Bindings[0].Kind)
	require.Equal(t, "DUID "+hex.EncodeToString(duid)+", IAID 7", x.Bindings[0].Identity)
	require.Equal(t, "pd", x.Bindings[1].Kind)
	require.EqualValues(t, 7, *x.Bindings[1].IAID)
	require.Equal(t, "granted", x.Bindings[1].Outcome)
	require.Equal(t, "advertise", x.Reply.Type)
	require.Equal(t, hex.EncodeToString(serverDUID6), x.Reply.ServerID)
	for _, kind := range []string{"request6", "renew6", "rebind6", "confirm", "release6", "decline6", "information-request"} {
		s := Sample{Type: kind, HWAddr: duid[4:], IAID: 7, Requested: netip.MustParsePrefix("2001:db8:1::1005/128"), LinkAddress: netip.MustParseAddr("2001:db8:1::1"), ServerID: serverDUID6}
		if kind == "rebind6" || kind == "confirm" || kind == "information-request" {
			s.ServerID = nil
		}
		x := explain(s, "")
		require.Nil(t, x.Drop, kind)
		require.Equal(t, "reply", x.Reply.Type, kind)
	}
	x = explain(Sample{Type: "solicit", HWAddr: duid[4:], LinkAddress: netip.MustParseAddr("2001:db8:77::1")}, "")
	require.Equal(t, ReasonNoSubnet, x.Drop.Reason)
	x = explain(Sample{Type: "renew6", HWAddr: duid[4:], LinkAddress: netip.MustParseAddr("2001:db8:1::1"), ServerID: []byte{1, 2, 3}}, "")
	require.Equal(t, ReasonForeignServer, x.Drop.Reason)
	c.ServerDUID = nil
	x = explain(Sample{Type: "renew6", HWAddr: duid[4:], LinkAddress: netip.MustParseAddr("2001:db8:1::1")}, "")
	require.Nil(t, x.Drop)
	require.Empty(t, x.Reply.ServerID, "a configuration without a server identifier will get one")
}
