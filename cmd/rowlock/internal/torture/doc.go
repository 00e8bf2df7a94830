// Package torture proves, from what clients saw and what a database holds in
// the end, that an allocation engine did nothing wrong while its processes, its
// connections and its database were being killed.
//
// A [Record] has both sides: the answers and the messages of the clients, as
// cmd/rowperf/load records them, and the [Tables] that [Read] takes from a
// store. [Check] compares the two and returns every [Violation]. Its rules
// follow from certainty alone: a client holds an address from the arrival of
// the acknowledgement until its lifetime after the request was first sent, or
// until it sent RELEASE or DECLINE. [Fill] takes all addresses of a pool that
// can still be had, and tells which are lost.
package torture
