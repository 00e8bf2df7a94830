package ddns

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// work claims names and hands them to groups, one at a time for each zone,
// until no new work is wanted; then it waits for the groups.
func (w *Worker) work() {
	var groups sync.WaitGroup
	defer groups.Wait()
	for w.soft.Err() == nil {
		w.sender.tidy(keptFor)
		if w.snap.Load() == nil || len(w.snap.Load().zones) == 0 {
			w.await(w.t.config)
			continue
		}
		if w.abandoned() {
			if _, err := w.cfg.Store.ReleaseNames(w.hard, w.cfg.ID); err != nil {
				w.storeFailed("release names", err)
				continue
			}
			w.abandon(false)
		}
		more, err := w.claim(&groups)
		if err != nil {
			w.abandon(true) // it may have been done, and only the answer be lost
			w.storeFailed("claim names", err)
		} else if !more {
			w.await(w.t.idle)
		}
	}
}

// abandon notes whether there may be claims of this process that nothing works
// with: from the process before, or because the database was away.
func (w *Worker) abandon(claims bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = claims
}

// abandoned tells whether there may be such claims, and no others.
func (w *Worker) abandoned() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left && len(w.busy) == 0
}

// claim takes due names of zones that are free. More tells that there may be
// further ones.
func (w *Worker) claim(groups *sync.WaitGroup) (more bool, err error) {
	snap := w.snap.Load()
	except, free := w.except(snap)
	if free <= 0 {
		return false, nil
	}
	rows, err := w.cfg.Store.ClaimNames(w.hard, w.cfg.ID, w.t.claim, w.t.claims, except)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	deadline := time.Now().Add(w.t.claim)
	snap, sure := w.newest(snap, rows)
	forward, reverse := map[string]*group{}, map[string]*group{}
	for _, row := range rows {
		j := &job{row: row}
		z := snap.zones[snap.zoneOf(row.Name)]
		if !sure && snap.zoneOf(row.Name) != row.Zone {
			z, j.result, j.err, j.retry = nil, later, errZone, w.t.config
		}
		if z == nil {
			z = &zone{}
		}
		kind := forward
		if reverseName(row.Name) {
			kind = reverse
		}
		if kind[z.name] == nil {
			kind[z.name] = &group{w: w, snap: snap, zone: z, deadline: deadline}
		}
		kind[z.name].jobs = append(kind[z.name].jobs, j)
	}
	w.hold(true, forward, reverse)
	groups.Go(func() { w.batch(forward, reverse) })
	return len(rows) == w.t.claims, nil
}

// errZone is what a name waits for whose zone may be that of a revision which
// this process does not have.
var errZone = errors.New("its zone is that of another revision of the configuration, which cannot be read")

// newest returns the configuration that the names are published by. A name that
// is in another zone than the snapshot says may have been put there by a process
// that has a newer revision. Sure tells that there is no newer one.
func (w *Worker) newest(snap *snapshot, rows []sqlstore.DNSName) (_ *snapshot, sure bool) {
	if !slices.ContainsFunc(rows, func(r sqlstore.DNSName) bool { return r.Zone != snap.zoneOf(r.Name) }) {
		return snap, true
	}
	sure = w.refresh() == nil
	return w.snap.Load(), sure
}

// except lists the zones that nothing is claimed of: they are worked on, their
// servers are left alone, or they have none; and how many zones may still be
// begun.
func (w *Worker) except(snap *snapshot) (names []string, free int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, open := time.Now(), 0
	for n, z := range snap.zones {
		if w.busy[n] || len(z.servers) == 0 || z.wait(now) > 0 {
			names = append(names, n)
		} else {
			open++
		}
	}
	slices.Sort(names)
	return names, min(open, w.t.zones-len(w.busy))
}

// hold marks the zones of groups as worked on, or as free.
func (w *Worker) hold(on bool, kinds ...map[string]*group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, kind := range kinds {
		for n := range kind {
			if on {
				w.busy[n] = true
			} else {
				delete(w.busy, n)
			}
		}
	}
}

// batch works on what was claimed together: forward names first, because PTR
// records follow them; but reverse names do not wait long for a slow zone.
func (w *Worker) batch(forward, reverse map[string]*group) {
	var wait sync.WaitGroup
	ended := make(chan struct{})
	for n, g := range forward {
		wait.Go(func() {
			w.run(g)
			if reverse[n] == nil {
				w.hold(false, map[string]*group{n: g})
			}
			w.stir()
		})
	}
	go func() { wait.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(w.t.forward):
	}
	for n, g := range reverse {
		wait.Go(func() {
			if forward[n] != nil {
				<-ended
			}
			w.run(g)
			w.hold(false, map[string]*group{n: g})
			w.stir()
		})
	}
	wait.Wait()
}

// run works on a group. A panic ends this one only; its claims run out.
func (w *Worker) run(g *group) {
	defer func() {
		if r := recover(); r != nil {
			w.metrics.troubles.WithLabelValues(troublePanic).Inc()
			w.log.Error("publishing names panicked", slog.String("event", "ddns.panic"), slog.String("zone", g.zone.name),
				slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
		}
	}()
	if g.zone.name == "" {
		for _, j := range g.jobs {
			if j.result == unfinished {
				j.result = noZone
			}
		}
	}
	if err := g.work(w.soft, w.hard); err != nil {
		w.abandon(true)
		w.storeFailed("publish names", err)
	}
}
