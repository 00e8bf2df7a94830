package frontend

import (
	"context"
	"sync"
	"time"
)

const (
	deadlineStep  = 10 * time.Millisecond // by how much a packet may outlive its deadline
	deadlineSlots = 128                   // steps of which contexts are remembered
)

// deadlines makes the contexts of packets. Those whose time ends within one
// step share one, which ends by itself: a timer for each packet costs more than
// to decode it.
type deadlines struct {
	mu    sync.Mutex
	start time.Time                   // steps are counted from here: the wall clock may be set
	slots [deadlineSlots]deadlineSlot // by the number of the step
}

type deadlineSlot struct {
	step   int64
	ctx    context.Context
	cancel context.CancelFunc // of a context that ends by itself
}

// in returns a context that ends after the given time, or up to a step later.
func (d *deadlines) in(base context.Context, left time.Duration) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.start.IsZero() {
		d.start = time.Now()
	}
	step := int64((time.Since(d.start)+left)/deadlineStep) + 1
	s := &d.slots[step%deadlineSlots]
	if s.step != step {
		s.step = step
		s.ctx, s.cancel = context.WithDeadline(base, d.start.Add(time.Duration(step)*deadlineStep))
	}
	return s.ctx
}
