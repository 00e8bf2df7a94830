//go:build linux

package main_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// dhclient is ISC's client. A second process stops the first and releases.
func dhclient(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client {
	t.Helper()
	c := newClient(t, l, n, "dhclient", "-d", "-v")
	c.suffix = map[bool]string{true: "4", false: "6"}[w.v4]
	base := n.Name() + c.suffix
	leases := l.Write(base+".leases", "", 0o644)
	c.configure = func(lines string) string {
		return l.Write(base+".conf", clientFile(t, "dhclient.conf")+lines, 0o644)
	}
	c.argv = append(c.argv,
		"-sf", c.script("dhclient-script"), "-lf", leases, "-cf", c.configure(""),
		// the two of a node have one DUID: that of the one that is started first
		"-df", l.Path(n.Name()+"4.leases"), "-pf", l.Path(base+".pid"))
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
		fqdn:      `^new_fqdn_fqdn=(.*)$`,
	}
	c.release = func() {
		t.Helper()
		out, err := n.Run(append(slices.Clone(c.argv), "-r")...)
		require.NoError(t, err, out)
	}
	c.argv = append(c.argv, "eth0")
	return c
}

// fqdn are the lines by which dhclient sends option 81, or 39 of DHCPv6, and
// wants the server to keep the name.
func fqdn(host string) string {
	return fmt.Sprintf("send fqdn.fqdn \"%s\";\nsend fqdn.encoded on;\nsend fqdn.server-update on;\nalso request fqdn.fqdn;\nalso request dhcp6.fqdn;\n", host)
}
