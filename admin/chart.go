package admin

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// chartView is what the script draws: columns of equal length. A null is a gap.
type chartView struct {
	Times []float64    `json:"times"` // seconds since 1970
	Names []string     `json:"names"`
	Rates [][]*float64 `json:"rates"` // by name
	Sum   []*float64   `json:"sum"`
}

// chart returns what is known. Of more frontends than there can be lines those
// with the highest rates are shown; the sum has all.
func (s *sampler) chart() chartView {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := map[string]float64{}
	for _, p := range s.samples {
		for name, rate := range p.rates {
			most[name] = max(most[name], rate)
		}
	}
	names := slices.Sorted(maps.Keys(most))
	if len(names) > maxLines {
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(most[b], most[a]) })
		names = names[:maxLines]
		slices.Sort(names)
	}
	v := chartView{Times: []float64{}, Names: append([]string{}, names...), Rates: make([][]*float64, len(names)), Sum: []*float64{}}
	for i := range v.Rates {
		v.Rates[i] = []*float64{}
	}
	for _, p := range s.samples {
		v.Times = append(v.Times, float64(p.at.UnixMilli())/1000)
		v.Sum = append(v.Sum, p.sum())
		for i, name := range names {
			var point *float64
			if rate, ok := p.rates[name]; ok {
				point = rounded(rate)
			}
			v.Rates[i] = append(v.Rates[i], point)
		}
	}
	return v
}

// sum adds what is known, nil for nothing.
func (p *sample) sum() *float64 {
	if len(p.rates) == 0 {
		return nil
	}
	var sum float64
	for _, rate := range p.rates {
		sum += rate
	}
	return rounded(sum)
}

func rounded(v float64) *float64 {
	v = math.Round(10*v) / 10
	return &v
}

// newest is the sum of the last point, as text.
func (s *sampler) newest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.samples); n > 0 && s.now().Sub(s.samples[n-1].at) < 3*sampleEvery {
		if sum := s.samples[n-1].sum(); sum != nil {
			if *sum >= 100 || *sum == 0 {
				return thousands(int64(math.Round(*sum)))
			}
			return fmt.Sprintf("%.1f", *sum)
		}
	}
	return unknown
}
