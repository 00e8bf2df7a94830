package name

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGenerate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr, prefix string
		full, short  string
	}{
		{"192.0.2.1", "", "host-192-0-2-1", "host-192-0-2-1"},
		{"::ffff:192.0.2.1", "", "host-192-0-2-1", "host-192-0-2-1"},
		{"2001:db8::1", "pc", "pc-2001-0db8-0000-0000-0000-0000-0000-0001", "pc-2001-db8--1"},
		{"2001:db8::", "", "host-2001-0db8-0000-0000-0000-0000-0000-0000", "host-2001-db8--0"},
		{"2001:db8:1::2:0", "", "host-2001-0db8-0001-0000-0000-0000-0002-0000", "host-2001-db8-1--2-0"},
		{"::1", "", "host-0000-0000-0000-0000-0000-0000-0000-0001", "host---1"},
		{"::", "", "host-0000-0000-0000-0000-0000-0000-0000-0000", "host---0"},
		// short forms that would look like an internationalised label
		{"::1", "a", "a-0000-0000-0000-0000-0000-0000-0000-0001", "a-0000-0000-0000-0000-0000-0000-0000-0001"},
		{"::1", "ab", "ab-0000-0000-0000-0000-0000-0000-0000-0001", "ab-0000-0000-0000-0000-0000-0000-0000-0001"},
		{"fe80::1%eth0", "", "host-fe80-0000-0000-0000-0000-0000-0000-0001", "host-fe80--1"},
		{"2001:db8::1", strings.Repeat("a", maxPrefix), strings.Repeat("a", 23) + "-2001-0db8-0000-0000-0000-0000-0000-0001", strings.Repeat("a", 23) + "-2001-db8--1"},
	} {
		for _, compressed := range []bool{false, true} {
			r := mustNew(t, Config{Suffix: "example.org", Prefix: tt.prefix, Compressed: compressed})
			got, err := r.Generate(netip.MustParseAddr(tt.addr))
			require.NoError(t, err)
			want := tt.full
			if compressed {
				want = tt.short
			}
			require.Equal(t, want+".example.org", got)
			require.NoError(t, Check(got))
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	_, err := mustNew(t, Config{Suffix: "example.org"}).Generate(netip.Addr{})
	require.ErrorIs(t, err, ReasonNoAddress)
	_, err = mustNew(t, Config{}).Generate(netip.MustParseAddr("192.0.2.1"))
	require.ErrorIs(t, err, ReasonUnqualified)
}

// Addresses whose texts differ least have different names, all of them legal.
func TestGenerateIsUnique(t *testing.T) {
	t.Parallel()
	for _, compressed := range []bool{false, true} {
		r := mustNew(t, Config{Suffix: "example.org", Prefix: "a", Compressed: compressed})
		seen := map[string]netip.Addr{}
		for i := range 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3 { // a digit of base 3 for each group
			var a [16]byte
			for g := range 8 {
				a[2*g+1] = []byte{0, 0x01, 0x10}[i%3]
				i /= 3
			}
			addr := netip.AddrFrom16(a)
			label := r.generatedLabel(addr)
			if r := checkLabel(label); r != "" || reservedLabel(label) {
				t.Fatalf("%s is %s: %s", addr, label, r)
			}
			if other, taken := seen[label]; taken {
				t.Fatalf("%s and %s are both %s", addr, other, label)
			}
			seen[label] = addr
		}
	}
}
