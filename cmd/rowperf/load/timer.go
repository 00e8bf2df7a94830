package load

import "time"

// expiry is a moment at which an exchange is looked at again. It is void when
// the exchange has gone on since, which its sequence number tells.
type expiry struct {
	at  time.Duration
	ex  *exchange
	seq uint32
}

// line is a queue of expiries that are all the same time ahead, and therefore
// in order: putting in and taking out cost nothing to speak of.
type line struct {
	ahead time.Duration
	items []expiry
	head  int
}

func (l *line) put(now time.Duration, ex *exchange) {
	l.items = append(l.items, expiry{now + l.ahead, ex, ex.seq})
}

// take returns the first expiry that is due.
func (l *line) take(now time.Duration) (expiry, bool) {
	if l.head == len(l.items) || l.items[l.head].at > now {
		return expiry{}, false
	}
	e := l.items[l.head]
	l.items[l.head].ex = nil
	l.head++
	if l.head*2 > len(l.items) && l.head > 64 {
		l.items = l.items[:copy(l.items, l.items[l.head:])]
		l.head = 0
	}
	return e, true
}

// next returns when the first expiry is due, void ones included.
func (l *line) next() (time.Duration, bool) {
	if l.head == len(l.items) {
		return 0, false
	}
	return l.items[l.head].at, true
}

// timeouts returns the lines of the retransmissions: the first timeout, and
// the double for each further try, up to most.
func timeouts(first, most time.Duration, tries int) []line {
	lines := make([]line, tries)
	for i := range lines {
		lines[i].ahead = first
		first = min(first*2, most)
	}
	return lines
}
