package name

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReverse(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1":        "1.2.0.192.in-addr.arpa",
		"255.255.255.0":    "0.255.255.255.in-addr.arpa",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		// the example of RFC 3596 section 2.5, in the documentation prefix
		"2001:db8:1:2:3:4:567:89ab": "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"fe80::1%eth0":              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
	} {
		got := Reverse(netip.MustParseAddr(addr))
		require.Equal(t, want, got)
		require.NoError(t, Check(got))
	}
	require.Empty(t, Reverse(netip.Addr{}))
}
