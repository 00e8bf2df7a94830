// Package name decides under which name a DHCP client appears in the DNS, and
// who puts it there. It is the part of dynamic DNS that needs no DNS server:
// values in, values out.
//
// The story of one lease:
//
//   - Parse4 and Parse6 read the Client FQDN option (RFC 4702, RFC 4704).
//   - Rules.Choose picks the name: that of the reservation, of the option, of
//     the Host Name option, or one made from the address. What a client sends
//     is cleaned label by label, qualified with the suffix and checked; a name
//     that is refused has a Reason and counts as no name.
//   - Policy.Decide says who updates the forward and the reverse zone, and
//     Reply makes the option that tells the client (RFC 4702 section 4).
//   - ClientIdentity and DHCID make the record that marks the name as the
//     client's (RFC 4701), Reverse the name of the PTR record, and TTL.Of the
//     time that both may be cached (RFC 4702 section 5).
//
// A name is canonical when it is in lower case and has no final dot. All names
// that this package returns are, but for FQDN.Name, which is as the client sent
// it. Comparing canonical names is comparing strings.
//
// Everything here is safe for concurrent use and does no input or output.
// README.md is the manual.
package name
