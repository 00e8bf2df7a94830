package frontend

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const (
	lan4 = `
		link
		subnet 192.0.2.0/24 interface=eth0
		pool 192.0.2.10 192.0.2.99`
	onLink4  = "listen interface eth0 192.0.2.1/24"
	relayed4 = "listen udp 198.51.100.67"
)

// lease4 gives the client of encode4 an active lease of 192.0.2.10.
func lease4(t testing.TB, b *bench4) {
	t.Helper()
	_, _, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
	_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "ACK", m.kind)
}

func TestRFC2131_4_3_2_StateOfRequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text, to string
		op             sqlstore.Op
		want           string
	}{
		{"selecting", "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1", "255.255.255.255:67", sqlstore.OpSelect, "192.0.2.10"},
		{"init-reboot", "REQUEST\n 50 addr 192.0.2.11", "255.255.255.255:67", sqlstore.OpInitReboot, "192.0.2.11"},
		{"renewing", "REQUEST\n ciaddr 192.0.2.12", "192.0.2.1:67", sqlstore.OpRenew, "192.0.2.12"},
		{"rebinding", "REQUEST\n ciaddr 192.0.2.13", "255.255.255.255:67", sqlstore.OpRebind, "192.0.2.13"},
		{"rebinding through a relay", "REQUEST\n ciaddr 192.0.2.14\n giaddr 192.0.2.1", "192.0.2.1:67", sqlstore.OpRebind, "192.0.2.14"},
		{"renewing with a stray server id", "REQUEST\n ciaddr 192.0.2.15\n 54 addr 192.0.2.1", "192.0.2.1:67", sqlstore.OpRenew, "192.0.2.15"},
		{"renewing with a stray requested address", "REQUEST\n ciaddr 192.0.2.16\n 50 addr 192.0.2.99", "192.0.2.1:67", sqlstore.OpRenew, "192.0.2.16"},
		{"discover", "DISCOVER\n 50 addr 192.0.2.17", "255.255.255.255:67", sqlstore.OpOffer, "192.0.2.17"},
		{"release", "RELEASE\n ciaddr 192.0.2.18\n 54 addr 192.0.2.1", "192.0.2.1:67", sqlstore.OpRelease, "192.0.2.18"},
		{"decline", "DECLINE\n 50 addr 192.0.2.19\n 54 addr 192.0.2.1", "255.255.255.255:67", sqlstore.OpDecline, "192.0.2.19"},
		{"selecting elsewhere", "REQUEST\n 50 addr 192.0.2.20\n 54 addr 203.0.113.1", "255.255.255.255:67", sqlstore.OpWithdraw, "192.0.2.20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench4(t, lan4, onLink4)
			b.run(b.packet(encode4(t, tc.text), "0.0.0.0:68", tc.to))
			it := b.model.last()
			require.Equal(t, tc.op, it.Op)
			require.Equal(t, netip.MustParseAddr(tc.want), it.Want)
		})
	}
}

func TestRFC2131_4_3_2_MessageWithoutAddress(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	for _, text := range []string{"REQUEST", "REQUEST\n 54 addr 192.0.2.1", "RELEASE", "DECLINE"} {
		_, _, err := b.ask(t, text)
		requireDrop(t, ReasonNoAddress, err)
	}
	require.Empty(t, b.model.requests)
}

func TestRFC2131_4_3_2_InitReboot(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	_, _, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10")
	requireDrop(t, ReasonNotOurs, err) // MUST remain silent

	lease4(t, b)
	_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10")
	require.NoError(t, err)
	require.Equal(t, "ACK", m.kind)
	_, m, err = b.ask(t, "REQUEST\n 50 addr 192.0.2.11")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind) // SHOULD send DHCPNAK if the address is incorrect

	asked := len(b.model.requests)
	o, m, err := b.ask(t, "REQUEST\n 50 addr 198.51.100.9")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind) // wrong network
	require.Equal(t, "255.255.255.255:68", o.to.String())
	require.Len(t, b.model.requests, asked+1)
	require.Empty(t, b.model.requests[asked].Items, "a wrong network needs no row, but the newest configuration")

	o, err = b.run(b.packet(encode4(t, "REQUEST\n giaddr 192.0.2.200\n 50 addr 198.51.100.9"), "192.0.2.200:67", "192.0.2.1:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.200:67", o.to.String())
	require.Equal(t, "8000", decodeReply4(t, o.data).flags, "the broadcast bit of a relayed NAK")
}

