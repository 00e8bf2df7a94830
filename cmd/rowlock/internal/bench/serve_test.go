//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// frontends are server processes on loopback that share a database.
type frontends struct {
	program  string
	database string
	engine   string
	list     []*frontend
	next     int // number of the first client that was never seen
}

type frontend struct {
	cmd   *exec.Cmd
	done  chan struct{}
	DHCP4 []netip.AddrPort `json:"dhcp4"`
	DHCP6 []netip.AddrPort `json:"dhcp6"`
}

const frontendConfig = `database: %q
frontend_id: fe%d
state_dir: %q
roles: [dhcp4, dhcp6]
listen:
  dhcp4: [{address: 127.0.0.1, port: 0}]
  dhcp6: [{address: "::1", port: 0}]
  health: 127.0.0.1:0
log: {format: json}
`

// start adds a process and waits until it serves. They end with the benchmark.
func (f *frontends) start(b *testing.B) {
	b.Helper()
	dir := b.TempDir()
	config := filepath.Join(dir, "rowlock.yaml")
	require.NoError(b, os.WriteFile(config, fmt.Appendf(nil, frontendConfig, f.database, len(f.list), dir), 0o600))
	fe := &frontend{cmd: exec.Command(f.program, "serve", "--config", config), done: make(chan struct{})}
	fe.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := fe.cmd.StderrPipe()
	require.NoError(b, err)
	require.NoError(b, fe.cmd.Start())
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var event struct{ Event string }
			if json.Unmarshal(lines.Bytes(), &event) == nil && event.Event == "serve.ready" {
				ready <- json.Unmarshal(lines.Bytes(), fe) == nil
			}
		}
		_ = fe.cmd.Wait()
		close(fe.done)
	}()
	f.list = append(f.list, fe)
	b.Cleanup(f.stop)
	select {
	case ok := <-ready:
		require.True(b, ok)
	case <-fe.done:
		b.Fatal("the server ended at once")
	case <-time.After(30 * time.Second):
		b.Fatal("the server is not ready after 30 s")
	}
}

// stop ends all processes.
func (f *frontends) stop() {
	for _, fe := range f.list {
		_ = fe.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, fe := range f.list {
		select {
		case <-fe.done:
		case <-time.After(10 * time.Second):
			_ = fe.cmd.Process.Kill()
			<-fe.done
		}
	}
	f.list = nil
}

// new is options for clients that were never seen before, behind the relays.
func (f *frontends) new(clients int, relays ...netip.Addr) load.Options {
	o := load.Options{
		Family: sqlstore.IPv4, Clients: clients, First: f.next, Seed: 1, ClientIDs: true, Spread: true,
		Mode: load.Saturate, Outstanding: 1024, Tries: 2,
	}
	for _, r := range relays {
		o.Relays = append(o.Relays, load.Relay{Addr: r, CircuitPrefix: "olt/" + r.String() + "/", InterfaceID: "olt/" + r.String()})
		if r.Is6() {
			o.Family, o.NA, o.PD = sqlstore.IPv6, true, true
		}
	}
	f.next += clients
	return o
}

// run lets clients have their exchanges and returns what they took of the
// processor: server and database, not the clients.
func (f *frontends) run(b *testing.B, o load.Options) (*load.Result, time.Duration) {
	b.Helper()
	pids := serverPIDs(b, f.engine)
	for _, fe := range f.list {
		pids = append(pids, fe.cmd.Process.Pid)
		if o.Family == sqlstore.IPv4 {
			o.Servers = append(slices.Clip(o.Servers), fe.DHCP4...)
		} else {
			o.Servers = append(slices.Clip(o.Servers), fe.DHCP6...)
		}
	}
	before, err := load.ProcessCPU(pids...)
	require.NoError(b, err)
	r, err := load.Run(b.Context(), o)
	require.NoError(b, err)
	after, err := load.ProcessCPU(pids...)
	require.NoError(b, err)
	return r, after - before
}
