//go:build linux

package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// bindTime is how long a client may take for what it does by itself: to get an
// address or prefix, to renew it, to end.
const bindTime = time.Minute

// want is what a client asks for.
type want struct{ v4, address, prefix bool }

// program makes a client that is not started yet. The node is its own.
type program func(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client

// client is a DHCP client program on the interface eth0 of a node. Its script
// and files are its own; it touches nothing outside of the node.
type client struct {
	t    *testing.T
	lab  *netlab.Lab
	node *netlab.Node
	// argv is its command line; the program stays in the foreground
	argv []string
	// files are those it writes, as patterns of names, beside its log
	files []string
	says  says
	// clientID is what its DHCPv4 client identifier begins with in hex, none if empty
	clientID string
	// downstream is the interface that gets an address of a delegated prefix, if any
	downstream string
	// carrier says that it remembers its lease when the interface goes down and
	// up, and not in a file
	carrier bool
	// renewal is the signal that makes it renew at once; 0 if it keeps to T1
	renewal syscall.Signal
	// configure adds lines to its configuration, in the place of those of the
	// last call, and returns the file
	configure func(lines string) string
	// suffix tells the files and logs of two clients on one node apart
	suffix string
	// release gives everything back and ends the program
	release func()
	process *netlab.Process
}

// says are the expressions by which log and files of a client are read.
type says struct {
	bound, renewed, rebinding, lost string
	prefix, dns, server, fqdn       string // with a group for the value
}

// newClient is what is common to all programs.
func newClient(t *testing.T, l *netlab.Lab, n *netlab.Node, argv ...string) *client {
	t.Helper()
	netlab.NeedPrograms(t, argv[0])
	return &client{t: t, lab: l, node: n, argv: argv}
}

// script puts a script of testdata/clients into the lab; the client's text has
// what it writes into the file beside it.
func (c *client) script(name string) string {
	c.t.Helper()
	path := c.lab.Write(c.node.Name()+c.suffix+"."+name, clientFile(c.t, name), 0o755)
	c.files = append(c.files, path+".record")
	return path
}

// clientFile is what is in a file of testdata/clients.
func clientFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "clients", name))
	require.NoError(t, err)
	return string(text)
}

// accounts gives the node an /etc with nothing in it but the machine's accounts,
// for programs that drop privileges or write there, and returns where it is.
func accounts(t *testing.T, n *netlab.Node) string {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"passwd", "group"} {
		text, err := os.ReadFile(filepath.Join("/etc", name))
		require.NoError(t, err)
		files[name] = text
	}
	etc := n.Private("/etc")
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(etc, name), text, 0o644))
	}
	return etc
}

// start runs the program, again after crash.
func (c *client) start() { c.process = c.node.Start("client"+c.suffix, c.argv...) }

// crash ends the program as a power failure does: nobody is told, files stay.
func (c *client) crash() {
	c.t.Helper()
	require.NoError(c.t, c.process.Kill())
}

// end signals the program until it has ended: dhcpcd misses a signal that comes
// while its script runs.
func (c *client) end(sig syscall.Signal) {
	c.t.Helper()
	const again = 5 * time.Second
	c.lab.Eventually(bindTime, "the end of the client", func() error {
		if err := c.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-c.process.Done():
			return nil
		case <-time.After(again):
			return errors.New("it still runs")
		}
	})
}
