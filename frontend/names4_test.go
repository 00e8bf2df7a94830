package frontend

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

const (
	forward = sqlstore.FQDNForward
	reverse = sqlstore.FQDNReverse
)

// fqdn4 returns the Client FQDN option of a reply.
func fqdn4(t testing.TB, m message4) name.FQDN {
	t.Helper()
	require.Contains(t, m.options, uint8(81))
	require.Equal(t, []byte{255, 255}, m.options[81][1:3], "RFC 4702 section 2.2: the RCODE fields of a server")
	f, err := name.Parse4(m.options[81])
	require.NoError(t, err)
	return f
}

// requireStored requires what the client's row has.
func (b *bench4) requireStored(t testing.TB, hostname string, flags uint8) {
	t.Helper()
	it := b.model.last()
	c := b.model.rows[it.Key].Client
	require.Equal(t, hostname, c.Hostname)
	require.Equal(t, flags, c.FQDNFlags, "%#x", c.FQDNFlags)
}

const renewal4 = "REQUEST\n ciaddr 192.0.2.10\n"

func TestRFC4702_4_FlagsOfReply(t *testing.T) {
	t.Parallel()
	const alice = "alice.dyn.example.org"
	for _, tc := range []struct {
		name, params string
		sent         string // flags of the client
		s, o, n      bool
		kept         uint8
	}{
		{"client asks the server", "", "01", true, false, false, forward | reverse | 1},
		{"client does the forward zone", "", "00", false, false, false, reverse},
		{"overridden", "param ddns_override_client_update true\n", "00", true, true, false, forward | reverse},
		{"no updates", "", "08", false, false, true, 8},
		{"no updates overridden", "param ddns_override_no_update true\n", "08", true, true, false, forward | reverse | 8},
		{"both, which is not allowed", "", "09", false, true, true, 9},
		{"stray O", "", "03", true, false, false, forward | reverse | 3},
		{"reserved bits", "", "f1", true, false, false, forward | reverse | 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench4(t, benchNames+tc.params+lan4, onLink4)
			lease4(t, b)
			_, m, err := b.ask(t, renewal4+"81 "+tc.sent+"0000 616c696365")
			require.NoError(t, err)
			require.Equal(t, name.FQDN{Name: alice, Full: true, S: tc.s, O: tc.o, N: tc.n}, fqdn4(t, m))
			b.requireStored(t, alice, tc.kept)
		})
	}
}

// A server that does not update says N, and leaves the client its name.
func TestRFC4702_4_ServerWithoutUpdates(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	_, m, err := b.ask(t, "DISCOVER\n 81 050000 05416c696365")
	require.NoError(t, err)
	require.Equal(t, name.FQDN{Name: "Alice", O: true, N: true, E: true}, fqdn4(t, m))
	b.requireStored(t, "alice", 5)
	require.Nil(t, b.model.last().Named, "nothing to ask for")
	_, m, err = b.ask(t, "DISCOVER\n 81 000000")
	require.NoError(t, err)
	require.Equal(t, name.FQDN{N: true}, fqdn4(t, m))
}

func TestRFC4702_4_OptionOnlyForThoseWhoSendIt(t *testing.T) {
	t.Parallel()
	b := newBench4(t, benchNames+"option domain-name example.org\n"+lan4, onLink4)
	for text, want := range map[string]bool{
		"DISCOVER\n 12 text alice\n 55 bytes 15 81":                    false,
		"DISCOVER\n 81 000000 616c696365\n 55 bytes 15":                true,
		"DISCOVER\n 81 0000\n 55 bytes 81":                             false, // malformed: as if not sent
		"INFORM\n ciaddr 192.0.2.10\n 81 010000 616c696365":            false, // neither DISCOVER nor REQUEST
		"REQUEST\n 50 addr 203.0.113.5\n 81 010000 616c696365":         false, // a NAK
		"REQUEST\n ciaddr 192.0.2.10\n 81 010000 616c696365\n 55":      true,
		"REQUEST\n ciaddr 192.0.2.10\n 81 010000 616c696365\n 57 ffff": true,
	} {
		_, m, err := b.ask(t, text)
		require.NoError(t, err, text)
		_, got := m.options[81]
		require.Equal(t, want, got, text)
	}
}

func TestRFC4702_3_1_HostNameIsIgnoredBesideTheOption(t *testing.T) {
	t.Parallel()
	b := newBench4(t, benchNames+lan4, onLink4)
	_, _, err := b.ask(t, "DISCOVER\n 12 text other\n 81 010000 616c696365")
	require.NoError(t, err)
	b.requireStored(t, "alice.dyn.example.org", forward|reverse|1)
	_, _, err = b.ask(t, "DISCOVER\n hw 02005e100002\n 12 text other\n 81 01")
	require.NoError(t, err)
	b.requireStored(t, "other.dyn.example.org", forward|reverse)
}

// What a client must have comes before its name.
func TestNameLeavesRoomForConfiguredOptions(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	suffix := label + "." + label + ".example.org"
	b := newBench4(t, benchNames+"param ddns_qualifying_suffix "+suffix+"\n option routers! 192.0.2.1\n option domain-name "+
		strings.Repeat("b.", 60)+"example.org\n"+lan4, onLink4)
	text := "DISCOVER\n 55 bytes 1 3 15 12\n 12 text " + label
	_, m, err := b.ask(t, text+"\n 81 010000 "+strings.Repeat("61", 63))
	require.NoError(t, err)
	require.Contains(t, m.options, uint8(15))
	require.NotContains(t, m.options, uint8(81), "576 bytes are full")
	require.NotContains(t, m.options, uint8(12))
	o, m, err := b.ask(t, text+"\n 57 05dc\n 81 010000 "+strings.Repeat("61", 63))
	require.NoError(t, err)
	require.LessOrEqual(t, len(o.data), 1500-headersLen)
	require.Equal(t, label+"."+suffix, fqdn4(t, m).Name)
	require.Equal(t, label+"."+suffix, string(m.options[12]))
}

