package frontend

import (
	"context"
	"sync"
	"time"
)

// deadlineStep is by how much a packet may outlive its deadline.
const deadlineStep = 10 * time.Millisecond

// deadlines makes the contexts of packets. Those whose time ends within one
// step share one, which ends by itself: a timer for each packet costs more than
// to decode it.
type deadlines struct {
	mu     sync.Mutex
	shared context.Context
	end    time.Time // of shared
	cancel context.CancelFunc
}

// in returns a context that ends after the given time, or up to a step later.
func (d *deadlines) in(base context.Context, left time.Duration) context.Context {
	end := time.Now().Add(left)
	d.mu.Lock()
	defer d.mu.Unlock()
	if early := d.end.Sub(end); d.shared == nil || early < 0 || early > deadlineStep {
		d.end = end.Add(deadlineStep)
		d.shared, d.cancel = context.WithDeadline(base, d.end)
	}
	return d.shared
}
