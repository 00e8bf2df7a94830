package load

import (
	"math/bits"
	"time"
)

const (
	subBits = 5 // 32 steps for each power of two: a value is at most 3.2 % off
	subSize = 1 << subBits
	buckets = (64 - subBits + 1) * subSize
)

// Histogram counts durations in buckets whose width grows with the value, so
// that a quantile is at most 3.2 % too high. The zero Histogram is empty and
// ready. It is not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
	sum    time.Duration
	max    time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds all that o counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.n }

// Max returns the longest duration, exactly; 0 when empty.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean returns the average; 0 when empty.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// Quantile returns a duration that the share q (0 to 1) of all durations does
// not exceed; 0 when empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(q * float64(h.n))
	if float64(rank) < q*float64(h.n) {
		rank++
	}
	rank = min(max(rank, 1), h.n)
	var seen uint64
	for i, c := range h.counts {
		if seen += c; seen >= rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// bucket returns the bucket of v: exact below subSize, then subSize buckets
// for each power of two.
func bucket(v uint64) int {
	if v < subSize {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)*subSize + int(v>>shift) - subSize
}

// upper returns the largest value of a bucket.
func upper(i int) uint64 {
	if i < subSize {
		return uint64(i)
	}
	shift := i/subSize - 1
	return (uint64(i%subSize)+subSize+1)<<shift - 1
}
