package engine

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var metricName = regexp.MustCompile(`^rowlock_sqlstore_[a-z]+(_[a-z]+)*$`)

// Names are in the project's form, have a help text and are in the manual.
func TestMetricNames(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg, func() map[string]int { return map[string]int{"x": 1} }, func() float64 { return 0 })
	require.NoError(t, err)
	for _, v := range []*prometheus.HistogramVec{m.batch, m.waiting, m.transaction} {
		v.WithLabelValues("x").Observe(1)
	}
	for _, v := range []*prometheus.CounterVec{m.retries, m.failures, m.swept, m.heartbeats, m.hints} {
		v.WithLabelValues("x").Inc()
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	require.Len(t, families, 21)
	manual := readme(t)
	for _, f := range families {
		name := f.GetName()
		require.Regexp(t, metricName, name)
		require.True(t, strings.HasSuffix(f.GetHelp(), "."), name)
		switch f.GetType().String() {
		case "COUNTER":
			require.True(t, strings.HasSuffix(name, "_total"), name)
		default:
			require.False(t, strings.HasSuffix(name, "_total"), name)
		}
		require.NotRegexp(t, `_(ms|milliseconds|us|microseconds)\b`, name, "base units")
		require.Contains(t, manual, "`"+name+"`")
	}
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

var eventID = regexp.MustCompile(`"event", "([a-z]+\.[a-z_]+)"`)

// The manual lists the log events that the code has, and no others.
func TestEventIDs(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var code []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range eventID.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(file, "_test.go") && !slices.Contains(code, m[1]) {
				code = append(code, m[1])
			}
		}
	}
	var manual []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z_]+)` \\|").FindAllStringSubmatch(readme(t), -1) {
		manual = append(manual, m[1])
	}
	require.NotEmpty(t, code)
	require.ElementsMatch(t, code, manual)
}
