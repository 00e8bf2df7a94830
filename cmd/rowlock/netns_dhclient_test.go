//go:build linux

package main_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// dhclient is ISC's client. A second process stops the first and releases.
func dhclient(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client {
	t.Helper()
	c := newClient(t, l, n, "dhclient", "-d", "-v")
	leases := l.Write(n.Name()+".leases", "", 0o644)
	c.argv = append(c.argv,
		"-sf", c.script("dhclient-script"), "-lf", leases,
		"-cf", l.Write(n.Name()+".conf", clientFile(t, "dhclient.conf"), 0o644),
		"-df", l.Path(n.Name()+".duid"), "-pf", l.Path(n.Name()+".pid"))
	for option, wanted := range map[string]bool{
		"-4": w.v4, "-6": !w.v4, "-N": w.address, "-P": w.prefix,
	} {
		if wanted {
			c.argv = append(c.argv, option)
		}
	}
	c.files = append(c.files, leases)
	c.says = says{
		bound:     `^reason=(BOUND6?|REBOOT)$`,
		renewed:   `^reason=(RENEW|REBIND)6?$`,
		rebinding: `XMT: Rebind`,
		lost:      `^reason=(EXPIRE6?|FAIL6?|DEPREF6)$`,
		prefix:    `iaprefix (\S+) \{`,
		dns:       `^new_(?:domain|dhcp6)_name_servers=(.*)$`,
		server:    `^new_dhcp_server_identifier=(.*)$`,
	}
	c.release = func() {
		t.Helper()
		out, err := n.Run(append(slices.Clone(c.argv), "-r")...)
		require.NoError(t, err, out)
	}
	c.argv = append(c.argv, "eth0")
	return c
}