func TestRFC2132_3_14_HostName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"12 text Alice\n 55 bytes 12":             "alice.dyn.example.org",
		"12 text Alice\n 55 bytes 1":              "", // not asked for
		"12 text Alice":                           "", // nor here, without a list
		"55 bytes 12":                             "", // has none
		"81 010000 616c696365\n 55 bytes 12":      "alice.dyn.example.org",
		"12 text alice.example.com\n 55 bytes 12": "", // confined to the suffix
	} {
		b := newBench4(t, benchNames+lan4, onLink4)
		_, m, err := b.ask(t, "DISCOVER\n "+text)
		require.NoError(t, err)
		require.Equal(t, want, string(m.options[12]), text)
	}
	b := newBench4(t, benchNames+"option host-name configured\n"+lan4, onLink4)
	_, m, err := b.ask(t, "DISCOVER\n 12 text alice\n 55 bytes 12")
	require.NoError(t, err)
	require.Equal(t, "configured", string(m.options[12]))
}

// From assignment to the switch-off: what the row has after each message.
func TestNameThroughTheLifeOfALease(t *testing.T) {
	t.Parallel()
	b := newBench4(t, benchNames+lan4, onLink4)
	const alice, both = "alice.dyn.example.org", forward | reverse
	ask := func(text string) {
		t.Helper()
		_, _, err := b.ask(t, text)
		require.NoError(t, err)
	}
	ask("DISCOVER\n 12 text alice")
	b.requireStored(t, alice, both)
	ask("REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
	b.requireStored(t, alice, both) // the DISCOVER had said it
	require.True(t, b.model.last().KeepName)
	ask(renewal4)
	b.requireStored(t, alice, both)
	ask(renewal4 + "12 text wpad")
	b.requireStored(t, alice, 0) // refused: the old name is remembered, and not in DNS
	ask(renewal4 + "12 text bob")
	b.requireStored(t, "bob.dyn.example.org", both)
	ask(renewal4 + "81 080000 626f62")
	b.requireStored(t, "bob.dyn.example.org", 8)
	ask(renewal4 + "12 text bob")
	b.requireStored(t, "bob.dyn.example.org", both)

	off, err := parseConfig4("revision 2\n" + lan4)
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(off))
	ask(renewal4)
	b.requireStored(t, "bob.dyn.example.org", 0) // switched off, and no name sent
	ask(renewal4 + "12 text Bob")
	b.requireStored(t, "bob", 0)
}

// The subnet of the address decides, not that where the client is.
func TestSubnetOfTheAddressDecidesTheName(t *testing.T) {
	t.Parallel()
	b := newBench4(t, `
		link floor
		subnet 192.0.2.0/28 interface=eth0
		param ddns_send_updates true
		param ddns_qualifying_suffix one.example.org
		pool 192.0.2.5 192.0.2.5
		subnet 192.0.2.16/28
		param ddns_send_updates true
		param ddns_qualifying_suffix two.example.org
		param ddns_replace_client_name always
		pool 192.0.2.21 192.0.2.21
		subnet 192.0.2.32/28
		pool 192.0.2.37 192.0.2.37`, onLink4)
	for i, want := range []string{"alice.one.example.org", "host-192-0-2-21.two.example.org", "alice"} {
		_, _, err := b.ask(t, "DISCOVER\n hw 02005e10000"+string(rune('1'+i))+"\n 12 text alice")
		require.NoError(t, err)
		flags := forward | reverse
		if i == 2 {
			flags = 0
		}
		b.requireStored(t, want, flags)
	}
	it := b.model.last()
	one, _ := it.Named(netip.MustParseAddr("192.0.2.5"))
	two, _ := it.Named(netip.MustParseAddr("192.0.2.21"))
	require.Equal(t, []string{"alice.one.example.org", "host-192-0-2-21.two.example.org"}, []string{one, two})
	again, _ := it.Named(netip.MustParseAddr("192.0.2.5"))
	require.Equal(t, one, again)
}

func TestRefusedNamesAreCountedAndLogged(t *testing.T) {
	t.Parallel()
	b := newBench4(t, benchNames+lan4, onLink4)
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	count := func(r name.Reason) float64 { return testutil.ToFloat64(b.metrics.names.WithLabelValues(string(r))) }
	ask := func(text string) {
		t.Helper()
		_, _, err := b.ask(t, text)
		require.NoError(t, err)
	}
	ask("DISCOVER\n 12 text wpad")
	require.Zero(t, count(name.ReasonDenied), "an offer")
	require.Empty(t, log.String())
	ask("REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1\n 12 text wpad")
	require.EqualValues(t, 1, count(name.ReasonDenied))
	require.Contains(t, log.String(), "event=name.refused family=v4 reason=denied addr=192.0.2.10")
	ask(renewal4 + "12 text *.example.org")
	require.EqualValues(t, 1, count(name.ReasonWildcard))
	ask(renewal4 + "12 text alice\n 81 01")
	require.EqualValues(t, 1, count(name.ReasonMalformed))
	ask(renewal4 + "12 text alice")
	require.Equal(t, 3, strings.Count(log.String(), "name.refused"))

	plain := newBench4(t, lan4, onLink4)
	lease4(t, plain)
	_, _, err := plain.ask(t, renewal4+"12 text wpad\n 81 01")
	require.NoError(t, err)
	require.Zero(t, testutil.CollectAndCount(plain.metrics.names))
}
