// Package ddns keeps the DNS as the leases say: it takes lease changes from the
// bag that the frontends fill, and sends DNS updates (RFC 2136, signed by RFC
// 8945) to the primary servers of the zones.
//
// The story of one change:
//
//   - The sequencer, one process at a time, takes the event and marks the names
//     it is about (sequence.go).
//   - A worker, one of any number, claims names that are due (worker.go), reads
//     which leases have them, and computes the records that they shall have
//     (wanted.go). Events are not replayed: what counts is the lease rows.
//   - What differs from what was published becomes a program of steps (plan.go):
//     prerequisites and changes, so that nobody else's name is touched (RFC
//     4703). Names of one zone go in one message (batch.go).
//   - The sender signs it, sends it and judges the reply (send.go). A server that
//     does not answer is left alone for a while (health.go).
//   - What became of the name is written down (finish.go), and the reverse names
//     of its addresses are marked.
//
// Before a message leaves, the records that it may bring about are in the
// database. So a process may be killed at any moment: whoever takes the name
// next knows what may be in the DNS, and the steps are such that repeating them
// does no harm.
//
// README.md is the manual.
package ddns
