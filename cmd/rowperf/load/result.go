package load

import (
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// Lease is what a client holds at the end of a run.
type Lease struct {
	Client    int
	Family    sqlstore.Family
	Kind      sqlstore.Kind
	Addr      netip.Prefix // full length for an address
	Valid     uint32       // seconds, from At
	Preferred uint32       // seconds; DHCPv6
	ServerID  string       // bytes of the server identifier
	Server    netip.AddrPort
	At        time.Time // when the acknowledged request was first sent
}

// Latency has the times of a run: from the first transmission of a message to
// its answer, and of whole exchanges from their begin.
type Latency struct {
	Offer Histogram // DISCOVER to OFFER, SOLICIT to ADVERTISE
	Ack   Histogram // REQUEST, RENEW, REBIND, RELEASE to the answer
	Whole Histogram
}

// Result is the outcome of a run.
type Result struct {
	Started   int
	Completed int // a release of DHCPv4 is complete when sent
	Failed    int
	Failures  map[string]int // failed exchanges by reason
	Elapsed   time.Duration  // from the first packet to the last completion
	// Rate is the completed exchanges a second; where a Duration ended the run,
	// those completed within it.
	Rate        float64
	Latency     *Latency
	Sent        int            // packets, each copy counted
	Received    int            // packets
	Retransmits int            // messages sent again
	Naks        int            // refusals: NAK, or a REPLY without the lease asked for
	Restarts    int            // clients that began again after a refusal
	Unusable    int            // ADVERTISE without the leases asked for (ignored: RFC 9915 18.2.9)
	Duplicates  int            // answers that came when the exchange had its answer already
	Drops       map[string]int // packets not taken as answers, by reason
	SendErrors  int
	Moved       int     // leases acknowledged with another address than the client had before
	Leases      []Lease // by client, then kind
}

// Lost returns the share of the started exchanges that did not complete.
func (r *Result) Lost() float64 {
	if r.Started == 0 {
		return 0
	}
	return float64(r.Started-r.Completed) / float64(r.Started)
}

// Stats is what a run reports on its way.
type Stats struct {
	Elapsed     time.Duration
	Started     int
	Completed   int
	Failed      int
	Outstanding int
	Total       int     // exchanges planned; 0 when only a time is
	Rate        float64 // completions a second since the last report
	Naks        int
	Retransmits int
	P50, P99    time.Duration // whole exchanges, since the beginning
}
