package ddns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// finishTries is how often the end of a claim is written, where the database
// does not take it: what was sent is known only here.
const finishTries = 5

// finish writes down what became of the names.
func (g *group) finish(ctx context.Context) error {
	var outcomes []sqlstore.NameOutcome
	for _, j := range g.jobs {
		// a claim that was lost before anything was sent is another's business
		if j.result == unfinished || j.result == claimLost && !j.sent {
			continue
		}
		g.w.tell(j)
		outcomes = append(outcomes, g.outcome(j))
	}
	if len(outcomes) == 0 {
		return nil
	}
	names, err := g.write(ctx, outcomes)
	if err != nil || len(names) == 0 {
		return err
	}
	g.w.log.Debug("claims were lost while names were published", slog.String("event", "ddns.claims_lost"), slog.Any("names", names))
	return g.warn(ctx, names)
}

// warn tells whoever has the claim now what this process may have brought into
// the DNS meanwhile, where it does not know what became of that.
func (g *group) warn(ctx context.Context, names []string) error {
	var outcomes []sqlstore.NameOutcome
	for _, j := range g.jobs {
		if j.sent && (j.result != published || j.unsure()) && slices.Contains(names, j.row.Name) {
			outcomes = append(outcomes, sqlstore.NameOutcome{
				Name: j.row.Name, Claim: j.row.Claim, Version: j.row.Version, Zone: g.zone.name,
				State: sqlstore.NamePending, Published: j.possible().String(),
			})
		}
	}
	if len(outcomes) == 0 {
		return nil
	}
	_, err := g.write(ctx, outcomes)
	return err
}

// write ends claims, and tries again while the database does not take it.
func (g *group) write(ctx context.Context, outcomes []sqlstore.NameOutcome) (lost []string, err error) {
	for try := range finishTries {
		if lost, err = g.w.cfg.Store.FinishNames(ctx, g.w.cfg.ID, outcomes); err == nil {
			return lost, nil
		}
		if ctx.Err() != nil || !errors.Is(err, sqlstore.ErrUnavailable) && !errors.Is(err, sqlstore.ErrRetry) {
			break
		}
		g.w.pause(ctx, doubled(g.w.t.idle, try, time.Second))
	}
	return nil, fmt.Errorf("write down what was published: %w", err)
}

// outcome is what the database is told about a name.
func (g *group) outcome(j *job) sqlstore.NameOutcome {
	o := sqlstore.NameOutcome{
		Name: j.row.Name, Claim: j.row.Claim, Version: j.row.Version, Zone: g.zone.name,
		Published: j.row.Published, Attempted: j.row.Attempted, Stale: j.want.stale,
	}
	if j.moved || j.unknown {
		o.Attempted = j.possible().String()
	}
	if j.err != nil {
		o.Error = j.err.Error()
	}
	switch j.result {
	case published:
		g.published(j, &o)
	case conflict:
		o.State, o.Published, o.Attempted = sqlstore.NameConflict, "", ""
		o.Retry, o.Failed = jitter(g.w.t.retry), true
		if j.unknown { // an earlier message may still be carried out
			o.Attempted, o.Retry = j.possible().String(), g.w.t.confirm
		}
		o.Touch = g.touch(j, nil)
	case failed:
		o.State, o.Retry, o.Failed = sqlstore.NameFailed, jitter(g.w.t.retry), true
	case noZone:
		// what was published before the zone went is kept: it may come again
		j.wants(g.snap.ttl)
		o.State, o.Stale = sqlstore.NameNoZone, j.want.stale
		o.Delete = j.idle() && j.row.Published == "" && j.row.Attempted == ""
	case claimLost:
		o.State, o.Published = sqlstore.NamePending, j.possible().String()
	default:
		o.State, o.Retry, o.Failed = sqlstore.NamePending, j.retry, true
		if g.zone.name == "" {
			o.Zone = j.row.Zone
		}
	}
	return o
}

// published says that the DNS has what is wanted.
func (g *group) published(j *job, o *sqlstore.NameOutcome) {
	o.State, o.Published, o.Attempted = sqlstore.NamePublished, j.want.recs.String(), ""
	o.Touch = g.touch(j, j.want.recs)
	switch nothing := len(j.want.recs) == 0; {
	case j.unsure():
		o.Attempted, o.Error, o.Retry = j.possible().String(), confirmNote(j.row.Version), g.w.t.confirm
	case nothing && j.want.err != nil:
		o.State, o.Error, o.Retry, o.Failed = sqlstore.NameFailed, j.want.err.Error(), g.w.t.retry, true
	default:
		// while a lease has the name the row stays, even without records: those
		// of a reverse name may have to come when the lease changes
		o.Delete = j.idle()
	}
}

// touch marks the reverse names of addresses that a forward name has or lost:
// their PTR records follow it. Where nothing changed they are marked too: a
// lease that ended and began again may have lost its PTR record in between.
func (g *group) touch(j *job, now records) (marks []sqlstore.NameMark) {
	if reverseName(j.row.Name) {
		return nil
	}
	before, after := j.known.addrs(), now.addrs()
	for _, h := range j.holders {
		addr := h.Addr.Unmap()
		if h.Live && h.FQDNFlags&sqlstore.FQDNReverse != 0 && (slices.Contains(before, addr) || slices.Contains(after, addr)) {
			marks = append(marks, g.snap.mark(name.Reverse(addr), h.VRF, h.Addr))
		}
	}
	return marks
}

// tell counts and logs what became of a name.
func (w *Worker) tell(j *job) {
	switch j.result {
	case published:
		w.metrics.updates.WithLabelValues("done").Inc()
	case conflict:
		w.metrics.updates.WithLabelValues("conflict").Inc()
		if j.row.State != sqlstore.NameConflict {
			w.log.Warn("name belongs to somebody else", slog.String("event", "ddns.conflict"), slog.String("name", j.row.Name), slog.Any("err", j.err))
		}
	case failed:
		w.metrics.updates.WithLabelValues("failed").Inc()
		if j.row.State != sqlstore.NameFailed {
			w.log.Error("name cannot be published", slog.String("event", "ddns.update_failed"), slog.String("name", j.row.Name), slog.Any("err", j.err))
		}
	case later:
		w.metrics.updates.WithLabelValues("retry").Inc()
		w.log.Debug("name is tried again later", slog.String("event", "ddns.update_delayed"), slog.String("name", j.row.Name), slog.Any("err", j.err))
	}
}

// tellRivals logs that others have a name in their lease that one client has in
// the DNS: one line, as thousands of machines may come with the same name.
func (w *Worker) tellRivals(j *job) {
	if n := len(j.want.rivals); n > 0 {
		w.log.Info("another client of ours has the name", slog.String("event", "ddns.rival"), slog.String("name", j.row.Name),
			slog.String("addr", j.want.rivals[0].Addr.String()), slog.Int("rivals", n))
	}
}

// errOwner is a name that no record of ours can be at.
var errOwner = errors.New("not a host name")

// checkOwner refuses names that no client may have. Names come checked; this is
// for rows that something else has written.
func checkOwner(n string) error {
	if err := name.Check(n); err != nil {
		return fmt.Errorf("%w: %w", errOwner, err)
	}
	if name.Canonical(n) != n {
		return fmt.Errorf("%w: %q is not in lower case", errOwner, n)
	}
	return nil
}
