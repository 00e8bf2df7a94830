// Package dnsserver starts DNS servers for tests: the programs that are
// installed, with their data in a temporary folder, on a loopback port. They
// take updates that are signed with Key for the zones they have, may be killed
// and run again, and end with the test.
//
// Kinds are BIND (with its journal), and PowerDNS with its data in SQLite or in
// PostgreSQL. A test that needs a program that is not installed is skipped, and
// fails where ROWLOCK_TEST_REQUIRE is set.
package dnsserver
