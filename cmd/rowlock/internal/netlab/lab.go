//go:build linux

package netlab

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// RequireVar names the environment variable that turns the skips of missing
// engines, programs and privileges into failures.
const RequireVar = "ROWLOCK_TEST_REQUIRE"

// Missing ends the test because something it needs is not here: a skip, or a
// failure where RequireVar is 1.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(RequireVar) == "1" {
		t.Fatalf("required: "+format, args...)
	}
	t.Skipf(format, args...)
}

// NeedRoot ends the test as [Missing] does unless it runs as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "network namespaces need root")
	}
}

// NeedPrograms ends the test as [Missing] does unless all of the programs, each
// a name or a path, are there.
func NeedPrograms(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, "program %s is not installed", p)
		}
	}
}

// Lab is a set of nodes that live as long as one test. Its methods fail the
// test on error and must be called from the test's own goroutine.
type Lab struct {
	t     testing.TB
	dir   string
	nodes []*Node
	// interfaces is how many Link has made
	interfaces int
}

// New returns an empty lab and arranges its removal at the end of the test.
// Each of the named programs must be found; see [Missing] for what happens if
// not, or if the caller is not root.
func New(t testing.TB, programs ...string) *Lab {
	t.Helper()
	NeedRoot(t)
	NeedPrograms(t, programs...)
	dir, err := os.MkdirTemp("", "rowlock-netlab-")
	if err != nil {
		t.Fatalf("make lab folder: %v", err)
	}
	l := &Lab{t: t, dir: dir}
	t.Cleanup(l.close)
	return l
}

// Path returns the path of a file with that name in the lab's folder.
func (l *Lab) Path(name string) string { return filepath.Join(l.dir, name) }

// Write makes a file in the lab's folder and returns its path.
func (l *Lab) Write(name, content string, mode os.FileMode) string {
	l.t.Helper()
	path := l.Path(name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		l.t.Fatalf("write lab file: %v", err)
	}
	return path
}

// close stops all processes, newest first, lets the namespaces go, and keeps
// the folder only for a failed test.
func (l *Lab) close() {
	var logs []*Process
	for _, n := range slices.Backward(l.nodes) {
		for _, p := range slices.Backward(n.processes) {
			p.Stop()
		}
		logs = append(logs, n.processes...)
		n.close()
	}
	if !l.t.Failed() {
		if err := os.RemoveAll(l.dir); err != nil {
			l.t.Errorf("remove lab folder: %v", err)
		}
		return
	}
	for _, p := range logs {
		l.t.Logf("last lines of %s:\n%s", p.name, tail(p.Log(), 40))
	}
	l.t.Logf("logs and captures are kept in %s", l.dir)
}
