package load

import (
	"net"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// Reasons why an exchange failed.
const (
	failTimeout = "timeout"
	failRefused = "refused"
)

func (r *runner) startExchange(index int, now time.Duration) {
	ex := r.newExchange(index, now)
	held := &r.leases[index]
	switch r.o.Scenario {
	case New:
	case Returning:
		ex.asked = [2]netip.Prefix{held[0].Addr, held[1].Addr}
	default:
		ex.verb = [...]verb{Renew: renew, Rebind: rebind, Release: release, Decline: decline}[r.o.Scenario]
		ex.step = waitAck
		for _, k := range r.kinds {
			ex.asked[slot(k)] = held[slot(k)].Addr
			ex.serverID = held[slot(k)].ServerID
		}
	}
	r.busy[index] = true
	r.started++
	r.first(ex, now)
	if ex.verb.ends() {
		r.released(ex, now)
	}
}

// first sends the first message of an exchange.
func (r *runner) first(ex *exchange, now time.Duration) {
	r.newXID(ex)
	ex.offerXID, ex.offered = ex.xid, ex.asked
	r.send(ex, now)
}

// newXID gives the exchange a transaction id that is not in use.
func (r *runner) newXID(ex *exchange) {
	for {
		ex.xid = r.proto.xid(r.xids)
		r.xids++
		if _, used := r.byXID[ex.xid]; !used {
			break
		}
	}
	r.byXID[ex.xid] = ex
}

// send transmits the current message and sets its timer.
func (r *runner) send(ex *exchange, now time.Duration) {
	if ex.tries == 0 {
		ex.sent[ex.step] = now
	} else {
		r.res.Retransmits++
	}
	m := message{
		verb: ex.verb, xid: ex.xid, client: ex.client, relay: ex.relay,
		elapsed: now - ex.begun, serverID: ex.serverID, asked: ex.asked,
	}
	target := -1
	if r.o.Spread {
		target = (ex.client + ex.tries) % len(r.o.Servers)
	}
	r.conn.queue(r.proto.build(r.conn.buffer(), &m), target)
	ex.seq++
	r.tries[ex.tries].put(now, ex)
	ex.tries++
}

// timedOut sends the message again, or gives up.
func (r *runner) timedOut(ex *exchange, now time.Duration) {
	if ex.tries < len(r.tries) {
		r.send(ex, now)
		return
	}
	r.fail(ex, failTimeout, now)
}

func (r *runner) fail(ex *exchange, reason string, now time.Duration) {
	r.res.Failed++
	r.res.Failures[reason]++
	if ex.refused || ex.restarts > 0 {
		r.leases[ex.index] = [2]Lease{} // what it held was refused
	}
	r.end(ex, now)
}

func (r *runner) complete(ex *exchange, now time.Duration) {
	r.res.Completed++
	r.res.Latency.Whole.Add(now - ex.begun)
	r.lastCompleted = now
	if now <= r.o.Duration {
		r.inTime++
	}
	r.end(ex, now)
}

func (r *runner) end(ex *exchange, now time.Duration) {
	r.ended++
	r.busy[ex.index] = false
	r.linger(ex, now)
}

// linger keeps an exchange that is over for its late answers.
func (r *runner) linger(ex *exchange, now time.Duration) {
	ex.step = done
	ex.seq++
	r.late.put(now, ex)
}

// forget drops an exchange and its transaction ids.
func (r *runner) forget(ex *exchange) {
	delete(r.byXID, ex.xid)
	delete(r.byXID, ex.offerXID)
	r.unused = append(r.unused, ex)
}

// newExchange returns an exchange of a client, in the memory of one forgotten
// if there is any. Timers of that one may still be there: its sequence number
// goes on, so that they stay void.
func (r *runner) newExchange(index int, begun time.Duration) *exchange {
	ex := &exchange{}
	if n := len(r.unused); n > 0 {
		ex, r.unused = r.unused[n-1], r.unused[:n-1]
	}
	client := r.o.First + index
	*ex = exchange{client: client, index: index, relay: client % len(r.o.Relays), begun: begun, seq: ex.seq}
	return ex
}

// packet takes one packet received.
func (r *runner) packet(b []byte, from net.Addr, now time.Duration) {
	r.res.Received++
	why := r.proto.parse(b, &r.rep)
	var ex *exchange
	if why == dropNone {
		if ex = r.byXID[r.rep.xid]; ex == nil {
			why = dropXID
		} else if why = r.proto.match(&r.rep, ex.client, ex.relay); why == dropNone {
			why = r.expected(ex)
		}
	}
	if why != dropNone {
		r.res.Drops[string(why)]++
		return
	}
	r.record(ex, addrPort(from), now)
	if r.rep.kind == Offer || r.rep.kind == Advertise {
		r.offer(ex, now)
		return
	}
	r.answer(ex, addrPort(from), now)
}

// expected tells whether the exchange has sent a message that is answered by
// such a reply: an ACK only after a REQUEST, an ADVERTISE only with the id of
// the SOLICIT.
func (r *runner) expected(ex *exchange) drop {
	isOffer := r.rep.kind == Offer || r.rep.kind == Advertise
	if isOffer && (ex.verb == discover || ex.verb == request) && r.rep.xid == ex.offerXID {
		return dropNone
	}
	if !isOffer && ex.verb != discover && r.rep.xid == ex.xid {
		return dropNone
	}
	return dropUnexpected
}

// offer takes an OFFER or ADVERTISE: the first that has all leases is
// requested from the server that made it.
func (r *runner) offer(ex *exchange, now time.Duration) {
	if ex.step != waitOffer {
		r.res.Duplicates++
		return
	}
	for _, k := range r.kinds {
		if !r.rep.has(k) {
			r.res.Unusable++ // RFC 9915 18.2.9: ignored; another may come
			return
		}
	}
	r.res.Latency.Offer.Add(now - ex.sent[waitOffer])
	for _, g := range r.rep.grants {
		if g.addr.IsValid() && g.valid > 0 {
			ex.asked[slot(g.kind)] = g.addr
		}
	}
	ex.serverID = r.name(r.rep.serverID)
	ex.step, ex.verb, ex.tries = waitAck, request, 0
	if r.proto.newXID() {
		r.newXID(ex)
	}
	r.send(ex, now)
}

// answer takes an ACK, NAK or REPLY.
func (r *runner) answer(ex *exchange, from netip.AddrPort, now time.Duration) {
	granted := r.granted()
	if ex.step == done {
		r.lateAnswer(ex, granted)
		return
	}
	r.res.Latency.Ack.Add(now - ex.sent[waitAck])
	if ex.verb.ends() || granted {
		if !ex.verb.ends() {
			r.hold(ex, from)
		}
		r.complete(ex, now)
		return
	}
	r.res.Naks++
	r.restart(ex, now)
}

// granted tells whether the reply gives every lease asked for.
func (r *runner) granted() bool {
	if r.rep.kind == Nak {
		return false
	}
	for _, k := range r.kinds {
		if !r.rep.has(k) {
			return false
		}
	}
	return true
}

// lateAnswer counts an answer to an exchange that is over.
func (r *runner) lateAnswer(ex *exchange, granted bool) {
	r.res.Duplicates++
	if !granted && !ex.verb.ends() && !ex.refused {
		r.res.Naks++
	}
}

// restart lets a refused client begin again without an address, in an
// exchange of its own: answers to the old one may still come.
func (r *runner) restart(ex *exchange, now time.Duration) {
	ex.refused = true
	if ex.restarts >= r.o.Restarts {
		r.fail(ex, failRefused, now)
		return
	}
	r.res.Restarts++
	r.linger(ex, now)
	again := r.newExchange(ex.index, ex.begun)
	again.restarts = ex.restarts + 1
	r.first(again, now)
}

// hold notes the leases of the client.
func (r *runner) hold(ex *exchange, from netip.AddrPort) {
	for _, g := range r.rep.grants {
		if !g.addr.IsValid() || g.valid == 0 {
			continue
		}
		l := &r.leases[ex.index][slot(g.kind)]
		if l.Addr.IsValid() && l.Addr != g.addr {
			r.res.Moved++
		}
		*l = Lease{
			Client: ex.client, Family: r.o.Family, Kind: g.kind, Addr: g.addr,
			Valid: g.valid, Preferred: g.preferred, ServerID: r.name(r.rep.serverID),
			Server: from, At: r.wall(ex.sent[waitAck]),
		}
	}
}

// released notes that the client uses its leases no more. A DHCPv4 RELEASE or
// DECLINE has no answer (RFC 2131 4.3.3 and 4.3.4), so its exchange is over.
func (r *runner) released(ex *exchange, now time.Duration) {
	kind := Released
	if ex.verb == decline {
		kind = Declined
	}
	for _, k := range r.kinds {
		l := &r.leases[ex.index][slot(k)]
		r.event(Event{
			At: r.wall(now), Sent: r.wall(now), Client: ex.client, Type: kind,
			Addr: l.Addr, ServerID: ex.serverID, XID: ex.xid,
		})
		*l = Lease{}
	}
	if r.o.Family == sqlstore.IPv4 {
		r.complete(ex, now)
	}
}
