package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// Side is one of the two databases.
type Side struct {
	Store sqlstore.Store
	Name  string // its URL without password; told to people and written into the other's mark
}

// Options of a move.
type Options struct {
	Restart    bool // give up what an interrupted move has copied and begin anew
	KeepSource bool // neither mark nor write anything in the source
	Progress   func(Progress)
}

// Phase is what a move does at a moment.
type Phase string

// The phases.
const (
	Copying   Phase = "copy"
	Comparing Phase = "compare"
)

// Progress tells how far a move is. Rows count over all tables; those that an
// interrupted move copied before are in Earlier.
type Progress struct {
	Phase         Phase
	Table         string
	Rows          int64 // of this phase, done
	Total         int64 // of this phase, in all
	Earlier       int64
	TableRows     int64 // of Table, done
	TableDone     bool
	Elapsed       time.Duration // since the phase began
	TableDuration time.Duration
}

// ErrRefused tells that the databases are in no state that allows what was
// asked for.
var ErrRefused = errors.New("refused")

func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

// refusal is an error that is ErrRefused and does not say so.
type refusal struct{ error }

func (r refusal) Unwrap() error        { return r.error }
func (r refusal) Is(target error) bool { return target == ErrRefused }

// LiveAge is how old the heartbeat of a frontend must be before it counts as
// gone, as for those who take its addresses over.
const LiveAge = 10 * time.Second

// Move copies everything from one database into the other and compares them.
// Both have the newest schema. The returned sums are those of the comparison.
func Move(ctx context.Context, from, to Side, opt Options) ([]TableSum, error) {
	m := &mover{from: from, to: to, report: opt.Progress}
	if m.report == nil {
		m.report = func(Progress) {}
	}
	if err := m.begin(ctx, opt); err != nil {
		return nil, err
	}
	if err := m.copyAll(ctx); err != nil {
		return nil, err
	}
	sums, err := compare(ctx, from, to, m.report)
	if err != nil {
		return sums, err
	}
	if err := nobodyServes(ctx, from, to); err != nil {
		return sums, err
	}
	return sums, m.finish(ctx, opt)
}

// mover is a move under way.
type mover struct {
	from, to Side
	report   func(Progress)
	duid     []byte
	progress map[string]sqlstore.CopyProgress
}

// begin decides whether the move may be made, and marks both sides.
func (m *mover) begin(ctx context.Context, opt Options) error {
	if err := nobodyServes(ctx, m.from, m.to); err != nil {
		return err
	}
	mark, err := m.checkSource(ctx, opt.KeepSource)
	if err != nil {
		return err
	}
	resume, err := m.checkTarget(ctx, opt.Restart)
	if mark != nil && mark.Finished && !resume && (err == nil || errors.Is(err, ErrRefused)) {
		return refuse("%s: %w", m.from.Name, mark.Err())
	}
	if err != nil {
		return err
	}
	if !opt.KeepSource {
		mark := &sqlstore.MoveMark{Source: true, Peer: m.to.Name, ServerDUID: m.duid}
		if err := m.from.Store.SetMoveMark(ctx, mark); err != nil {
			return fmt.Errorf("mark %s: %w", m.from.Name, err)
		}
	}
	if !resume {
		mark := sqlstore.MoveMark{Peer: m.from.Name, ServerDUID: m.duid}
		if err := m.to.Store.BeginCopy(ctx, mark); err != nil {
			return fmt.Errorf("prepare %s: %w", m.to.Name, err)
		}
	}
	if err := m.to.Store.MakePartitions(ctx); err != nil {
		return fmt.Errorf("prepare %s: make history partitions: %w", m.to.Name, err)
	}
	// now that both are marked no frontend can come, or come back
	if err := nobodyServes(ctx, m.from, m.to); err != nil {
		return m.unmark(ctx, mark == nil && !opt.KeepSource, err)
	}
	m.progress, err = m.to.Store.CopyProgress(ctx)
	return err
}

// unmark takes the source's mark away again, if this move has set it, because a
// frontend was quicker.
func (m *mover) unmark(ctx context.Context, mine bool, cause error) error {
	if !mine {
		return cause
	}
	return errors.Join(cause, m.from.Store.SetMoveMark(ctx, nil))
}

