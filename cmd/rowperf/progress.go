package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"rowlock/cmd/rowperf/load"
)

// clearLine goes back to the begin of a terminal line and empties it.
const clearLine = "\r\x1b[K"

// isTerminal tells whether w is a terminal, where a line may be rewritten.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress returns a function that shows the state of a run in one line.
func progress(w io.Writer) func(load.Stats) {
	return func(s load.Stats) {
		total := ""
		if s.Total > 0 {
			total = fmt.Sprintf(" of %d", s.Total)
		}
		fmt.Fprintf(w, clearLine+"%5.1f s  %d%s done  %.0f/s  %d under way  %d failed  %d refused  %d sent again  p50 %s  p99 %s",
			s.Elapsed.Seconds(), s.Completed, total, s.Rate, s.Outstanding, s.Failed, s.Naks, s.Retransmits,
			short(s.P50), short(s.P99))
	}
}

// short prints a time with three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= 100*time.Microsecond:
		return d.Round(time.Microsecond).String()
	default:
		return d.Round(10 * time.Nanosecond).String()
	}
}
