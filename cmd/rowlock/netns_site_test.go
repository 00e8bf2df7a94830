//go:build linux

package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/sqlstore/storetest"
)

// buildRowlock builds the command as make build does, without race detector,
// and returns its path.
func buildRowlock(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rowlock")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// site is a lab with a database that has the schema and a network
// configuration.
type site struct {
	t        *testing.T
	lab      *netlab.Lab
	program  string
	engine   string
	database string
}

// newSite makes one; parameters are those of the site document, more is what is
// appended to it.
func newSite(t *testing.T, program, engine, parameters string, more ...string) *site {
	t.Helper()
	database := storetest.URL(t, engine) // outlives the lab
	l := netlab.New(t, "dhcrelay", "dnsmasq", "env", "ip", "sh", "tcpdump")
	s := &site{t: t, lab: l, program: program, engine: engine, database: database}
	text, err := os.ReadFile(filepath.Join("testdata", "clients", "site.yaml"))
	require.NoError(t, err)
	document := l.Write("site.yaml", strings.ReplaceAll(string(text), "@PARAMETERS@", parameters)+strings.Join(more, ""), 0o644)
	s.rowlock("migrate", "up", "--database", s.database)
	s.rowlock("apply", "--yes", "--database", s.database, document)
	return s
}

// rowlock runs a subcommand outside of the lab and returns its output.
func (s *site) rowlock(args ...string) string {
	s.t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(s.program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "rowlock %s: %s", strings.Join(args, " "), stderr.String())
	return string(out)
}

// healthAddr is where each server's health listener is, in its own namespace.
const healthAddr = "127.0.0.1:9867"

// serve starts a frontend on the node and waits until it is ready; listen is a
// line of the process file's listen mapping.
func (s *site) serve(n *netlab.Node, id string, listen string) *netlab.Process {
	s.t.Helper()
	role, _, _ := strings.Cut(listen, ":")
	return s.serveRoles(n, id, role, listen)
}

// serveRoles is serve with the roles of the process given, and more lines.
func (s *site) serveRoles(n *netlab.Node, id, roles string, listen ...string) *netlab.Process {
	s.t.Helper()
	state := s.lab.Path("state-" + id)
	require.NoError(s.t, os.MkdirAll(state, 0o755))
	config := s.lab.Write("rowlock-"+id+".yaml", fmt.Sprintf(`
database: %q
roles: [%s]
state_dir: %q
frontend_id: %s
listen:
  %s
  health: %s
log: {level: debug, format: text}
`, s.database, roles, state, id, strings.Join(listen, "\n  "), healthAddr), 0o600)
	p := n.Start("rowlock", s.program, "serve", "--config", config)
	s.lab.Eventually(20*time.Second, "frontend "+id+" ready", func() error {
		select {
		case <-p.Done():
			s.t.Fatalf("rowlock serve ended: %v\n%s", p.Err(), p.Log())
		default:
		}
		_, err := s.get(n, "/readyz")
		return err
	})
	return p
}

// get asks the health listener of the server on the node.
func (s *site) get(n *netlab.Node, path string) (string, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			err = n.Do(func() error {
				conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
				return err
			})
			return conn, err
		},
	}}
	resp, err := client.Get("http://" + healthAddr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(body), err
}

// packets is how many messages of that type the server on the node has
// "received" or "sent".
func (s *site) packets(n *netlab.Node, direction, family, kind string) int {
	s.t.Helper()
	text, err := s.get(n, "/metrics")
	require.NoError(s.t, err)
	name := fmt.Sprintf("rowlock_frontend_packets_%s_total{family=%q,type=%q} ", direction, family, kind)
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name); found {
			count, err := strconv.Atoi(strings.TrimSpace(value))
			require.NoError(s.t, err)
			return count
		}
	}
	return 0
}

// leaseRow is a line of rowlock lease list --json.
type leaseRow struct {
	Family      string `json:"family"`
	Addr        string `json:"addr"`
	PrefixLen   int    `json:"prefix_len"`
	SubnetID    int    `json:"subnet_id"`
	State       string `json:"state"`
	HWAddr      string `json:"hwaddr"`
	ClientID    string `json:"client_id"`
	DUID        string `json:"duid"`
	Hostname    string `json:"hostname"`
	ValidLft    uint32 `json:"valid_lifetime"`
	Relay       string `json:"relay"`
	CircuitID   string `json:"circuit_id"`
	InterfaceID string `json:"interface_id"`
	Since       string `json:"since"`
	Rev         int64  `json:"rev"`
	Frontend    string `json:"frontend"`
}

// lease waits until the row of the address is in that state, and returns it.
func (s *site) lease(addr netip.Addr, state string) leaseRow {
	s.t.Helper()
	var found leaseRow
	s.lab.Eventually(10*time.Second, fmt.Sprintf("a row of %v that is %s", addr, state), func() error {
		out := s.rowlock("lease", "list", "--json", "--database", s.database)
		for line := range strings.Lines(out) {
			var row leaseRow
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				return fmt.Errorf("read lease list: %w", err)
			}
			if row.Addr == addr.String() && row.State == state {
				found = row
				return nil
			}
		}
		return fmt.Errorf("the rows are:\n%s", out)
	})
	return found
}
