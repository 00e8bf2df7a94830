package sqlstore

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// tenThousand is a network of lone subnets, each with a relay, a setting, an
// option, a pool and a pd_pool where it is IPv6.
func tenThousand() *Config {
	c := &Config{Parameters: Parameters{"valid_lifetime": "3600"}}
	for i := range 10000 {
		prefix := netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
		s := &Subnet{
			ID: uint32(i + 1), Prefix: prefix, Relays: []netip.Addr{prefix.Addr().Next()},
			Parameters: Parameters{"renew_timer": "900"},
			Options:    []OptionData{{Family: IPv4, Code: 3, Name: "routers", Data: prefix.Addr().Next().String()}},
			Pools:      []*Pool{addressPool(fmt.Sprintf("10.%d.%d.10", i/256, i%256), fmt.Sprintf("10.%d.%d.250", i/256, i%256))},
		}
		s.Pools[0].ID = uint32(i + 1)
		c.Links = append(c.Links, &Link{ID: uint32(i + 1), Subnets: []*Subnet{s}})
	}
	return c
}

func BenchmarkCheckTenThousand(b *testing.B) {
	c := tenThousand()
	require.Empty(b, Check(c))
	b.ReportAllocs()
	for b.Loop() {
		Check(c)
	}
}
