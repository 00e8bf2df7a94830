package admin

import (
	"context"
	"sync"
	"time"
)

// What the chart shows: a point every sampleEvery, for as long as it was looked
// at within the last chartTime.
const (
	sampleEvery = 2 * time.Second
	chartTime   = 15 * time.Minute
	maxSamples  = int(chartTime / sampleEvery)
	// lookTime is how long after the last look sampling goes on.
	lookTime = 30 * time.Second
	// maxLines bounds what a chart can show; the sum has all frontends.
	maxLines = 12
)

// sampler keeps the rate of exchanges of every frontend in memory, while
// somebody looks.
type sampler struct {
	read func(context.Context) ([]member, error)
	now  func() time.Time
	wake chan struct{}

	mu      sync.Mutex
	looked  time.Time
	last    map[string]member
	samples []sample
}

// sample is one point: the exchanges per second of each frontend that is known.
// Without rates it is a gap.
type sample struct {
	at    time.Time
	rates map[string]float64
}

func newSampler(read func(context.Context) ([]member, error)) *sampler {
	return &sampler{read: read, now: time.Now, wake: make(chan struct{}, 1), last: map[string]member{}}
}

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
		if s.watched() {
			s.sample(ctx)
		}
	}
}

func (s *sampler) watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.looked.IsZero() && s.now().Sub(s.looked) < lookTime
}

// look says that somebody looks; the first look begins at once.
func (s *sampler) look() {
	s.mu.Lock()
	s.looked = s.now()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sample reads the counters. Each frontend writes its own once a second, so the
// time between two values is that between its heartbeats, not between two
// looks; where there was no heartbeat the rate is not known.
func (s *sampler) sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sampleEvery)
	defer cancel()
	list, err := s.read(ctx)
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.samples); n > 0 && now.Sub(s.samples[n-1].at) < sampleEvery/2 {
		return
	}
	point := sample{at: now, rates: map[string]float64{}}
	if err == nil {
		alive, known := 0, 0
		next := make(map[string]member, len(list))
		for _, m := range list {
			before, ok := s.last[m.ID]
			between := m.seen.Sub(before.seen).Seconds()
			switch {
			case m.Health == "dead":
				point.rates[m.ID] = 0
			case ok && before.incarnation == m.incarnation && between > 3*sampleEvery.Seconds():
				// nobody looked: what was in between is no rate of now
			case ok && before.incarnation == m.incarnation && between > 0.5 && m.Exchanges >= before.Exchanges:
				point.rates[m.ID] = float64(m.Exchanges-before.Exchanges) / between
				known++
			case ok && before.incarnation == m.incarnation:
				m = before // no heartbeat since
			}
			next[m.ID] = m
			if m.Health != "dead" {
				alive++
			}
		}
		s.last = next
		if alive > 0 && known == 0 { // the first look: the dead alone make no sum
			clear(point.rates)
		}
	}
	if n := len(s.samples); n > 0 && now.Sub(s.samples[n-1].at) > 3*sampleEvery {
		s.samples = append(s.samples, sample{at: s.samples[n-1].at.Add(sampleEvery)})
	}
	s.samples = append(s.samples, point)
	for len(s.samples) > 0 && (len(s.samples) > maxSamples || now.Sub(s.samples[0].at) > chartTime) {
		s.samples = s.samples[1:]
	}
}
