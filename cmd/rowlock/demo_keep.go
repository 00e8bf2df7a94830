package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// keep waits for ctrl-c with the servers of the last part running, the killed
// one among them started again.
func (d *demo) keep(ctx context.Context) error {
	for _, s := range slices.Clone(d.servers) {
		if !s.dead || d.alive(s.id) {
			continue
		}
		if _, err := d.start(ctx, s.id, s.database); err != nil {
			return err
		}
	}
	fmt.Fprintln(d.out)
	for _, s := range d.servers {
		if !s.dead {
			fmt.Fprintf(d.out, "server %s (pid %d): %s\n  log %s\n  database %s\n  try: rowlock lease list --database %s\n",
				s.id, s.cmd.Process.Pid, s.ready, s.logFile, s.database, quoteShell(s.database))
		}
	}
	d.console()
	fmt.Fprintln(d.out, "running; ctrl-c ends it and removes everything")
	<-ctx.Done()
	return nil
}

// alive tells whether a server of that name runs.
func (d *demo) alive(id string) bool {
	return slices.ContainsFunc(d.servers, func(s *child) bool { return s.id == id && !s.dead })
}

// quoteShell makes one word of a text for a shell.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
