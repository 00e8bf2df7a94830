package torture

import (
	"fmt"
	"net/netip"
	"slices"

	"rowlock/cmd/rowperf/load"
)

// least is how often each thing must have happened before a record proves
// anything.
var least = map[string]int{
	"IPv4 addresses acknowledged": 100,
	"IPv6 addresses acknowledged": 100,
	"prefixes acknowledged":       100,
	"leases acknowledged again":   100,
	"releases":                    10,
	"declines":                    10,
	"changes of owner":            10,
}

// Missing tells what happened too seldom for the absence of violations to mean
// anything, in order of name; nil when a record is rich enough. An engine that
// answers next to nothing does nothing wrong.
func Missing(events []load.Event) (what []string) {
	seen := map[string]int{}
	owner, when := map[netip.Prefix]int{}, map[use]int64{}
	for _, e := range inOrder(events) {
		switch e.Type {
		case load.Released:
			seen["releases"]++
		case load.Declined:
			seen["declines"]++
		}
		if e.Type != load.Ack && e.Type != load.Reply || !e.Addr.IsValid() || e.Valid == 0 {
			continue
		}
		seen[kindOf(e.Addr)+" acknowledged"]++
		if last, ok := owner[e.Addr]; ok && last != e.Client {
			seen["changes of owner"]++
		}
		u := use{e.Client, e.Addr}
		if sent, ok := when[u]; ok && sent != e.Sent.UnixNano() && owner[e.Addr] == e.Client {
			seen["leases acknowledged again"]++
		}
		owner[e.Addr], when[u] = e.Client, e.Sent.UnixNano()
	}
	for name, n := range least {
		if seen[name] < n {
			what = append(what, fmt.Sprintf("%s: %d of %d", name, seen[name], n))
		}
	}
	slices.Sort(what)
	return what
}

func kindOf(p netip.Prefix) string {
	switch {
	case p.Addr().Is4():
		return "IPv4 addresses"
	case p.IsSingleIP():
		return "IPv6 addresses"
	}
	return "prefixes"
}
