package frontend

import (
	"slices"
	"time"
)

// watchEvery is how often an interface is looked at.
const watchEvery = 2 * time.Second

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
		if !wasGone {
			s.log.Warn("interface is gone", "event", "interface.gone", "family", l.family,
				"interface", l.config.Interface, "err", err)
		}
		return true
	}
	old := l.iface.Load()
	l.iface.Store(now)
	if old.index == now.index && slices.Equal(old.hw, now.hw) {
		return false
	}
	if err := s.reopen(l); err != nil {
		l.iface.Store(old) // so that the next look tries again
		s.log.Warn("reopening sockets failed", "event", "interface.reopen-failed", "family", l.family,
			"interface", l.config.Interface, "err", err)
		return false
	}
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
