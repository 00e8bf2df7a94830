//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// dhcp6c is the client of WIDE, as found in many home routers. It keeps its
// DUID, but no lease, and hands a delegated prefix on to lan0.
func dhcp6c(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client {
	t.Helper()
	c := newClient(t, l, n, "dhcp6c", "-f", "-D", "-p", "/run/dhcp6c.pid")
	var send, assoc strings.Builder
	if w.address {
		send.WriteString("send ia-na 1;")
		assoc.WriteString("id-assoc na 1 { };\n")
	}
	if w.prefix {
		c.downstream = downstream(l, n)
		send.WriteString("send ia-pd 2;")
		fmt.Fprintf(&assoc, "id-assoc pd 2 { prefix-interface %s { sla-id 1; sla-len 8; }; };\n", c.downstream)
	}
	conf := fmt.Sprintf("interface eth0 { %s request domain-name-servers; script %q; };\n%s",
		send.String(), c.script("note-script"), assoc.String())
	n.Private("/run")
	require.NoError(t, os.Mkdir(filepath.Join(n.Private("/var/lib"), "dhcpv6"), 0o755))
	c.argv = append(c.argv, "-c", l.Write(n.Name()+".conf", conf, 0o644), "eth0")
	c.says = says{
		bound:     `create (an address|a prefix) `,
		renewed:   `update (an address|a prefix|a IA) `,
		rebinding: `Sending Rebind|send rebind`,
		prefix:    `create a prefix (\S+) `,
		dns:       `^new_domain_name_servers=(\S*)`,
	}
	c.release = func() { c.end(syscall.SIGTERM) }
	return c
}
