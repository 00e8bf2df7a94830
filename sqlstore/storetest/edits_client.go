package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// editFrontend is a frontend without packets: an engine, and the configuration that
// requests are made from.
type editFrontend struct {
	e *engine.Engine

	mu      sync.Mutex
	config  *sqlstore.Config
	places  map[netip.Prefix]editPlace
	changed chan struct{}
}

// editPlace is what clients of a subnet may have.
type editPlace struct {
	link, former uint32
	pools        *sqlstore.PoolSet
}

// newEditFrontend starts one on a store of its own kind.
func newEditFrontend(t *testing.T, store sqlstore.Store, id string, with ...func(*engine.Config, *editFrontend)) *editFrontend {
	t.Helper()
	f := &editFrontend{changed: make(chan struct{})}
	cfg := engine.Config{
		Store: store, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)).With("fe", id), Registerer: prometheus.NewRegistry(),
		Frontend: sqlstore.FrontendInfo{ID: id}, SweepEvery: 500 * time.Millisecond, OnConfig: f.use,
	}
	for _, do := range with {
		do(&cfg, f)
	}
	var err error
	f.e, err = engine.New(cfg)
	require.NoError(t, err)
	require.NoError(t, f.e.Start(t.Context()))
	t.Cleanup(func() { _ = f.e.Stop(context.Background()) })
	return f
}

