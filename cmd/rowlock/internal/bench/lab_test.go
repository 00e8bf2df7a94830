//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"rowlock/cmd/rowlock/internal/netlab"
)

// The network of a comparison: the clients' end is a relay by its address
// (DHCPv4), or on the server's link (DHCPv6).
const (
	clientIface, serverIface = "cli0", "srv0"
	clientAddr, serverAddr   = "203.0.113.2", "203.0.113.1"
	healthAddr               = "127.0.0.1:9867"
)

// keaVar names the folder with the root of a Linux system that has Kea and
// perfdhcp.
const keaVar = "ROWLOCK_BENCH_KEA"

// bench is one server of a comparison in a lab of its own.
type bench struct {
	b              *testing.B
	lab            *netlab.Lab
	client, server *netlab.Node
	kea            string // root of its system
}

func newBench(b *testing.B) *bench {
	b.Helper()
	kea := os.Getenv(keaVar)
	if kea == "" {
		netlab.Missing(b, "%s is not set", keaVar)
	}
	l := netlab.New(b)
	s := &bench{b: b, lab: l, kea: kea, client: l.Node("client"), server: l.Node("server")}
	l.Link(s.client, clientIface, s.server, serverIface)
	s.client.Addr(clientIface, clientAddr+"/24")
	s.server.Addr(serverIface, serverAddr+"/24", "2001:db8:1::1/64")
	s.keaPrograms(s.client)
	return s
}

// keaPrograms puts the programs of Kea's system in the place of the machine's:
// what is started in the node from now on are those, with their libraries.
func (s *bench) keaPrograms(n *netlab.Node) {
	s.b.Helper()
	require.NoError(s.b, n.Do(func() error {
		return unix.Mount(filepath.Join(s.kea, "usr"), "/usr", "", unix.MS_BIND, "")
	}))
}

// build makes the command as make build does, and returns its path.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "rowlock")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "rowlock/cmd/rowlock")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	return path
}

// call runs a program of this machine to its end.
func call(b *testing.B, argv ...string) {
	b.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	require.NoError(b, err, "%s\n%s", strings.Join(argv, " "), out)
}

// settings begin every document: with a zone the changes of leases are written as
// events for a consumer, as on a site that has one. There is none, and no client
// has a name.
const settings = `parameters: {valid_lifetime: 3600}
dns_zones: [{name: dyn.example.org, servers: [{address: 192.0.2.53}]}]
`

// document is the network of both servers: one subnet of each family with pools
// that do not become full.
const document = settings + `subnets:
  - subnet: 10.0.0.0/8
    relay: [` + clientAddr + `]
    pools: [{pool: 10.0.0.1 - 10.255.255.254}]
  - subnet: 2001:db8:1::/64
    interface: ` + serverIface + `
    pools: [{pool: "2001:db8:1:0:1:: - 2001:db8:1:0:ffff:ffff:ffff:ffff"}]
    pd_pools: [{prefix: "2001:db8:4000::/36", delegated_len: 60}]
`

// startRowlock starts the server on a new database of the dialect.
func (s *bench) startRowlock(program, database, family string) *netlab.Process {
	s.b.Helper()
	listen := "dhcp4: [{address: " + serverAddr + "}]"
	if family != "v4" {
		listen = "dhcp6: [{interface: " + serverIface + "}]"
	}
	file := s.lab.Write("site.yaml", document, 0o644)
	call(s.b, program, "migrate", "up", "--database", database)
	call(s.b, program, "apply", "--yes", "--database", database, file)
	config := s.lab.Write("rowlock.yaml", fmt.Sprintf("database: %q\nstate_dir: %q\nroles: [%s]\nlisten:\n  %s\n  health: %s\n",
		database, s.lab.Path("state"), listen[:5], listen, healthAddr), 0o600)
	require.NoError(s.b, os.MkdirAll(s.lab.Path("state"), 0o755))
	p := s.server.Start("rowlock", program, "serve", "--config", config)
	s.waitFor(p, func() error {
		if !strings.Contains(p.Log(), "serve.ready") {
			return fmt.Errorf("it is not ready")
		}
		return nil
	})
	return p
}

// waitFor waits until the server is ready.
func (s *bench) waitFor(p *netlab.Process, ready func() error) {
	s.b.Helper()
	s.lab.Eventually(30*time.Second, "server ready", func() error {
		select {
		case <-p.Done():
			s.b.Fatalf("the server ended: %v\n%s", p.Err(), p.Log())
		default:
		}
		return ready()
	})
}

// batches returns how many transactions the lanes have done and how many items
// were in them.
func (s *bench) batches() (transactions, items float64) {
	s.b.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			err = s.server.Do(func() error {
				conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
				return err
			})
			return conn, err
		},
	}}
	resp, err := client.Get("http://" + healthAddr + "/metrics")
	require.NoError(s.b, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.b, err)
	return sumMetric(string(text), "rowlock_sqlstore_batch_items_count"), sumMetric(string(text), "rowlock_sqlstore_batch_items_sum")
}

// sumMetric adds the values of a metric over its labels.
func sumMetric(text, name string) (sum float64) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == '{' || rest[0] == ' ') {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
			if err == nil {
				sum += v
			}
		}
	}
	return sum
}

// serverPIDs is the first process of the dialect's test server, if it has one.
func serverPIDs(b *testing.B, dialect string) []int {
	b.Helper()
	text := strings.TrimSpace(os.Getenv("ROWLOCK_TEST_" + strings.ToUpper(dialect) + "_PID"))
	if text == "" {
		return nil
	}
	pid, err := strconv.Atoi(text)
	require.NoError(b, err)
	return []int{pid}
}

// databaseName is the name in a database URL.
func databaseName(b *testing.B, databaseURL string) (name string, q url.Values) {
	b.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(b, err)
	return strings.Trim(u.Path, "/"), u.Query()
}
