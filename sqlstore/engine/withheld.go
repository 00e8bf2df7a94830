package engine

import (
	"errors"

	"rowlock/sqlstore"
)

// errVoid is why nothing begins after a frontend registered again.
var errVoid = errors.New("the configuration has not been read since this frontend registered again")

// While a frontend is silent the others go on without it, and ranges that pools gave
// up go to others. So when it registers again the configuration in use is void until
// one load has compared it with the database. What a request was made from is not
// known exactly, so Do looks at four things in the reverse of the order in which they
// change: the incarnation (a message of a former life is not written), whether the
// configuration is void, what is withheld, and the oldest revision that may begin.

// void has nothing begin until a load that begins from now on has ended. What is in
// hand is of a former life: its chunks may be somebody else's by now.
func (e *Engine) void() {
	l := &e.loader
	l.mu.Lock()
	l.lives++
	l.mu.Unlock()
	e.hints.forget()
	poke(l.wake)
}

func (l *loader) isVoid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sure < l.lives
}

// life returns the life in which a load begins, for compared.
func (l *loader) life() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lives
}

// compared notes that a load that began in that life has ended.
func (l *loader) compared(life int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sure = life
}

// poolGens is a set of pool generations.
type poolGens map[poolGen]bool

// withhold has a configuration that stays in use, because the newest one is refused,
// hand out nothing new from what it has lost. newest is nil if it cannot be read. In
// the same life nothing is lost without this frontend's consent: its row names the
// revision in use. A database that was restored or reset asked nobody.
func (e *Engine) withhold(using, newest *sqlstore.Config, life int) {
	if using == nil {
		return
	}
	l := &e.loader
	l.mu.Lock()
	lost := l.sure < life || newest != nil && newest.Revision < using.Revision
	l.mu.Unlock()
	if lost {
		e.flights.only(using.Revision)
	}
	switch {
	case using == newest:
		e.withheld.Store(nil)
	case lost, newest != nil && e.withheld.Load() != nil:
		e.withheld.Store(given(using, newest))
	}
}

// given returns the pools of an old configuration whose ranges may be others' by now:
// those that the newest one does not have, or has under another generation, closed or
// waiting. Where that cannot be read (nil), these are all of IPv6; for IPv4 the unique
// constraint on addresses is enough.
func given(old, newest *sqlstore.Config) *poolGens {
	open, gone := poolGens{}, poolGens{}
	if newest != nil {
		for p := range poolsOf(newest) {
			open[poolGen{p.ID, p.Gen}] = !p.Closing && !p.Waiting
		}
	}
	for p := range poolsOf(old) {
		gen := poolGen{p.ID, p.Gen}
		if newest == nil && p.Family() == sqlstore.IPv6 || newest != nil && !open[gen] {
			gone[gen] = true
		}
	}
	return &gone
}

// from returns an item as it is where these pools wait. The request is the caller's
// and stays as it is.
func (g *poolGens) from(it *sqlstore.Item) *sqlstore.Item {
	if g == nil {
		return it
	}
	pools := it.Pools.Withhold(func(p *sqlstore.Pool) bool { return (*g)[poolGen{p.ID, p.Gen}] })
	if pools == it.Pools {
		return it
	}
	own := *it
	own.Pools = pools
	return &own
}
