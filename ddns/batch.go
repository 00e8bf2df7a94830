package ddns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"rowlock/sqlstore"
)

// group is those names of a zone that were claimed together.
type group struct {
	w        *Worker
	snap     *snapshot
	zone     *zone
	jobs     []*job
	deadline time.Time // until then the claims last
}

// work publishes all names of the group. No more messages are sent once soft has
// ended; hard ends what is under way.
func (g *group) work(soft, hard context.Context) error {
	if err := g.readHolders(hard); err != nil {
		return err
	}
	if g.zone.name == "" {
		return g.finish(hard)
	}
	for _, j := range g.jobs {
		g.planOne(j)
	}
	if err := g.attempt(hard); err != nil {
		return err
	}
	for soft.Err() == nil {
		batch := g.next()
		if len(batch) == 0 {
			break
		}
		if err := g.send(soft, hard, batch); err != nil {
			return err
		}
	}
	return g.finish(hard)
}

// readHolders reads who may have the names.
func (g *group) readHolders(ctx context.Context) error {
	names := make([]string, len(g.jobs))
	byName := map[string]*job{}
	for i, j := range g.jobs {
		names[i] = j.row.Name
		byName[j.row.Name] = j
	}
	holders, err := g.w.cfg.Store.NameHolders(ctx, names)
	if err != nil {
		return fmt.Errorf("read holders of names: %w", err)
	}
	for _, h := range holders {
		if j := byName[h.Name]; j != nil {
			j.holders = append(j.holders, h)
		}
	}
	return nil
}

// planOne finds out what a name shall have, and how to get there. A panic ends this one only.
func (g *group) planOne(j *job) {
	defer func() {
		if r := recover(); r != nil {
			g.w.metrics.troubles.WithLabelValues(troublePanic).Inc()
			g.w.log.Error("planning a name panicked", slog.String("event", "ddns.panic"), slog.String("name", j.row.Name),
				slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
			j.fail(fmt.Errorf("plan: panic: %v", r))
		}
	}()
	var err1, err2 error
	j.known, err1 = parseRecords(j.row.Published)
	j.tried, err2 = parseRecords(j.row.Attempted)
	if err := errors.Join(err1, err2); err != nil {
		j.fail(fmt.Errorf("%w: %w", errUnreadable, err))
		return
	}
	j.wants(g.snap.ttl)
	if len(j.known)+len(j.tried)+len(j.want.recs) > 0 {
		if err := checkOwner(j.row.Name); err != nil {
			j.fail(err)
			return
		}
	}
	g.w.tellRivals(j)
	j.steps = plan(j.row.Name, j.known, j.tried, j.want.recs)
	if len(j.steps) == 0 {
		j.settle()
	}
}

// attempt writes down what may be in the DNS from now on, for all names that
// something is to be sent for, and makes their claims last.
func (g *group) attempt(ctx context.Context) error {
	var attempts []sqlstore.NameAttempt
	byName := map[string]*job{}
	for _, j := range g.jobs {
		if j.active() {
			attempts = append(attempts, sqlstore.NameAttempt{Name: j.row.Name, Claim: j.row.Claim, Attempted: j.possible().String()})
			byName[j.row.Name] = j
		}
	}
	if len(attempts) == 0 {
		return nil
	}
	began := time.Now()
	names, err := g.w.cfg.Store.AttemptNames(ctx, g.w.cfg.ID, g.w.t.claim, attempts)
	if err != nil {
		return fmt.Errorf("write down attempts: %w", err)
	}
	g.deadline = began.Add(g.w.t.claim)
	for _, n := range names {
		byName[n].result = claimLost
	}
	return nil
}

// next returns the names of the next message.
func (g *group) next() []*job {
	room, udp := g.room()
	if udp {
		room = 1
	}
	var batch []*job
	bytes := 0
	for _, j := range g.jobs {
		if !j.active() {
			continue
		}
		bytes += j.size()
		if len(batch) > 0 && (len(batch) >= room || bytes > g.w.t.bytes) {
			break
		}
		batch = append(batch, j)
	}
	return batch
}

// send sends the steps of the names in one message. Where the server does not
// take it, it is halved until it is known which name is the reason.
func (g *group) send(soft, hard context.Context, batch []*job) error {
	if soft.Err() != nil {
		return nil
	}
	if time.Until(g.deadline) < g.w.t.reserve {
		if err := g.attempt(hard); err != nil {
			return err
		}
		if batch = active(batch); len(batch) == 0 {
			return nil
		}
	}
	for _, j := range batch {
		j.sent = true
	}
	a := g.exchange(hard, batch)
	for _, j := range batch {
		j.unknown = j.unknown || a.unknown
	}
	single := len(batch) == 1
	switch {
	case hard.Err() != nil:
		return hard.Err()
	case a.verdict == done:
		for _, j := range batch {
			j.advance(true)
		}
	case a.verdict == noAnswer:
		for _, j := range batch {
			j.result, j.err, j.retry = later, a.err, max(g.wait(), g.w.t.backoff)+jitter(g.w.t.backoff)
		}
	case single && a.verdict == unmet:
		batch[0].advance(false)
	case single && a.verdict == unfit:
		batch[0].fail(fmt.Errorf("the server refuses the update for good: %w", a.err))
	case single:
		j := batch[0]
		j.result, j.err = later, a.err
		j.retry = jitter(doubled(g.w.t.backoff, j.row.Attempts, g.w.t.backoffTo))
	default:
		if err := g.send(soft, hard, batch[:len(batch)/2]); err != nil {
			return err
		}
		return g.send(soft, hard, batch[len(batch)/2:])
	}
	return nil
}
