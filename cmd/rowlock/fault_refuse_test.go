package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore/storetest/dbserver"
)

// refused watches a server whose database refuses to write, for some seconds
// and under clients that go on asking: it does not try without end. It returns
// how many clients got an address.
func refused(t *testing.T, k *link, s *served) (served int, log *load.Log) {
	t.Helper()
	before, _ := k.count()
	lines := s.logged("")
	tried := s.metric("rowlock_sqlstore_transaction_seconds_count", "")
	began := time.Now()
	log = &load.Log{}
	o := s.clients("10.20.0.1", 60)
	o.First, o.Mode, o.Rate, o.Outstanding, o.Record = 5000, load.Rate, 60, 0, log
	r, err := load.Run(t.Context(), o)
	require.NoError(t, err)
	took := time.Since(began).Seconds()
	made, _ := k.count()
	tries := s.metric("rowlock_sqlstore_transaction_seconds_count", "") - tried
	t.Logf("in %.1f s: %d connections, %.0f transactions, log %d lines", took, made-before, tries, s.logged("")-lines)
	// 60 clients sent up to three DISCOVERs, each of which is tried once or twice
	require.Less(t, tries, 400.0)
	require.Less(t, float64(made-before), 20*took+50)
	return r.Completed, log
}

// The server is read-only: it is as good as away. It is used again when that
// is over.
func (l *faultLab) readOnly(t *testing.T) {
	name := l.site(t, 8)
	k, s := l.linked(t, name)
	s.serves("10.20.0.1", 20)
	before := active(t, l.db.URL(name))

	l.setReadOnly(true)
	took := s.notReady("")
	served, _ := refused(t, k, s)
	require.Zero(t, served, "acknowledgements of what is not written")
	s.notReady("heartbeat: not confirmed")
	require.NotZero(t, s.logged("frontend.heartbeat_failed"))
	require.Zero(t, s.metric("rowlock_sqlstore_ready", ""))
	l.setReadOnly(false)
	back := s.serves("10.20.0.1", 20)
	require.Equal(t, 1.0, s.metric("rowlock_sqlstore_ready", ""))
	require.Equal(t, before, active(t, l.db.URL(name)))
	t.Logf("not ready after %.1f s; serves %d ms after the server was writable", took.Seconds(), back.Milliseconds())
	require.Zero(t, s.end())
}

func (l *faultLab) setReadOnly(on bool) {
	switch l.dialect {
	case "postgres":
		l.db.Exec("postgres", "SET default_transaction_read_only = off",
			fmt.Sprintf("ALTER SYSTEM SET default_transaction_read_only = %t", on), "SELECT pg_reload_conf()")
	case "mariadb":
		l.db.Exec("", fmt.Sprintf("SET GLOBAL read_only = %t", on))
	default:
		l.db.Exec("", fmt.Sprintf("SET GLOBAL super_read_only = %t", on), fmt.Sprintf("SET GLOBAL read_only = %t", on))
	}
}

// The disk is full: the same, though the server answers what writes nothing
// new. It goes on when there is room.
func (l *faultLab) diskFull(t *testing.T) {
	name := l.site(t, 7)
	k, s := l.linked(t, name)
	s.serves("10.20.0.1", 20)
	before := active(t, l.db.URL(name))

	t.Cleanup(l.db.Disk.Free)
	o := s.clients("10.30.0.1", 200)
	for o.Outstanding, o.Tries = 64, 1; ; o.First += o.Clients { // there is room in pages that are there
		l.db.Disk.Fill()
		r, err := load.Run(t.Context(), o)
		require.NoError(t, err)
		require.Less(t, o.First, 20_000, "the disk does not become full")
		if r.Completed < r.Started/2 {
			break
		}
	}
	_, log := refused(t, k, s) // the server may find room again: then what it acknowledges is written
	require.NotZero(t, s.logged("lane.failed"))
	require.Regexp(t, `"event":"lane.failed","err":"[^\n]*(53100|1114|1021|ENOSPC)`, s.log.String())
	acked(t, l.db.URL(name), log)
	l.db.Disk.Free()
	back := s.serves("10.20.0.1", 20)
	for key, addr := range before {
		require.Equal(t, addr, active(t, l.db.URL(name))[key])
	}
	t.Logf("serves %d ms after there was room", back.Milliseconds())
	require.Zero(t, s.end())
}

// A file on a full disk takes nothing, not even heartbeats.
func diskFullOnSQLite(t *testing.T) {
	dir := t.TempDir()
	disk := dbserver.NewDisk(t, dir, 64<<20)
	defer func() { require.NoError(t, disk.Unmount()) }()
	url := "sqlite:" + filepath.Join(dir, "rowlock.db")
	applySample(t, url)
	s := startServe(t, url)
	s.waitReady()
	renew := held(t, s, 20)(s.dhcp4())
	before := active(t, url)

	disk.Fill()
	eventually(t, "the disk does not become full", func() bool { // there is room in the log of changes
		r, err := load.Run(t.Context(), renew)
		require.NoError(t, err)
		return r.Completed == 0
	})
	took := s.notReady("heartbeat: not confirmed")
	require.NotZero(t, s.logged("lane.failed"))
	require.NotZero(t, s.logged("frontend.heartbeat_failed"))
	disk.Free()
	back := s.serves("10.20.0.1", 20)
	for key, addr := range before {
		require.Equal(t, addr, active(t, url)[key])
	}
	t.Logf("not ready after %.1f s; serves %d ms after there was room", took.Seconds(), back.Milliseconds())
	require.Zero(t, s.end())
}

// Others have taken all connections: the server waits for one, with pauses and
// without holding more than its pools may have, and goes on when there are some.
func (l *faultLab) tooManyConnections(t *testing.T) {
	name := l.site(t, 9)
	k, s := l.linked(t, name)
	s.serves("10.20.0.1", 20)

	k.set(func() { k.closed = true })
	k.cut()
	release := l.takeConnections(t, name)
	k.set(func() { k.closed = false })
	s.notReady("")
	served, _ := refused(t, k, s)
	require.Zero(t, served, "acknowledgements of what is not written")
	release()
	back := s.serves("10.20.0.1", 20)
	_, peak := k.count()
	t.Logf("serves %d ms after connections were there; %d connections at most", back.Milliseconds(), peak)
	require.LessOrEqual(t, peak, 20)
	require.Zero(t, s.end())
}

// takeConnections connects until the server refuses that.
func (l *faultLab) takeConnections(t *testing.T, name string) (release func()) {
	t.Helper()
	admin := l.admin(t, name)
	driver, source := "mysql", labUser+"@unix("+l.db.Socket+")/"+name
	if l.dialect == "postgres" {
		driver, source = "pgx", l.db.URL(name)
	} else {
		runAll(t, admin, "SET GLOBAL max_connections = 40")
	}
	var taken []*sql.DB
	for range 250 {
		db, err := sql.Open(driver, source)
		require.NoError(t, err)
		taken = append(taken, db)
		if err := db.PingContext(t.Context()); err != nil {
			require.Regexp(t, `53300|1040`, err.Error())
			return func() {
				if l.dialect != "postgres" {
					runAll(t, admin, "SET GLOBAL max_connections = 400")
				}
				for _, db := range taken {
					require.NoError(t, db.Close())
				}
			}
		}
	}
	t.Fatal("the server takes any number of connections")
	return nil
}
