package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// BenchmarkServer measures the whole server: packets from clients never seen
// before, behind relays, through loopback sockets, to durable rows and back.
// The processor time is that of the server and of the database, not of the
// clients. One run has clients enough for some seconds: use -benchtime 1x.
func BenchmarkServer(b *testing.B) {
	program := built(b)
	for _, dialect := range storetest.Dialects {
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			for _, outstanding := range []int{16, 256, 1024} {
				b.Run(fmt.Sprintf("%s/%s/outstanding=%d", dialect, f, outstanding), func(b *testing.B) {
					for b.Loop() {
						benchServer(b, program, dialect, f, outstanding)
					}
				})
			}
		}
	}
}

// built is the path of the command, built as make build does, without race
// detector.
func built(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rowlock")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func benchServer(b *testing.B, program, dialect string, f sqlstore.Family, outstanding int) {
	database := storetest.URL(b, dialect)
	d := &demo{out: io.Discard, clients4: 8000, clients6: 4000}
	require.NoError(b, d.prepare())
	defer d.close()
	d.program = program
	require.NoError(b, d.database(b.Context(), database, d.site))
	server, err := d.start(b.Context(), "bench", database)
	require.NoError(b, err)

	pids := []int{server.cmd.Process.Pid}
	if text := os.Getenv("ROWLOCK_TEST_" + strings.ToUpper(dialect) + "_PID"); text != "" {
		pid, err := strconv.Atoi(text)
		require.NoError(b, err)
		pids = append(pids, pid)
	}
	o := d.options(f)
	o.Outstanding, o.Timeout, o.Progress = outstanding, 2*time.Second, nil
	before, err := load.ProcessCPU(pids...)
	require.NoError(b, err)
	r, err := load.Run(b.Context(), o)
	require.NoError(b, err)
	after, err := load.ProcessCPU(pids...)
	require.NoError(b, err)
	require.NotZero(b, r.Completed, "%v", r.Failures)

	b.ReportMetric(100*r.Lost(), "failed-%")
	b.ReportMetric(r.Rate, "exchanges/s")
	b.ReportMetric(float64((after-before).Microseconds())/float64(r.Completed), "cpu-us/exchange")
	b.ReportMetric(float64(r.Latency.Whole.Quantile(0.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(r.Latency.Whole.Quantile(0.99).Microseconds())/1000, "p99-ms")
}