func TestRFC2131_4_3_2_NotAuthoritative(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param authoritative false\n"+lan4, onLink4)
	_, _, err := b.ask(t, "REQUEST\n 50 addr 198.51.100.9")
	requireDrop(t, ReasonNotOurs, err)
	_, _, err = b.ask(t, "REQUEST\n ciaddr 198.51.100.9")
	requireDrop(t, ReasonNotOurs, err)
	// A client that selected this server has to be told.
	_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.200\n 54 addr 192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind)
}

func TestRFC2131_4_3_1_Table3(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	_, m, err := b.ask(t, "DISCOVER\n xid a1b2c3d4\n flags 8000\n hw 02005e1000aa\n secs 0007")
	require.NoError(t, err)
	require.Equal(t, message4{
		op: 2, htype: 1, hlen: 6, kind: "OFFER", xid: "a1b2c3d4", flags: "8000", chaddr: "02005e1000aa",
		ciaddr: "0.0.0.0", yiaddr: "192.0.2.10", siaddr: "0.0.0.0", giaddr: "0.0.0.0",
		order: m.order, options: m.options,
	}, m)
	_, m, err = b.ask(t, "REQUEST\n 50 addr 192.0.2.200\n 54 addr 192.0.2.1\n 55 bytes 1 51 58")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind)
	require.Equal(t, []byte{53, 54}, m.order, "a NAK must not have other options")
	require.Equal(t, "0.0.0.0", m.yiaddr)
}

func TestRFC2131_4_3_1_Lifetime(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param valid_lifetime 3600\n param min_valid_lifetime 600\n param max_valid_lifetime 7200\n"+lan4, onLink4)
	for _, tc := range []struct {
		asked string
		want  uint32
	}{
		{"", 3600}, {"51 u32 60", 600}, {"51 u32 1000", 1000}, {"51 u32 86400", 7200}, {"51 u32 4294967295", 7200},
	} {
		_, m, err := b.ask(t, "DISCOVER\n"+tc.asked)
		require.NoError(t, err)
		require.Equal(t, tc.want, m.seconds(51))
		require.Equal(t, tc.want/2, m.seconds(58))
		require.Equal(t, uint32(float64(tc.want)*.875), m.seconds(59))
	}
	lease4(t, b)
	_, m, err := b.ask(t, "DISCOVER\n 51 u32 7000")
	require.NoError(t, err)
	require.EqualValues(t, 7000, m.seconds(51), "an OFFER names the lifetime to be granted, also of an active lease")
}

func TestRFC2131_4_4_5_Timers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		s             settings
		valid, t1, t2 uint32
		none          bool
	}{
		{name: "shares", s: settings{t1: .5, t2: .875}, valid: 800, t1: 400, t2: 700},
		{name: "set", s: settings{renew: 100, rebind: 200, t1: .5, t2: .875}, valid: 800, t1: 100, t2: 200},
		{name: "set beyond the lease", s: settings{renew: 1000, rebind: 2000}, valid: 800, t1: 798, t2: 799},
		{name: "equal", s: settings{renew: 200, rebind: 200}, valid: 800, t1: 199, t2: 200},
		{name: "shortest", s: settings{t1: .5, t2: .875}, valid: 3, t1: 1, t2: 2},
		{name: "too short", s: settings{t1: .5, t2: .875}, valid: 2, none: true},
		{name: "for ever", s: settings{t1: .5, t2: .875}, valid: sqlstore.Infinite, none: true},
	} {
		t1, t2, ok := tc.s.timers4(tc.valid)
		require.Equal(t, !tc.none, ok, tc.name)
		require.Equal(t, [2]uint32{tc.t1, tc.t2}, [2]uint32{t1, t2}, tc.name)
	}
	b := newBench4(t, "param valid_lifetime 4294967295\n"+lan4, onLink4)
	_, m, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
	require.EqualValues(t, sqlstore.Infinite, m.seconds(51))
	require.NotContains(t, m.order, byte(58))
}

func TestRFC2131_4_3_5_Inform(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "option domain-name-servers 192.0.2.53\n"+lan4, onLink4)
	o, err := b.run(b.packet(encode4(t, "INFORM\n ciaddr 192.0.2.77"), "192.0.2.77:68", "255.255.255.255:67"))
	require.NoError(t, err)
	m := decodeReply4(t, o.data)
	require.Equal(t, "192.0.2.77:68", o.to.String())
	require.Nil(t, o.hw)
	require.Equal(t, []byte{1, 6, 53, 54}, m.order, "no lifetimes")
	require.Equal(t, "0.0.0.0", m.yiaddr)
	require.Empty(t, b.model.requests, "no binding is looked for")

	o, err = b.run(b.packet(encode4(t, "INFORM"), "192.0.2.78:68", "255.255.255.255:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.78:68", o.to.String())
	_, _, err = b.ask(t, "INFORM")
	requireDrop(t, ReasonNoAddress, err)
}

