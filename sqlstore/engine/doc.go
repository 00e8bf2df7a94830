// Package engine turns requests for bindings into batches of guarded SQL
// statements: what is common to all dialects. A message goes through Do: its
// items are decided by the transition table in decide.go, one step at a time;
// steps that insert go through the offer lane, steps that update through the
// commit lane; a lane takes what waits as one transaction. Free addresses come
// from hints (hint.go) that decide nothing: the unique constraints do.
//
// Membership (member.go), configuration loading (loader.go) and the sweeper
// (sweep.go) run beside. An Engine holds no state that may not be lost.
package engine
