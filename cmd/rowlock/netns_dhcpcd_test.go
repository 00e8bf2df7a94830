//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// dhcpcd is the client of the BSDs. Its processes without privileges need an
// account and folders at fixed places. It hands a delegated prefix on to lan0.
func dhcpcd(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client {
	t.Helper()
	c := newClient(t, l, n, "dhcpcd", "-B", "-d")
	conf := "duid\nreboot 30\nnodelay\nnoarp\nrelease\n"
	if w.v4 {
		conf += "ipv4only\nnoipv4ll\noption domain_name_servers, routers\n"
	} else {
		conf += "ipv6only\nnoipv6rs\noption dhcp6_name_servers\ninterface eth0\n"
	}
	if w.address {
		conf += "ia_na 1\n"
	}
	if w.prefix {
		c.downstream = downstream(l, n)
		conf += fmt.Sprintf("ia_pd 2 %s/1\n", c.downstream)
	}
	script := c.script("note-script")
	path := filepath.Join(accounts(t, n), "dhcpcd.conf")
	c.configure = func(lines string) string {
		require.NoError(t, os.WriteFile(path, []byte(lines+conf), 0o644))
		return path
	}
	c.configure("")
	n.Private("/run")
	require.NoError(t, os.Mkdir(filepath.Join(n.Private("/var/lib"), "dhcpcd"), 0o755))
	c.argv = append(c.argv, "-c", script, "-f", "/etc/dhcpcd.conf", "eth0")
	c.clientID = "ff"
	c.says = says{
		bound:     `^reason=(BOUND|REBOOT)6?$`,
		renewed:   `^reason=(RENEW|REBIND)6?$`,
		rebinding: `broadcasting REBIND6`,
		lost:      `^reason=(EXPIRE|FAIL|NAK|TIMEOUT)6?$`,
		prefix:    `delegated prefix (\S+)$`,
		dns:       `^new_(?:domain|dhcp6)_name_servers=(.*)$`,
		server:    `^new_dhcp_server_identifier=(.*)$`,
		fqdn:      `^new_fqdn=(.*)$`,
	}
	c.release = func() { c.end(syscall.SIGTERM) }
	return c
}

// downstream joins a home network to the client's node and returns the name of
// the interface to it.
func downstream(l *netlab.Lab, n *netlab.Node) string {
	l.Link(n, "lan0", l.Node(n.Name()+"-home"), "eth0")
	return "lan0"
}
