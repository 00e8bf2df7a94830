package ddns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// Config is what a Worker needs.
type Config struct {
	Store      Store
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	ID         string // names this process among those on the database
}

// Worker publishes names, and is the sequencer while it leads. Any number may
// run on one database, each with an ID of its own.
type Worker struct {
	cfg     Config
	t       tuning
	log     *slog.Logger
	metrics *metrics
	sender  *sender
	snap    atomic.Pointer[snapshot]
	healths atomic.Pointer[healths]

	soft, hard       context.Context // no new work; nothing at all
	endSoft, endHard context.CancelFunc
	running          sync.WaitGroup
	wake             chan struct{} // there may be work
	reading          sync.Mutex    // whoever reads the configuration
	mu               sync.Mutex
	busy             map[string]bool // zones that are worked on
	left             bool            // there may be claims that nothing works with
	refused          error           // why the newest configuration is not in use
}

// New makes a Worker that does nothing yet.
func New(cfg Config) (*Worker, error) {
	if cfg.Store == nil || cfg.Logger == nil || cfg.Registerer == nil || cfg.ID == "" {
		return nil, errors.New("ddns: Store, Logger, Registerer and ID are needed")
	}
	w := &Worker{cfg: cfg, t: usual, log: cfg.Logger, wake: make(chan struct{}, 1), busy: map[string]bool{}, left: true}
	w.sender = newSender(&w.t)
	w.healths.Store(newHealths())
	var err error
	w.metrics, err = newMetrics(cfg.Registerer, func() float64 { return float64(w.healths.Load().down()) })
	return w, err
}

// Start begins to work and returns. The context only carries values: Stop ends
// the work.
func (w *Worker) Start(ctx context.Context) {
	w.hard, w.endHard = context.WithCancel(context.WithoutCancel(ctx))
	w.soft, w.endSoft = context.WithCancel(w.hard)
	w.running.Go(w.follow)
	w.running.Go(w.sequence)
	w.running.Go(w.work)
}

// Stop ends the work: messages under way are finished as long as ctx lasts,
// and what is claimed goes back to the queue.
func (w *Worker) Stop(ctx context.Context) error {
	w.endSoft()
	defer w.endHard()
	ended := make(chan struct{})
	go func() { w.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		w.endHard()
		<-ended
	}
	w.sender.tidy(0)
	_, err := w.cfg.Store.ReleaseNames(ctx, w.cfg.ID)
	if err != nil {
		return fmt.Errorf("release names: %w", err)
	}
	w.log.Info("ddns stopped", slog.String("event", "ddns.stopped"))
	return nil
}

// NotReady says why names are not published; nil when they are, or when there
// is no zone to publish them in. That DNS servers are down does not count.
func (w *Worker) NotReady() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.refused != nil:
		return w.refused
	case w.snap.Load() == nil:
		return errors.New("no configuration has been read yet")
	}
	return nil
}

// storeFailed logs what the database did not do, and waits a moment.
func (w *Worker) storeFailed(what string, err error) {
	if w.hard.Err() != nil {
		return
	}
	w.metrics.troubles.WithLabelValues(troubleStore).Inc()
	level, advice := slog.LevelWarn, ""
	if errors.Is(err, sqlstore.ErrDenied) {
		level, advice = slog.LevelError, "run what `rowlock migrate grants --role ddns` prints, as the owner of the tables"
	}
	w.log.Log(w.hard, level, "database did not do it, trying again", slog.String("event", "ddns.store_failed"), slog.String("what", what),
		slog.Any("err", err), slog.String("hint", advice))
	w.pause(w.soft, w.t.storePause)
}

// stir ends a wait of work.
func (w *Worker) stir() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Worker) await(d time.Duration) {
	select {
	case <-w.soft.Done():
	case <-w.wake:
	case <-time.After(d):
	}
}

// pause waits, at most until ctx ends.
func (w *Worker) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
