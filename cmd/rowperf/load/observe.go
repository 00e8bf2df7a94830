package load

import (
	"net"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// wall returns the time of day of a moment of the run, without the monotonic
// reading: events of several runs and processes are compared.
func (r *runner) wall(t time.Duration) time.Time { return r.start.Add(t).Round(0) }

func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// name returns the bytes as a string, the same one each time.
func (r *runner) name(b []byte) string {
	if s, ok := r.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(r.names) < 1024 { // servers are few; hostile ones may not fill the memory
		r.names[s] = s
	}
	return s
}

func (r *runner) event(e Event) {
	if r.o.Record != nil {
		r.o.Record.Record(e)
	}
}

// record hands what the reply says to the recorder, lease by lease.
func (r *runner) record(ex *exchange, from netip.AddrPort, now time.Duration) {
	if r.o.Record == nil || ex.verb.ends() {
		return
	}
	kind := r.rep.kind
	e := Event{
		At: r.wall(now), Sent: r.wall(ex.sentFor(kind)), Client: ex.client, Type: kind,
		ServerID: r.name(r.rep.serverID), From: from, XID: r.rep.xid,
	}
	if kind == Nak {
		e.Addr = ex.asked[0]
		r.event(e)
		return
	}
	for _, g := range r.rep.grants {
		if g.addr.IsValid() {
			e.Addr, e.Valid, e.Asked = g.addr, g.valid, ex.askedFor(kind, slot(g.kind))
			r.event(e)
		}
	}
	if kind == Reply {
		r.recordRefusals(ex, e)
	}
}

// recordRefusals adds a Nak for each lease asked for that a REPLY lacks.
func (r *runner) recordRefusals(ex *exchange, e Event) {
	for _, k := range r.kinds {
		if !r.rep.has(k) {
			asked := ex.asked[slot(k)]
			e.Type, e.Addr, e.Asked, e.Valid = Nak, asked, asked, 0
			r.event(e)
		}
	}
}

// report calls Options.Progress when its time has come.
func (r *runner) report(now time.Duration) {
	if r.o.Progress == nil || now-r.reportedAt < r.o.ProgressEvery {
		return
	}
	completed := r.res.Completed
	s := Stats{
		Elapsed: now, Started: r.started, Completed: completed, Failed: r.res.Failed,
		Outstanding: r.started - r.ended,
		Rate:        float64(completed-r.reportedDone) / (now - r.reportedAt).Seconds(),
		Naks:        r.res.Naks, Retransmits: r.res.Retransmits,
		P50: r.res.Latency.Whole.Quantile(0.5), P99: r.res.Latency.Whole.Quantile(0.99),
	}
	if !r.o.Repeat {
		s.Total = r.clients()
	}
	r.reportedAt, r.reportedDone = now, completed
	r.o.Progress(s)
}

// finish fills in the parts of the result that the end makes known.
func (r *runner) finish() {
	r.res.Started = r.started
	r.res.Sent, r.res.SendErrors = r.conn.sent, r.conn.sendErrors
	r.res.Elapsed = r.lastCompleted
	if r.o.Duration > 0 && r.lastCompleted > r.o.Duration {
		r.res.Rate = float64(r.inTime) / r.o.Duration.Seconds()
	} else if s := r.lastCompleted.Seconds(); s > 0 {
		r.res.Rate = float64(r.res.Completed) / s
	}
	for i := range r.leases {
		for _, k := range [...]sqlstore.Kind{sqlstore.NA, sqlstore.PD} {
			if l := r.leases[i][slot(k)]; l.Addr.IsValid() {
				r.res.Leases = append(r.res.Leases, l)
			}
		}
	}
}
