package load

import (
	"math"
	"time"
)

// pace says when the exchange with a given number, counted from 0, is due.
type pace struct {
	mode     Mode
	from, to float64 // exchanges a second
	ramp     float64 // seconds
}

func newPace(o *Options) pace {
	return pace{mode: o.Mode, from: o.Rate, to: o.RampTo, ramp: o.RampTime.Seconds()}
}

// at returns the time since the beginning at which exchange n is due.
func (p pace) at(n int) time.Duration {
	switch p.mode {
	case Rate:
		return seconds(float64(n) / p.from)
	case Ramp:
		return seconds(p.rampAt(float64(n)))
	default:
		return 0
	}
}

// rampAt solves from*t + (to-from)/ramp * t*t/2 = n within the ramp; behind
// it the rate is constant.
func (p pace) rampAt(n float64) float64 {
	within := (p.from + p.to) / 2 * p.ramp
	if n >= within {
		return p.ramp + (n-within)/p.to
	}
	k := (p.to - p.from) / p.ramp
	if k == 0 {
		return n / p.from
	}
	return (math.Sqrt(p.from*p.from+2*k*n) - p.from) / k
}

func seconds(s float64) time.Duration {
	if s > 1e9 {
		return time.Duration(1e18)
	}
	return time.Duration(s * float64(time.Second))
}
