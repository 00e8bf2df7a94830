package name

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

// What a parameter may be is what these settings accept: a value that passes in
// the configuration must not stop a server, and the other way round.
func TestParameterRulesAreThese(t *testing.T) {
	t.Parallel()
	letters := []rune("aZ09-._k/ \u00e9\u212a*")
	values := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom(letters), 0, 8, -1),
		rapid.Map(rapid.IntRange(0, 70), func(n int) string { return strings.Repeat("a", n) }),
		rapid.Map(rapid.IntRange(0, 130), func(n int) string { return strings.Repeat("a.", n) + "b" }),
		rapid.SampledFrom([]string{"example.org", "Example.ORG.", "192.0.2.1", "xn--a", "always", "when-present", "-", ".", "a.."}),
	)
	rapid.Check(t, func(t *rapid.T) {
		v := values.Draw(t, "value")
		for parameter, cfg := range map[string]Config{
			"ddns_qualifying_suffix":    {Suffix: v},
			"hostname_char_replacement": {Replacement: v},
			"ddns_generated_prefix":     {Prefix: v},
			"ddns_replace_client_name":  {Replace: Replace(v)},
		} {
			def, known := sqlstore.ParameterByName(parameter)
			require.True(t, known)
			if v == "" && def.Default != "" {
				continue // stands for the default here, and is none there
			}
			require.Equal(t, cfg.Validate() == nil, def.Check(v) == nil, "%s %q", parameter, v)
		}
		n := rapid.OneOf(rapid.Uint32Range(0, 300), rapid.Uint32()).Draw(t, "number")
		text := strconv.FormatUint(uint64(n), 10)
		for parameter, ttl := range map[string]TTL{"ddns_ttl": {Fixed: n}, "ddns_ttl_min": {Min: n}, "ddns_ttl_max": {Max: n}} {
			def, _ := sqlstore.ParameterByName(parameter)
			require.Equal(t, ttl.Validate() == nil, def.Check(text) == nil, "%s %s", parameter, text)
		}
		def, _ := sqlstore.ParameterByName("ddns_ttl_percent")
		require.Equal(t, n <= 255 && TTL{Percent: uint8(n)}.Validate() == nil, def.Check(text) == nil, text)
	})
	for parameter, want := range map[string]string{"ddns_generated_prefix": DefaultPrefix, "ddns_replace_client_name": string(ReplaceNever)} {
		def, _ := sqlstore.ParameterByName(parameter)
		require.Equal(t, want, def.Default)
	}
}
