package engine

import (
	"slices"
	"sync"
)

// flights counts the messages under way by the revision of the configuration
// that they were made from. What the siblings are told is the oldest of these:
// they take away a range that this frontend gave up only when nothing that is
// under way here can hand it out any more.
type flights struct {
	mu       sync.Mutex
	using    int64 // the revision in use: what comes next is made from it
	reported int64 // no message of an older one begins any more,
	floor    int64 // nor one of a revision older than this
	open     []flight
}

// flight is how many messages of a revision are under way; open is in order of
// the revisions, and nearly always has one entry.
type flight struct {
	revision int64
	n        int
}

// begin counts a message, unless its revision is older than what was reported.
// Messages of no revision (0, tools and tests) are not counted.
func (f *flights) begin(revision int64) bool {
	if revision == 0 {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if revision < max(f.reported, f.floor) {
		return false
	}
	for i := len(f.open) - 1; i >= 0; i-- {
		switch at := &f.open[i]; {
		case at.revision == revision:
			at.n++
			return true
		case at.revision < revision:
			f.open = slices.Insert(f.open, i+1, flight{revision, 1})
			return true
		}
	}
	f.open = slices.Insert(f.open, 0, flight{revision, 1})
	return true
}

// end takes a message that began from the count, and tells whether a newer
// revision can be reported now.
func (f *flights) end(revision int64) (newer bool) {
	if revision == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.open, func(at flight) bool { return at.revision == revision })
	if f.open[i].n--; f.open[i].n > 0 {
		return false
	}
	f.open = slices.Delete(f.open, i, i+1)
	return f.oldest() > f.reported
}

// use notes the revision that is in use from now on, and tells whether there is
// another to be reported. One that is older than the one before is of a database that was
// restored or reset, whose revisions are others.
func (f *flights) use(revision int64) (newer bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	older := revision < f.using
	if older {
		f.reported, f.floor = min(f.reported, revision), 0
	}
	f.using = revision
	return older || f.oldest() > f.reported
}

// only has no message of an older revision begin.
func (f *flights) only(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.floor = revision
}

// report returns the oldest revision in use. No message of an older one begins
// from now on.
func (f *flights) report() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reported = max(f.reported, f.oldest())
	return f.reported
}

// oldest is the oldest revision in use; mu is held.
func (f *flights) oldest() int64 {
	if len(f.open) > 0 {
		return min(f.using, f.open[0].revision)
	}
	return f.using
}
