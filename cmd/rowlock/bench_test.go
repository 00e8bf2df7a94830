package main_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/storetest/dbserver"
)

// BenchmarkLanes measures the store alone: no packets, no engine. One exchange
// is an offer inserted and then committed, for a client never seen before.
// The processor time is that of this process and of the database.
func BenchmarkLanes(b *testing.B) {
	for _, dialect := range storetest.Dialects {
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			for _, size := range []int{1, 16, 64, 128, 256} {
				b.Run(fmt.Sprintf("%s/%s/batch=%d", dialect, f, size), func(b *testing.B) {
					s := storetest.Open(b, storetest.Migrated(b, dialect))
					benchLanes(b, s, f, size, serverPID(b, dialect))
				})
			}
		}
	}
}

// BenchmarkPooler is BenchmarkLanes on a PostgreSQL of its own, directly and
// behind PgBouncer in transaction mode.
func BenchmarkPooler(b *testing.B) {
	db := dbserver.Start(b, "postgres", dbserver.Options{})
	b.Setenv("ROWLOCK_TEST_POSTGRES", db.URL("postgres"))
	pooled, pooler := dbserver.StartPooler(b, db, "")
	for _, way := range []string{"direct", "pooler"} {
		for _, size := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/batch=%d", way, size), func(b *testing.B) {
				u := storetest.Migrated(b, "postgres")
				if way == "pooler" {
					at, err := url.Parse(u)
					require.NoError(b, err)
					u = strings.Replace(pooled, "/?", at.Path+"?", 1)
				}
				benchLanes(b, storetest.Open(b, u), sqlstore.IPv4, size, []int{db.PID(), pooler.PID()})
			})
		}
	}
}

func benchLanes(b *testing.B, s sqlstore.Store, f sqlstore.Family, size int, pids []int) {
	cpu := cpuOf(b, pids)
	before, started := cpu(), time.Now()
	n := 0
	for b.Loop() {
		inserts, updates := exchange(f, n, size)
		n += size
		res, err := s.Apply(b.Context(), &sqlstore.Batch{Inserts: inserts})
		require.NoError(b, err)
		require.Equal(b, sqlstore.Inserted, res.Inserts[size-1].Status)
		res, err = s.Apply(b.Context(), &sqlstore.Batch{Updates: updates})
		require.NoError(b, err)
		require.Equal(b, sqlstore.Updated, res.Updates[size-1].Status)
	}
	report(b, n, cpu()-before, time.Since(started))
}

// report adds exchanges a second and processor time per exchange.
func report(b *testing.B, exchanges int, cpu, wall time.Duration) {
	b.ReportMetric(float64(exchanges)/wall.Seconds(), "exchanges/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(exchanges), "cpu-us/exchange")
}

// exchange makes the statements' items for size clients from number first on,
// sorted by key.
func exchange(f sqlstore.Family, first, size int) (ins []sqlstore.Insert, ups []sqlstore.Update) {
	for i := range size {
		n := uint32(first + i)
		id := binary.BigEndian.AppendUint64([]byte{1}, uint64(n))
		c := sqlstore.Client{
			HWAddr: id[3:], HWType: 1, ClientID: id, Hostname: "cpe-" + strconv.Itoa(int(n)),
			RelayAddr: netip.MustParseAddr("192.0.2.1"), CircuitID: []byte("ge-0/0/1:" + strconv.Itoa(int(n))), RemoteID: id[3:],
		}
		key, addr, length := sqlstore.ClientKey(1, sqlstore.KeyClientID, id), netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+n))), uint8(32)
		if f == sqlstore.IPv6 {
			a := netip.MustParseAddr("2001:db8::").As16()
			binary.BigEndian.PutUint64(a[8:], uint64(n)*0x9e3779b97f4a7c15)
			key, addr, length = sqlstore.IAKey(1, sqlstore.KeyDUID, id, 1, sqlstore.NA, 0), netip.AddrFrom16(a), 128
		}
		ins = append(ins, sqlstore.Insert{
			Family: f, Key: key, Addr: addr, PrefixLen: length, SubnetID: 1, PoolID: 1, PoolGen: 1,
			ValidLft: 3600, PrefLft: 1800, OfferLft: 60, Client: c,
		})
		ups = append(ups, sqlstore.Update{
			Family: f, Action: sqlstore.Activate, Key: key, Addr: addr, Message: i, Count: 1, ValidLft: 3600, PrefLft: 1800, Client: c,
		})
	}
	return ins, ups
}

// serverPID is the first process of the database server, where it has one and
// ROWLOCK_TEST_<DIALECT>_PID names it.
func serverPID(b *testing.B, dialect string) []int {
	text := strings.TrimSpace(os.Getenv("ROWLOCK_TEST_" + strings.ToUpper(dialect) + "_PID"))
	if text == "" {
		return nil
	}
	pid, err := strconv.Atoi(text)
	require.NoError(b, err)
	return []int{pid}
}

// cpuOf returns a clock of the processor time of this process and of others.
func cpuOf(b *testing.B, pids []int) func() time.Duration {
	pids = append([]int{os.Getpid()}, pids...)
	return func() time.Duration {
		d, err := load.ProcessCPU(pids...)
		require.NoError(b, err)
		return d
	}
}
