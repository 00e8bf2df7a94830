package ddns

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
)

const (
	v4 = sqlstore.IPv4
	v6 = sqlstore.IPv6
)

// A life of names on real servers.
func TestLife(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{Records: map[string][]string{dnsserver.Forward: {"www.example.org. 60 IN A 192.0.2.80"}}})
			w := newWorld(t, s)
			w.start("one")
			www := "www.example.org 60 A 192.0.2.80"
			for _, step := range []struct {
				what string
				do   func()
				want []string
			}{
				{"nothing", func() {}, lines(www)},
				{
					"an address gets a name", func() { w.store.assign("192.0.2.10", "pc.example.org", both, mac(1)) },
					lines(www, forward("pc.example.org", v4, mac(1), "192.0.2.10"), ptr("192.0.2.10", "pc.example.org")),
				},
				{
					"it is renamed", func() { w.store.assign("192.0.2.10", "box.example.org", both, mac(1)) },
					lines(www, forward("box.example.org", v4, mac(1), "192.0.2.10"), ptr("192.0.2.10", "box.example.org")),
				},
				{"the client moves", func() {
					w.store.assign("192.0.2.11", "box.example.org", both, mac(1))
					w.store.end("192.0.2.10")
				}, lines(www, forward("box.example.org", v4, mac(1), "192.0.2.11"), ptr("192.0.2.11", "box.example.org"))},
				{
					"another client wants the name", func() { w.store.assign("192.0.2.12", "box.example.org", both, mac(2)) },
					lines(www, forward("box.example.org", v4, mac(1), "192.0.2.11"), ptr("192.0.2.11", "box.example.org")),
				},
				{
					"the first one leaves it", func() { w.store.end("192.0.2.11") },
					lines(www, forward("box.example.org", v4, mac(2), "192.0.2.12"), ptr("192.0.2.12", "box.example.org")),
				},
				{"and the second", func() { w.store.end("192.0.2.12") }, lines(www)},
				{"a host has both families", func() {
					w.store.assign("192.0.2.20", "dual.example.org", both, sameHost(5))
					w.store.assign("2001:db8::20", "dual.example.org", both, duid(5))
					w.store.assign("2001:db8::21", "dual.example.org", both, duid(5))
				}, lines(www, forward("dual.example.org", v6, duid(5), "192.0.2.20", "2001:db8::20", "2001:db8::21"),
					ptr("192.0.2.20", "dual.example.org"), ptr("2001:db8::20", "dual.example.org"), ptr("2001:db8::21", "dual.example.org"))},
				{
					"one of them ends", func() { w.store.end("192.0.2.20") },
					lines(www, forward("dual.example.org", v6, duid(5), "2001:db8::20", "2001:db8::21"),
						ptr("2001:db8::20", "dual.example.org"), ptr("2001:db8::21", "dual.example.org")),
				},
				{"all end", func() { w.store.end("2001:db8::20"); w.store.end("2001:db8::21") }, lines(www)},
				{"a name made by hand", func() { w.store.assign("192.0.2.30", "www.example.org", both, mac(3)) }, lines(www)},
				{
					"only the pointer is wanted", func() { w.store.assign("192.0.2.31", "client.example.net", sqlstore.FQDNReverse, mac(4)) },
					lines(www, ptr("192.0.2.31", "client.example.net")),
				},
				{
					"the pointer changes", func() { w.store.assign("192.0.2.31", "other.example.net", sqlstore.FQDNReverse, mac(4)) },
					lines(www, ptr("192.0.2.31", "other.example.net")),
				},
				{"the server keeps nothing any more", func() { w.store.assign("192.0.2.31", "other.example.net", 0, mac(4)) }, lines(www)},
				{"a name of no zone", func() { w.store.assign("192.0.2.32", "a.example.com", both, mac(6)) }, lines(www)},
			} {
				step.do()
				w.settled()
				t.Log(step.what)
				has(t, s, step.want)
			}
			require.Equal(t, sqlstore.NameConflict, w.state("www.example.org"))
			require.Equal(t, sqlstore.NameNoZone, w.state("a.example.com"))
			require.Contains(t, w.log.String(), "event=ddns.conflict name=www.example.org")
			require.Contains(t, w.log.String(), "event=ddns.rival name=box.example.org addr=192.0.2.12")
			require.Len(t, w.store.rows(), 2, "rows of names that are gone are gone")
		})
	}
}

// Many names at once go in few messages.
func TestMany(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{Records: map[string][]string{dnsserver.Forward: {"h77.example.org. 60 IN A 192.0.2.80"}}})
			w := newWorld(t, s)
			var want []string
			for i := 1; i < 200; i++ {
				host, addr := fmt.Sprintf("h%d.example.org", i), fmt.Sprintf("192.0.2.%d", i)
				w.store.assign(addr, host, both, mac(i))
				if i == 77 {
					want = append(want, "h77.example.org 60 A 192.0.2.80")
					continue
				}
				want = append(append(want, forward(host, v4, mac(i), addr)...), ptr(addr, host))
			}
			one := w.start("one")
			w.settled()
			has(t, s, lines(want))
			require.Equal(t, sqlstore.NameConflict, w.state("h77.example.org"))
			require.Less(t, sum(t, one, "rowlock_ddns_messages_total"), 40.0)
			for i := 1; i < 200; i++ {
				w.store.end(fmt.Sprintf("192.0.2.%d", i))
			}
			w.settled()
			has(t, s, lines("h77.example.org 60 A 192.0.2.80"))
			require.Empty(t, w.store.rows())
		})
	}
}
