package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// Config is what an Engine needs. Store, Logger, Registerer and Frontend.ID
// must be set.
type Config struct {
	Store      sqlstore.Store
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Frontend   sqlstore.FrontendInfo // Incarnation and Age are ignored
	// Conns is how many transactions a lane may run at once; 0 is 2.
	Conns int
	// SweepEvery is the time between passes of the sweeper; 0 is 30 s.
	SweepEvery time.Duration
	// OnConfig gets every new configuration, in order; an error means that it
	// is refused and the one before stays in use.
	OnConfig func(*sqlstore.Config) error
	// OnUnreadable is told of a revision that is refused because its rows cannot
	// be read, so that there is nothing to be given to OnConfig.
	OnUnreadable func(revision int64)
	// KeepFile is where the configuration in use is kept for a start at which the
	// newest one is refused; "" for nowhere. The file must be of this frontend alone.
	KeepFile string
}

// Engine decides requests on one database. It is safe for concurrent use.
type Engine struct {
	cfg       Config
	store     sqlstore.Store
	log       *slog.Logger
	metrics   *metrics
	hints     *hints
	keys      *keyLocks
	offers    map[sqlstore.Family]*lane
	commits   map[sqlstore.Family]*lane
	times     atomic.Pointer[times]
	member    member
	health    health
	loader    loader
	flights   flights
	withheld  atomic.Pointer[poolGens] // what the configuration in use may not hand out any more; nil for nothing
	kept      kept
	settler   settler
	latest    latest
	sweeper   chan struct{}
	bans      sync.Map     // lockName -> time.Time
	anyBanned atomic.Bool  // there was one since the process began
	strayed   atomic.Bool  // it was told that the default partition of the history has rows
	told      atomic.Int64 // when it was last told that a privilege is missing, in Unix seconds
	granted   atomic.Int64 // leases acknowledged
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// times are the global parameters that the engine itself uses, in seconds;
// maxDead is a number of rows.
type times struct{ grace, affinity, probation, parkMax, maxDead uint32 }

// New returns an engine that is not running yet.
func New(cfg Config) (*Engine, error) {
	if cfg.Store == nil || cfg.Logger == nil || cfg.Registerer == nil || cfg.Frontend.ID == "" {
		return nil, errors.New("engine: store, logger, registerer and frontend id are required")
	}
	if cfg.Conns == 0 {
		cfg.Conns = 2
	}
	if cfg.SweepEvery == 0 {
		cfg.SweepEvery = 30 * time.Second
	}
	e := &Engine{
		cfg: cfg, store: cfg.Store, log: cfg.Logger, keys: newKeyLocks(), sweeper: make(chan struct{}, 1),
		loader:  loader{wake: make(chan struct{}, 1)},
		member:  member{soon: make(chan struct{}, 1)},
		settler: settler{wake: make(chan struct{}, 1)},
		kept:    kept{file: cfg.KeepFile, wake: make(chan struct{}, 1)},
	}
	e.makeLanes()
	var err error
	if e.metrics, err = newMetrics(cfg.Registerer, e.laneLengths, e.ready); err != nil {
		return nil, err
	}
	e.hints = newHints(e)
	e.setTimes(nil)
	return e, nil
}

// makeLanes makes two lanes for each family, or one for everything where the
// dialect has a single writer.
func (e *Engine) makeLanes() {
	e.offers, e.commits = map[sqlstore.Family]*lane{}, map[sqlstore.Family]*lane{}
	single := &lane{name: "all", e: e, conns: 1}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		e.offers[f], e.commits[f] = single, single
		if e.store.SplitLanes() {
			e.offers[f] = &lane{name: "offer" + strconv.Itoa(int(f)), e: e, conns: e.cfg.Conns}
			e.commits[f] = &lane{name: "commit" + strconv.Itoa(int(f)), e: e, conns: e.cfg.Conns}
		}
	}
}

func (e *Engine) laneLengths() map[string]int {
	out := map[string]int{}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		for _, l := range []*lane{e.offers[f], e.commits[f]} {
			out[l.name] = l.length()
		}
	}
	return out
}

func (e *Engine) offerLane(f sqlstore.Family) *lane  { return e.offers[f] }
func (e *Engine) commitLane(f sqlstore.Family) *lane { return e.commits[f] }

// Start registers the frontend, loads the configuration and begins the work in
// the background. It fails when the database cannot be reached.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.register(ctx); err != nil {
		return err
	}
	revision, err := e.revision(ctx)
	if err != nil {
		return err
	}
	if err := e.loadConfig(ctx, revision); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	for _, work := range []func(context.Context){e.heartbeats, e.hints.run, e.watchConfig, e.settles, e.keeps, e.sweeps, e.scrubs} {
		e.running.Go(func() {
			for run.Err() == nil {
				e.guarded(run, work)
			}
		})
	}
	return nil
}

