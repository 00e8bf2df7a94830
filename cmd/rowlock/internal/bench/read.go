package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// results are the values of all benchmarks by name and unit.
type results struct {
	names   []string // in the order they came first
	values  map[string]map[string][]float64
	runs    int      // how often the one that was run most was run
	engines []string // with their versions, as lines "engine: " said
}

// benchLine is a line of the Go benchmark format: name, number of processors,
// iterations, and pairs of value and unit.
var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// engineLine tells a server and its version; what the packager added is left out.
var engineLine = regexp.MustCompile(`^engine: (\S+ [0-9.]+)`)

func read(in io.Reader) (*results, error) {
	r := &results{values: map[string]map[string][]float64{}}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if m := engineLine.FindStringSubmatch(lines.Text()); m != nil && !slices.Contains(r.engines, m[1]) {
			r.engines = append(r.engines, m[1])
		}
		m := benchLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if err := r.add(m[1], strings.Fields(m[2])); err != nil {
			return nil, fmt.Errorf("%w: %s", err, lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(r.names) == 0 {
		return nil, errors.New("there are no benchmarks")
	}
	return r, nil
}

func (r *results) add(name string, pairs []string) error {
	if r.values[name] == nil {
		r.names = append(r.names, name)
		r.values[name] = map[string][]float64{}
	}
	if len(pairs)%2 != 0 {
		return errors.New("a value without unit")
	}
	for i := 0; i < len(pairs); i += 2 {
		v, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return err
		}
		unit := pairs[i+1]
		r.values[name][unit] = append(r.values[name][unit], v)
		r.runs = max(r.runs, len(r.values[name][unit]))
	}
	return nil
}

// median of a benchmark's unit; ok tells whether there is one.
func (r *results) median(name, unit string) (v float64, ok bool) {
	all := slices.Sorted(slices.Values(r.values[name][unit]))
	if len(all) == 0 {
		return 0, false
	}
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

// below lists what follows a prefix in the names that have it, in their order.
func (r *results) below(prefix string) (out []string) {
	for _, name := range r.names {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out = append(out, rest)
		}
	}
	return out
}

// about says what was measured where.
func (r *results) about(machine string, at time.Time) string {
	runs := "one run"
	if r.runs > 1 {
		runs = fmt.Sprintf("the median of %d interleaved runs", r.runs)
	}
	return fmt.Sprintf("Measured on %s: %s.\nClients, server and database share the machine; each figure is %s.\n",
		at.UTC().Format(time.DateOnly), strings.Join(append([]string{machine}, r.engines...), ", "), runs)
}

// machine describes this computer without naming it.
func machine() string {
	out := fmt.Sprintf("%d cores", runtime.NumCPU())
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if f := strings.Fields(string(text)); len(f) > 1 {
			if kib, err := strconv.Atoi(f[1]); err == nil {
				out += fmt.Sprintf(", %.0f GiB", float64(kib)/(1<<20))
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		release, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-") // what follows is a builder's
		out += ", Linux " + release
	}
	return out
}
