package frontend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"rowlock/sqlstore"
)

// Server is the packet path of one process. Its methods are safe for
// concurrent use. The order is New, SetConfig (also later, as often as
// needed), Start, Shutdown.
type Server struct {
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	protocols [2]protocol // by familyIndex
	queue     *queue
	deadlines deadlines
	admission admission

	gone       gone
	interfaces interfaceNames
	snap       atomic.Pointer[snapshot]
	mu         sync.Mutex    // guards seen, changed and the swap of snap
	changed    chan struct{} // closed and replaced when seen changes
	seen       int64         // newest revision given to SetConfig, refused ones included; see saw

	// life guards what Start and Shutdown do. Handling a packet must not take
	// it: Shutdown holds it while it waits for the last packets.
	life      sync.Mutex
	started   bool
	listeners []*listener
	base      context.Context // ends when Shutdown gives up waiting
	abandon   context.CancelFunc
	stopped   chan struct{} // closed when Shutdown begins
	readers   sync.WaitGroup
	workers   sync.WaitGroup
	writers   sync.WaitGroup
}

// New returns a server that has no configuration yet and does not listen.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("frontend: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, log: cfg.Logger, queue: newQueue(cfg.QueueLen, cfg.Workers),
		admission: newAdmission(),
		changed:   make(chan struct{}), stopped: make(chan struct{}),
	}
	s.protocols[familyIndex(sqlstore.IPv4)] = protocol{handle: s.handle4, peek: peek4}
	s.protocols[familyIndex(sqlstore.IPv6)] = protocol{handle: s.handle6, peek: peek6}
	var err error
	s.metrics, err = newMetrics(cfg.Registerer,
		s.queue.len,
		func() float64 { return float64(s.Revision()) })
	return s, err
}

// SetConfig compiles c and uses it for all packets from now on. c must not be
// changed afterwards. A faulty configuration is refused with an error that
// names object and rule, and the old one stays in use. Links of c that are the
// same objects as in the configuration before cost next to nothing.
func (s *Server) SetConfig(c *sqlstore.Config) error {
	snap, err := compile(c, s.snap.Load())
	if err != nil {
		s.metrics.refused.Inc()
		if c == nil {
			return fmt.Errorf("compile configuration: %w", err)
		}
		s.saw(c.Revision, nil)
		return fmt.Errorf("compile configuration revision %d: %w", c.Revision, err)
	}
	s.saw(snap.revision, snap)
	return nil
}

// Refuse notes a revision that cannot be read: answers do not wait for it, and
// the configuration in use stays.
func (s *Server) Refuse(revision int64) {
	s.metrics.refused.Inc()
	s.saw(revision, nil)
}

// saw notes a revision, takes its snapshot into use and wakes those who wait
// for it. A refused revision (nil snapshot) counts as seen: answers must not
// wait for something that does not come. A snapshot older than the one before is
// that of a database which was restored: it numbers its revisions from there, and
// those that were seen are others than those to come.
func (s *Server) saw(revision int64, snap *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = max(s.seen, revision)
	if snap != nil {
		if old := s.snap.Swap(snap); old != nil && snap.revision < old.revision {
			s.seen = snap.revision
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Revision returns the revision of the configuration in use, 0 if none.
func (s *Server) Revision() int64 {
	if snap := s.snap.Load(); snap != nil {
		return snap.revision
	}
	return 0
}

// Seen returns the newest revision given to SetConfig, also when that was
// refused; of a database that was restored, since then.
func (s *Server) Seen() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Start opens all sockets and begins to serve. When one cannot be opened it
// closes the others and returns an error that names it. Serving does not end
// with ctx but with Shutdown.
func (s *Server) Start(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.started {
		return errors.New("start frontend: started already")
	}
	s.started = true
	s.base, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.listen(ctx); err != nil {
		for _, l := range s.listeners {
			l.close()
		}
		s.listeners = nil
		s.abandon()
		return err
	}
	for _, l := range s.listeners {
		s.serve(l)
	}
	for range s.cfg.Workers {
		s.workers.Go(s.work)
	}
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	for _, f := range []struct {
		family sqlstore.Family
		list   []ListenConfig
	}{{sqlstore.IPv4, s.cfg.Listen4}, {sqlstore.IPv6, s.cfg.Listen6}} {
		for _, c := range f.list {
			l, err := openListener(ctx, f.family, c, s.cfg.QueueLen)
			if err != nil {
				return fmt.Errorf("listen dhcp%s on %s: %w", f.family, c, err)
			}
			s.listeners = append(s.listeners, l)
			s.log.Info("listening", "event", "frontend.listening", "family", f.family,
				"kind", c.Kind, "addr", l.udp.addr(), "interface", c.Interface)
		}
	}
	return nil
}

// Run is Start, a wait for the end of ctx, and Shutdown with five seconds of
// patience.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.Shutdown(bound)
}

// Shutdown stops reading, handles the packets that came in and sends their
// replies. When ctx ends first, what waits for the database is given up and
// the error of ctx returned. All sockets are closed in any case. A second call
// does nothing.
func (s *Server) Shutdown(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	select {
	case <-s.stopped:
		return nil
	default:
		close(s.stopped)
	}
	if s.abandon == nil {
		return nil
	}
	defer s.abandon()
	for _, l := range s.listeners {
		l.stopReading()
	}
	s.readers.Wait()
	s.queue.close()
	unhook := context.AfterFunc(ctx, s.abandon)
	defer unhook()
	s.workers.Wait()
	for _, l := range s.listeners {
		l.stopWriting()
	}
	s.writers.Wait()
	for _, l := range s.listeners {
		l.close()
	}
	s.log.Info("stopped", "event", "frontend.stopped")
	return ctx.Err()
}

// LocalAddrs returns the addresses and ports that the UDP sockets are bound
// to, in the order of Listen4 and Listen6. It is for use after Start.
func (s *Server) LocalAddrs() []netip.AddrPort {
	s.life.Lock()
	defer s.life.Unlock()
	var out []netip.AddrPort
	for _, l := range s.listeners {
		out = append(out, l.udp.addr())
	}
	return out
}

// ServerIDs returns the DHCPv4 server identifiers of this frontend: what it
// tells its siblings, so that they know whom a REQUEST names. It is for use
// after Start. Addresses that interfaces get later are not in earlier answers.
func (s *Server) ServerIDs() ([]netip.Addr, error) {
	s.life.Lock()
	defer s.life.Unlock()
	var out []netip.Addr
	for _, l := range s.listeners {
		switch a := l.udp.addr().Addr(); {
		case l.family != sqlstore.IPv4:
		case l.config.Kind == ListenInterface:
			for _, p := range l.iface.Load().addrs {
				if p.Addr().Is4() {
					out = append(out, p.Addr())
				}
			}
		case a.IsUnspecified():
			all, err := net.InterfaceAddrs()
			if err != nil {
				return nil, fmt.Errorf("list addresses: %w", err)
			}
			for _, p := range toPrefixes(all) {
				if p.Addr().Is4() {
					out = append(out, p.Addr())
				}
			}
		default:
			out = append(out, a)
		}
	}
	return out, nil
}
