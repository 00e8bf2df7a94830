package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"rowlock/sqlstore/transfer"
)

// moveProgress shows how far a move is: one line that changes on a terminal,
// and a line for each table that is copied.
type moveProgress struct {
	out, err io.Writer
	live     bool // err is a terminal
	shown    bool // there is a line on it
}

func newMoveProgress(p *program) *moveProgress {
	f, ok := p.stderr.(*os.File)
	return &moveProgress{out: p.stdout, err: p.stderr, live: ok && isatty.IsTerminal(f.Fd())}
}

// report is called for each step.
func (m *moveProgress) report(s transfer.Progress) {
	if s.TableDone {
		if s.Phase == transfer.Copying {
			m.end()
			fmt.Fprintf(m.out, "copied %s: %d rows in %.1f s\n", s.Table, s.TableRows, s.TableDuration.Seconds())
		}
		return
	}
	if m.live {
		m.shown = true
		fmt.Fprint(m.err, emptyLine+moveLine(s))
	}
}

// end takes the changing line away.
func (m *moveProgress) end() {
	if m.shown {
		m.shown = false
		fmt.Fprint(m.err, emptyLine)
	}
}

// emptyLine goes back to the begin of a terminal line and empties it.
const emptyLine = "\r\x1b[K"

// moveLine is the state of a phase in one line.
func moveLine(s transfer.Progress) string {
	line := fmt.Sprintf("%s %s: %d of %d rows", s.Phase, s.Table, s.Rows, s.Total)
	if s.Total > 0 {
		line += fmt.Sprintf(", %d%%", min(100*s.Rows/s.Total, 100))
	}
	rate := float64(s.Rows-s.Earlier) / s.Elapsed.Seconds()
	if s.Elapsed < time.Second || rate <= 0 {
		return line
	}
	left := time.Duration(float64(max(s.Total-s.Rows, 0)) / rate * float64(time.Second))
	return line + fmt.Sprintf(", %.0f rows/s, %s left", rate, left.Round(time.Second))
}
