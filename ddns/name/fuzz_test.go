package name

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fuzzRules(t testing.TB) *Rules {
	return mustNew(t, Config{
		Suffix: "dyn.example.org", Zones: []string{"example.org"}, Deny: []string{"sub.example.org"},
		Replacement: "-", Replace: ReplaceWhenNotPresent,
	})
}

// requireGood checks what must hold of every name that a client gets.
func requireGood(t *testing.T, r *Rules, name string) {
	require.NoError(t, Check(name))
	require.Equal(t, Canonical(name), name)
	require.Contains(t, name, ".")
	require.NotContains(t, r.apex, name)
	require.False(t, under(name, "sub.example.org"))
	require.False(t, strings.HasPrefix(name, "wpad."))
	again, err := r.Client(name, true)
	require.NoError(t, err)
	require.Equal(t, name, again)
}

// requireUsable takes a parsed option to a name and to a reply.
func requireUsable(t *testing.T, f FQDN) FQDN {
	r := fuzzRules(t)
	require.LessOrEqual(t, len(f.Name), maxText)
	c := r.Choose(Sources{FQDN: &f, Addr: netip.MustParseAddr("192.0.2.1")})
	requireGood(t, r, c.Name)
	return Policy{SendUpdates: true}.Decide(&f, true).Reply(f, c.Name)
}

func FuzzParse4(f *testing.F) {
	f.Add([]byte("\x05\x00\x00\x02pc\x07example\x03org\x00"))
	f.Add([]byte("\x0c\x00\x00\x02pc"))
	f.Add([]byte("\x01\x00\x00PC.example.org."))
	f.Add([]byte("\x04\x00\x00\x01a\xc0\x03"))
	f.Add([]byte("\x04\x00\x00\x3f" + label63 + "\x3f" + label63))
	f.Add([]byte("\x00\x00\x00a...b\x00"))
	f.Fuzz(func(t *testing.T, v []byte) {
		o, err := Parse4(v)
		if err != nil {
			require.NotEmpty(t, ReasonOf(err))
			require.Equal(t, FQDN{}, o)
			return
		}
		reply, err := requireUsable(t, o).Append4(nil)
		require.NoError(t, err)
		told, err := Parse4(reply)
		require.NoError(t, err)
		require.Equal(t, o.E, told.E)
		if o.E {
			wire, err := o.Append4(nil)
			require.NoError(t, err)
			again, err := Parse4(wire)
			require.NoError(t, err)
			require.Equal(t, o, again)
		}
	})
}

func FuzzParse6(f *testing.F) {
	f.Add([]byte("\x01\x02pc\x07example\x03org\x00"))
	f.Add([]byte("\x04\x02pc"))
	f.Add([]byte("\x00\xc0\x00"))
	f.Add([]byte("\x00\x01*\x07example\x03org\x00\x00"))
	f.Add([]byte("\x00\x03dyn\x07example\x03org\x00"))
	f.Fuzz(func(t *testing.T, v []byte) {
		o, err := Parse6(v)
		if err != nil {
			require.NotEmpty(t, ReasonOf(err))
			require.Equal(t, FQDN{}, o)
			return
		}
		_, err = requireUsable(t, o).Append6(nil)
		require.NoError(t, err)
		wire, err := o.Append6(nil)
		require.NoError(t, err)
		again, err := Parse6(wire)
		require.NoError(t, err)
		require.Equal(t, o, again)
	})
}

func FuzzClient(f *testing.F) {
	f.Add("Bob's Mac", false, "-")
	f.Add("a...b", false, "")
	f.Add("*.example.org", true, "x")
	f.Add("192.0.2.1", true, "")
	f.Add("w_p_a_d", false, "")
	f.Add("xn--mnchen-3ya.dyn.example.org.\x00", false, "0")
	f.Add("\xc3\xbc", false, "-")
	f.Fuzz(func(t *testing.T, raw string, full bool, replacement string) {
		r, err := New(Config{Suffix: "dyn.example.org", Zones: []string{"example.org"}, Deny: []string{"sub.example.org"}, Replacement: replacement})
		if err != nil {
			return
		}
		got, err := r.Client(raw, full)
		if err != nil {
			require.NotEmpty(t, ReasonOf(err))
			require.Empty(t, got)
			return
		}
		requireGood(t, r, got)
	})
}
