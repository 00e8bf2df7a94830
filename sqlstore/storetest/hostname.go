package storetest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testHostnames is what rows and events say about the name of a client, and about
// who keeps it in DNS.
func testHostnames(t *testing.T, dialect string) {
	db := serving(t, dialect)
	e := newEngine(t, Open(t, db.url), "name")
	db.exec(t, "INSERT INTO event_consumer (name) VALUES ('test')")
	for _, v := range variants {
		for _, c := range []struct {
			name string
			run  func(*testing.T, *naming)
		}{
			{"address", nameOfAddress},
			{"rename", nameChanges},
			{"off", nameSwitchedOff},
			{"gone", nameGone},
			{"kept", nameKept},
			{"anew", nameAnew},
			{"other", nameOfOtherAddress},
		} {
			if c.name == "other" && v.family == sqlstore.IPv4 {
				continue // such a client is refused
			}
			t.Run(c.name+"/"+v.name, func(t *testing.T) { c.run(t, &naming{variant: v, db: db, engine: e, vrf: newVRF()}) })
		}
	}
}

// naming is one client whose name is decided by the frontend.
type naming struct {
	variant
	db     *database
	engine *engine.Engine
	vrf    uint32
	host   string // first label; the address is the second; "" for none
	flags  uint8
	keep   bool
}

// inDNS are flags of a client whose records are kept, and 1 of its own.
const inDNS = sqlstore.FQDNForward | sqlstore.FQDNReverse | 1

func (x *naming) at(addr netip.Addr) string {
	if x.host == "" {
		return ""
	}
	return x.host + "." + strings.NewReplacer(".", "-", ":", "-").Replace(addr.String()) + ".example.org"
}

// ask lets the client ask; the row has what it is told.
func (x *naming) ask(t *testing.T, op sqlstore.Op, want netip.Addr) sqlstore.Lease {
	t.Helper()
	it := x.item(op, x.vrf, 1, want, sqlstore.NewPoolSet(x.pool(x.vrf, x.vrf, 10, 20)))
	it.Client.Hostname, it.Client.FQDNFlags, it.KeepName = "unused", 9, x.keep
	it.Named = func(addr netip.Addr) (string, uint8) { return x.at(addr), x.flags }
	res := decide(t, x.engine, x.family, it)
	if op == sqlstore.OpRelease {
		require.Equal(t, sqlstore.Done, res.Code)
	} else {
		require.Equal(t, sqlstore.Granted, res.Code)
	}
	rows := x.db.rows(t, "SELECT hostname, fqdn_flags FROM lease%d WHERE vrf = %d", x.family, x.vrf)
	require.Equal(t, [][]string{{res.Lease.Client.Hostname, fmt.Sprint(res.Lease.Client.FQDNFlags)}}, rows)
	return res.Lease
}

// assigned gives the client a lease under a name.
func (x *naming) assigned(t *testing.T) sqlstore.Lease {
	t.Helper()
	x.host, x.flags = "pc", inDNS
	return x.ask(t, sqlstore.OpSelect, x.ask(t, sqlstore.OpOffer, netip.Addr{}).Addr)
}

// told requires the events so far, as "KIND NAME FLAGS".
func (x *naming) told(t *testing.T, expected ...string) {
	t.Helper()
	var out []string
	for _, r := range x.db.rows(t, "SELECT kind, hostname, fqdn_flags FROM lease_event WHERE vrf = %d ORDER BY id", x.vrf) {
		out = append(out, strings.Join(r, " "))
	}
	require.Equal(t, expected, out)
}

func line(kind int, name string, flags uint8) string {
	return fmt.Sprintf("%d %s %d", kind, name, flags)
}

// The name is that of the address given, whatever the client wanted.
func nameOfAddress(t *testing.T, x *naming) {
	l := x.assigned(t)
	name := x.at(l.Addr)
	require.Equal(t, name, l.Client.Hostname)
	require.Equal(t, inDNS, l.Client.FQDNFlags)
	x.ask(t, sqlstore.OpRenew, l.Addr)
	x.told(t, line(assigned, name, inDNS))
	y := &naming{variant: x.variant, db: x.db, engine: x.engine, vrf: newVRF(), host: "rapid", flags: inDNS}
	l = y.ask(t, sqlstore.OpAssign, y.addr(99))
	require.Equal(t, y.at(l.Addr), l.Client.Hostname)
	y.told(t, line(assigned, l.Client.Hostname, inDNS))
}

