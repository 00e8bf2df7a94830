package frontend

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const benchNames = "param ddns_send_updates true\n param ddns_qualifying_suffix dyn.example.org\n"

var benchParameters = sqlstore.Parameters{"ddns_send_updates": "true", "ddns_qualifying_suffix": "dyn.example.org"}

// BenchmarkHandle4 is a renewal of a client that sends both names, from its
// bytes to those of the answer; the Leaser knows the answer.
func BenchmarkHandle4(b *testing.B) {
	for name, config := range map[string]string{"plain": "", "names": benchNames} {
		b.Run(name, func(b *testing.B) {
			s := newBench4(b, config+lan4, onLink4)
			d := &sqlstore.Decision{Results: []sqlstore.Result{{Code: sqlstore.Granted, HasLease: true, Lease: sqlstore.Lease{
				Addr: netip.MustParseAddr("192.0.2.10"), PrefixLen: 32, ValidLft: 7200,
			}}}}
			s.cfg.Leaser = leaserFunc(func(_ context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
				it := &r.Items[0]
				it.ClientAt(it.Want) // as the engine does for a renewal
				return d, nil
			})
			data := encode4(b, "REQUEST\n ciaddr 192.0.2.10\n 55 bytes 1 3 6 15\n 12 text Alice-PC\n 81 040000"+"08616c6963652d7063")
			b.ReportAllocs()
			for b.Loop() {
				o, err := s.run(s.packet(data, "192.0.2.10:68", "192.0.2.1:67"))
				if o == nil || err != nil {
					b.Fatal("no answer", err)
				}
			}
		})
	}
}

// BenchmarkHandle6 is the same for DHCPv6.
func BenchmarkHandle6(b *testing.B) {
	for name, on := range map[string]bool{"plain": false, "names": true} {
		b.Run(name, func(b *testing.B) {
			s, c := newBench6(b), config6()
			if on {
				c.Parameters = benchParameters
			}
			require.NoError(b, s.SetConfig(c))
			d := &sqlstore.Decision{Results: []sqlstore.Result{{Code: sqlstore.Granted, HasLease: true, Lease: sqlstore.Lease{
				Family: sqlstore.IPv6, Addr: netip.MustParseAddr("2001:db8:1::1005"), PrefixLen: 128, ValidLft: 7200, PreferredLft: 3600,
			}}}}
			s.cfg.Leaser = leaserFunc(func(_ context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
				it := &r.Items[0]
				it.ClientAt(it.Want)
				return d, nil
			})
			data := request6Of(dhcpv6.MessageTypeRenew, na6(1, "2001:db8:1::1005"),
				opt6(dhcpv6.OptionORO, u16(23), u16(39)), opt6(dhcpv6.OptionFQDN, []byte("\x01\x08alice-pc")))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.handle6(context.Background(), s.direct(data)); err != nil {
					b.Fatal(err)
				}
				<-s.listener.udp.out
			}
		})
	}
}

// BenchmarkCompile makes the snapshot of a network of many subnets.
func BenchmarkCompile(b *testing.B) {
	for name, p := range map[string]sqlstore.Parameters{"plain": nil, "names": benchParameters} {
		for _, count := range []int{1, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", name, count), func(b *testing.B) {
				c := manySubnets(count)
				c.Parameters = p
				b.ReportAllocs()
				for b.Loop() {
					if _, err := compile(c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// manySubnets is a configuration of that many links with a subnet each.
func manySubnets(count int) *sqlstore.Config {
	c := &sqlstore.Config{}
	for i := range count {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		c.Links = append(c.Links, &sqlstore.Link{ID: uint32(i + 1), Subnets: []*sqlstore.Subnet{{ID: uint32(i + 1), LinkID: uint32(i + 1), Prefix: prefix}}})
	}
	return c
}
