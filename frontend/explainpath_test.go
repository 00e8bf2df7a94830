package frontend

import (
	"context"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// TestExplainIsThePacketPath gives the same messages to a server and to Explain:
// both end in the same way.
func TestExplainIsThePacketPath(t *testing.T) {
	t.Parallel()
	for _, at := range []struct{ place, iface, src, dst string }{
		{"listen interface eth0 192.0.2.1/24", "eth0", "0.0.0.0:68", "255.255.255.255:67"},
		{"listen udp 198.51.100.67", "", "192.0.2.1:67", "198.51.100.67:67"},
	} {
		for _, text := range []string{
			"DISCOVER", "DISCOVER\n 50 addr 192.0.2.50", "DISCOVER\n giaddr 192.0.2.1", "DISCOVER\n giaddr 10.0.0.1", "DISCOVER\n 82.5 addr 192.0.2.3\n giaddr 10.0.0.1",
			"REQUEST\n 50 addr 192.0.2.50", "REQUEST\n giaddr 192.0.2.1\n 50 addr 192.0.2.50\n 54 addr 198.51.100.67", "REQUEST\n ciaddr 192.0.2.77\n giaddr 192.0.2.1",
			"REQUEST\n 50 addr 10.0.0.1", "REQUEST\n giaddr 192.0.2.1\n 50 addr 192.0.2.50\n 54 addr 203.0.113.200", "RELEASE\n ciaddr 192.0.2.10", "DECLINE\n 50 addr 192.0.2.10",
			"INFORM\n ciaddr 192.0.2.10", "INFORM", "REQUEST", "OFFER", "DISCOVER\n 61 " + hex.EncodeToString(make([]byte, 255)),
		} {
			data := encode4(t, text)
			b := newBench4(t, lan4, at.place)
			o, err := b.run(b.packet(data, at.src, at.dst))
			c, _ := parseConfig4(lan4)
			in := ExplainInput{
				Message: data, From: netip.MustParseAddrPort(at.src), To: netip.MustParseAddrPort(at.dst), Interface: at.iface, Preview: previewOf(newModel4()),
			}
			if at.iface != "" {
				in.InterfaceAddrs = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}
			}
			x, failed := Explain(t.Context(), c, in)
			require.NoError(t, failed)
			if err != nil {
				require.NotNil(t, x.Drop, text)
				require.Equal(t, reasonOf(err), x.Drop.Reason, text)
				require.ErrorContains(t, err, x.Drop.Text)
				continue
			}
			require.Nil(t, x.Drop, text)
			if o == nil {
				require.Nil(t, x.Reply, text)
				continue
			}
			m := decodeReply4(t, o.data)
			require.Equal(t, o.kind, x.Reply.Type, text)
			require.Contains(t, x.Reply.To, o.to.String(), text)
			sent := 0
			for _, opt := range x.Options {
				if opt.Sent {
					sent++
					require.Contains(t, m.options, uint8(opt.Code), text)
				}
			}
			require.Len(t, m.options, sent, text)
		}
	}
}

// FuzzExplain explains any bytes: there is an explanation, or an error, whatever
// the message.
func FuzzExplain(f *testing.F) {
	for _, text := range []string{"DISCOVER", "REQUEST\n ciaddr 192.0.2.77\n giaddr 192.0.2.1", "INFORM\n ciaddr 192.0.2.10\n 82.1 text x"} {
		f.Add(encode4(f, text), true)
		f.Add(encode4(f, text), false)
	}
	for _, kind := range SampleTypes() {
		in, err := (&Sample{Type: kind, HWAddr: []byte{2, 0, 0x5e, 0x10, 0, 1}, Requested: netip.MustParsePrefix(map[sqlstore.Family]string{
			sqlstore.IPv4: "192.0.2.12/32", sqlstore.IPv6: "2001:db8:1::7/128",
		}[SampleFamily(kind)])}).Input()
		require.NoError(f, err)
		f.Add(in.Message, true)
	}
	c, err := parseConfig4(explainConfig4 + "\n link\n subnet 192.0.2.128/25 interface=eth0\n link\n subnet 2001:db8:1::/64 interface=eth0")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte, direct bool) {
		in := ExplainInput{Message: data, Preview: func(_ context.Context, r *sqlstore.Request) ([]sqlstore.Preview, error) {
			out := make([]sqlstore.Preview, len(r.Items))
			for i := range out {
				out[i].Result = fuzzResult6(&r.Items[i], uint8(len(data)+i))
			}
			return out, nil
		}}
		if direct {
			in.Interface = "eth0"
		}
		x, err := Explain(context.Background(), c, in)
		if err != nil && len(data) <= maxPacket {
			t.Fatal(err)
		}
		if err == nil && x.Drop == nil && x.Reply == nil && x.Packet.Type != "release" && x.Packet.Type != "decline" {
			t.Fatal("neither a reply nor a reason")
		}
	})
}
