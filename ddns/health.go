package ddns

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// server is where updates of a zone go, and how they are signed.
type server struct {
	addr           netip.AddrPort
	udp            bool
	key, algorithm string
	secret         string // never shown
}

// String names the server for logs: a server that is spoken to with another key
// is another one, because what is wrong may be the key.
func (s server) String() string {
	if s.key == "" {
		return s.addr.String()
	}
	return s.addr.String() + " key " + s.key
}

// usable tells whether messages to the server can be signed.
func (s server) usable() error {
	if _, err := base64.StdEncoding.DecodeString(s.secret); err != nil {
		return errors.New("the secret of the key is not base64")
	}
	return nil
}

// target is a server of a zone with what is known about it.
type target struct {
	server
	host *health // does it answer at all; shared by its zones
	here *health // does it do what is asked for this zone
}

func (t *target) wait(now time.Time) time.Duration {
	return max(t.host.wait(now), t.here.wait(now))
}

// strikeLimit is how many names in a row a server may refuse, each by itself,
// before the fault is looked for in the server.
const strikeLimit = 3

// health is what is known about a server.
type health struct {
	mu      sync.Mutex
	fails   int
	failed  time.Time // when the last one of these was noted
	until   time.Time
	strikes map[string]bool
	names   int // how many a message may have; 0: as many as usual
}

// healths holds those of a revision: with a new one, all servers are tried anew.
type healths struct {
	mu  sync.Mutex
	all map[string]*health
}

func newHealths() *healths { return &healths{all: map[string]*health{}} }

func (h *healths) get(key string) *health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all[key] == nil {
		h.all[key] = &health{}
	}
	return h.all[key]
}

// down counts those that failed last.
func (h *healths) down() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, one := range h.all {
		one.mu.Lock()
		if one.fails > 0 {
			n++
		}
		one.mu.Unlock()
	}
	return n
}

// wait is how long the server is left alone from now on.
func (h *health) wait(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.until.Sub(now), 0)
}

// ok notes a success and tells whether the server had failed before.
func (h *health) ok() (recovered bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	recovered = h.fails > 0
	h.fails, h.until, h.strikes = 0, time.Time{}, nil
	return recovered
}

// fail notes a failure of what began at that time: the server is left alone for
// a time that doubles, with some chance in it, so that many processes do not
// come back at once. What had begun before the last failure was noted does not
// count once more: it fails with it, for each zone that is worked on. It
// tells whether this was the first one, and how long the pause is.
func (h *health) fail(t *tuning, began, now time.Time) (first bool, pause time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails > 0 && !began.After(h.failed) {
		return false, max(h.until.Sub(now), 0)
	}
	first = h.fails == 0
	h.fails++
	h.failed = now
	h.strikes = nil
	pause = jitter(doubled(t.backoff, h.fails-1, t.backoffTo))
	h.until = now.Add(pause)
	return first, pause
}

// strike notes that the server refused a name for no reason that lies in the
// name, and tells whether it has refused enough of them in a row.
func (h *health) strike(n string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.strikes == nil {
		h.strikes = map[string]bool{}
	}
	h.strikes[n] = true
	return len(h.strikes) >= strikeLimit
}

// room is how many names a message may have; few when it is to find out whether
// the server has come back.
func (h *health) room(usual int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails > 0 {
		usual = min(usual, strikeLimit)
	}
	if h.names > 0 {
		return min(h.names, usual)
	}
	return usual
}

// resize halves the room after a message of n names got no answer in time,
// and doubles it after one was answered: some servers need seconds for what
// others do at once.
func (h *health) resize(n, usual int, answered bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !answered:
		h.names = max(n/2, 1)
	case h.names > 0 && n >= h.names:
		if h.names *= 2; h.names >= usual {
			h.names = 0
		}
	}
}

// doubled is first, doubled times times, at most limit.
func doubled(first time.Duration, times int, limit time.Duration) time.Duration {
	for range times {
		if first *= 2; first >= limit {
			return limit
		}
	}
	return min(first, limit)
}

// jitter takes up to a quarter away.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}
