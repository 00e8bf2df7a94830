package frontend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
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

// BenchmarkCompile makes the snapshot of a network of many subnets: of all of it,
// with the rules of sqlstore checked and without, and after a change of one link.
func BenchmarkCompile(b *testing.B) {
	for name, p := range map[string]sqlstore.Parameters{"plain": nil, "names": benchParameters} {
		for _, count := range []int{1, 10_000} {
			c := manySubnets(count)
			c.Parameters = p
			b.Run(fmt.Sprintf("%s/%d/checked", name, count), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := compile(c, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/full", name, count), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := build(c, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/changed", name, count), func(b *testing.B) {
				snap, err := build(c, nil)
				require.NoError(b, err)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					next := *c
					next.Links = slices.Clone(c.Links)
					l := *c.Links[i%count]
					next.Links[i%count] = &l
					if _, err := build(&next, snap); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSelect finds the subnet of a relay: one, ten thousand, and ten
// thousand in a thousand VRFs.
func BenchmarkSelect(b *testing.B) {
	for _, c := range []struct{ subnets, vrfs int }{{1, 0}, {10_000, 0}, {10_000, 1000}} {
		config := manySubnets(c.subnets)
		for i, l := range config.Links {
			if c.vrfs > 0 {
				l.VRF = uint32(i%c.vrfs + 1)
				l.Subnets[0].Pools[0].VRF = l.VRF
			}
			p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 8), byte(i)}), 48)
			v6 := &sqlstore.Link{ID: l.ID + 20_000, VRF: l.VRF, Subnets: []*sqlstore.Subnet{{ID: l.ID + 20_000, LinkID: l.ID + 20_000, Prefix: p}}}
			config.Links = append(config.Links, v6)
		}
		for i := range c.vrfs {
			config.VRFs = append(config.VRFs, sqlstore.VRF{ID: uint32(i + 1), Relays: []netip.Addr{netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})}})
		}
		snap, err := compile(config, nil)
		require.NoError(b, err)
		from := place{src: netip.MustParseAddr("198.18.0.0")}
		b.Run(fmt.Sprintf("v4/%d/%d", c.subnets, c.vrfs), func(b *testing.B) {
			o := origin4{giaddr: netip.MustParseAddr("10.0.0.1"), place: from}
			b.ReportAllocs()
			for b.Loop() {
				if snap.index.select4(&o, nil) == nil {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprintf("v6/%d/%d", c.subnets, c.vrfs), func(b *testing.B) {
			o := origin6{link: netip.MustParseAddr("2001:db8::1"), interfaceID: []byte("port1"), place: from}
			b.ReportAllocs()
			for b.Loop() {
				if snap.index.select6(&o, nil) == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}

// manySubnets is a configuration of that many links, with a subnet and a pool each.
func manySubnets(count int) *sqlstore.Config {
	c := &sqlstore.Config{}
	for i := range count {
		id, first := uint32(i+1), netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 10})
		c.Links = append(c.Links, &sqlstore.Link{ID: id, Subnets: []*sqlstore.Subnet{{
			ID: id, LinkID: id, Prefix: netip.PrefixFrom(first, 24).Masked(), Pools: []*sqlstore.Pool{{
				ID: id, Gen: 1, SubnetID: id, LinkID: id, Kind: sqlstore.NA, DelegatedLen: 32,
				First: first, Last: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 250}),
			}},
		}}})
	}
	return c
}
