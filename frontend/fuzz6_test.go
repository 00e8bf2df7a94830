package frontend

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// FuzzHandle6 feeds bytes through the whole path. Whatever comes in, the
// packet ends in a Drop or in one reply that a full decoder reads, with the
// transaction id and as many relays as the request; and what is asked of the
// database keeps to the rules for requests.
func FuzzHandle6(f *testing.F) {
	seeds := [][]byte{
		msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1, "2001:db8:1::1005"), pd6(2, "::/56"), opt6(dhcpv6.OptionORO, u16(23))),
		request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1005"), pd6(2, "2001:db8:100:300::/56")),
		request6Of(dhcpv6.MessageTypeRelease, na6(1, "2001:db8:1::1005")),
		msg6(dhcpv6.MessageTypeConfirm, clientID6(), na6(1, "2001:db8:1::1005")),
		msg6(dhcpv6.MessageTypeInformationRequest),
		lone6(msg6(dhcpv6.MessageTypeRebind, clientID6(), na6(1, "2001:db8:77::1"))),
		msg6(dhcpv6.MessageTypeSolicit, opt6(dhcpv6.OptionClientID, []byte("\x00\x04not16b")), na6(1)), // a UUID that is none
		relay6Msg(1, "::", "fe80::2", relay6Msg(0, "::", "fe80::9", msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)),
			opt6(dhcpv6.OptionInterfaceID, []byte("port7"))), opt6(dhcpv6.OptionRelayPort, u16(9))),
	}
	for _, v := range []string{
		"", "\x01", "\x00\x00", "\x01\x05Alice", "\x01\x05Alice\x03dyn\x07example\x03org\x00", "\x05\x01*\x00", "\x01\xc0\x0c", "\x01\x01a\x00\x01b",
		"\x04\x03a.b", "\x01\x3f", "\x01\x02\xff\x00", "\x02\x09localhost", "\x01" + strings.Repeat("\x3f"+strings.Repeat("a", 63), 4),
	} {
		seeds = append(seeds, request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1005"), pd6(2), opt6(dhcpv6.OptionORO, u16(39)), opt6(dhcpv6.OptionFQDN, []byte(v))))
	}
	for i, seed := range seeds {
		f.Add(seed, i%2 == 0, uint8(i))
		f.Add(seed, i%2 != 0, uint8(128+i%2))
	}
	config := config6()
	config.Parameters = benchParameters
	plain, names := newBench6(f), newBench6Of(f, config)
	f.Fuzz(func(t *testing.T, data []byte, direct bool, outcome uint8) {
		b := plain
		if outcome >= 128 {
			b = names
		}
		if len(data) > maxPacket {
			return
		}
		b.leaser.requests = nil
		b.leaser.decide = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
			d := &sqlstore.Decision{Revision: r.Revision}
			for i := range r.Items {
				d.Results = append(d.Results, fuzzResult6(&r.Items[i], outcome+uint8(i)))
			}
			return d, nil
		}
		p := b.relayed(data)
		if direct {
			p = b.direct(data)
		}
		kind, _ := peek6(data)
		originOf(p)
		err := b.handle6(context.Background(), p)
		checkItems6(t, b.leaser.items())
		if err != nil {
			require.NotEqual(t, ReasonInternal, reasonOf(err), err)
			require.Empty(t, b.listener.udp.out)
			return
		}
		o := <-b.listener.udp.out
		require.NotEqual(t, "unknown", kind)
		checkReply6(t, data, o.data)
	})
}

func fuzzResult6(it *sqlstore.Item, outcome uint8) sqlstore.Result {
	if r := grant6(it, it.Want); r.Code != sqlstore.Granted || outcome%6 == 0 {
		return r
	}
	switch outcome % 6 {
	case 1:
		r := grant6(it, netip.Addr{})
		r.Refused = it.Want
		return r
	case 2:
		return sqlstore.Result{Code: sqlstore.NoBinding}
	case 3:
		return sqlstore.Result{Code: sqlstore.WrongAddress}
	case 4:
		return sqlstore.Result{Code: sqlstore.Unchanged}
	}
	return sqlstore.Result{Code: sqlstore.Exhausted}
}

// checkItems6 checks what the engine relies on.
func checkItems6(t *testing.T, items []sqlstore.Item) {
	t.Helper()
	require.LessOrEqual(t, len(items), maxIAs6)
	seen := map[sqlstore.Key]bool{}
	for _, it := range items {
		require.False(t, seen[it.Key], "keys of a request are unique")
		seen[it.Key] = true
		c := it.Client
		require.NotEmpty(t, c.ClientID)
		require.LessOrEqual(t, len(c.ClientID), maxDUID)
		require.LessOrEqual(t, len(c.HWAddr), maxHWAddr)
		for _, v := range [][]byte{c.CircuitID, c.RemoteID, c.SubscriberID, c.RelayID, []byte(c.Hostname)} {
			require.LessOrEqual(t, len(v), 255)
		}
		if it.Kind == sqlstore.NA {
			checkName(t, it.ClientAt(netip.MustParseAddr("2001:db8:1::1005")))
		}
		require.NotNil(t, it.Pools)
		require.NotZero(t, it.ValidLft)
		require.LessOrEqual(t, it.PreferredLft, it.ValidLft)
		require.False(t, it.Want.IsValid() && it.Want.IsUnspecified())
	}
}

func checkReply6(t *testing.T, request, reply []byte) {
	t.Helper()
	depth := 0
	for request[0] == byte(dhcpv6.MessageTypeRelayForward) {
		require.Greater(t, len(reply), dhcpv6.RelayHeaderSize)
		require.Equal(t, byte(dhcpv6.MessageTypeRelayReply), reply[0])
		require.Equal(t, request[1:dhcpv6.RelayHeaderSize], reply[1:dhcpv6.RelayHeaderSize])
		opts := replyOptions6(t, reply[dhcpv6.RelayHeaderSize:])
		request, reply = relayed6(request), opts.GetOne(dhcpv6.OptionRelayMsg).ToBytes()
		depth++
	}
	require.LessOrEqual(t, depth, maxRelays6)
	require.GreaterOrEqual(t, len(reply), dhcpv6.MessageHeaderSize)
	require.Contains(t, []byte{byte(dhcpv6.MessageTypeAdvertise), byte(dhcpv6.MessageTypeReply)}, reply[0])
	require.Equal(t, request[1:4], reply[1:4], "transaction id")
	opts := replyOptions6(t, reply[dhcpv6.MessageHeaderSize:])
	require.Equal(t, serverDUID6, opts.GetOne(dhcpv6.OptionServerID).ToBytes())
	sent, err := options6(request[dhcpv6.MessageHeaderSize:])
	require.NoError(t, err)
	if id := sent.GetOne(dhcpv6.OptionClientID); id != nil {
		require.Equal(t, id.ToBytes(), opts.GetOne(dhcpv6.OptionClientID).ToBytes())
	}
}

// replyOptions6 decodes every option to the full, but for the client's DUID,
// which is the client's and opaque (RFC 9915 section 11), and the messages of
// relays, which checkReply6 takes off one after the other.
func replyOptions6(t *testing.T, data []byte) dhcpv6.Options {
	t.Helper()
	var o dhcpv6.Options
	require.NoError(t, o.FromBytesWithParser(data, func(code dhcpv6.OptionCode, value []byte) (dhcpv6.Option, error) {
		if code == dhcpv6.OptionClientID || code == dhcpv6.OptionRelayMsg {
			return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: value}, nil
		}
		return dhcpv6.ParseOption(code, value)
	}))
	return o
}
