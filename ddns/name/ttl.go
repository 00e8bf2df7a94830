package name

import (
	"errors"
	"math"
)

// The limits of a TTL: the shortest that RFC 4702 section 5 recommends, and
// the longest that RFC 2181 section 8 allows.
const (
	defaultMinTTL = 600
	maxTTL        = math.MaxInt32
)

// endlessTTL is the TTL of a lease without end: a day, as a third of for ever
// would never leave a cache.
const endlessTTL = 86400

// TTL is what a site sets about the TTL of DNS records, in seconds. Zero means
// not set; the zero value follows RFC 4702 section 5.
type TTL struct {
	Fixed   uint32 // this, whatever the lifetime; nothing else may be set beside it
	Percent uint8  // share of the lifetime, 1 to 100; default: a third
	Min     uint32 // not below; default: 600
	Max     uint32 // not above; default: no limit
}

// Validate names the first setting that is wrong.
func (t TTL) Validate() error {
	switch {
	case max(t.Fixed, t.Min, t.Max) > maxTTL:
		return errors.New("ttl: a value is above 2147483647")
	case t.Fixed > 0 && (t.Percent > 0 || t.Min > 0 || t.Max > 0):
		return errors.New("ttl: a fixed value leaves nothing to percent, min and max")
	case t.Percent > 100:
		return errors.New("ttl: percent is above 100")
	case t.Max > 0 && t.Max < t.Min:
		return errors.New("ttl: max is below min")
	}
	return nil
}

// Of returns the TTL of the records of a lease that was granted for that many
// seconds. Where Max is below the default of Min, Max counts.
func (t TTL) Of(lifetime uint32) uint32 {
	if t.Fixed > 0 {
		return t.Fixed
	}
	ttl := lifetime / 3
	switch {
	case lifetime == math.MaxUint32:
		ttl = endlessTTL
	case t.Percent > 0:
		ttl = uint32(uint64(lifetime) * uint64(t.Percent) / 100)
	}
	low, high := t.Min, t.Max
	if low == 0 {
		low = defaultMinTTL
	}
	if high == 0 {
		high = maxTTL
	}
	return min(max(ttl, low), high)
}