func TestRFC2131_4_1_OptionOverload(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	data := encode4(t, "DISCOVER\n 52 03\n 12 text al")
	copy(data[fileAt4:], []byte{50, 4, 192, 0, 2, 44, 12, 2, 'i', 'c', 255})
	copy(data[snameAt4:], []byte{12, 1, 'e', 255})
	_, err := b.run(b.packet(data, "0.0.0.0:68", "255.255.255.255:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.44", b.model.last().Want.String())
	require.Equal(t, "alice", b.model.last().Client.Hostname, "RFC 3396 section 5: options, file, sname")
	copy(data[fileAt4:], []byte{50, 200})
	_, err = b.run(b.packet(append(data[:fileAt4+2:fileAt4+2], data[fileAt4+2:]...), "0.0.0.0:68", "255.255.255.255:67"))
	requireDrop(t, ReasonMalformed, err)
}

func TestRFC2132_9_8_ParameterRequestList(t *testing.T) {
	t.Parallel()
	config := "option routers 192.0.2.1\n option ntp-servers! 192.0.2.123\n option domain-name example.org\n" + lan4
	b := newBench4(t, config, onLink4)
	for _, tc := range []struct {
		list string
		want []byte
	}{
		{"55 bytes 15", []byte{1, 15, 42, 51, 53, 54, 58, 59}},
		{"55 bytes 3 3 250", []byte{1, 3, 42, 51, 53, 54, 58, 59}},
		{"55 bytes 51", []byte{1, 42, 51, 53, 54, 58, 59}},
		{"", []byte{1, 3, 15, 42, 51, 53, 54, 58, 59}},
	} {
		_, m, err := b.ask(t, "DISCOVER\n"+tc.list)
		require.NoError(t, err)
		require.Equal(t, tc.want, m.order, tc.list)
	}
}

func TestRFC2132_3_3_SubnetMask(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{"": "255.255.255.0", "option subnet-mask 255.255.255.255\n": "255.255.255.255"} {
		b := newBench4(t, config+lan4, onLink4)
		_, m, err := b.ask(t, "DISCOVER\n 55 bytes 6")
		require.NoError(t, err)
		require.Equal(t, want, m.addr(1), "it is sent whether asked for or not")
	}
}

func TestRFC2132_9_10_MaximumMessageSize(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 250)
	config := "option domain-name " + long + ".example.org\n option root-path " + long + "\n" + lan4
	b := newBench4(t, strings.Replace(config, long+".example.org", "example.org", 1), onLink4)
	for _, tc := range []struct {
		ask  string
		list []byte
	}{
		{"DISCOVER\n 55 bytes 17 15", []byte{1, 15, 17, 51, 53, 54, 58, 59}},
		{"DISCOVER\n 55 bytes 17 15\n 57 0001", []byte{1, 15, 17, 51, 53, 54, 58, 59}}, // never below 576
		{"DISCOVER\n 55 bytes 17 15\n 61 " + strings.Repeat("ab", 40), []byte{1, 15, 51, 53, 54, 58, 59, 61}},
		{"DISCOVER\n 55 bytes 17 15\n 57 05dc\n 61 " + strings.Repeat("ab", 40), []byte{1, 15, 17, 51, 53, 54, 58, 59, 61}},
	} {
		o, m, err := b.ask(t, tc.ask)
		require.NoError(t, err)
		require.Equal(t, tc.list, m.order, tc.ask)
		limit := 576 - 28
		if strings.Contains(tc.ask, "05dc") {
			limit = 1500 - 28
		}
		require.LessOrEqual(t, len(o.data), limit)
	}
}

func TestRFC3046_2_2_RelayAgentInformationIsEchoedLast(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.10", relayed4)
	text := "DISCOVER\n giaddr 192.0.2.1\n 82.1 text port\n 82.2 0001ff\n 82.6 text subscriber\n 82.12 0a0b\n 82.99 ff00\n 61 01ff"
	data := encode4(t, text)
	o, err := b.run(b.packet(data, "192.0.2.1:67", "198.51.100.67:67"))
	require.NoError(t, err)
	m := decodeReply4(t, o.data)
	require.Equal(t, byte(82), m.order[len(m.order)-1])
	require.True(t, bytes.Contains(data, m.options[82]))
	require.Len(t, m.options[82], 2+4+2+3+2+10+2+2+2+2)
	c := b.model.last().Client
	require.Equal(t, "port", string(c.CircuitID))
	require.Equal(t, []byte{0, 1, 0xff}, c.RemoteID)
	require.Equal(t, "subscriber", string(c.SubscriberID))
	require.Equal(t, []byte{10, 11}, c.RelayID)
	require.Equal(t, "192.0.2.1", c.RelayAddr.String())
}

