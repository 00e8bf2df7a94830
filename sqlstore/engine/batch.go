package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// place says where a job's item went in the batch.
type place struct {
	job  *job
	item int
}

// batch puts the items of jobs in order of their keys, and tells whose they are.
func (e *Engine) batch(jobs []*job, fence sqlstore.Fence) (b *sqlstore.Batch, insertAt, updateAt []place) {
	inserts, updates := 0, 0
	for _, j := range jobs {
		inserts, updates = inserts+len(j.inserts), updates+len(j.updates)
	}
	b = &sqlstore.Batch{Fence: fence, Inserts: make([]sqlstore.Insert, inserts), Updates: make([]sqlstore.Update, updates)}
	insertAt, updateAt = make([]place, 0, inserts), make([]place, 0, updates)
	for message, j := range jobs {
		j.insertDone = append(j.insertRoom[:0], make([]*sqlstore.InsertResult, len(j.inserts))...)
		j.updateDone = append(j.updateRoom[:0], make([]*sqlstore.UpdateResult, len(j.updates))...)
		for i := range j.inserts {
			insertAt = append(insertAt, place{j, i})
		}
		for i := range j.updates {
			j.updates[i].Message, j.updates[i].Count = message, len(j.updates)
			updateAt = append(updateAt, place{j, i})
		}
	}
	slices.SortFunc(insertAt, func(a, b place) int {
		return cmp.Compare(a.job.inserts[a.item].Key, b.job.inserts[b.item].Key)
	})
	slices.SortFunc(updateAt, func(a, b place) int {
		return cmp.Compare(a.job.updates[a.item].Key, b.job.updates[b.item].Key)
	})
	for i, p := range insertAt {
		b.Inserts[i] = p.job.inserts[p.item]
	}
	for i, p := range updateAt {
		b.Updates[i] = p.job.updates[p.item]
	}
	return b, insertAt, updateAt
}

func (l *lane) transact(jobs []*job, fence sqlstore.Fence) error {
	b, insertAt, updateAt := l.e.batch(jobs, fence)
	for _, j := range jobs {
		j.sent = true
	}
	started := time.Now()
	res, err := l.e.store.Apply(context.Background(), b)
	l.e.metrics.transaction.WithLabelValues(l.name).Observe(time.Since(started).Seconds())
	l.e.metrics.batch.WithLabelValues(l.name).Observe(float64(len(insertAt) + len(updateAt)))
	if err != nil {
		return err
	}
	l.e.sawRevision(res.Revision)
	for i, p := range insertAt {
		p.job.insertDone[p.item] = &res.Inserts[i]
	}
	for i, p := range updateAt {
		p.job.updateDone[p.item] = &res.Updates[i]
	}
	for _, j := range jobs {
		j.revision = res.Revision
		if !res.Alive {
			j.err = sqlstore.ErrFenced
		}
	}
	return nil
}
