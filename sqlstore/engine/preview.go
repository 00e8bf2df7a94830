package engine

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// PreviewSource is where Preview reads rows.
type PreviewSource interface {
	// Apply is called with the zero fence and inserts without an address, which only
	// look for rows.
	Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error)
	Leases(ctx context.Context, f sqlstore.LeaseFilter) ([]sqlstore.Lease, error)
}

// Preview decides a request as an Engine would, with an answer for each item, and
// writes nothing: an engine of its own works on a copy of the rows concerned. from
// may be nil: there are no rows. That a pool is full is not seen.
func Preview(ctx context.Context, from PreviewSource, r *sqlstore.Request) ([]sqlstore.Preview, error) {
	s := &previewStore{from: from, rows: map[sqlstore.Key]*sqlstore.Lease{}, asked: map[sqlstore.Key]bool{}}
	for i := range r.Items {
		s.previews = append(s.previews, sqlstore.Preview{})
		s.keys = append(s.keys, append([]sqlstore.Key{r.Items[i].Key}, r.Items[i].Former...))
	}
	e, err := New(Config{
		Store: s, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Frontend: sqlstore.FrontendInfo{ID: "preview"},
	})
	if err != nil {
		return nil, err
	}
	if err := e.register(ctx); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(ctx)
	defer e.running.Wait()
	defer stop()
	e.running.Go(func() { e.hints.run(run) })
	d, err := e.Do(ctx, r)
	if s.failed != nil {
		return nil, s.failed
	}
	if err != nil {
		return nil, err
	}
	for i := range r.Items {
		p := &s.previews[i]
		p.Result = d.Results[i]
		if p.Holder, err = s.holder(ctx, &r.Items[i], p.Row); err != nil {
			return nil, err
		}
	}
	return s.previews, nil
}
