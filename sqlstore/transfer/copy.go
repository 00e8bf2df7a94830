package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// A batch ends at so many rows, or bytes of their encoded form: a statement of
// MySQL must stay under max_allowed_packet, 16 MiB by default.
const (
	batchRows  = 2000
	batchBytes = 1 << 20
)

// meter reports how far a phase is, not more often than people can read.
type meter struct {
	report func(Progress)
	Progress
	began, tableBegan, said time.Time
}

const sayEvery = 100 * time.Millisecond

func newMeter(report func(Progress), phase Phase, total int64) *meter {
	return &meter{report: report, Progress: Progress{Phase: phase, Total: total}, began: time.Now()}
}

func (m *meter) table(name string, rows int64) {
	m.Table, m.TableRows, m.TableDone, m.tableBegan = name, rows, false, time.Now()
	m.say()
}

func (m *meter) add(rows int64) {
	m.Rows += rows
	m.TableRows += rows
	if time.Since(m.said) >= sayEvery {
		m.say()
	}
}

func (m *meter) done() {
	m.TableDone = true
	m.say()
}

func (m *meter) say() {
	m.said = time.Now()
	m.Elapsed, m.TableDuration = time.Since(m.began), time.Since(m.tableBegan)
	m.report(m.Progress)
}

// copyAll copies what the progress says is missing, from one snapshot of the
// source.
func (m *mover) copyAll(ctx context.Context) error {
	return m.from.Store.CopySnapshot(ctx, func(r sqlstore.CopyReader) error {
		var total int64
		for _, t := range sqlstore.CopyTables() {
			n, err := r.CountRows(ctx, t)
			if err != nil {
				return fmt.Errorf("count %s of %s: %w", t.Name, m.from.Name, err)
			}
			total += n
		}
		meter := newMeter(m.report, Copying, total)
		for _, p := range m.progress {
			meter.Rows += p.Copied
			meter.Earlier += p.Copied
		}
		for _, t := range sqlstore.CopyTables() {
			at := m.progress[t.Name]
			if at.Done {
				continue
			}
			meter.table(t.Name, at.Copied)
			if err := m.copyTable(ctx, r, t, at, meter); err != nil {
				return fmt.Errorf("copy %s: %w", t.Name, err)
			}
			meter.done()
		}
		return nil
	})
}

// copyTable copies the rest of a table: one goroutine writes while this one
// reads.
func (m *mover) copyTable(ctx context.Context, r sqlstore.CopyReader, t *sqlstore.CopyTable, at sqlstore.CopyProgress, meter *meter) error {
	after, err := decode(at.Position)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, wrote := make(chan []sqlstore.Row, 2), make(chan error, 1)
	go func() {
		w := &writer{store: m.to.Store, table: t, at: at, meter: meter}
		err := w.writeAll(ctx, batches)
		cancel() // the reader need not go on
		wrote <- err
	}()
	rerr := readBatches(ctx, r, t, after, batches)
	if rerr != nil {
		cancel() // batches are missing: the table is not done
	}
	close(batches)
	werr := <-wrote
	if werr != nil && (rerr == nil || !errors.Is(werr, context.Canceled)) {
		return werr
	}
	return rerr
}

// readBatches reads rows into batches.
func readBatches(ctx context.Context, r sqlstore.CopyReader, t *sqlstore.CopyTable, after sqlstore.Row, to chan<- []sqlstore.Row) error {
	var batch []sqlstore.Row
	var size int
	send := func() error {
		select {
		case to <- batch:
			batch, size = nil, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := r.ReadRows(ctx, t, after, func(row sqlstore.Row) error {
		if n := rowSize(row); len(batch) > 0 && (len(batch) == batchRows || size+n > batchBytes) {
			if err := send(); err != nil {
				return err
			}
		}
		size += rowSize(row)
		batch = append(batch, row)
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = send()
	}
	return err
}

// rowSize is about what a row takes in a statement.
func rowSize(r sqlstore.Row) (n int) {
	for _, v := range r {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
		n += 8
	}
	return n
}

// writer writes the batches of one table.
type writer struct {
	store sqlstore.Store
	table *sqlstore.CopyTable
	at    sqlstore.CopyProgress
	meter *meter
}

func (w *writer) writeAll(ctx context.Context, batches <-chan []sqlstore.Row) error {
	for batch := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.write(ctx, batch); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	next := w.at
	next.Done = true
	return w.store.WriteRows(ctx, w.table, nil, w.at, next)
}

// write writes a batch. One that is refused is halved until the row that does
// not fit is found; all before it are in the target then.
func (w *writer) write(ctx context.Context, batch []sqlstore.Row) error {
	last := batch[len(batch)-1]
	next := sqlstore.CopyProgress{Copied: w.at.Copied + int64(len(batch)), Position: encode(nil, w.table.KeyOf(last))}
	err := w.store.WriteRows(ctx, w.table, batch, w.at, next)
	switch {
	case err == nil:
		w.at = next
		w.meter.add(int64(len(batch)))
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, sqlstore.ErrOtherMove), !errors.Is(err, sqlstore.ErrData) && !errors.Is(err, sqlstore.ErrConflict):
		return err
	case len(batch) == 1:
		return fmt.Errorf("the row with %s does not fit (change it in the source and run the move again): %w", keyText(w.table, last), err)
	}
	half := len(batch) / 2
	if err := w.write(ctx, batch[:half]); err != nil {
		return err
	}
	return w.write(ctx, batch[half:])
}
