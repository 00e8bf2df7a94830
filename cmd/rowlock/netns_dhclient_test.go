//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// bindTime is how long a client may take to get an address or prefix.
const bindTime = 30 * time.Second

// dhclient is ISC's client on the interface eth0 of a node. Its script, files
// and pid file are its own; it touches nothing outside of the node.
type dhclient struct {
	t    *testing.T
	lab  *netlab.Lab
	node *netlab.Node
	args []string
	// record is what the script was told, leases the client's lease file
	record, leases string
}

// startDhclient runs the client in the foreground; options are those of its
// command line, such as -6.
func startDhclient(t *testing.T, l *netlab.Lab, n *netlab.Node, name string, options ...string) *dhclient {
	t.Helper()
	c := &dhclient{t: t, lab: l, node: n, record: l.Path(name + ".record"), leases: l.Write(name+".leases", "", 0o644)}
	script, err := os.ReadFile(filepath.Join("testdata", "clients", "dhclient-script"))
	require.NoError(t, err)
	conf, err := os.ReadFile(filepath.Join("testdata", "clients", "dhclient.conf"))
	require.NoError(t, err)
	c.args = append([]string{"dhclient", "-d", "-v"}, options...)
	c.args = append(c.args,
		"-sf", l.Write(name+".script", string(script), 0o755), "-e", "RECORD="+c.record,
		"-cf", l.Write(name+".conf", string(conf), 0o644),
		"-lf", c.leases, "-df", l.Path(name+".duid"), "-pf", l.Path(name+".pid"))
	n.Start(name, append(c.args, "eth0")...)
	return c
}

// address waits until the interface has an address inside the prefix, and the
// script is through with it.
func (c *dhclient) address(prefix string) netip.Addr {
	c.t.Helper()
	var found netip.Addr
	c.lab.Eventually(bindTime, "an address of "+prefix+" on the client", func() error {
		addrs, err := c.node.Addrs("eth0")
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if netip.MustParsePrefix(prefix).Contains(a.Addr()) && c.told("BOUND", "BOUND6") > 0 {
				found = a.Addr()
				return nil
			}
		}
		return fmt.Errorf("it has %v", addrs)
	})
	return found
}

// prefix waits until the lease file has a delegated prefix inside the given one.
func (c *dhclient) prefix(within string) netip.Prefix {
	c.t.Helper()
	var found netip.Prefix
	c.lab.Eventually(bindTime, "a prefix of "+within+" in the lease file", func() error {
		text := last(c.t, c.leases, `iaprefix ([0-9a-f:]+/\d+) \{`)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return err
		}
		if !netip.MustParsePrefix(within).Contains(p.Addr()) {
			return fmt.Errorf("it has %v", p)
		}
		found = p
		return nil
	})
	return found
}

// value is what the script was told last under that name, "" if nothing.
func (c *dhclient) value(name string) string {
	return last(c.t, c.record, `(?m)^`+name+`=(.*)$`)
}

// told returns how often the script was run for one of the reasons.
func (c *dhclient) told(reasons ...string) int {
	n := 0
	for line := range strings.Lines(read(c.t, c.record)) {
		reason, found := strings.CutPrefix(strings.TrimSpace(line), "reason=")
		if found && slices.Contains(reasons, reason) {
			n++
		}
	}
	return n
}

// last returns the last match of the expression's group in a file, "" if there
// is none.
func last(t *testing.T, path, expr string) string {
	t.Helper()
	all := regexp.MustCompile(expr).FindAllStringSubmatch(read(t, path), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// read returns what is in a file; one that is not there yet is empty.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	return string(text)
}

// release lets a second process stop the first, release the lease and end.
func (c *dhclient) release() {
	c.t.Helper()
	out, err := c.node.Run(append(append([]string{}, c.args...), "-r", "eth0")...)
	require.NoError(c.t, err, out)
}
