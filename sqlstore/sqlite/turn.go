package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// turn lets the processes that write one file take turns. SQLite has no queue
// for its write lock: whoever finds it taken looks again up to 100 ms later,
// and never sees the microseconds for which a busy server lets go of it. So
// who waits holds a lock on FILE.waiting, and who is about to write lets a
// waiting one go first. The kernel drops the lock of a killed process.
type turn struct {
	f       *os.File
	claimed bool
}

const (
	turnPoll     = time.Millisecond
	turnCourtesy = 250 * time.Millisecond // how long a waiting process, which may be stopped, is let go first
)

func newTurn(path string) (*turn, error) {
	f, err := os.OpenFile(path+".waiting", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", classifyFile(err))
	}
	return &turn{f: f}, nil
}

// give waits while another process waits.
func (t *turn) give(ctx context.Context) {
	until := time.Now().Add(turnCourtesy)
	for t.wanted() && time.Now().Before(until) && ctx.Err() == nil {
		time.Sleep(turnPoll)
	}
}

func (t *turn) wanted() bool {
	err := syscall.Flock(int(t.f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		_ = syscall.Flock(int(t.f.Fd()), syscall.LOCK_UN)
	}
	return errors.Is(err, syscall.EWOULDBLOCK)
}

// claim says that this process waits, unless another one says so already.
func (t *turn) claim() {
	if !t.claimed {
		t.claimed = syscall.Flock(int(t.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	}
}

// drop ends a claim.
func (t *turn) drop() {
	if t.claimed {
		t.claimed = syscall.Flock(int(t.f.Fd()), syscall.LOCK_UN) != nil
	}
}

func (t *turn) close() error { return t.f.Close() }
