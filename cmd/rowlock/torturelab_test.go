package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/cmd/rowlock/internal/torture"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest/dbserver"
)

// tortureFrontends share a database; an SQLite file has one.
const tortureFrontends = 4

// torturePatience is how long anything may take that has to happen at all.
const torturePatience = 2 * time.Minute

// tortureLab is a database with its frontends, of which any may be dead.
type tortureLab struct {
	t       *testing.T
	dialect string
	url     string
	program string
	server  *dbserver.Server // nil: an SQLite file
	site    *sqlstore.Config
	fronts  []*tortureFront
	log     load.Log
	acks    tortureAcks
	outages []torture.Outage
}

// tortureAcks tells, to who listens, that an acknowledgement has come.
type tortureAcks chan struct{}

// Record is that of load.Recorder.
func (a tortureAcks) Record(e load.Event) {
	if e.Type == load.Ack || e.Type == load.Reply {
		select {
		case a <- struct{}{}:
		default:
		}
	}
}

// tortureFront is a frontend, which keeps its ports from one process to the next.
type tortureFront struct {
	id    string
	lab   *demo // its folder and its processes
	port4 int
	port6 int

	mu    sync.Mutex
	child *child // nil while there is none
	err   error
}

const tortureConfig = `database: %%q
frontend_id: %%q
state_dir: %%q
roles: [dhcp4, dhcp6, ddns]
listen:
  dhcp4: [{address: 127.0.0.1, port: %d}]
  dhcp6: [{address: "::1", port: %d}]
  health: 127.0.0.1:0
log: {level: info, format: json}
`

func newTortureLab(t *testing.T, dialect, program string) *tortureLab {
	t.Helper()
	l := &tortureLab{t: t, dialect: dialect, program: program, acks: make(tortureAcks)}
	l.url = "sqlite:" + filepath.Join(t.TempDir(), "rowlock.db")
	if dialect != "sqlite" {
		// by the socket only: while a server is dead, others may take its port
		args, name, statement := []string{"--skip-networking"}, "", "CREATE DATABASE torture CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
		if dialect == "postgres" {
			args, name, statement = []string{"-c", "listen_addresses="}, "postgres", "CREATE DATABASE torture"
		}
		l.server = dbserver.Start(t, dialect, dbserver.Options{Args: args})
		l.server.Exec(name, statement)
		l.url = l.server.URL("torture")
	}
	text, err := os.ReadFile("testdata/torture/site.yaml")
	require.NoError(t, err)
	l.site, err = site.Parse("site.yaml", text)
	require.NoError(t, err)
	require.NoError(t, (&demo{out: io.Discard}).database(t.Context(), l.url, l.site))
	n := tortureFrontends
	if l.server == nil {
		n = 1
	}
	for i := range n {
		f := &tortureFront{id: fmt.Sprintf("front%d", i+1), port4: freeUDP(t, "udp4"), port6: freeUDP(t, "udp6")}
		f.lab = &demo{out: io.Discard, dir: t.TempDir(), program: program, patience: torturePatience}
		l.fronts = append(l.fronts, f)
		t.Cleanup(func() {
			f.lab.close()
			if t.Failed() {
				t.Log(f.id, tail(filepath.Join(f.lab.dir, f.id+".log")))
			}
		})
	}
	var wg sync.WaitGroup
	for _, f := range l.fronts {
		wg.Go(func() { f.start(t.Context(), l.url) })
	}
	wg.Wait()
	for _, f := range l.fronts {
		require.NoError(t, f.err)
	}
	return l
}

// freeUDP is a free port below those that the system gives to clients, so that
// it is still free when a process comes back.
func freeUDP(t *testing.T, network string) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		c, err := net.ListenUDP(network, &net.UDPAddr{Port: port})
		if err == nil {
			require.NoError(t, c.Close())
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// start starts the process and waits until it serves.
func (f *tortureFront) start(ctx context.Context, url string) {
	c, err := f.lab.launchKept(ctx, f.id, url, fmt.Sprintf(tortureConfig, f.port4, f.port6))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.child, f.err = c, err
}

// kill ends the process at once, unless it is dead already.
func (f *tortureFront) kill() (bool, error) {
	f.mu.Lock()
	c := f.child
	f.child = nil
	f.mu.Unlock()
	if c == nil {
		return false, nil
	}
	return true, c.kill()
}

// stop ends all frontends in order.
func (l *tortureLab) stop() {
	var wg sync.WaitGroup
	for _, f := range l.fronts {
		wg.Go(f.lab.stopServers)
	}
	wg.Wait()
}

// options are those of clients whose packets go to every frontend.
func (l *tortureLab) options(family sqlstore.Family) load.Options {
	o := load.Options{
		Family: family, Seed: tortureSeed, ClientIDs: true, NA: true, PD: true, Rate: 200,
		Timeout: 250 * time.Millisecond, MaxTimeout: 500 * time.Millisecond, Tries: 3, Restarts: 1, Linger: 100 * time.Millisecond,
		Record: load.Tee{&l.log, l.acks},
	}
	for _, link := range l.site.Links {
		for _, s := range link.Subnets {
			if s.Family() == family {
				o.Relays = append(o.Relays, load.Relay{Addr: s.Relays[0], CircuitPrefix: "port/", InterfaceID: "port"})
			}
		}
	}
	for _, f := range l.fronts {
		addr, port := "127.0.0.1", f.port4
		if family == sqlstore.IPv6 {
			addr, port = "::1", f.port6
		}
		o.Servers = append(o.Servers, netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(port)))
	}
	return o
}