func (f *editFrontend) use(c *sqlstore.Config) error {
	places := map[netip.Prefix]editPlace{}
	for _, l := range c.Links {
		var open []*sqlstore.Pool
		for _, s := range l.Subnets {
			open = append(open, slices.DeleteFunc(slices.Clone(s.Pools), func(p *sqlstore.Pool) bool { return p.Closing })...)
		}
		set := sqlstore.NewPoolSet(open...)
		for _, s := range l.Subnets {
			places[s.Prefix] = editPlace{l.ID, s.PreviousLinkID, set}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config, f.places = c, places
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

func (f *editFrontend) current() (revision int64, places map[netip.Prefix]editPlace, changed chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config.Revision, f.places, f.changed
}

var errNoPlace = errors.New("the subnet is not there")

// do asks about one binding as a frontend does: anew from a newer configuration
// where the one before is not used any more, or says no and is not the newest.
func (f *editFrontend) do(ctx context.Context, c *visitor, op sqlstore.Op) (sqlstore.Result, error) {
	for again := false; ; again = true {
		revision, places, changed := f.current()
		at, ok := places[c.subnet]
		if !ok {
			return sqlstore.Result{}, errNoPlace
		}
		it := c.item(op, at)
		d, err := f.e.Do(ctx, &sqlstore.Request{Family: c.family, Revision: revision, Items: []sqlstore.Item{it}})
		if errors.Is(err, sqlstore.ErrSuperseded) && !again {
			continue
		}
		if err != nil {
			return sqlstore.Result{}, err
		}
		res := d.Results[0]
		if again || d.Revision <= revision || res.Code == sqlstore.Granted || res.Code == sqlstore.Done {
			return res, nil
		}
		for newer := revision; newer < d.Revision; newer, _, changed = f.current() {
			select {
			case <-changed:
			case <-ctx.Done():
				return sqlstore.Result{}, ctx.Err()
			}
		}
	}
}

// visitor is a client behind a relay, which has nothing or one address.
type visitor struct {
	variant
	id     int
	subnet netip.Prefix
	rand   *rand.Rand
	has    netip.Prefix
	until  time.Time // of has
	holds  []held
}

// held is a time in which a client certainly had an address or prefix.
type held struct {
	client   int
	prefix   netip.Prefix
	from, to time.Time
}

const visitTime = 2 // seconds of a lease

func (c *visitor) item(op sqlstore.Op, at editPlace) sqlstore.Item {
	it := c.variant.item(op, at.link, c.id, netip.Addr{}, at.pools)
	it.VRF, it.ValidLft, it.PreferredLft, it.OfferLft = 0, visitTime, visitTime, 2
	if at.former != 0 && at.former != at.link {
		it.Former = []sqlstore.Key{c.key(at.former, c.id)}
	}
	if op != sqlstore.OpOffer {
		it.Want = c.has.Addr()
	}
	return it
}

// visit does one thing that a client does, at a frontend.
func (c *visitor) visit(ctx context.Context, f *editFrontend) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if !time.Now().Before(c.until) {
		c.has = netip.Prefix{}
	}
	if !c.has.IsValid() {
		return c.arrive(ctx, f)
	}
	switch n := c.rand.IntN(20); {
	case n < 14:
		return c.renew(ctx, f)
	case n < 17:
		return c.leave(ctx, f, sqlstore.OpRelease)
	case n < 18:
		return c.leave(ctx, f, sqlstore.OpDecline)
	}
	c.has = netip.Prefix{} // it went away without a word, and comes back as one that knows nothing
	return nil
}

func (c *visitor) arrive(ctx context.Context, f *editFrontend) error {
	res, err := f.do(ctx, c, sqlstore.OpOffer)
	if err != nil || res.Code != sqlstore.Granted {
		return err
	}
	c.has = netip.PrefixFrom(res.Lease.Addr, int(res.Lease.PrefixLen))
	sent := time.Now()
	res, err = f.do(ctx, c, sqlstore.OpSelect)
	c.has = netip.Prefix{}
	if err == nil && res.Code == sqlstore.Granted {
		c.got(&res.Lease, sent)
	}
	return err
}

// got notes a lease whose request was first sent at that time.
func (c *visitor) got(l *sqlstore.Lease, sent time.Time) {
	now, to := time.Now(), sent.Add(visitTime*time.Second)
	p := netip.PrefixFrom(l.Addr, int(l.PrefixLen))
	if p == c.has && now.Before(c.until) {
		c.holds[len(c.holds)-1].to = to
	} else if now.Before(to) {
		c.holds = append(c.holds, held{c.id, p, now, to})
	}
	c.has, c.until = p, to
}

func (c *visitor) renew(ctx context.Context, f *editFrontend) error {
	sent := time.Now()
	res, err := f.do(ctx, c, sqlstore.OpRenew)
	if err != nil {
		return err // it has what it has
	}
	if res.Code != sqlstore.Granted || res.Lease.Addr != c.has.Addr() {
		c.ends(sent) // taken back
	}
	if res.Code == sqlstore.Granted {
		c.got(&res.Lease, sent)
	}
	return nil
}

func (c *visitor) leave(ctx context.Context, f *editFrontend, op sqlstore.Op) error {
	sent := time.Now()
	_, err := f.do(ctx, c, op)
	c.ends(sent)
	return err
}

// ends gives up what the client has, also where it had forgotten it once.
func (c *visitor) ends(at time.Time) {
	for i := range c.holds {
		if h := &c.holds[i]; h.prefix == c.has && h.to.After(at) {
			h.to = at
		}
	}
	c.has = netip.Prefix{}
}

// requireAlone requires INV-1: no two clients had an address at one time, or
// prefixes that overlap.
func requireAlone(t *testing.T, holds []held) {
	t.Helper()
	slices.SortFunc(holds, func(a, b held) int { return a.from.Compare(b.from) })
	var open []held
	for _, h := range holds {
		open = slices.DeleteFunc(open, func(o held) bool { return !o.to.After(h.from) })
		for _, o := range open {
			if o.client != h.client && o.prefix.Overlaps(h.prefix) {
				require.Fail(t, "shared", "%s", fmt.Sprintf("client %d had %s from %v to %v, and client %d %s from %v to %v",
					o.client, o.prefix, o.from, o.to, h.client, h.prefix, h.from, h.to))
			}
		}
		open = append(open, h)
	}
}
