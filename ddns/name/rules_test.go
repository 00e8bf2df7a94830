package name

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func mustNew(t testing.TB, cfg Config) *Rules {
	t.Helper()
	r, err := New(cfg)
	require.NoError(t, err)
	return r
}

func TestClient(t *testing.T) {
	t.Parallel()
	long := text253[:maxText-len(".dyn.example.org")]
	r := mustNew(t, Config{
		Suffix: "Dyn.Example.ORG.",
		Zones:  []string{"example.org", "lab.example.com."},
		Deny:   []string{"www", "Sub.dyn.example.org."},
	})
	for _, tt := range []struct {
		raw  string
		full bool
		want string
		err  Reason
	}{
		{raw: "Laptop", want: "laptop.dyn.example.org"},
		{raw: "laptop.eng", want: "laptop.eng.dyn.example.org"},
		{raw: "laptop.dyn.example.org", want: "laptop.dyn.example.org"}, // no second suffix
		{raw: "laptop.DYN.example.org.", want: "laptop.dyn.example.org"},
		{raw: "laptopdyn.example.org", want: "laptopdyn.example.org.dyn.example.org"}, // labels, not characters
		{raw: "laptop.example.com", full: true, want: "laptop.example.com"},
		{raw: "laptop.example.com.", want: "laptop.example.com"},
		{raw: "laptop", full: true, want: "laptop.dyn.example.org"},
		{raw: "laptop.\x00", want: "laptop.dyn.example.org"},
		{raw: "192.0.2.1", want: "192.0.2.1.dyn.example.org"}, // no address with a suffix
		{raw: "wpadx", want: "wpadx.dyn.example.org"},
		{raw: "a.wpad", want: "a.wpad.dyn.example.org"}, // nobody looks for wpad there

		{raw: "192.0.2.1", full: true, err: ReasonAddress},
		{raw: "1_92.0.2.1", full: true, err: ReasonAddress},
		{raw: "host.192", full: true, err: ReasonAddress},
		{raw: "dyn.example.org", err: ReasonApex},
		{raw: "Dyn.Example.Org", full: true, err: ReasonApex},
		{raw: "example.org", full: true, err: ReasonApex},
		{raw: "example.com", full: true, err: ReasonApex}, // above a zone
		{raw: "lab.example.com", full: true, err: ReasonApex},
		{raw: "wpad", err: ReasonDenied},
		{raw: "W_P_A_D", err: ReasonDenied},
		{raw: "isatap.example.org", full: true, err: ReasonDenied},
		{raw: "localhost", err: ReasonDenied},
		{raw: "www", err: ReasonDenied},
		{raw: "sub", err: ReasonDenied},
		{raw: "a.sub", err: ReasonDenied},
		{raw: "*", err: ReasonWildcard},
		{raw: long, want: long + ".dyn.example.org"},
		{raw: long + "b", err: ReasonNameLong},
	} {
		got, err := r.Client(tt.raw, tt.full)
		require.Equal(t, tt.err, ReasonOf(err), "%q: %v", tt.raw, err)
		require.Equal(t, tt.want, got)
		require.LessOrEqual(t, len(got), maxText)
	}
}

func TestClientWithoutSuffix(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{})
	got, err := r.Client("laptop.example.org", true)
	require.NoError(t, err)
	require.Equal(t, "laptop.example.org", got)
	for _, raw := range []string{"1.2.0.192.In-Addr.arpa.", "a.ip6.arpa", "in-addr.arpa"} {
		_, err = r.Client(raw, true)
		require.ErrorIs(t, err, ReasonDenied, "the name of an address")
	}
	got, err = r.Client("laptop.home.arpa", true)
	require.NoError(t, err)
	require.Equal(t, "laptop.home.arpa", got)
	for _, full := range []bool{false, true} {
		_, err = r.Client("laptop", full)
		require.ErrorIs(t, err, ReasonUnqualified)
		require.EqualError(t, err, `refuse name "laptop": unqualified`)
	}
}

func TestClientConfined(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{Suffix: "dyn.example.org", Confine: true})
	_, err := r.Client("www.example.org", true)
	require.ErrorIs(t, err, ReasonOutside)
	got, err := r.Client("a.dyn.example.org", true)
	require.NoError(t, err)
	require.Equal(t, "a.dyn.example.org", got)
}

func TestReserved(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{Suffix: "dyn.example.org", Zones: []string{"example.org"}, Confine: true})
	for raw, want := range map[string]string{
		"printer":              "printer.dyn.example.org",
		"printer.":             "printer.dyn.example.org",
		"Printer.example.org.": "printer.example.org",
		"www.example.org":      "www.example.org",
		"wpad":                 "wpad.dyn.example.org", // the administrator may
	} {
		got, err := r.Reserved(raw)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for raw, want := range map[string]Reason{"example.org": ReasonApex, "*": ReasonWildcard} {
		_, err := r.Reserved(raw)
		require.ErrorIs(t, err, want)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Join([]string{label63, label63, label63}, ".")
	for want, cfg := range map[string]Config{
		`suffix: refuse name "a..b": empty-label`:             {Suffix: "a..b"},
		`suffix: refuse name ".": empty`:                      {Suffix: "."},
		`suffix: refuse name "example.7": address`:            {Suffix: "example.7"},
		`suffix: leaves no room for a label before it`:        {Suffix: long},
		`zones[1]: refuse name "*.example.org": wildcard`:     {Zones: []string{"example.org", "*.example.org"}},
		`deny[0]: refuse name "": empty`:                      {Deny: []string{""}},
		`replacement: "." is not a letter`:                    {Replacement: "."},
		`replacement: "ab" is not a letter`:                   {Replacement: "ab"},
		`replace: "Never" is not never, always, when-present`: {Replace: "Never"},
		`prefix: refuse name "a.b": character`:                {Prefix: "a.b"},
		`prefix: refuse name "host-": character`:              {Prefix: "host-"},
		`prefix: "aaaaaaaaaaaaaaaaaaaaaaaa" is longer than`:   {Prefix: strings.Repeat("a", 24)},
		`prefix: "xn--a" has hyphens in third and fourth`:     {Prefix: "xn--a"},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := New(Config{Suffix: long[:maxText-1-maxLabel], Prefix: strings.Repeat("a", 23), Replacement: "X"})
	require.NoError(t, err)
}
