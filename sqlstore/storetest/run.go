package storetest

import (
	"sync"
	"testing"
)

// suite is one part of the conformance suite, with databases of its own.
type suite struct {
	name string
	run  func(*testing.T, string)
}

// The longest come first.
var suites = []suite{
	{"config", testConfig},
	{"hand", testHand},
	{"gather", testGather},
	{"settle", testSettle},
	{"changes", testChanges},
	{"edits_load", testEditsLoad},
	{"return", testReturn},
	{"lane", testLanes},
	{"transition", testTransitions},
	{"concurrency", testConcurrency},
	{"hint", testHints},
	{"former", testFormer},
	{"model", testModel},
	{"hostname", testHostnames},
	{"cached", testCached},
	{"preview", testPreview},
	{"sweep", testSweep},
	{"migration", testMigrations},
	{"history", testHistory},
	{"flood", testFlood},
	{"frontend", testFrontends},
	{"token", testTokens},
	{"view", testViews},
	{"name", testNames},
	{"event", testEvents},
	{"grants", testGrants},
	{"diagnose", testDiagnose},
	{"manual", testManual},
	{"jobs", testJobs},
	{"move", testMove},
}

// Run runs the whole suite on a dialect, two parts at a time: they wait for
// the database more than they work. Where an engine cannot do something, the
// test is skipped with the reason.
func Run(t *testing.T, dialect string) { RunSome(t, dialect, func(string) bool { return true }) }

// RunSome runs the parts of the suite that wanted names.
func RunSome(t *testing.T, dialect string, wanted func(name string) bool) {
	queue := make(chan suite)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for s := range queue {
				t.Run(s.name, func(t *testing.T) { s.run(t, dialect) })
			}
		})
	}
	for _, s := range suites {
		if wanted(s.name) {
			queue <- s
		}
	}
	close(queue)
	wg.Wait()
}
