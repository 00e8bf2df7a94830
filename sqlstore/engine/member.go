package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// beatRest is the least time between two heartbeats.
const beatRest = 20 * time.Millisecond

// staleAfter is how old a heartbeat may be, by database time for others and by
// the local monotonic clock for oneself.
const staleAfter = 5 * time.Second

// member is this frontend's place among its siblings.
type member struct {
	mu        sync.Mutex
	info      sqlstore.FrontendInfo
	siblings  []sqlstore.FrontendInfo
	confirmed time.Time // when the last heartbeat that succeeded was sent
	readAt    time.Time
	taken     bool          // another process uses the id
	soon      chan struct{} // asks for a heartbeat out of turn
}

func (e *Engine) register(ctx context.Context) error {
	m := &e.member
	info := e.tells(e.cfg.Frontend)
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	sent := time.Now()
	incarnation, err := e.store.Register(ctx, info)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	info.Incarnation = incarnation
	if m.info.ID != "" {
		e.void()
		info.Addrs, info.Draining = m.info.Addrs, m.info.Draining
	}
	m.info, m.confirmed = info, sent
	return nil
}

// heartbeats refreshes the row each second until the context ends, and at once
// when the siblings wait for what it tells.
func (e *Engine) heartbeats(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		began := time.Now()
		e.heartbeat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.member.soon:
			pause(ctx, beatRest-time.Since(began))
		}
	}
}

// beatSoon asks for a heartbeat out of turn.
func (e *Engine) beatSoon() { poke(e.member.soon) }

// tells fills in what a frontend's row says of its configuration: the oldest
// revision that a message under way was made from, and the one that is refused.
func (e *Engine) tells(info sqlstore.FrontendInfo) sqlstore.FrontendInfo {
	_, refused := e.loader.current()
	info.Revision = e.flights.report()
	info.RefusedRevision, info.Refused = refused.revision, refused.text()
	return info
}

func (e *Engine) heartbeat(ctx context.Context) {
	m := &e.member
	m.mu.Lock()
	info := m.info
	m.mu.Unlock()
	info = e.tells(info)
	info.Exchanges = e.granted.Load()
	sent := time.Now()
	limit, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, revision, err := e.store.Heartbeat(limit, info)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, sqlstore.ErrFenced):
		e.fenced(limit, info)
		return
	case err != nil:
		e.metrics.heartbeats.WithLabelValues("failed").Inc()
		e.log.Warn("heartbeat failed", slog.String("event", "frontend.heartbeat_failed"), slog.Any("err", err))
		return
	}
	e.metrics.heartbeats.WithLabelValues("ok").Inc()
	m.mu.Lock()
	m.siblings, m.confirmed, m.readAt = all, sent, time.Now()
	m.mu.Unlock()
	e.sawRevision(revision)
	e.settler.confirmed(info)
}

// fenced: the row is gone (it was cleaned away during a long absence) and is
// written anew, or another process has taken the id, which is then left to it.
func (e *Engine) fenced(ctx context.Context, info sqlstore.FrontendInfo) {
	e.metrics.heartbeats.WithLabelValues("fenced").Inc()
	all, err := e.store.Frontends(ctx)
	if err != nil {
		return
	}
	taken := slices.ContainsFunc(all, func(f sqlstore.FrontendInfo) bool {
		return f.ID == info.ID && f.Incarnation != info.Incarnation && f.Age < staleAfter
	})
	e.member.mu.Lock()
	e.member.taken = taken
	e.member.mu.Unlock()
	if taken {
		e.log.Error("another process uses this frontend id", slog.String("event", "frontend.id_taken"), slog.String("frontend", info.ID))
		return
	}
	if err := e.register(ctx); err != nil {
		e.log.Warn("frontend cannot register again", slog.String("event", "frontend.register_failed"), slog.Any("err", err))
	}
}

// fence is what every write of this frontend carries.
func (e *Engine) fence() sqlstore.Fence {
	e.member.mu.Lock()
	defer e.member.mu.Unlock()
	return sqlstore.Fence{Frontend: e.member.info.ID, Incarnation: e.member.info.Incarnation}
}

// Ready tells whether this frontend may serve: its heartbeat was confirmed by
// the database less than 5 s ago, and it has read the configuration since it
// registered.
func (e *Engine) Ready() bool { return !e.loader.isVoid() && e.confirmed() }

func (e *Engine) confirmed() bool {
	e.member.mu.Lock()
	defer e.member.mu.Unlock()
	return !e.member.confirmed.IsZero() && time.Since(e.member.confirmed) < staleAfter
}

// NotReady says why this frontend may not serve, or cannot because the database
// takes no leases or the newest configuration cannot be read; nil when it may and
// can. One that is refused is no reason: the one before stays in use.
func (e *Engine) NotReady() error {
	if err := e.Away(); err != nil {
		return err
	}
	return e.Behind()
}

// Behind says why this frontend does not follow the configuration, so that it
// makes no new leases; nil while it does, or has refused the newest one.
func (e *Engine) Behind() error { return e.loader.stuck() }

// Away says why the database is not there for this frontend: it does not confirm
// it, or takes no leases.
func (e *Engine) Away() error {
	if e.confirmed() {
		return e.health.failing()
	}
	e.member.mu.Lock()
	defer e.member.mu.Unlock()
	if e.member.taken {
		return fmt.Errorf("another process uses the frontend id %q", e.member.info.ID)
	}
	return errors.New("not confirmed by the database for 5 s")
}

// SetAddrs tells the siblings which DHCPv4 server identifiers are this
// frontend's own.
func (e *Engine) SetAddrs(addrs []netip.Addr) {
	e.member.mu.Lock()
	defer e.member.mu.Unlock()
	e.member.info.Addrs = addrs
}

// SetDraining tells the siblings that this frontend is about to stop.
func (e *Engine) SetDraining() {
	e.member.mu.Lock()
	defer e.member.mu.Unlock()
	e.member.info.Draining = true
}

// Owner tells whose server identifier an address is.
func (e *Engine) Owner(addr netip.Addr) sqlstore.Ownership {
	m := &e.member
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.info.Addrs, addr) {
		return sqlstore.OwnerSelf
	}
	owner := sqlstore.OwnerNone
	for _, f := range m.siblings {
		if f.ID == m.info.ID || !slices.Contains(f.Addrs, addr) {
			continue
		}
		if f.Age+time.Since(m.readAt) < staleAfter {
			return sqlstore.OwnerLive
		}
		owner = sqlstore.OwnerDead
	}
	return owner
}
