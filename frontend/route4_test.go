package frontend

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRFC2131_4_1_Destination(t *testing.T) {
	t.Parallel()
	const select10 = "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1\n"
	const wrong = "REQUEST\n 50 addr 192.0.2.200\n 54 addr 192.0.2.1\n"
	for _, tc := range []struct {
		name, text, from, to string
		dest, hw, source     string
	}{
		{"unicast to the new address", select10, "0.0.0.0:68", "255.255.255.255:67", "192.0.2.10:68", "02:00:5e:10:00:01", "192.0.2.1"},
		{"broadcast bit", select10 + "flags 8000", "0.0.0.0:68", "255.255.255.255:67", "255.255.255.255:68", "ff:ff:ff:ff:ff:ff", "192.0.2.1"},
		{"not Ethernet", select10 + "htype 20", "0.0.0.0:68", "255.255.255.255:67", "255.255.255.255:68", "ff:ff:ff:ff:ff:ff", "192.0.2.1"},
		{"ciaddr", "REQUEST\n ciaddr 192.0.2.10", "192.0.2.10:68", "192.0.2.1:67", "192.0.2.10:68", "", "192.0.2.1"},
		{"ciaddr before broadcast bit", "REQUEST\n ciaddr 192.0.2.10\n flags 8000", "192.0.2.10:68", "255.255.255.255:67", "192.0.2.10:68", "", "invalid IP"},
		{"NAK to all", wrong, "0.0.0.0:68", "255.255.255.255:67", "255.255.255.255:68", "ff:ff:ff:ff:ff:ff", "192.0.2.1"},
		{"NAK to all though it has ciaddr", "REQUEST\n ciaddr 192.0.2.200", "192.0.2.200:68", "192.0.2.1:67", "255.255.255.255:68", "ff:ff:ff:ff:ff:ff", "192.0.2.1"},
		{"relay", select10 + "giaddr 192.0.2.7", "192.0.2.7:67", "192.0.2.1:67", "192.0.2.7:67", "", "192.0.2.1"},
		{"relay before ciaddr", "REQUEST\n ciaddr 192.0.2.10\n giaddr 192.0.2.7", "192.0.2.7:67", "192.0.2.1:67", "192.0.2.7:67", "", "192.0.2.1"},
		{"relay at another source address", select10 + "giaddr 192.0.2.7", "203.0.113.7:67", "192.0.2.1:67", "192.0.2.7:67", "", "192.0.2.1"},
		{"NAK to relay", wrong + "giaddr 192.0.2.7", "192.0.2.7:67", "192.0.2.1:67", "192.0.2.7:67", "", "192.0.2.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench4(t, lan4, onLink4)
			o, err := b.run(b.packet(encode4(t, tc.text), tc.from, tc.to))
			require.NoError(t, err)
			require.Equal(t, tc.dest, o.to.String())
			require.Equal(t, tc.hw, o.hw.String())
			require.Equal(t, tc.source, o.from.String())
		})
	}
}

func TestRFC8357_5_2_RelaySourcePort(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, relayed4)
	o, err := b.run(b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.7\n 82.19"), "192.0.2.7:40123", "198.51.100.67:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7:40123", o.to.String())
	require.Equal(t, []byte{19, 0}, decodeReply4(t, o.data).options[82])

	o, err = b.run(b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.7"), "192.0.2.7:40123", "198.51.100.67:67"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7:67", o.to.String(), "without the sub-option")
}

func TestUDPListenerCannotReachClientsWithoutAddress(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, relayed4)
	ask := func(text string) (*outgoing, error) {
		return b.run(b.packet(encode4(t, text), "192.0.2.10:68", "198.51.100.67:67"))
	}
	_, err := ask("DISCOVER")
	requireDrop(t, ReasonNotRelayed, err)
	require.Empty(t, b.model.requests, "it is dropped before it costs a transaction")
	_, err = ask("DISCOVER\n 118 addr 192.0.2.0")
	requireDrop(t, ReasonNotRelayed, err)

	o, err := ask("REQUEST\n ciaddr 192.0.2.10")
	require.NoError(t, err)
	require.Equal(t, "192.0.2.10:68", o.to.String(), "a routed renewal")
	o, err = ask("REQUEST\n ciaddr 192.0.2.200")
	require.NoError(t, err)
	require.Equal(t, "NAK", decodeReply4(t, o.data).kind)
	require.Equal(t, "192.0.2.200:68", o.to.String(), "a broadcast would not get there")
}

func TestServerIdentifier(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, config, place, to, want string }{
		{"address of the link", "", onLink4, "255.255.255.255:67", "192.0.2.1"},
		{"destination", "", relayed4, "198.51.100.67:67", "198.51.100.67"},
		{"another destination of a wildcard socket", "", relayed4, "198.51.100.68:67", "198.51.100.68"},
		{"shared", "param server_identifier 203.0.113.67\n", relayed4, "198.51.100.67:67", "203.0.113.67"},
		{"shared, on a link without address", "param server_identifier 203.0.113.67\n", "listen interface eth0", "255.255.255.255:67", "203.0.113.67"},
	} {
		b := newBench4(t, tc.config+lan4, tc.place)
		o, err := b.run(b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.7"), "192.0.2.7:67", tc.to))
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.want, decodeReply4(t, o.data).addr(54), tc.name)
		o, err = b.run(b.packet(encode4(t, "REQUEST\n giaddr 192.0.2.7\n 50 addr 192.0.2.10\n 54 addr "+tc.want), "192.0.2.7:67", tc.to))
		require.NoError(t, err, tc.name)
		require.Equal(t, "ACK", decodeReply4(t, o.data).kind, tc.name)
	}
	b := newBench4(t, lan4, "listen interface eth0")
	_, _, err := b.ask(t, "DISCOVER")
	requireDrop(t, ReasonNoServerID, err)
}

func TestSharedServerIdentifierOnLinkWithoutAddressIsTheSource(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param server_identifier 203.0.113.67\n"+lan4, "listen interface eth0")
	o, _, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
	require.Equal(t, "203.0.113.67", o.from.String())
}

func TestMessagesThatNameOthers(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4+"\nlive 192.0.2.2\ndead 192.0.2.3")
	lease4(t, b)
	asked := len(b.model.requests)
	for text, reason := range map[string]Reason{
		"REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.2": ReasonOtherServer,
		"RELEASE\n ciaddr 192.0.2.10\n 54 addr 192.0.2.2":  ReasonOtherServer,
		"DECLINE\n 50 addr 192.0.2.10\n 54 addr 192.0.2.2": ReasonOtherServer,
		"RELEASE\n ciaddr 192.0.2.10\n 54 addr 192.0.2.9":  ReasonForeignServer,
	} {
		_, _, err := b.ask(t, text)
		requireDrop(t, reason, err)
	}
	require.Len(t, b.model.requests, asked, "no row is touched")
	_, _, err := b.ask(t, "RELEASE\n ciaddr 192.0.2.10\n 54 addr 192.0.2.3")
	require.NoError(t, err, "a dead sibling is stood in for")
	_, _, err = b.ask(t, "RELEASE\n ciaddr 192.0.2.10\n 54 addr 192.0.2.3")
	requireDrop(t, ReasonNoBinding, err)
}
