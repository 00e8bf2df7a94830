package frontend

import (
	"context"
	"net/netip"
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
		relay6Msg(1, "::", "fe80::2", relay6Msg(0, "::", "fe80::9", msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)),
			opt6(dhcpv6.OptionInterfaceID, []byte("port7"))), opt6(dhcpv6.OptionRelayPort, u16(9))),
	}
	for i, seed := range seeds {
		f.Add(seed, i%2 == 0, uint8(i))
	}
	b := newBench6(f)
	f.Fuzz(func(t *testing.T, data []byte, direct bool, outcome uint8) {
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
		require.NotNil(t, it.Pools)
		require.NotZero(t, it.ValidLft)
		require.LessOrEqual(t, it.PreferredLft, it.ValidLft)
		require.False(t, it.Want.IsValid() && it.Want.IsUnspecified())
	}
}

func checkReply6(t *testing.T, request, reply []byte) {
	t.Helper()
	msg, err := dhcpv6.FromBytes(reply)
	require.NoError(t, err)
	depth := 0
	for request[0] == byte(dhcpv6.MessageTypeRelayForward) {
		relay, ok := msg.(*dhcpv6.RelayMessage)
		require.True(t, ok)
		require.Equal(t, request[1:34], reply6Header(relay))
		request, msg = relayed6(request), relay.Options.RelayMessage()
		depth++
	}
	require.LessOrEqual(t, depth, maxRelays6)
	inner, ok := msg.(*dhcpv6.Message)
	require.True(t, ok)
	require.Equal(t, request[1:4], inner.TransactionID[:])
	require.Equal(t, serverDUID6, inner.Options.ServerID().ToBytes())
	require.Contains(t, []dhcpv6.MessageType{dhcpv6.MessageTypeAdvertise, dhcpv6.MessageTypeReply}, inner.MessageType)
}

// reply6Header is what a relay-reply copies from the relay-forward.
func reply6Header(r *dhcpv6.RelayMessage) []byte { return r.ToBytes()[1:34] }
