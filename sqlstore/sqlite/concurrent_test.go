package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// A tool in another process lists leases and changes the configuration while
// the server writes; nobody fails and nothing is lost.
func TestToolsBesideTheServer(t *testing.T) {
	x := newFixture(t)
	tool := openTest(t, x.path)
	const batches, size = 60, 16
	var wg sync.WaitGroup
	var finished atomic.Bool
	wg.Go(func() {
		defer finished.Store(true)
		for b := range batches {
			offers, commits := &sqlstore.Batch{}, &sqlstore.Batch{}
			for i := range size {
				in := offer4(b*size + i)
				offers.Inserts = append(offers.Inserts, in)
				commits.Updates = append(commits.Updates, commit(in))
			}
			for _, batch := range []*sqlstore.Batch{offers, commits} {
				if _, err := x.Apply(context.Background(), batch); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	wg.Go(func() {
		for seen := 0; !finished.Load(); {
			list, err := tool.Leases(context.Background(), sqlstore.LeaseFilter{Limit: 100000})
			if err != nil {
				t.Error(err)
				return
			}
			if len(list) < seen || len(list)%size != 0 {
				t.Errorf("%d leases after %d: half a batch, or some are gone", len(list), seen)
				return
			}
			seen = len(list)
		}
	})
	wg.Go(func() {
		for i := 0; !finished.Load(); i++ {
			c := site()
			c.Parameters["valid_lifetime"] = fmt.Sprint(i)
			if _, err := tool.ApplyConfig(context.Background(), sqlstore.AnyRevision, c, "tool", ""); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	wg.Wait()
	require.Equal(t, int64(batches*size), x.number("SELECT count(*) FROM lease4 WHERE state = 2"))
}

// INV-1 and INV-3: several stores, the same clients, few addresses, churn. No
// address has two holders and no client two bindings; every committed lease is
// in the table or in the history.
func TestManyWritersOneHolder(t *testing.T) {
	x := newFixture(t)
	stores := []*Store{x.Store, openTest(t, x.path), openTest(t, x.path)}
	var wg sync.WaitGroup
	var fresh, ended atomic.Int64
	for i, s := range stores {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 120 {
				b := &sqlstore.Batch{}
				used := map[int]bool{}
				for range 8 {
					n := r.IntN(60)
					if used[n] {
						continue
					}
					used[n] = true
					in := offer4(n)
					in.Addr = addr4(r.IntN(40))
					b.Inserts = append(b.Inserts, in)
				}
				res, err := s.Apply(context.Background(), b)
				if err != nil {
					t.Error(err)
					return
				}
				u := &sqlstore.Batch{}
				for _, found := range res.Inserts {
					if found.Status == sqlstore.NotPlaced {
						continue
					}
					c := sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Activate, Key: found.Lease.Key, Addr: found.Lease.Addr, Rev: found.Lease.Rev, ValidLft: 600}
					if found.Lease.State == sqlstore.Active && r.IntN(2) == 0 {
						c.Action = sqlstore.Release
					}
					u.Updates = append(u.Updates, c)
				}
				done, err := s.Apply(context.Background(), u)
				if err != nil {
					t.Error(err)
					return
				}
				for i, d := range done.Updates {
					if d.Fresh {
						fresh.Add(1)
					}
					if d.Status == sqlstore.Updated && u.Updates[i].Action == sqlstore.Release {
						ended.Add(1)
					}
				}
				pool := pool4(1, "198.51.100.0", "198.51.100.255")
				if _, err := s.Reclaim(context.Background(), []*sqlstore.Pool{pool}, 4); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.NotZero(t, ended.Load())
	require.Equal(t, ended.Load(), x.number("SELECT count(*) FROM lease_history"))
	require.Equal(t, fresh.Load(), x.number("SELECT count(*) FROM lease4 WHERE state = 2")+ended.Load())
	require.Zero(t, x.number("SELECT count(*) FROM (SELECT 1 FROM lease4 GROUP BY vrf, addr HAVING count(*) > 1)"))
	require.Zero(t, x.number(`SELECT count(*) FROM lease_history a JOIN lease_history b ON a.addr = b.addr AND a.rowid < b.rowid
		AND a.since < b.ended_at AND b.since < a.ended_at`), "no two holdings of an address overlap")
}

// A server that never rests lets a tool write soon.
func TestBusyServerLetsToolsWrite(t *testing.T) {
	x := newFixture(t)
	tool := openTest(t, x.path)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := x.Apply(context.Background(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(n)}}); err != nil {
				done <- err
				return
			}
		}
	}()
	for i := range 30 {
		_, err := tool.Lead(t.Context(), fmt.Sprint("name", i), "tool", time.Second)
		require.NoError(t, err)
	}
	close(stop)
	require.NoError(t, <-done)
}

// Waiting for the writer ends with the context; another process that holds the
// file for long is a reason to repeat.
func TestWriterWaits(t *testing.T) {
	x := newFixture(t)
	x.w.lock <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := x.Apply(ctx, &sqlstore.Batch{})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	<-x.w.lock

	conn, err := x.db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	_, err = x.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}})
	require.ErrorIs(t, err, sqlstore.ErrRetry)
	_, ok := x.row4beside(1)
	require.False(t, ok, "readers go on")
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, sqlstore.Inserted, x.insert(offer4(1)).Status)
}

// row4beside reads by the read connections.
func (x *fixture) row4beside(n int) (sqlstore.Lease, bool) {
	x.t.Helper()
	list, err := x.Leases(x.t.Context(), sqlstore.LeaseFilter{Addr: addr4(n)})
	require.NoError(x.t, err)
	if len(list) == 0 {
		return sqlstore.Lease{}, false
	}
	return list[0], true
}

// A full disk fails the batch as a whole, and the store works again when there
// is room.
func TestFullDisk(t *testing.T) {
	x := newFixture(t)
	var pages int64
	limit := func(n int64) {
		require.NoError(t, x.w.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n)).Scan(&pages))
	}
	limit(1) // SQLite makes it what the file has
	full := &sqlstore.Batch{}
	for n := range 2000 {
		full.Inserts = append(full.Inserts, offer4(n))
	}
	_, err := x.Apply(t.Context(), full)
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.Zero(t, x.number("SELECT count(*) FROM lease4"))
	limit(1 << 30)
	require.Equal(t, sqlstore.Inserted, x.insert(offer4(1)).Status)
}

