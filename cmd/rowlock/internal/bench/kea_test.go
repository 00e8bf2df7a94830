//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/sqlstore/storetest"
)

// Where Kea's system has its parts.
const (
	keaScripts = "/usr/share/kea/scripts/"
	keaHooks   = "/usr/lib/x86_64-linux-gnu/kea/hooks/"
)

// startKea starts Kea with leases in a file (memfile) or in a database of its
// own on the dialect's test server, as its manual advises for speed: two threads
// for the two cores, no log line per lease, no look for reservations.
func (s *bench) startKea(backend, family string) *netlab.Process {
	s.b.Helper()
	env := []string{"env", "KEA_LOCKFILE_DIR=" + s.lab.Path(""), "KEA_PIDFILE_DIR=" + s.lab.Path(""), "KEA_DHCP_DATA_DIR=" + s.lab.Path("")}
	leases := map[string]any{"type": "memfile", "persist": true, "name": s.lab.Path("leases.csv")}
	hooks := []any{}
	switch backend {
	case "postgres":
		leases = s.keaPostgres()
		hooks = []any{map[string]any{"library": keaHooks + "libdhcp_pgsql.so"}}
	case "mariadb", "mysql":
		var socket string
		leases, socket = s.keaMySQL(backend)
		env = append(env, "MYSQL_UNIX_PORT="+socket)
		hooks = []any{map[string]any{"library": keaHooks + "libdhcp_mysql.so"}}
	}
	s.keaPrograms(s.server)
	digit := family[1:2]
	config, err := json.Marshal(map[string]any{"Dhcp" + digit: keaConfig(family, leases, hooks)})
	require.NoError(s.b, err)
	file := s.lab.Write("kea.json", string(config), 0o644)
	p := s.server.Start("kea", append(env, "/usr/sbin/kea-dhcp"+digit, "-c", file)...)
	port, table := ":0043 ", "udp"
	if digit == "6" {
		port, table = ":0223 ", "udp6"
	}
	s.waitFor(p, func() error {
		return s.server.Do(func() error {
			sockets, err := os.ReadFile("/proc/thread-self/net/" + table)
			if err == nil && !strings.Contains(string(sockets), port) {
				err = errors.New("it does not listen")
			}
			return err
		})
	})
	return p
}

func keaConfig(family string, leases map[string]any, hooks []any) map[string]any {
	digit := family[1:2]
	c := map[string]any{
		"multi-threading":   map[string]any{"enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 64},
		"lease-database":    leases,
		"hooks-libraries":   hooks,
		"valid-lifetime":    3600,
		"dhcp-ddns":         map[string]any{"enable-updates": false},
		"loggers":           []any{map[string]any{"name": "kea-dhcp" + digit, "severity": "WARN", "output-options": []any{map[string]any{"output": "stdout"}}}},
		"interfaces-config": map[string]any{"interfaces": []string{serverIface}, "re-detect": false},

		"reservations-global": false, "reservations-in-subnet": false,
	}
	if family == "v4" {
		c["interfaces-config"] = map[string]any{"interfaces": []string{serverIface + "/" + serverAddr}, "dhcp-socket-type": "udp", "re-detect": false}
		c["subnet4"] = []any{map[string]any{
			"id": 1, "subnet": "10.0.0.0/8", "relay": map[string]any{"ip-addresses": []string{clientAddr}},
			"pools": []any{map[string]any{"pool": "10.0.0.1 - 10.255.255.254"}},
		}}
		return c
	}
	c["subnet6"] = []any{map[string]any{
		"id": 1, "subnet": "2001:db8:1::/64", "interface": serverIface,
		"pools":    []any{map[string]any{"pool": "2001:db8:1:0:1:: - 2001:db8:1:0:ffff:ffff:ffff:ffff"}},
		"pd-pools": []any{map[string]any{"prefix": "2001:db8:4000::", "prefix-len": 36, "delegated-len": 60}},
	}}
	return c
}

// keaPostgres makes Kea's schema in a new database and returns how to get there.
func (s *bench) keaPostgres() map[string]any {
	s.b.Helper()
	name, query := databaseName(s.b, storetest.URL(s.b, "postgres"))
	call(s.b, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", query.Get("host"), "-U", "rowlock", "-d", name,
		"-f", s.kea+keaScripts+"pgsql/dhcpdb_create.pgsql")
	return map[string]any{"type": "postgresql", "name": name, "host": query.Get("host"), "user": "rowlock", "password": ""}
}

// keaMySQL is keaPostgres for MySQL and MariaDB, with the server's socket.
func (s *bench) keaMySQL(dialect string) (leases map[string]any, socket string) {
	s.b.Helper()
	name, query := databaseName(s.b, storetest.URL(s.b, dialect))
	socket = query.Get("socket")
	script, err := os.Open(filepath.Join(s.kea, keaScripts, "mysql/dhcpdb_create.mysql"))
	require.NoError(s.b, err)
	defer script.Close()
	cmd := exec.Command("mariadb", "--no-defaults", "-u", "root", "-S", socket, name)
	cmd.Stdin = script
	out, err := cmd.CombinedOutput()
	require.NoError(s.b, err, "kea schema on %s: %s", dialect, out)
	return map[string]any{"type": "mysql", "name": name, "host": "localhost", "user": "root", "password": ""}, socket
}
