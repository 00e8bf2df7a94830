package frontend

import (
	"hash/maphash"
	"strconv"
	"time"

	"rowlock/sqlstore"
)

// admission decides which packets are taken on at all. What it remembers is
// this frontend's own and may be lost at any time.
type admission struct {
	seed                       maphash.Seed
	relays, circuits, declines *limiter
}

func newAdmission() admission {
	return admission{maphash.MakeSeed(), newLimiter(maxBuckets), newLimiter(maxBuckets), newLimiter(maxBuckets)}
}

// limits are the parameters of admission, which are global.
type limits struct{ relay, circuit, declines rate }

func newLimits(global sqlstore.Parameters) limits {
	count := func(name string) uint32 {
		n, _ := sqlstore.LookupSeconds(name, global)
		return n
	}
	bucket := func(name string) rate {
		perSecond, err := strconv.ParseFloat(sqlstore.Lookup(name+"_rate", global), 64)
		if err != nil || perSecond <= 0 {
			return rate{}
		}
		return rate{time.Duration(float64(time.Second) / perSecond), count(name + "_burst")}
	}
	l := limits{relay: bucket("relay"), circuit: bucket("circuit")}
	if n := count("decline_limit"); n > 0 {
		l.declines = rate{time.Duration(count("decline_probation_period")) * time.Second / time.Duration(n), n}
	}
	return l
}

// admit tells whether a packet that begins a conversation may do so, and notes
// its flow. The circuit comes first, so that one that floods takes no tokens
// from its relay. Its error is a Drop.
func (s *Server) admit(p *packet) error {
	from := originOf(p)
	snap := s.snap.Load()
	vrf, err := s.flowVRF(p, snap, &from) // flow.go
	if err != nil {
		return err
	}
	p.flow = from.relayFlow(s.admission.seed, p, vrf)
	if snap == nil {
		return nil
	}
	if r := snap.limits.circuit; r.every != 0 {
		if circuit, ok := from.circuitFlow(s.admission.seed, p, vrf); ok && !s.admission.circuits.take(circuit, p.received, r) {
			return drop(ReasonCircuitLimit, "circuit %x, remote-id %x", from.circuit, from.remote)
		}
	}
	if r := snap.limits.relay; from.relay != nil && !s.admission.relays.take(p.flow, p.received, r) {
		return drop(ReasonRelayLimit, "relay %x", from.relay)
	}
	return nil
}

// charge is a token of a bucket.
type charge struct {
	what string
	key  uint64
	rate rate
}

// declineCharges returns what a DECLINE costs: a token of the client, one of
// its circuit, and one of the link.
func (s *Server) declineCharges(p *packet, snap *snapshot, n *network, client string) []charge {
	r := snap.limits.declines
	if r.every == 0 {
		return nil
	}
	seed, vrf := s.admission.seed, n.link.VRF
	type owner struct {
		vrf    uint32
		client string
	}
	list := []charge{
		{"client", maphash.Comparable(seed, owner{vrf, client}), r},
		{"link", maphash.Comparable(seed, [2]uint32{uint32(p.family), n.link.ID}), n.declines(r)},
	}
	from := originOf(p)
	if circuit, ok := from.circuitFlow(seed, p, vrf); ok {
		list = append(list, charge{"circuit", circuit, r})
	}
	return list
}

// declines is the limit of the link, when r is that of a client: half of what
// its pools hold, but no less than r.
func (n *network) declines(r rate) rate {
	var size uint64
	for _, p := range n.pools.All() {
		size = min(size+p.Size(), 1<<31)
	}
	burst := max(uint64(r.burst), size/2)
	return rate{max(1, r.every*time.Duration(r.burst)/time.Duration(burst)), uint32(burst)}
}

// admitDecline tells whether a DECLINE may put an address into quarantine. Its
// error is a Drop.
func (s *Server) admitDecline(p *packet, charges []charge) error {
	for _, c := range charges {
		if !s.admission.declines.has(c.key, p.received, c.rate) {
			return drop(ReasonDeclineLimit, "%s has declined %d addresses", c.what, c.rate.burst)
		}
	}
	return nil
}

// declined takes the tokens for the addresses that were put into quarantine;
// what changes nothing is free, or a forger could use up the tokens of others.
func (s *Server) declined(p *packet, charges []charge, d *sqlstore.Decision) {
	for i := range d.Results {
		for _, c := range charges {
			if d.Results[i].Code == sqlstore.Done {
				s.admission.declines.take(c.key, p.received, c.rate)
			}
		}
	}
}