func nameChanges(t *testing.T, x *naming) {
	l := x.assigned(t)
	was := x.at(l.Addr)
	x.host = "laptop"
	l = x.ask(t, sqlstore.OpRenew, l.Addr)
	require.Equal(t, x.at(l.Addr), l.Client.Hostname)
	x.flags = sqlstore.FQDNReverse
	l = x.ask(t, sqlstore.OpRebind, l.Addr)
	require.Equal(t, sqlstore.FQDNReverse, l.Client.FQDNFlags)
	x.ask(t, sqlstore.OpRelease, l.Addr)
	x.told(t, line(assigned, was, inDNS), line(changed, x.at(l.Addr), inDNS),
		line(changed, x.at(l.Addr), sqlstore.FQDNReverse), line(endedEv, x.at(l.Addr), sqlstore.FQDNReverse))
}

// Where names are not kept in DNS any more, the client's own name takes the
// place of the qualified one.
func nameSwitchedOff(t *testing.T, x *naming) {
	l := x.assigned(t)
	was := x.at(l.Addr)
	x.host, x.flags = "bare", 1
	l = x.ask(t, sqlstore.OpRenew, l.Addr)
	require.EqualValues(t, 1, l.Client.FQDNFlags)
	x.told(t, line(assigned, was, inDNS), line(changed, x.at(l.Addr), 1))
}

// A client that has no name any more leaves DNS; the row remembers its name.
func nameGone(t *testing.T, x *naming) {
	l := x.assigned(t)
	was := x.at(l.Addr)
	x.host, x.flags = "", 0
	gone := x.ask(t, sqlstore.OpRenew, l.Addr)
	require.Equal(t, was, gone.Client.Hostname)
	require.EqualValues(t, 1, gone.Client.FQDNFlags)
	require.Equal(t, l.Since, gone.Since)
	x.told(t, line(assigned, was, inDNS), line(changed, was, 1))
	again := x.ask(t, sqlstore.OpRenew, l.Addr)
	require.EqualValues(t, 1, again.Client.FQDNFlags)
	x.told(t, line(assigned, was, inDNS), line(changed, was, 1))
}

// A message that says nothing about the name changes nothing.
func nameKept(t *testing.T, x *naming) {
	l := x.assigned(t)
	was := x.at(l.Addr)
	x.host, x.flags, x.keep = "", 0, true
	for _, op := range []sqlstore.Op{sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind} {
		kept := x.ask(t, op, l.Addr)
		require.Equal(t, was, kept.Client.Hostname)
		require.Equal(t, inDNS, kept.Client.FQDNFlags)
	}
	x.told(t, line(assigned, was, inDNS))
}

// A holding that begins anew without a name does not bring the old one back.
func nameAnew(t *testing.T, x *naming) {
	l := x.assigned(t)
	was := x.at(l.Addr)
	x.ask(t, sqlstore.OpRelease, l.Addr)
	x.host, x.flags = "", 0
	offered := x.ask(t, sqlstore.OpOffer, netip.Addr{})
	require.EqualValues(t, 1, offered.Client.FQDNFlags)
	x.keep = true
	require.Equal(t, l.Addr, x.ask(t, sqlstore.OpSelect, offered.Addr).Addr)
	x.told(t, line(assigned, was, inDNS), line(endedEv, was, inDNS), line(assigned, was, 1))
}

// A DHCPv6 client that names another address than its own is answered with its
// own, and has the name of that.
func nameOfOtherAddress(t *testing.T, x *naming) {
	l := x.assigned(t)
	x.host = "other"
	for _, op := range []sqlstore.Op{sqlstore.OpSelect, sqlstore.OpRenew} {
		got := x.ask(t, op, x.addr(15+int(op)%2))
		require.Equal(t, l.Addr, got.Addr)
		require.Equal(t, x.at(l.Addr), got.Client.Hostname)
	}
}
