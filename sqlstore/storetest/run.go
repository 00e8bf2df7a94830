package storetest

import "testing"

// Run runs the whole suite on a dialect. Where an engine cannot do something,
// the test is skipped with the reason.
func Run(t *testing.T, dialect string) {
	for _, topic := range []struct {
		name string
		run  func(*testing.T, string)
	}{
		{"transition", testTransitions},
		{"lane", testLanes},
		{"hint", testHints},
		{"sweep", testSweep},
		{"concurrency", testConcurrency},
		{"model", testModel},
		{"config", testConfig},
		{"frontend", testFrontends},
		{"migration", testMigrations},
		{"view", testViews},
		{"manual", testManual},
	} {
		t.Run(topic.name, func(t *testing.T) { topic.run(t, dialect) })
	}
}
