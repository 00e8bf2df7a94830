package frontend

import (
	"container/list"
	"sync"
	"time"
)

// maxBuckets is how many token buckets a limiter remembers.
const maxBuckets = 65536

// rate is the setting of a token bucket: it holds burst tokens, and gets one
// more in each period. No period means no limit.
type rate struct {
	every time.Duration
	burst uint32
}

// limiter has a token bucket for each key. Of more than it may remember the one
// that was used longest ago is forgotten, that is, full again. It is safe for
// concurrent use.
type limiter struct {
	most int

	mu      sync.Mutex
	buckets map[uint64]*list.Element // of bucket
	order   list.List                // the one used last is at the front
}

// bucket is the fuller the earlier its time is, and full when that has passed
// (the generic cell rate algorithm).
type bucket struct {
	key  uint64
	full time.Time
}

func newLimiter(most int) *limiter {
	return &limiter{most: most, buckets: map[uint64]*list.Element{}}
}

// take takes a token from the bucket of a key; false if there is none.
func (l *limiter) take(key uint64, now time.Time, r rate) bool {
	if r.every == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if !b.has(now, r) {
		return false
	}
	b.full = b.full.Add(r.every)
	return true
}

// has tells whether take would find a token.
func (l *limiter) has(key uint64, now time.Time, r rate) bool {
	if r.every == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.buckets[key]
	return e == nil || e.Value.(*bucket).has(now, r)
}

func (b *bucket) has(now time.Time, r rate) bool {
	return b.full.Sub(now) <= r.every*time.Duration(max(r.burst, 1)-1)
}

// bucket returns the bucket of a key as the one used last. The caller holds the
// lock.
func (l *limiter) bucket(key uint64, now time.Time) *bucket {
	e := l.buckets[key]
	if e == nil {
		e = l.order.PushFront(&bucket{key: key})
		l.buckets[key] = e
		if l.order.Len() > l.most {
			delete(l.buckets, l.order.Remove(l.order.Back()).(*bucket).key)
		}
	} else {
		l.order.MoveToFront(e)
	}
	b := e.Value.(*bucket)
	if b.full.Before(now) {
		b.full = now
	}
	return b
}

// len returns how many buckets are remembered.
func (l *limiter) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len()
}
