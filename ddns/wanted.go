package ddns

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// wanted is what a name shall have in the DNS.
type wanted struct {
	recs records
	// rivals have the name in their lease and do not get it: another client has.
	rivals []sqlstore.NameHolder
	// stale are addresses that do not have the name any more.
	stale []sqlstore.NameMark
	// err says why a holder gets no record though no other one has the name.
	err error
}

// ttlOf returns the TTL for a lease of a subnet.
type ttlOf func(subnet, lifetime uint32) uint32

// reverseName tells whether a name is below one of the reverse trees.
func reverseName(n string) bool {
	return under(n, "in-addr.arpa") || under(n, "ip6.arpa")
}

// wantForward computes the records of a host name: addresses of one client,
// and the DHCID that marks the name as that client's (RFC 4701). The client is
// the one that the published DHCID names while it has a live lease with the
// name, else the one that has had the name for the longest time.
func wantForward(n string, holders []sqlstore.NameHolder, published records, ttl ttlOf) wanted {
	var w wanted
	owners := map[string][]sqlstore.NameHolder{}
	var order []string
	slices.SortFunc(holders, byAge)
	for _, h := range holders {
		if !h.Live || h.FQDNFlags&sqlstore.FQDNForward == 0 || name.Canonical(h.Hostname) != n {
			w.stale = append(w.stale, sqlstore.NameMark{Name: n, VRF: h.VRF, Addr: h.Addr})
			continue
		}
		id, err := dhcid(n, &h)
		if err != nil {
			w.err = fmt.Errorf("make DHCID for %v: %w", h.Addr, err)
			continue
		}
		if owners[id] == nil {
			order = append(order, id)
		}
		owners[id] = append(owners[id], h)
	}
	if len(order) == 0 {
		return w
	}
	w.err = nil
	owner := order[0]
	for _, r := range published.of(typeDHCID) {
		if owners[r.data] != nil {
			owner = r.data
		}
	}
	w.recs = forwardRecords(owner, owners[owner], published, ttl)
	for _, id := range order {
		if id != owner {
			w.rivals = append(w.rivals, owners[id]...)
		}
	}
	return w
}

// byAge orders holders by the beginning of their holding.
func byAge(a, b sqlstore.NameHolder) int {
	return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.VRF, b.VRF), a.Addr.Compare(b.Addr))
}

func dhcid(n string, h *sqlstore.NameHolder) (string, error) {
	id, err := name.ClientIdentity(h.Family, &h.Client)
	if err != nil {
		return "", err
	}
	data, err := name.DHCID(id, n)
	if err != nil {
		return "", err
	}
	return name.DHCIDText(data), nil
}

func forwardRecords(owner string, holders []sqlstore.NameHolder, published records, ttl ttlOf) records {
	recs := records{{typ: typeDHCID, data: owner}}
	shortest := uint32(maxTTL)
	for _, h := range holders {
		shortest = min(shortest, ttl(h.SubnetID, h.ValidLft))
		addr := h.Addr.Unmap()
		typ := typeAAAA
		if addr.Is4() {
			typ = typeA
		}
		recs = append(recs, record{typ: typ, data: addr.WithZone("").String()})
	}
	return keepTTL(recs.sorted(), published, shortest)
}

// keepTTL gives records their TTL: those of one type have one (RFC 2181 section
// 5.2), which stays what it is while one of the records does. So a renewal with
// another lifetime writes nothing.
func keepTTL(recs, published records, ttl uint32) records {
	kept := map[string]uint32{}
	for _, r := range published {
		if _, ok := kept[r.typ]; !ok && recs.has(r) {
			kept[r.typ] = r.ttl
		}
	}
	for i := range recs {
		recs[i].ttl = ttl
		if t, ok := kept[recs[i].typ]; ok {
			recs[i].ttl = t
		}
	}
	return recs
}

// wantReverse computes the PTR record of an address's name. Where the server
// keeps the forward name too, it has to have the address first (RFC 4703
// section 5.4). Of several leases (the address is in several VRFs) the
// published one counts, else the oldest.
func wantReverse(n string, holders []sqlstore.NameHolder, published records, ttl ttlOf) wanted {
	var w wanted
	var all records
	slices.SortFunc(holders, byAge)
	for _, h := range holders {
		host := name.Canonical(h.Hostname)
		// a client may have given itself the name of another's address
		if !h.Live || h.FQDNFlags&sqlstore.FQDNReverse == 0 || host == "" || name.Reverse(h.Addr) != n {
			w.stale = append(w.stale, sqlstore.NameMark{Name: n, VRF: h.VRF, Addr: h.Addr})
			continue
		}
		if h.FQDNFlags&sqlstore.FQDNForward != 0 && !publishes(h.Forward, h.Addr) {
			continue
		}
		if err := name.Check(host); err != nil {
			w.err = err
			continue
		}
		all = append(all, record{ttl: ttl(h.SubnetID, h.ValidLft), typ: typePTR, data: host})
	}
	if len(all) == 0 {
		return w
	}
	w.err = nil
	w.recs = all[:1]
	for _, r := range published {
		if all.has(r) {
			w.recs = records{r}
		}
	}
	return w
}

// publishes tells whether the published records of a forward name have the
// address.
func publishes(text string, addr netip.Addr) bool {
	recs, err := parseRecords(text)
	return err == nil && slices.Contains(recs.addrs(), addr.Unmap())
}

// errUnreadable is the text of a name whose records in the database are none.
var errUnreadable = errors.New("published or attempted of the name is unreadable")