// checkSource refuses a source that is none, learns its identity, and returns
// its mark. One that says the move is finished may be wrong: the program may
// have ended before the target was told.
func (m *mover) checkSource(ctx context.Context, keep bool) (*sqlstore.MoveMark, error) {
	mark, err := m.from.Store.MoveMark(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", m.from.Name, err)
	}
	switch {
	case mark == nil:
	case !mark.Source, mark.Peer != m.to.Name:
		return nil, refuse("%s: %w", m.from.Name, mark.Err())
	case keep:
		return nil, refuse("%s is marked by a move that was begun without --keep-source: leave it out, or run `rowlock move --undo` first", m.from.Name)
	}
	revision, duid, err := head(ctx, m.from.Store)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", m.from.Name, err)
	}
	if m.duid = duid; revision == 0 {
		return nil, refuse("%s has no network configuration: there is nothing to move", m.from.Name)
	}
	return mark, nil
}

// checkTarget refuses a target that has data of its own, and tells whether it
// has an interrupted move to go on with.
func (m *mover) checkTarget(ctx context.Context, restart bool) (resume bool, err error) {
	mark, err := m.to.Store.MoveMark(ctx)
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", m.to.Name, err)
	}
	switch {
	case mark == nil && restart:
		return false, refuse("%s has no interrupted move to begin anew: leave --restart out", m.to.Name)
	case mark == nil:
		return false, m.mustBeEmpty(ctx)
	case mark.Source:
		return false, refuse("%s: %w", m.to.Name, mark.Err())
	case restart:
		return false, nil
	case mark.Peer != m.from.Name || !bytes.Equal(mark.ServerDUID, m.duid):
		return false, refuse("%s has an interrupted move from %s, not from %s: finish that one, or give --restart to begin anew",
			m.to.Name, mark.Peer, m.from.Name)
	}
	return true, nil
}

func (m *mover) mustBeEmpty(ctx context.Context) error {
	revision, _, err := head(ctx, m.to.Store)
	if err == nil && revision > 0 {
		err = refuse("%s is in use: it has network configuration revision %d; a move needs an empty database", m.to.Name, revision)
	}
	if err != nil {
		return err
	}
	return m.to.Store.CopySnapshot(ctx, func(r sqlstore.CopyReader) error {
		for _, t := range sqlstore.CopyTables()[1:] {
			n, err := r.CountRows(ctx, t)
			if err != nil {
				return fmt.Errorf("count %s of %s: %w", t.Name, m.to.Name, err)
			}
			if n > 0 {
				return refuse("%s is in use: %s has %d rows; a move needs an empty database", m.to.Name, t.Name, n)
			}
		}
		return nil
	})
}

// head reads the configuration revision and the server DUID.
func head(ctx context.Context, s sqlstore.Store) (revision int64, duid []byte, err error) {
	t := sqlstore.CopyTables()[0]
	err = s.CopySnapshot(ctx, func(r sqlstore.CopyReader) error {
		return r.ReadRows(ctx, t, nil, func(row sqlstore.Row) error {
			revision, duid = row[1].(int64), row[2].([]byte)
			return nil
		})
	})
	return revision, duid, err
}

// nobodyServes refuses while a frontend uses one of the databases.
func nobodyServes(ctx context.Context, sides ...Side) error {
	for _, s := range sides {
		all, err := s.Store.Frontends(ctx)
		if err != nil {
			return fmt.Errorf("look for frontends of %s: %w", s.Name, err)
		}
		for _, f := range all {
			if f.Age < LiveAge {
				return refuse("frontend %q (host %q) serves from %s: its heartbeat is %s old; stop it, or wait until %s after it was killed",
					f.ID, f.Host, s.Name, f.Age.Round(100*time.Millisecond), LiveAge)
			}
		}
	}
	return nil
}

// finish lets the target be used. The source says where its data is now before
// that: whatever ends the program in between, no two databases give out the
// same addresses.
func (m *mover) finish(ctx context.Context, opt Options) error {
	if !opt.KeepSource {
		mark := &sqlstore.MoveMark{Source: true, Peer: m.to.Name, ServerDUID: m.duid, Finished: true}
		if err := m.from.Store.SetMoveMark(ctx, mark); err != nil {
			return fmt.Errorf("mark %s: %w", m.from.Name, err)
		}
	}
	if err := m.to.Store.FinishCopy(ctx); err != nil {
		return fmt.Errorf("finish %s: %w", m.to.Name, err)
	}
	return nil
}

// Undo takes the mark of a move away from its source, so that it is served
// from again.
func Undo(ctx context.Context, db Side) error {
	mark, err := db.Store.MoveMark(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look at %s: %w", db.Name, err)
	case mark == nil:
		return refuse("%s is not marked as moved: there is nothing to undo", db.Name)
	case !mark.Source:
		return refuse("%s is the target of a move that is not finished; what is in it is not whole", db.Name)
	}
	if err := db.Store.SetMoveMark(ctx, nil); err != nil {
		return fmt.Errorf("unmark %s: %w", db.Name, err)
	}
	return nil
}
