package name

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRFC4702_5_TTL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ttl            TTL
		lifetime, want uint32
	}{
		{TTL{}, 7200, 2400},
		{TTL{}, 1800, 600},
		{TTL{}, 300, 600}, // not below ten minutes
		{TTL{}, 0, 600},
		{TTL{}, math.MaxUint32, 86400},
		{TTL{}, math.MaxUint32 - 1, 1431655764},
		{TTL{Percent: 50}, 7200, 3600},
		{TTL{Percent: 50}, 600, 600},
		{TTL{Percent: 100}, math.MaxUint32 - 1, math.MaxInt32},
		{TTL{Percent: 100}, math.MaxUint32, 86400},
		{TTL{Min: 60}, 300, 100},
		{TTL{Min: 60}, 30, 60},
		{TTL{Min: 4000}, 7200, 4000},
		{TTL{Max: 1000}, 7200, 1000},
		{TTL{Max: 1000}, math.MaxUint32, 1000},
		{TTL{Max: 120}, 7200, 120}, // below the default of Min
		{TTL{Percent: 10, Min: 100, Max: 200}, 1500, 150},
		{TTL{Fixed: 30}, 7200, 30},
		{TTL{Fixed: 30}, math.MaxUint32, 30},
	} {
		require.NoError(t, tt.ttl.Validate())
		require.Equal(t, tt.want, tt.ttl.Of(tt.lifetime), "%+v of %d", tt.ttl, tt.lifetime)
	}
}

func TestTTLValidate(t *testing.T) {
	t.Parallel()
	for want, ttl := range map[string]TTL{
		"ttl: a value is above 2147483647":                          {Max: math.MaxInt32 + 1},
		"ttl: a fixed value leaves nothing to percent, min and max": {Fixed: 60, Percent: 10},
		"ttl: percent is above 100":                                 {Percent: 101},
		"ttl: max is below min":                                     {Min: 700, Max: 600},
	} {
		require.EqualError(t, ttl.Validate(), want)
	}
	require.NoError(t, TTL{Min: 600, Max: 600, Percent: 100}.Validate())
}
