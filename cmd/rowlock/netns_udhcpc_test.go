//go:build linux

package main_test

import (
	"strings"
	"syscall"
	"testing"

	"rowlock/cmd/rowlock/internal/netlab"
)

// udhcpc is busybox's client. It takes no notice of T1: renewals are asked for
// by signal.
func udhcpc(t *testing.T, l *netlab.Lab, n *netlab.Node, _ want) *client {
	t.Helper()
	c := newClient(t, l, n, "udhcpc", "-f", "-R", "-i", "eth0", "-t", "60", "-T", "5", "-A", "1")
	c.argv = append(c.argv, "-s", c.script("udhcpc-script"), "-p", l.Path(n.Name()+".pid"))
	c.clientID = "01" + strings.ReplaceAll(n.HWAddr("eth0").String(), ":", "")
	c.renewal = syscall.SIGUSR1
	c.says = says{
		bound:   `^reason=bound$`,
		renewed: `^reason=renew$`,
		lost:    `^reason=(leasefail|nak)$`,
		dns:     `^dns=(.*)$`,
		server:  `^serverid=(.*)$`,
	}
	c.release = func() { c.end(syscall.SIGTERM) }
	return c
}
