package torture

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rowlock/cmd/rowperf/load"
)

// least is how often each thing must have happened before a record proves
// anything.
var least = map[string]int{
	"IPv4 addresses acknowledged": 100,
	"IPv6 addresses acknowledged": 100,
	"prefixes acknowledged":       100,
	"renewals in time":            100,
	"releases in time":            10,
	"declines in time":            10,
	"refusals":                    10,
	"changes of owner":            10,
}

// Missing tells what happened too seldom for the absence of violations to mean
// anything, in order of name; nil when a record is rich enough. An engine that
// answers next to nothing does nothing wrong, and the end of a lease that has run
// out already changes nothing. What is in time comes while the lease is held.
func Missing(events []load.Event) (what []string) {
	seen := map[string]int{}
	owner, held := map[netip.Prefix]int{}, map[use]load.Event{}
	for _, e := range inOrder(events) {
		u := use{e.Client, e.Addr}
		last, again := held[u]
		again = again && e.Sent.After(last.At) && e.Sent.Before(last.Sent.Add(time.Duration(last.Valid)*time.Second))
		switch e.Type {
		case load.Ack, load.Reply:
			if !e.Addr.IsValid() || e.Valid == 0 {
				continue
			}
			seen[kindOf(e.Addr)+" acknowledged"]++
			if again {
				seen["renewals in time"]++
			}
			if who, ok := owner[e.Addr]; ok && who != e.Client {
				seen["changes of owner"]++
			}
			owner[e.Addr], held[u] = e.Client, e
			continue
		case load.Nak:
			seen["refusals"]++
		case load.Released, load.Declined:
			if again {
				seen[e.Type.String()+"s in time"]++
			}
		}
		delete(held, u)
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
