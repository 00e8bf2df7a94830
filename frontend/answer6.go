package frontend

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/iana"

	"rowlock/sqlstore"
)

// answer6 is what a reply says about one IA.
type answer6 struct {
	leases []leased6
	status iana.StatusCode // Success: no status option
	text   string
	// absent leaves the IA out of the reply, unless it says something about
	// another IA.
	absent bool
}

// leased6 is an address or prefix with lifetimes; zero lifetimes tell the
// client to stop using it (RFC 9915 section 18.2.10.1).
type leased6 struct {
	prefix    netip.Prefix
	preferred uint32
	valid     uint32
}

// answers6 finds what to say about each IA. A REBIND about which there is
// nothing to say is dropped: another server may know the client (RFC 9915
// section 18.3.5).
func answers6(q *query6, n *network, asked asked6, dec *sqlstore.Decision) ([]answer6, error) {
	var all []answer6
	absent := 0
	for i := range q.ias {
		ia, at := &q.ias[i], asked.items[i]
		var a answer6
		if at < 0 { // only a REQUEST has an IA that is not asked about: an IA_NA
			a = answer6{status: iana.StatusNotOnLink, text: "address is not of this link"}
		} else {
			a = answerIA6(asked.op, ia, &asked.request.Items[at], &dec.Results[at], n)
		}
		if a.absent {
			absent++
		}
		all = append(all, a)
	}
	if len(all) > 0 && absent == len(all) {
		return nil, drop(ReasonNoBinding, "%d identity associations are unknown", absent)
	}
	return all, nil
}

// answerIA6 turns the result about one IA into what the reply says.
func answerIA6(op sqlstore.Op, ia *ia6, it *sqlstore.Item, r *sqlstore.Result, n *network) answer6 {
	extends := op == sqlstore.OpRenew || op == sqlstore.OpRebind
	unknown := answer6{status: iana.StatusNoBinding, text: "no binding"}
	switch r.Code {
	case sqlstore.Granted:
		return granted6(op, ia, it, r)
	case sqlstore.NoBinding:
		if op == sqlstore.OpRenew { // RFC 9915 section 18.3.4
			return unknown
		}
		// Section 18.3.5: what is not of this link, or in a pool of ours and held
		// by another client, is taken back; anything else may be known elsewhere.
		if _, ours := it.Permits(it.Want); op == sqlstore.OpRebind && !ours && !ia.offLink(n) {
			unknown.absent = true
			return unknown
		}
	case sqlstore.WrongAddress, sqlstore.Exhausted:
	default:
		return answer6{absent: true}
	}
	switch {
	case extends && len(ia.named) > 0:
		return answer6{leases: refused6(ia, netip.Prefix{})}
	case ia.kind == sqlstore.PD:
		return answer6{status: iana.StatusNoPrefixAvail, text: "no prefix is available"}
	}
	return answer6{status: iana.StatusNoAddrsAvail, text: "no address is available"}
}

// granted6 states the lease, and zero lifetimes for what else the client
// named. Offers and first assignments leave that out: there it was a wish.
func granted6(op sqlstore.Op, ia *ia6, it *sqlstore.Item, r *sqlstore.Result) answer6 {
	l := leased6{prefix: r.Lease.Prefix()}
	l.valid, l.preferred = lifetimes(r)
	if op == sqlstore.OpOffer { // the row of a known client has its last lifetimes
		l.preferred, l.valid = it.PreferredLft, it.ValidLft
	}
	a := answer6{leases: []leased6{l}}
	if op != sqlstore.OpOffer && op != sqlstore.OpAssign {
		a.leases = append(a.leases, refused6(ia, l.prefix)...)
	}
	return a
}

// refused6 is what the client named, except keep, with zero lifetimes.
func refused6(ia *ia6, keep netip.Prefix) []leased6 {
	var list []leased6
	for _, named := range ia.named {
		if named.prefix != keep {
			list = append(list, leased6{prefix: named.prefix})
		}
	}
	return list
}
