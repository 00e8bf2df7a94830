package main

import (
	"context"
	"io"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
)

// held gives the first clients behind a relay leases and returns how they renew
// them with a frontend, which is asked once.
func held(t *testing.T, s *served, n int) (renew func(at netip.AddrPort) load.Options) {
	t.Helper()
	s.serves("10.20.0.1", n)
	r := s.lease("10.20.0.1", n)
	require.Len(t, r.Leases, n)
	return func(at netip.AddrPort) load.Options {
		o := s.clients("10.20.0.1", n)
		o.Servers, o.Scenario, o.Leases, o.Tries = []netip.AddrPort{at}, load.Renew, r.Leases, 1
		return o
	}
}

// completes tells whether all exchanges are answered.
func completes(t *testing.T, o load.Options) bool {
	r, err := load.Run(context.WithoutCancel(t.Context()), o)
	require.NoError(t, err)
	return r.Completed == o.Clients
}

// A frontend is killed -9 in the middle of a transaction: its locks go with its
// connection, and another frontend serves that client at once.
func (l *faultLab) frontendKilled(t *testing.T) {
	name := l.site(t, 13)
	k := newLink(t, l.db.Addr())
	program, err := exec.LookPath("rowlock")
	require.NoError(t, err)
	d := &demo{out: io.Discard, dir: t.TempDir(), program: program}
	t.Cleanup(d.stopServers)
	victim, err := d.start(t.Context(), "victim", l.url(k.l.Addr().String(), name))
	require.NoError(t, err)
	other := startServe(t, l.url(l.db.Addr(), name))
	other.waitReady()
	renew := held(t, other, 1)

	c := k.catch(commitOf(l.dialect), lostRequest)
	require.False(t, completes(t, renew(victim.ready.DHCP4[0])))
	c.wait(t)
	require.NoError(t, victim.kill())
	killed := time.Now()
	eventually(t, "the row is locked", func() bool { return completes(t, renew(other.dhcp4())) })
	t.Logf("the other frontend renews %d ms after the kill", time.Since(killed).Milliseconds())
	require.Zero(t, other.end())
}

// The machine of a frontend is gone in the middle of a transaction, without a
// word: the server waits for it in vain. Nobody else has to wait for longer
// than the time that a transaction may be idle.
func (l *faultLab) hostGone(t *testing.T) {
	name := l.site(t, 14)
	k, victim := l.linked(t, name)
	other := startServe(t, l.url(l.db.Addr(), name), "frontend_id: two")
	other.waitReady()
	renew := held(t, other, 1)

	c := k.catch(commitOf(l.dialect), lostHost)
	require.False(t, completes(t, renew(victim.dhcp4())))
	c.wait(t)
	gone := time.Now()
	eventually(t, "the row is locked", func() bool { return completes(t, renew(other.dhcp4())) })
	t.Logf("the other frontend renews %.1f s after the machine was gone", time.Since(gone).Seconds())
	require.Zero(t, other.end())
	k.cut()
	require.Zero(t, victim.end())
}

// Likewise for a frontend that was taking free addresses of a pool: others wait
// for that pool's row.
func (l *faultLab) hostGoneWithFree(t *testing.T) {
	name := l.site(t, 15)
	k, victim := l.linked(t, name)
	other := startServe(t, l.url(l.db.Addr(), name), "frontend_id: two")
	other.waitReady()

	c := k.catch(takesFree(l.dialect), lostHost)
	require.Zero(t, victim.lease("10.20.0.1", 1).Completed)
	c.wait(t)
	gone := time.Now()
	other.serves("10.20.0.1", 5)
	t.Logf("the other frontend serves new clients %.1f s after the machine was gone", time.Since(gone).Seconds())
	require.Zero(t, other.end())
	k.cut()
	require.Zero(t, victim.end())
}
