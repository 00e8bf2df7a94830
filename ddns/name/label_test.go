package name

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	label63 = strings.Repeat("a", 63)
	label64 = strings.Repeat("a", 64)
	// text253 has 255 bytes on the wire, the most that a name may have.
	text253 = strings.Join([]string{label63, label63, label63, strings.Repeat("b", 61)}, ".")
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, replacement, want string }{
		{"host", "", "host"},
		{"HOST.Example.ORG.", "", "host.example.org"},
		{"9to5", "", "9to5"}, // RFC 1123 section 2.1: may begin with a digit
		{"my_host", "", "myhost"},
		{"my_host", "-", "my-host"},
		{"my_host", "x", "myxhost"},
		{"Bob's Mac Book", "-", "bob-s-mac-book"},
		{"-host-", "", "host"},
		{"_host_", "-", "host"},
		{"a-.-b", "", "a.b"},
		{"a*b", "-", "a-b"},
		{"host\x00\x00", "x", "host"},
		{"host.\x00", "", "host"},
		{"a\x00b\n", "", "ab"},
		{"XN--MNCHEN-3YA", "", "xn--mnchen-3ya"},
		{label63 + "!", "", label63},
		{text253 + ".", "", text253},
	} {
		got, err := clean(tt.raw, tt.replacement)
		require.NoError(t, err, "%q", tt.raw)
		require.Equal(t, tt.want, got, "%q", tt.raw)
		require.NoError(t, Check(got))
		require.Equal(t, got, Canonical(got))
	}
}

func TestCleanRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw, replacement string
		want             Reason
	}{
		{"", "", ReasonEmpty},
		{".", "", ReasonEmpty},
		{"\x00\x00", "x", ReasonEmpty},
		{"???", "", ReasonEmpty},
		{"???", "-", ReasonEmpty},
		{"---", "", ReasonEmpty},
		{"..", "", ReasonEmptyLabel},
		{"a...b", "", ReasonEmptyLabel},
		{".a", "", ReasonEmptyLabel},
		{"a..", "", ReasonEmptyLabel},
		{"a.?.b", "-", ReasonEmptyLabel},
		{"a.-", "", ReasonEmptyLabel},
		{"m\u00fcnchen", "", ReasonNotASCII},
		{"m\xfcnchen", "-", ReasonNotASCII},
		{"wpa\u212a", "", ReasonNotASCII}, // the Kelvin sign is a K in lower case
		{"*", "x", ReasonWildcard},
		{"*.example.org", "x", ReasonWildcard},
		{label64, "", ReasonLabelLong},
		{"a." + label63 + "?", "x", ReasonLabelLong},
		{text253 + "b", "", ReasonNameLong},
		{strings.Repeat("a.", 70000), "", ReasonNameLong},
	} {
		got, err := clean(tt.raw, tt.replacement)
		require.Equal(t, tt.want, ReasonOf(err), "%.80q", tt.raw)
		require.Empty(t, got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reason{
		"host":          "",
		"Host.9.org.":   "",
		"xn--mnchen-3y": "",
		text253 + ".":   "",
		"":              ReasonEmpty,
		".":             ReasonEmpty,
		"a..b":          ReasonEmptyLabel,
		"a..":           ReasonEmptyLabel,
		"*.example.org": ReasonWildcard,
		"my_host":       ReasonCharacter,
		"a b":           ReasonCharacter,
		"-a":            ReasonCharacter,
		"a.b-":          ReasonCharacter,
		"m\u00fcnchen":  ReasonNotASCII,
		label64 + ".a":  ReasonLabelLong,
		text253 + "b":   ReasonNameLong,
		"a" + label63:   ReasonLabelLong,
	} {
		require.Equal(t, want, ReasonOf(Check(text)), "%q", text)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	require.Equal(t, "host.example.org", Canonical("Host.EXAMPLE.org."))
	require.Empty(t, Canonical("."))
	// only ASCII letters have a lower case in the DNS
	require.Equal(t, "\u212a\xc9", Canonical("\u212a\xc9"))
}

func TestUnder(t *testing.T) {
	t.Parallel()
	require.True(t, under("example.org", "example.org"))
	require.True(t, under("a.b.example.org", "example.org"))
	require.False(t, under("badexample.org", "example.org"))
	require.False(t, under("org", "example.org"))
	require.False(t, under("org", ""))
}
