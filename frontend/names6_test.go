package frontend

import (
	"maps"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// newNames6 keeps names in DNS on all links.
func newNames6(t testing.TB, more sqlstore.Parameters) *bench6 {
	t.Helper()
	c := config6()
	c.Parameters = sqlstore.Parameters{}
	maps.Copy(c.Parameters, benchParameters)
	maps.Copy(c.Parameters, more)
	b := newBench6Of(t, c)
	b.leaser.decide = newModel6().decide
	return b
}

// fqdn6 is a Client FQDN option.
func fqdn6(flags byte, wire string) []byte {
	return opt6(dhcpv6.OptionFQDN, []byte{flags}, []byte(wire))
}

// fqdn6Of returns the Client FQDN option of a reply, nil if it has none.
func fqdn6Of(t testing.TB, m *dhcpv6.Message) *name.FQDN {
	t.Helper()
	o := m.GetOneOption(dhcpv6.OptionFQDN)
	if o == nil {
		return nil
	}
	f, err := name.Parse6(o.ToBytes())
	require.NoError(t, err)
	return &f
}

// Both are needed: the client sent the option, and asks for it.
func TestRFC4704Section6OptionOnlyWhereSentAndAskedFor(t *testing.T) {
	t.Parallel()
	b := newNames6(t, nil)
	oro, fqdn := opt6(dhcpv6.OptionORO, u16(39)), fqdn6(1, "\x05Alice")
	const asked = "2001:db8:1::1005"
	for _, kind := range []dhcpv6.MessageType{
		dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind,
	} {
		of := func(options ...[]byte) *dhcpv6.Message {
			if kind == dhcpv6.MessageTypeSolicit || kind == dhcpv6.MessageTypeRebind {
				return b.answer(t, msg6(kind, append([][]byte{clientID6(), na6(1, asked)}, options...)...))
			}
			return b.answer(t, request6Of(kind, append([][]byte{na6(1, asked)}, options...)...))
		}
		require.Nil(t, fqdn6Of(t, of(oro)), kind)
		require.Nil(t, fqdn6Of(t, of(fqdn)), kind)
		require.Nil(t, fqdn6Of(t, of(oro, fqdn6(1, "\xff"))), "%s: malformed", kind)
		require.Equal(t, &name.FQDN{Name: "alice.dyn.example.org", Full: true, S: true}, fqdn6Of(t, of(oro, fqdn)), kind)
	}
	// RFC 4704 section 5: no other message may have it
	for _, data := range [][]byte{
		msg6(dhcpv6.MessageTypeInformationRequest, clientID6(), oro, fqdn),
		msg6(dhcpv6.MessageTypeConfirm, clientID6(), na6(1, asked), oro, fqdn),
		request6Of(dhcpv6.MessageTypeRelease, na6(1, asked), oro, fqdn),
	} {
		require.Nil(t, fqdn6Of(t, b.answer(t, data)))
	}
}

func TestRFC4704Section6Flags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		more    sqlstore.Parameters
		sent    byte
		s, o, n bool
		kept    uint8
	}{
		{"client asks the server", nil, 1, true, false, false, forward | reverse | 1},
		{"client does the forward zone", nil, 0, false, false, false, reverse},
		{"overridden", sqlstore.Parameters{"ddns_override_client_update": "true"}, 0, true, true, false, forward | reverse},
		{"no updates", nil, 4, false, false, true, 4},
		{"no updates overridden", sqlstore.Parameters{"ddns_override_no_update": "true"}, 4, true, true, false, forward | reverse | 4},
		{"not kept here", sqlstore.Parameters{"ddns_send_updates": "false"}, 1, false, true, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newNames6(t, tc.more)
			m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), opt6(dhcpv6.OptionORO, u16(39)), fqdn6(tc.sent, "\x05Alice")))
			want := &name.FQDN{Name: "alice.dyn.example.org", Full: true, S: tc.s, O: tc.o, N: tc.n}
			stored := want.Name
			if tc.name == "not kept here" {
				want.Name, want.Full, stored = "Alice", false, "alice"
			}
			require.Equal(t, want, fqdn6Of(t, m))
			c := b.leaser.items()[0].ClientAt(netip.MustParseAddr("2001:db8:1::1000"))
			require.Equal(t, stored, c.Hostname)
			require.Equal(t, tc.kept, c.FQDNFlags)
		})
	}
}

// A message without an address gets no updates, whatever its name.
func TestPrefixesAreNotNamedInDNS(t *testing.T) {
	t.Parallel()
	b := newNames6(t, sqlstore.Parameters{"ddns_replace_client_name": "when-not-present"})
	oro := opt6(dhcpv6.OptionORO, u16(39))
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), pd6(1), oro, fqdn6(1, "\x05Alice")))
	require.Equal(t, &name.FQDN{Name: "Alice", O: true, N: true}, fqdn6Of(t, m))
	prefix := netip.MustParseAddr("2001:db8:100::")
	c := b.leaser.items()[0].ClientAt(prefix)
	require.Equal(t, "alice.dyn.example.org", c.Hostname)
	require.EqualValues(t, 1, c.FQDNFlags)
	b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), pd6(2), na6(2)))
	items := b.leaser.items()
	require.Empty(t, items[1].ClientAt(prefix).Hostname)
	require.Equal(t, "host-2001-0db8-0001-0000-0000-0000-0000-1000.dyn.example.org",
		items[2].ClientAt(netip.MustParseAddr("2001:db8:1::1000")).Hostname)
}

// What a message without a name means depends on the message.
func TestKeepName6(t *testing.T) {
	t.Parallel()
	const asked = "2001:db8:1::1005"
	for _, tc := range []struct {
		data []byte
		keep bool
	}{
		{msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), false},
		{request6Of(dhcpv6.MessageTypeRequest, na6(1, asked)), true},
		{request6Of(dhcpv6.MessageTypeRenew, na6(1, asked)), true},
		{msg6(dhcpv6.MessageTypeRebind, clientID6(), na6(1, asked)), true},
		{request6Of(dhcpv6.MessageTypeRenew, na6(1, asked), fqdn6(0, "")), false},
		{request6Of(dhcpv6.MessageTypeRenew, na6(1, asked), fqdn6(0, "\x04wpad")), false},
	} {
		b := newNames6(t, nil)
		b.answer(t, tc.data)
		require.Equal(t, tc.keep, b.leaser.items()[0].KeepName)
		plain := newBench6(t)
		plain.answer(t, tc.data)
		require.False(t, plain.leaser.items()[0].KeepName, "names are not kept in DNS")
	}
}

func TestRefusedNamesAreCounted6(t *testing.T) {
	t.Parallel()
	b := newNames6(t, nil)
	wpad := fqdn6(1, "\x04wpad")
	m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), opt6(dhcpv6.OptionORO, u16(39)), wpad))
	require.Equal(t, &name.FQDN{O: true, N: true}, fqdn6Of(t, m))
	counter := b.metrics.names.WithLabelValues(string(name.ReasonDenied))
	require.Zero(t, testutil.ToFloat64(counter))
	b.answer(t, request6Of(dhcpv6.MessageTypeRequest, na6(1), na6(2), wpad))
	require.EqualValues(t, 1, testutil.ToFloat64(counter), "once for a message")
}
