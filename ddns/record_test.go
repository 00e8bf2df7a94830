package ddns

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRecords(t *testing.T) {
	t.Parallel()
	text := "60 A 192.0.2.1\n60 AAAA 2001:db8::1\n0 DHCID " + idX + "\n2147483647 PTR a.example.org"
	rs, err := parseRecords(text)
	require.NoError(t, err)
	require.Equal(t, text, rs.String())
	rs, err = parseRecords("")
	require.NoError(t, err)
	require.Empty(t, rs)
	for _, bad := range []string{
		"\n", " ", "60", "60 A", "60  192.0.2.1", "60 A 192.0.2.1 ", "60 A 192.0.2.1\n", "60 A 192.0.2.1\n\n60 A 192.0.2.2",
		"060 A 192.0.2.1", "+60 A 192.0.2.1", "-1 A 192.0.2.1", "2147483648 A 192.0.2.1", "x A 192.0.2.1", "60 a 192.0.2.1",
		"60 A 2001:db8::1", "60 AAAA 192.0.2.1", "60 AAAA ::ffff:192.0.2.1", "60 AAAA 2001:DB8::1", "60 AAAA fe80::1%eth0", "60 A x",
		"60 DHCID x", "60 DHCID AAE=", "60 DHCID " + strings.TrimSuffix(idX, "=") + "!",
		"60 PTR a.example.org.", "60 PTR A.example.org", "60 PTR a..example.org", "60 PTR", "60 PTR " + strings.Repeat("a", 64) + ".example.org",
		"60 TXT x", "60 SOA x",
	} {
		_, err := parseRecords(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestRecordSets(t *testing.T) {
	t.Parallel()
	a := recs(t, "60 A 192.0.2.1; 60 A 192.0.2.2; 60 DHCID x")
	b := recs(t, "90 A 192.0.2.2; 90 AAAA 2001:db8::1")
	require.Equal(t, "60 A 192.0.2.1\n60 A 192.0.2.2\n90 AAAA 2001:db8::1\n60 DHCID "+idX, a.union(b).String())
	require.Equal(t, "60 A 192.0.2.1\n60 DHCID "+idX, a.without(b).String())
	require.Equal(t, "90 A 192.0.2.2\n90 AAAA 2001:db8::1", b.changed(a).String())
	require.Len(t, a.union(b).addrs(), 3)
	require.Equal(t, "60 A 192.0.2.1\n60 A 192.0.2.2\n60 DHCID "+idX, a.String(), "the operands are what they were")
}

// What is read is what is written, and nothing that is not a record of ours is
// read.
func FuzzParseRecords(f *testing.F) {
	for _, s := range []string{
		"", "60 A 192.0.2.1", "60 AAAA 2001:db8::1\n60 A 192.0.2.1", "60 DHCID " + idX, "60 PTR a.example.org", "60 PTR a\x00.example.org", "60 A \n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rs, err := parseRecords(text)
		if err != nil {
			return
		}
		again, err := parseRecords(rs.String())
		require.NoError(t, err)
		require.Equal(t, rs, again)
		m, err := build(server{}, update{zone: "example.org", names: []string{"a.example.org"}, steps: []step{{changes: adds(rs)}}})
		if len(text) < 1000 {
			require.NoError(t, err)
			_, err = m.Pack()
			require.NoError(t, err)
		}
	})
}
