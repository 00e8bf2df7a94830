package load

import (
	"net/netip"
	"time"
)

// step is where an exchange stands.
type step uint8

const (
	waitOffer step = iota // for OFFER or ADVERTISE
	waitAck               // for ACK or REPLY
	done                  // kept for late answers
)

// exchange is one client's exchange, from its first message to the answer that
// ends it. All times are since the begin of the run.
type exchange struct {
	client int // number
	index  int // number less Options.First
	relay  int
	step   step
	verb   verb
	tries  int // transmissions of the current message
	seq    uint32
	xid    uint32
	// offerXID is the transaction id of the first message; the second may have
	// one of its own.
	offerXID uint32

	begun    time.Duration
	sent     [2]time.Duration // first transmission, by step
	serverID string
	asked    [2]netip.Prefix // named in the current message
	offered  [2]netip.Prefix // what the first message named: late answers to it come
	restarts int
	refused  bool // ended by a refusal
}

// askedFor returns what the message that an answer belongs to had asked for.
func (ex *exchange) askedFor(t EventType, slot int) netip.Prefix {
	if t == Offer || t == Advertise {
		return ex.offered[slot]
	}
	return ex.asked[slot]
}

// sentFor returns when the message that an answer belongs to was first sent.
func (ex *exchange) sentFor(t EventType) time.Duration {
	if t == Offer || t == Advertise {
		return ex.sent[waitOffer]
	}
	return ex.sent[waitAck]
}
