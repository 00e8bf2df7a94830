package admin

import (
	"net/netip"
	"sync"
	"time"
)

// What an address may do wrong: so many failures at once, and one more after
// each pause.
const (
	failBurst = 10
	failPause = 6 * time.Second
	// sources bounds the memory: when so many addresses have failed lately, all
	// others share one account.
	maxSources = 4096
	maxKnown   = 1024
)

// limiter counts failed logins by source. A token of 256 random bits cannot be
// guessed; this keeps those who try from the database and the log.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	sources map[netip.Addr]time.Time // when all of its failures are forgotten
	crowd   time.Time                // of all that have no entry
	known   map[string]struct{}      // hashes of tokens that were right: while they are, they never wait
}

func newLimiter() *limiter {
	return &limiter{now: time.Now, sources: map[netip.Addr]time.Time{}, known: map[string]struct{}{}}
}

// sourceOf is what is counted: an IPv4 address, or the /64 of an IPv6 one,
// within which a host has as many addresses as it likes.
func sourceOf(remote string) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// wait is how long a source has to wait before it may try a token again, 0 for
// not at all.
func (l *limiter) wait(source netip.Addr, hash []byte) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[string(hash)]; ok {
		return 0
	}
	at, ok := l.sources[source]
	if !ok && len(l.sources) >= maxSources {
		at = l.crowd
	}
	if free := l.now().Add((failBurst - 1) * failPause); at.After(free) {
		return at.Sub(free)
	}
	return 0
}

// failed counts a failure. What was right before and is wrong now was removed:
// from here on it waits as well.
func (l *limiter) failed(source netip.Addr, hash []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, string(hash))
	now := l.now()
	if len(l.sources) >= maxSources {
		for s, at := range l.sources {
			if at.Before(now) {
				delete(l.sources, s)
			}
		}
	}
	later := func(at time.Time) time.Time {
		if at.Before(now) {
			at = now
		}
		return at.Add(failPause)
	}
	if at, ok := l.sources[source]; ok || len(l.sources) < maxSources {
		l.sources[source] = later(at)
	} else {
		l.crowd = later(l.crowd)
	}
}

// passed remembers a token that was right, so that others behind the same
// address cannot lock its owner out.
func (l *limiter) passed(hash []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	l.known[string(hash)] = struct{}{}
}
