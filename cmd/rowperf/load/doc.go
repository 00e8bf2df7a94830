// Package load is a DHCP load generator and protocol checker: it plays many
// DHCPv4 (RFC 2131) or DHCPv6 (RFC 9915) clients behind relay agents, against
// one server or against several that share the work.
//
// Run drives one family over one UDP socket with a high port of its own.
// Answers come back to that port because every relayed packet carries the
// relay source port option (RFC 8357), so no privilege is needed. Packets are
// templates that are patched in place, several travel in one system call, and
// replies are parsed only as far as the checks need, so that the client costs
// a small part of what the server does. One goroutine does everything; two
// runs may go on side by side.
//
// Every OFFER and ACK can be kept by a Recorder. Verify then says whether an
// address or prefix was ever acknowledged to two clients at one time. The
// check sees only what the clients saw, and counts a lease from the moment the
// acknowledgement arrived to its lifetime after the request was first sent, so
// what it reports is certain.
package load
