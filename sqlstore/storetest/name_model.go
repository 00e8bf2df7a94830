package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// zoneModel is a DNS server and what leases want of it, in memory. "" is no
// record.
type zoneModel struct {
	*follower
	mu     sync.Mutex
	wanted map[string]string
	dns    map[string]string
	quiet  bool // nobody sends late any more
}

const (
	lateTime     = time.Hour // what was sent late has come by then
	modelNames   = 12
	modelRounds  = 120
	modelWorkers = 4
)

// Many mark, claim and finish at once; claims run out at any moment, workers
// stop without a word and send although their claim is lost. In the end DNS has
// what was wanted last.
func nameModel(t *testing.T, f *follower) {
	m := &zoneModel{follower: f, wanted: map[string]string{}, dns: map[string]string{}}
	var marking, working sync.WaitGroup
	stop := make(chan struct{})
	for w := range 2 {
		marking.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range modelRounds {
				m.change(t, r, fmt.Sprintf("v%d-%d", w, i))
			}
		})
	}
	for w := range modelWorkers {
		working.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(w)))
			for {
				select {
				case <-stop:
					return
				default:
					m.work(t, r, fmt.Sprint("w", w), true)
				}
			}
		})
	}
	working.Go(func() { // time goes by in leaps
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				m.exec(t, "UPDATE dns_name SET due_at = %s WHERE holder <> '' AND name = '%s'", m.back("due_at", claimTime), modelName(i%modelNames))
			}
		}
	})
	marking.Wait()
	close(stop)
	working.Wait()
	m.quiet = true
	m.exec(t, "UPDATE dns_name SET due_at = %s", m.back("due_at", 2*lateTime))
	for i := 0; m.work(t, nil, "last", false) > 0; i++ {
		require.Less(t, i, 1000, "no end")
	}
	m.compare(t)
}

func modelName(n int) string { return fmt.Sprintf("m%d.example.org", n) }

// change wants something else at some names and marks them.
func (m *zoneModel) change(t *testing.T, r *rand.Rand, value string) {
	var marks []sqlstore.NameMark
	m.mu.Lock()
	for range 1 + r.IntN(3) {
		name := modelName(r.IntN(modelNames))
		if m.wanted[name] = value; r.IntN(3) == 0 {
			m.wanted[name] = ""
		}
		marks = append(marks, sqlstore.NameMark{Name: name, Zone: homeZone, VRF: 1, Addr: variants[0].addr(1)})
	}
	m.mu.Unlock()
	untilDone(t, func() error { return m.store.MarkNames(context.Background(), marks) })
}

// untilDone repeats what may meet a deadlock, as every caller does.
func untilDone(t *testing.T, do func() error) {
	err := do()
	for range 20 {
		if !errors.Is(err, sqlstore.ErrRetry) {
			break
		}
		err = do()
	}
	require.NoError(t, err)
}

// work takes some names through one round, as a worker does, and returns how
// many. An unreliable one stops in the middle, or sends too late.
func (m *zoneModel) work(t *testing.T, r *rand.Rand, holder string, unreliable bool) int {
	ctx := context.Background()
	var names []sqlstore.DNSName
	untilDone(t, func() (err error) {
		names, err = m.store.ClaimNames(ctx, holder, claimTime, 5, nil)
		return err
	})
	var attempts []sqlstore.NameAttempt
	want := map[string]string{}
	m.mu.Lock()
	for _, n := range names {
		want[n.Name] = m.wanted[n.Name]
		attempts = append(attempts, sqlstore.NameAttempt{Name: n.Name, Claim: n.Claim, Attempted: sqlstore.MergeRecords(n.Published, n.Attempted, want[n.Name])})
	}
	m.mu.Unlock()
	if unreliable && r.IntN(10) == 0 {
		return len(names)
	}
	lost := map[string]bool{}
	untilDone(t, func() error {
		gone, err := m.store.AttemptNames(ctx, holder, claimTime, attempts)
		for _, name := range gone {
			lost[name] = true
		}
		return err
	})
	if unreliable && r.IntN(10) == 0 {
		return len(names)
	}
	if unreliable && r.IntN(3) == 0 {
		time.Sleep(time.Duration(r.IntN(int(20 * time.Millisecond)))) // so that the claims may run out
	}
	var outcomes []sqlstore.NameOutcome
	for _, n := range names {
		if !lost[n.Name] {
			outcomes = append(outcomes, m.send(n, want[n.Name]))
		}
	}
	untilDone(t, func() error {
		_, err := m.store.FinishNames(ctx, holder, outcomes)
		return err
	})
	return len(names)
}

// send brings a record into DNS, unless it is known to be there.
func (m *zoneModel) send(n sqlstore.DNSName, want string) sqlstore.NameOutcome {
	if n.Published != want || n.Attempted != "" {
		m.mu.Lock()
		m.dns[n.Name] = want
		m.mu.Unlock()
	}
	o := done(n, want)
	o.Zone = homeZone
	if want == "" {
		o.Delete, o.Stale = true, []sqlstore.NameMark{{Name: n.Name, VRF: 1, Addr: variants[0].addr(1)}}
	}
	if n.Attempted != "" && !m.quiet { // what somebody sent before may come after this
		o.Attempted, o.Retry, o.Delete = sqlstore.MergeRecords(n.Attempted, want), lateTime, false
	}
	return o
}

// compare looks at DNS and at the rows when all is quiet.
func (m *zoneModel) compare(t *testing.T) {
	rows := map[string]sqlstore.DNSName{}
	list, err := m.store.DNSNames(t.Context(), sqlstore.NameFilter{})
	require.NoError(t, err)
	for _, n := range list {
		rows[n.Name] = n
	}
	for i := range modelNames {
		name := modelName(i)
		want := m.wanted[name]
		require.Equal(t, want, m.dns[name], name)
		row, there := rows[name]
		require.Equal(t, want != "", there, name)
		addrs := m.number(t, "SELECT count(*) FROM dns_name_addr WHERE name = '%s'", name)
		require.Equal(t, there, addrs == 1, name)
		if there {
			require.Equal(t, []any{want, "", "", true}, []any{row.Published, row.Attempted, row.Holder, row.DueAt.IsZero()}, name)
		}
	}
}