// guarded runs work and survives its panic, which is a bug but no reason to
// stop serving.
func (e *Engine) guarded(ctx context.Context, work func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			e.metrics.panics.Inc()
			e.log.Error("recovered from a panic", slog.String("event", "engine.panic"), slog.Any("err", p), slog.String("stack", string(debug.Stack())))
			pause(ctx, time.Second)
		}
	}()
	work(ctx)
}

// Stop ends the work in the background and removes the frontend's row, so that
// others take over at once. Requests under way are not waited for.
func (e *Engine) Stop(ctx context.Context) error {
	if e.stop == nil {
		return nil
	}
	e.stop()
	e.running.Wait()
	_ = e.hints.report(ctx) // what is left is found by whoever takes over
	return e.store.Unregister(ctx, e.fence())
}

// Do decides one request. It returns when the database has decided every item
// and what it decided is durable; on any error nothing may be answered:
// ErrBusy (no time left, or a lost race), ErrUnavailable (database away or the
// outcome unknown), ErrDenied (its user lacks a privilege), ErrFenced (this
// frontend's heartbeat is too old, or it does not follow the configuration, or
// has not read it since it registered again),
// ErrSuperseded (the request is to be made anew from the newest configuration),
// ErrData. A request without items asks for the newest revision only.
func (e *Engine) Do(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	incarnation := e.fence().Incarnation // in this order: see withheld.go
	if !e.Ready() {
		return nil, fmt.Errorf("decide: %w", sqlstore.ErrFenced)
	}
	withheld := e.withheld.Load()
	if !e.flights.begin(r.Revision) {
		e.metrics.failures.WithLabelValues("superseded").Inc()
		return nil, fmt.Errorf("request of revision %d: %w", r.Revision, sqlstore.ErrSuperseded)
	}
	defer e.ended(r.Revision)
	if len(r.Items) == 0 {
		revision, err := e.latest.read(ctx, e)
		return &sqlstore.Decision{Revision: revision}, err
	}
	m, keys := newMessage(e, r, incarnation, withheld)
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			return nil, fmt.Errorf("two items of a request have the same key: %w", sqlstore.ErrData)
		}
		if e.isBanned(lockName{r.Family, key}) {
			return nil, fmt.Errorf("client is set aside: %w", sqlstore.ErrData)
		}
	}
	for i := range r.Items {
		keys = append(keys, r.Items[i].Former...) // their rows may be changed too
	}
	unlock, err := e.keys.lock(ctx, r.Family, keys)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := m.run(ctx); err != nil {
		e.metrics.failures.WithLabelValues(cause(err)).Inc()
		return nil, err
	}
	for i := range m.items {
		if r.Items[i].Op != sqlstore.OpOffer && m.decision.Results[i].Code == sqlstore.Granted {
			e.granted.Add(1)
		}
	}
	return &m.decision, nil
}

// ended takes a message from those under way; the siblings are told when it was
// the last one of a revision.
func (e *Engine) ended(revision int64) {
	if e.flights.end(revision) {
		e.beatSoon()
	}
}

// isBanned tells whether a client is set aside.
func (e *Engine) isBanned(name lockName) bool {
	if !e.anyBanned.Load() {
		return false
	}
	until, ok := e.bans.Load(name)
	return ok && time.Now().Before(until.(time.Time))
}

// banned sets the clients of a job aside for a minute whose data the database
// refused: a bug here, but no reason to try it with every packet.
func (e *Engine) banned(j *job, err error) {
	e.metrics.data.Inc()
	e.anyBanned.Store(true)
	now := time.Now()
	e.bans.Range(func(name, until any) bool {
		if now.After(until.(time.Time)) {
			e.bans.Delete(name)
		}
		return true
	})
	until := now.Add(time.Minute)
	for i := range j.inserts {
		e.bans.Store(lockName{j.inserts[i].Family, j.inserts[i].Key}, until)
		e.log.Error("database refused a client's data", "event", "lane.data", "key", fmt.Sprintf("%x", string(j.inserts[i].Key)), "err", err)
	}
	for i := range j.updates {
		e.bans.Store(lockName{j.updates[i].Family, j.updates[i].Key}, until)
		e.log.Error("database refused a client's data", "event", "lane.data", "key", fmt.Sprintf("%x", string(j.updates[i].Key)), "err", err)
	}
}

// denied tells that the database user lacks a privilege, once in ten seconds.
func (e *Engine) denied(err error) {
	now, last := time.Now().Unix(), e.told.Load()
	if now-last >= 10 && e.told.CompareAndSwap(last, now) {
		e.log.Error("database user lacks a privilege", slog.String("event", "lane.denied"), slog.Any("err", err))
	}
}

func cause(err error) string {
	for name, sentinel := range map[string]error{
		"busy": sqlstore.ErrBusy, "unavailable": sqlstore.ErrUnavailable, "denied": sqlstore.ErrDenied, "fenced": sqlstore.ErrFenced,
		"data": sqlstore.ErrData, "retry": sqlstore.ErrRetry, "conflict": sqlstore.ErrConflict,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "other"
}
