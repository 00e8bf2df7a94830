package frontend

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// cachedResult is a lease of two hours of which an hour and half a second are
// left, as the engine shows one that it did not write.
func cachedResult(it *sqlstore.Item) sqlstore.Result {
	bits := uint8(it.Want.BitLen())
	if it.Kind == sqlstore.PD {
		bits = it.Pools.Find(it.Want).DelegatedLen
	}
	return sqlstore.Result{Code: sqlstore.Granted, HasLease: true, Cached: true, Lease: sqlstore.Lease{
		Key: it.Key, Addr: it.Want, PrefixLen: bits, State: sqlstore.Active, ValidLft: 7200, PreferredLft: 4500,
		Remaining: 3600*time.Second + 500*time.Millisecond,
	}}
}

func cachedDecision(r *sqlstore.Request) (*sqlstore.Decision, error) {
	d := &sqlstore.Decision{Revision: r.Revision}
	for i := range r.Items {
		d.Results = append(d.Results, cachedResult(&r.Items[i]))
	}
	return d, nil
}

// A renewal that was not written tells what is left, and timers of that.
func TestCachedRenewal4(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param cache_threshold 0.25\n"+lan4, onLink4)
	b.model.say = cachedDecision
	_, m, err := b.ask(t, "REQUEST\n ciaddr 192.0.2.10")
	require.NoError(t, err)
	require.EqualValues(t, 1800, b.model.last().CacheAge)
	require.Equal(t, "ACK", m.kind)
	require.Equal(t, u32(3600), m.options[51])
	require.Equal(t, u32(1800), m.options[58])
	require.Equal(t, u32(3150), m.options[59])
}

func TestCachedRenewal6(t *testing.T) {
	t.Parallel()
	c := config6()
	c.Parameters = sqlstore.Parameters{"cache_threshold": "0.25", "cache_max_age": "600"}
	b := newBench6Of(t, c)
	b.leaser.decide = cachedDecision
	m := b.answer(t, request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1005"), pd6(2, "2001:db8:100:300::/56")))
	require.Equal(t, [][]lease6{{{"2001:db8:1::1005", 900, 3600}}, {{"2001:db8:100:300::/56", 900, 3600}}}, leases6(m))
	require.Equal(t, 450*time.Second, m.Options.OneIANA().T1)
	require.Equal(t, 720*time.Second, m.Options.OneIANA().T2)
	for _, it := range b.leaser.items() {
		require.EqualValues(t, 600, it.CacheAge, "cache_max_age is the shorter")
	}
}

// With a preferred lifetime far below the valid one, an address that its client
// renews stays preferred: it is written in time.
func TestCacheAgeIsWithinPreferredLifetime(t *testing.T) {
	t.Parallel()
	c := config6()
	c.Parameters = sqlstore.Parameters{"cache_threshold": "0.25", "valid_lifetime": "7200", "preferred_lifetime": "400"}
	b := newBench6Of(t, c)
	b.answer(t, request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1005"), pd6(2, "2001:db8:100:300::/56")))
	for _, it := range b.leaser.items() {
		require.EqualValues(t, 400, it.PreferredLft)
		require.EqualValues(t, 100, it.CacheAge)
	}
}

func TestCacheAge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		threshold, most string
		valid, want     uint32
	}{
		{"0", "", 7200, 0},
		{"", "600", 7200, 0},
		{"0.5", "", 7200, 3600},
		{"0.5", "600", 7200, 600},
		{"0.5", "0", 7200, 3600},
		{"0.999", "", 1, 0},
		{"0.5", "", sqlstore.Infinite, 2147483647},
	} {
		ps := sqlstore.Parameters{}
		if tc.threshold != "" {
			ps["cache_threshold"] = tc.threshold
		}
		if tc.most != "" {
			ps["cache_max_age"] = tc.most
		}
		s := newSettings(sqlstore.IPv4, ps)
		require.Equal(t, tc.want, s.cacheAge(tc.valid), tc)
	}
	require.Zero(t, new(settings).cacheAge(7200))
}

// In the subnet of the address, whose lifetimes count too.
func TestCacheThresholdIsThatOfTheAddress(t *testing.T) {
	t.Parallel()
	b := newBench4(t, `
		link two
		subnet 192.0.2.0/24 interface=eth0
		pool 192.0.2.10 192.0.2.99
		param cache_threshold 0.5
		subnet 198.51.100.0/24
		pool 198.51.100.10 198.51.100.99
		param cache_threshold 0.1`, onLink4)
	for ciaddr, want := range map[string]uint32{"192.0.2.10": 3600, "198.51.100.10": 720} {
		_, _, err := b.ask(t, "REQUEST\n ciaddr "+ciaddr)
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddr(ciaddr), b.model.last().Want)
		require.Equal(t, want, b.model.last().CacheAge)
	}
}
