package name

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

const generated = "host-192-0-2-1.example.org"

// The table of the manual: what each mode does with each thing a client sends.
func TestChooseReplaceModes(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("192.0.2.1")
	none := Sources{Addr: addr}
	good := Sources{Addr: addr, Hostname: "pc"}
	bad := Sources{Addr: addr, Hostname: "wpad"}
	asks := Sources{Addr: addr, FQDN: &FQDN{}} // an empty name: RFC 4702 section 2.3
	for _, tt := range []struct {
		mode                  Replace
		none, good, bad, asks string
	}{
		{"", "", "pc.example.org", "", generated},
		{ReplaceNever, "", "pc.example.org", "", generated},
		{ReplaceAlways, generated, generated, generated, generated},
		{ReplaceWhenPresent, "", generated, generated, generated},
		{ReplaceWhenNotPresent, generated, "pc.example.org", generated, generated},
	} {
		r := mustNew(t, Config{Suffix: "example.org", Replace: tt.mode})
		for want, s := range map[*string]Sources{&tt.none: none, &tt.good: good, &tt.bad: bad, &tt.asks: asks} {
			require.Equal(t, *want, r.Choose(s).Name, "%s %+v", tt.mode, s)
			s.Reserved = "fixed"
			require.Equal(t, Choice{Name: "fixed.example.org", Source: FromReserved}, r.Choose(s), "%s %+v", tt.mode, s)
		}
	}
}

func TestChooseSource(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{Suffix: "example.org", Replace: ReplaceWhenNotPresent})
	addr := netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		sources Sources
		want    Choice // without Refused
		refused []Reason
	}{
		{
			sources: Sources{Reserved: "a", FQDN: &FQDN{Name: "b"}, Hostname: "c", Addr: addr},
			want:    Choice{Name: "a.example.org", Source: FromReserved},
		},
		{
			sources: Sources{FQDN: &FQDN{Name: "b"}, Hostname: "c", Addr: addr},
			want:    Choice{Name: "b.example.org", Source: FromFQDN},
		},
		{
			sources: Sources{FQDN: &FQDN{Name: "b.example.com", Full: true}, Addr: addr},
			want:    Choice{Name: "b.example.com", Source: FromFQDN},
		},
		{
			sources: Sources{FQDN: &FQDN{Name: "b.example.com"}, Addr: addr},
			want:    Choice{Name: "b.example.com.example.org", Source: FromFQDN},
		},
		{
			sources: Sources{Hostname: "c\x00", Addr: addr},
			want:    Choice{Name: "c.example.org", Source: FromHostname},
		},
		{
			sources: Sources{Hostname: "c.example.com", Addr: addr},
			want:    Choice{Name: "c.example.com", Source: FromHostname},
		},
		{
			sources: Sources{Hostname: "\x00", Addr: addr},
			want:    Choice{Name: generated, Source: FromAddress},
		},
		{
			sources: Sources{Reserved: "*", FQDN: &FQDN{Name: "\u00fc"}, Hostname: "c", Addr: addr},
			want:    Choice{Name: generated, Source: FromAddress},
			refused: []Reason{ReasonWildcard, ReasonNotASCII},
		},
		{
			sources: Sources{Reserved: "example.org", Hostname: "c", Addr: addr},
			want:    Choice{Name: "c.example.org", Source: FromHostname},
			refused: []Reason{ReasonApex},
		},
		{
			sources: Sources{Hostname: "a...b"},
			refused: []Reason{ReasonEmptyLabel, ReasonNoAddress},
		},
	} {
		got := r.Choose(tt.sources)
		require.Equal(t, len(tt.refused) == 0, got.Refused == nil, "%v", got.Refused)
		for _, reason := range tt.refused {
			require.ErrorIs(t, got.Refused, reason)
		}
		got.Refused = nil
		require.Equal(t, tt.want, got)
	}
}

// RFC 4702 section 3.1: the Host Name option is ignored beside this one, also
// where this one has no usable name.
func TestRFC4702_3_1_HostNameIgnored(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{Suffix: "example.org"})
	got := r.Choose(Sources{FQDN: &FQDN{Name: "???"}, Hostname: "c"})
	require.Empty(t, got.Name)
	require.Equal(t, NoSource, got.Source)
	require.ErrorIs(t, got.Refused, ReasonEmpty)
}

func TestSourceString(t *testing.T) {
	t.Parallel()
	for s, want := range map[Source]string{NoSource: "none", FromAddress: "generated", FromHostname: "hostname", FromFQDN: "fqdn", FromReserved: "reservation"} {
		require.Equal(t, want, s.String())
	}
}
