// Package netlab builds small networks out of Linux network namespaces, so that
// tests can run the server against real DHCP clients and relay agents.
//
// A [Lab] belongs to one test. A [Node] is one namespace: a host with its own
// interfaces, routes and processes. Nodes are joined by veth pairs, a node may
// bridge its interfaces, and programs run inside a node with their output in a
// file. A node may have folders of its own in the place of the machine's, for
// programs that know only one place for their files. Namespaces have no name:
// they live as long as the lab and its processes do, so that even a test that
// is killed leaves no interface, namespace or process behind. Logs and packet
// captures lie in the lab's folder, which is kept when the test fails and
// removed when it passes.
//
// Everything needs root. Without it the test is skipped, or fails where
// ROWLOCK_TEST_REQUIRE is 1.
package netlab
