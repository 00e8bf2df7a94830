// Package frontend is the packet path of Rowlock: it receives DHCPv4
// (RFC 2131) and DHCPv6 (RFC 9915) messages, finds the subnet they come from,
// asks a Leaser for a decision and sends the answer.
//
// A frontend keeps no state between packets. What it holds is an immutable
// snapshot of the network configuration, swapped as a whole by SetConfig, and
// its sockets. Every packet is either answered, or handled without an answer
// as the protocol says, or dropped with a Reason that is counted.
//
// The path of a packet is one page: handle4 in v4.go and handle6 in v6.go. One
// reader per socket feeds a bounded queue; a fixed number of workers handle
// packets; one writer per socket sends. README.md is the manual.
package frontend
