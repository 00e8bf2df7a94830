//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// networkdConf is a .network file; the client identifier is made of a DUID.
const networkdConf = `[Match]
Name=eth0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
ClientIdentifier=duid
SendRelease=yes
`

// networkd is systemd's client. Without a bus and with a read-only /sys it
// manages the links of its namespace as it does in a container.
func networkd(t *testing.T, l *netlab.Lab, n *netlab.Node, _ want) *client {
	t.Helper()
	c := newClient(t, l, n, "/lib/systemd/systemd-networkd")
	c.argv = append([]string{"env", "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console"}, c.argv...)
	etc := accounts(t, n)
	network := filepath.Join(etc, "systemd", "network")
	require.NoError(t, os.MkdirAll(network, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(network, "eth0.network"), []byte(networkdConf), 0o644))
	const machine = "5a21d1c8d5c94b6d9c0d3f8c9f3b1e70\n"
	require.NoError(t, os.WriteFile(filepath.Join(etc, "machine-id"), []byte(machine), 0o644))
	run := n.Private("/run")
	require.NoError(t, os.Mkdir(filepath.Join(run, "systemd"), 0o755))
	c.files = append(c.files, filepath.Join(run, "systemd", "netif", "leases", "*"))
	c.clientID = "ff"
	c.carrier = true
	c.says = says{
		bound:   `DHCPv4 address \S+, gateway \S+ acquired from`,
		renewed: `DHCPv4 client: REQUEST \((renewing|rebinding)\)$(?s:.)*?DHCPv4 client: ACK$`,
		lost:    `DHCP lease lost`,
		dns:     `^DNS=(.*)$`,
		server:  `^SERVER_ADDRESS=(.*)$`,
	}
	c.release = func() { c.end(syscall.SIGTERM) }
	return c
}
