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

	"github.com/stretchr/testify/require"
)

// text is all that the client has written: its log and its files.
func (c *client) text() string {
	c.t.Helper()
	var b strings.Builder
	b.WriteString(c.process.Log())
	for _, pattern := range c.files {
		paths, err := filepath.Glob(pattern)
		require.NoError(c.t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if !errors.Is(err, fs.ErrNotExist) { // it may be replaced just now
				require.NoError(c.t, err)
			}
			b.Write(text)
		}
	}
	return b.String()
}

// count is how often the expression is in the client's text.
func (c *client) count(expr string) int {
	c.t.Helper()
	return len(regexp.MustCompile("(?m)"+expr).FindAllString(c.text(), -1))
}

// value is the last match of the expression's group in the client's text.
func (c *client) value(expr string) string {
	c.t.Helper()
	all := regexp.MustCompile("(?m)"+expr).FindAllStringSubmatch(c.text(), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// lost is how often the client says that it has lost its lease.
func (c *client) lost() int {
	c.t.Helper()
	if c.says.lost == "" {
		return 0
	}
	return c.count(c.says.lost)
}

// told waits until the last match of the expression's group is one of the
// values, and returns it.
func (c *client) told(expr string, values ...string) string {
	c.t.Helper()
	var found string
	c.lab.Eventually(bindTime, fmt.Sprintf("one of %v", values), func() error {
		if found = c.value(expr); !slices.Contains(values, found) {
			return fmt.Errorf("the client has %q", found)
		}
		return nil
	})
	return found
}

// more waits until the expression is there more often than before.
func (c *client) more(what, expr string, before int) {
	c.t.Helper()
	c.lab.Eventually(bindTime, what, func() error {
		if n := c.count(expr); n <= before {
			return fmt.Errorf("there were %d of them before, and are %d", before, n)
		}
		return nil
	})
}

// renew makes the client renew where it can be told to, else waits for it to.
func (c *client) renew() {
	c.t.Helper()
	before := c.count(c.says.renewed)
	if c.renewal != 0 {
		require.NoError(c.t, c.process.Signal(c.renewal))
	}
	c.more("a renewal", c.says.renewed, before)
}

// address waits until the client is bound and the interface has an address
// inside the prefix.
func (c *client) address(prefix string) netip.Addr {
	c.t.Helper()
	c.more("a lease", c.says.bound, 0)
	return c.addressOf("eth0", netip.MustParsePrefix(prefix))
}

func (c *client) addressOf(iface string, prefix netip.Prefix) netip.Addr {
	c.t.Helper()
	var found netip.Addr
	c.lab.Eventually(bindTime, fmt.Sprintf("an address of %v on %s", prefix, iface), func() error {
		addrs, err := c.node.Addrs(iface)
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if prefix.Contains(a.Addr()) {
				found = a.Addr()
				return nil
			}
		}
		return fmt.Errorf("it has %v", addrs)
	})
	return found
}

// prefix waits until the client says that it has a delegated prefix inside the
// given one, and, where it hands it on, has taken an address from it.
func (c *client) prefix(within string) netip.Prefix {
	c.t.Helper()
	var found netip.Prefix
	c.lab.Eventually(bindTime, "a prefix of "+within, func() error {
		p, err := netip.ParsePrefix(c.value(c.says.prefix))
		if err != nil {
			return err
		}
		if !netip.MustParsePrefix(within).Contains(p.Addr()) {
			return fmt.Errorf("it has %v", p)
		}
		found = p
		return nil
	})
	if c.downstream != "" {
		c.addressOf(c.downstream, found)
	}
	return found
}
