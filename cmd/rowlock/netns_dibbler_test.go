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

// dibbler is Dibbler's client. It has its files at fixed places, and writes
// resolv.conf itself.
func dibbler(t *testing.T, l *netlab.Lab, n *netlab.Node, w want) *client {
	t.Helper()
	c := newClient(t, l, n, "dibbler-client", "run")
	conf := fmt.Sprintf("log-level 8\nlog-mode full\nduid-type duid-ll\nscript %q\niface eth0 {\n option dns-server\n", c.script("note-script"))
	if w.address {
		conf += " ia\n"
	}
	if w.prefix {
		conf += " pd\n"
	}
	dir := filepath.Join(accounts(t, n), "dibbler")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "client.conf"), []byte(conf+"}\n"), 0o644))
	n.Private("/run")
	n.Private("/var/log")
	require.NoError(t, os.Mkdir(filepath.Join(n.Private("/var/lib"), "dibbler"), 0o755))
	c.says = says{
		bound:     `^reason=add$`,
		renewed:   `^reason=update$`,
		rebinding: `Sending REBIND`,
		lost:      `^reason=expire$`,
		prefix:    `PD: \S+ing prefix (\S+) `,
		dns:       `^SRV_OPTION23=(\S*)`,
	}
	c.release = func() { c.end(syscall.SIGTERM) }
	return c
}
