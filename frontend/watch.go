package frontend

import (
	"slices"
	"sync"
	"time"
)

// watchEvery is how often an interface is looked at.
const watchEvery = 2 * time.Second

// gone are the listeners whose interface was removed and is not served again
// yet. It has a lock of its own: Shutdown holds the server's while it waits.
type gone struct {
	mu        sync.Mutex
	listeners map[*listener]bool
}

func (g *gone) set(l *listener, isGone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listeners == nil {
		g.listeners = map[*listener]bool{}
	}
	g.listeners[l] = isGone
}

// Gone returns the names of the interfaces that are listened on but were
// removed, or came back and cannot be served, sorted. It is seconds behind.
func (s *Server) Gone() []string {
	s.gone.mu.Lock()
	defer s.gone.mu.Unlock()
	var names []string
	for l, isGone := range s.gone.listeners {
		if isGone {
			names = append(names, l.config.Interface)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// watch keeps a listener's knowledge of its interface fresh.
func (s *Server) watch(l *listener) {
	gone := false
	for {
		s.pause(watchEvery)
		if s.stopping() {
			return
		}
		gone = s.look(l, gone)
	}
}

// look is one look at the interface: addresses change, and an interface that
// was removed comes back as another one, for which new sockets are needed. It
// tells whether the interface is gone, and wants to know whether it was.
func (s *Server) look(l *listener, wasGone bool) (gone bool) {
	now, err := findInterface(l.config.Interface)
	if err != nil {
		s.gone.set(l, true)
		if !wasGone {
			s.log.Warn("interface is gone", "event", "interface.gone", "family", l.family,
				"interface", l.config.Interface, "err", err)
		}
		return true
	}
	old := l.iface.Load()
	l.iface.Store(now)
	if old.index == now.index && slices.Equal(old.hw, now.hw) {
		s.gone.set(l, false)
		return false
	}
	if err := s.reopen(l); err != nil {
		l.iface.Store(old) // so that the next look tries again
		s.gone.set(l, true)
		s.log.Warn("reopening sockets failed", "event", "interface.reopen-failed", "family", l.family,
			"interface", l.config.Interface, "err", err)
		return false
	}
	s.gone.set(l, false)
	s.log.Info("interface is back", "event", "interface.back", "family", l.family, "interface", l.config.Interface)
	return false
}

// reopen replaces the sockets of a listener.
func (s *Server) reopen(l *listener) error {
	udp, raw, err := l.open(s.base)
	if err != nil {
		return err
	}
	l.udp.replace(udp)
	if raw != nil {
		l.raw.replace(raw)
	}
	if s.stopping() {
		l.stopReading() // Shutdown may have stopped the old sockets only
	}
	return nil
}