func TestRFC3396_LongOptionIsSplit(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.10", relayed4)
	text := "DISCOVER\n giaddr 192.0.2.1\n 82.1 " + strings.Repeat("aa", 200) + "\n 82.2 " + strings.Repeat("bb", 200)
	data := encode4(t, text)
	o, err := b.run(b.packet(data, "192.0.2.1:67", "198.51.100.67:67"))
	require.NoError(t, err)
	require.Len(t, decodeReply4(t, o.data).options[82], 404)
	require.Len(t, b.model.last().Client.RemoteID, 200)
}

// What a relay must get back whole has precedence over the size; configured
// options have not.
func TestRFC3046_2_2_LongRelayAgentInformationIsEchoedWhole(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "option domain-name example.org\n link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.10", relayed4)
	text := "DISCOVER\n giaddr 192.0.2.1\n 55 bytes 15\n 57 05dc\n 82.1 text port"
	for range 13 {
		text += "\n 82.99 " + strings.Repeat("cc", 250)
	}
	data := encode4(t, text)
	require.LessOrEqual(t, len(data), maxPacket)
	o, err := b.run(b.packet(data, "192.0.2.1:67", "198.51.100.67:67"))
	require.NoError(t, err)
	m := decodeReply4(t, o.data)
	require.Len(t, m.options[82], 2+4+13*252)
	require.NotContains(t, m.options, byte(15), "there is no room for it")
	require.Greater(t, len(o.data), maxReply)
	require.Less(t, len(o.data), maxPacket+300)
}

func TestRFC6842_3_ClientIdentifierIsEchoed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		config string
		echoed bool
	}{{"", true}, {"param echo_client_id false\n", false}} {
		b := newBench4(t, tc.config+lan4, onLink4)
		for _, text := range []string{"DISCOVER\n 61 00feed", "REQUEST\n 50 addr 192.0.2.200\n 54 addr 192.0.2.1\n 61 00feed"} {
			_, m, err := b.ask(t, text)
			require.NoError(t, err)
			_, ok := m.options[61]
			require.Equal(t, tc.echoed, ok, m.kind)
			if ok {
				require.Equal(t, []byte{0, 0xfe, 0xed}, m.options[61])
			}
		}
	}
}

func TestRFC3011_2_SubnetSelectionIsEchoed(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.10", relayed4)
	o, err := b.run(b.packet(encode4(t, "DISCOVER\n giaddr 203.0.113.1\n 118 addr 192.0.2.0"), "203.0.113.1:67", "198.51.100.67:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.0", decodeReply4(t, o.data).addr(118))
}

func TestRFC5107_4_ServerIdentifierOverride(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.10", relayed4)
	ask := func(text string) message4 {
		o, err := b.run(b.packet(encode4(t, text+"\n giaddr 192.0.2.1\n 82.11 addr 192.0.2.254"), "192.0.2.1:67", "198.51.100.67:67"))
		require.NoError(t, err)
		return decodeReply4(t, o.data)
	}
	require.Equal(t, "192.0.2.254", ask("DISCOVER").addr(54))
	m := ask("REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.254")
	require.Equal(t, "ACK", m.kind)
	require.Equal(t, "192.0.2.254", m.addr(54))
}

func TestRFC2131_4_2_Identity(t *testing.T) {
	t.Parallel()
	hw := []byte{1, 2, 0, 0x5e, 0x10, 0, 1}
	for _, tc := range []struct {
		name, config, text string
		key                sqlstore.Key
	}{
		{"client identifier", "", "61 01aa", sqlstore.ClientKey(1, sqlstore.KeyClientID, []byte{1, 0xaa})},
		{"hardware address", "", "", sqlstore.ClientKey(1, sqlstore.KeyHWAddr, hw)},
		{"not matched", "param match_client_id false\n", "61 01aa", sqlstore.ClientKey(1, sqlstore.KeyHWAddr, hw)},
		{"not matched, but all there is", "param match_client_id false\n", "61 01aa\n hw", sqlstore.ClientKey(1, sqlstore.KeyClientID, []byte{1, 0xaa})},
		{"no hardware address", "", "61 01aa\n hw", sqlstore.ClientKey(1, sqlstore.KeyClientID, []byte{1, 0xaa})},
	} {
		b := newBench4(t, tc.config+lan4, onLink4)
		_, _, err := b.ask(t, "DISCOVER\n"+tc.text)
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.key, b.model.last().Key, tc.name)
	}
	b := newBench4(t, lan4, onLink4)
	_, _, err := b.ask(t, "DISCOVER\n hw")
	requireDrop(t, ReasonNoIdentity, err)
}