func TestCloseLetsGoOfTheFile(t *testing.T) {
	x := newFixture(t)
	file := filepath.Join(t.TempDir(), "closed.db")
	m, err := NewMigrator(file, nil, true)
	require.NoError(t, err)
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.Close())
	s, err := Open(t.Context(), file, Options{})
	require.NoError(t, err)
	require.NoError(t, s.LockServing())
	_, err = s.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1)}, Updates: []sqlstore.Update{commit(offer4(1))}})
	require.NoError(t, err)
	_, err = s.Leases(t.Context(), sqlstore.LeaseFilter{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			require.False(t, strings.HasPrefix(to, file), to)
		}
	}
	_, err = os.Stat(file + "-wal")
	require.ErrorIs(t, err, os.ErrNotExist, "the log is merged by the last one to close")
	require.NoError(t, x.Ping(t.Context()))
}

// Transactions that have all the connections for reading wait for nobody: each
// reads by statements that nothing has used before.
func TestSnapshotsAtOnce(t *testing.T) {
	x := newFixture(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var begun, done sync.WaitGroup
	begun.Add(readers)
	errs := make([]error, readers)
	for i := range readers {
		done.Go(func() {
			errs[i] = x.r.snapshot(ctx, func(tx *sql.Tx) error {
				begun.Done()
				begun.Wait()
				_, err := loadConfig(x.configReader(ctx, tx), nil)
				return err
			})
		})
	}
	done.Wait()
	require.NoError(t, errors.Join(errs...))
}
