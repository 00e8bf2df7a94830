package storetest

import (
	"cmp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const (
	messageRounds = 150 // batches of messages,
	messageCount  = 20  // with so many in each
	messageTime   = time.Second
)

// laneMessageRace lets somebody else renew the first binding of messages of two
// while these are taken: of each message both are changed, or none.
func laneMessageRace(t *testing.T, b *bench) {
	if b.family == sqlstore.IPv4 {
		t.Skip("a message of DHCPv4 has one item")
	}
	var pairs, firsts []sqlstore.Lease
	for m := range messageCount {
		pair := []sqlstore.Lease{b.row(t, 2*m+1, "active"), b.row(t, 2*m+2, "active")}
		pairs, firsts = append(pairs, pair...), append(firsts, pair[0])
	}
	renewals := func(rows []sqlstore.Lease, each int) *sqlstore.Batch {
		batch := &sqlstore.Batch{}
		for i, l := range rows {
			u := b.update(sqlstore.Activate, l, 0)
			u.Message, u.Count = i/each, each
			batch.Updates = append(batch.Updates, u)
		}
		slices.SortFunc(batch.Updates, func(a, b sqlstore.Update) int { return cmp.Compare(a.Key, b.Key) })
		return batch
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = b.store.Apply(t.Context(), renewals(firsts, 1))
			}
		}
	})
	both := 0
	for end := time.Now().Add(messageTime); both < messageRounds*messageCount && time.Now().Before(end); {
		batch := renewals(pairs, 2)
		res := apply(t, b.store, batch)
		changed := map[int]int{}
		for i, u := range batch.Updates {
			if res.Updates[i].Status == sqlstore.Updated {
				changed[u.Message]++
			}
		}
		for m, n := range changed {
			require.Equal(t, 2, n, "message %d was changed by half", m)
			both++
		}
	}
	require.Positive(t, both)
}

// laneHalfway stops a batch between the transaction that renews and the one that
// does what is left: the batch may be sent again as a whole.
func laneHalfway(t *testing.T, b *bench) {
	if !b.db.postgres() {
		t.Skip("elsewhere a batch is one transaction")
	}
	live, gone := b.row(t, 1, "active"), b.row(t, 2, "runout")
	batch := &sqlstore.Batch{Updates: []sqlstore.Update{b.update(sqlstore.Activate, live, 0), b.update(sqlstore.Activate, gone, gone.Rev)}}
	batch.Updates[1].Message = 1
	tx, err := b.db.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE lease_history IN ACCESS EXCLUSIVE MODE") // only a holding that ends needs it
	require.NoError(t, err)
	_, err = b.store.Apply(t.Context(), batch)
	require.ErrorIs(t, err, sqlstore.ErrRetry)
	require.Greater(t, b.read(t, live.Key).Rev, live.Rev, "the first transaction is through")
	require.Equal(t, gone.Rev, b.read(t, gone.Key).Rev)
	require.NoError(t, tx.Rollback())

	res := apply(t, b.store, batch)
	for i, l := range []sqlstore.Lease{live, gone} {
		require.Equal(t, sqlstore.Updated, res.Updates[i].Status)
		require.Equal(t, l.State == sqlstore.Active && !l.Live(), res.Updates[i].Fresh)
		require.Equal(t, res.Updates[i].Lease.Rev, b.read(t, l.Key).Rev)
	}
	require.Equal(t, live.Since, res.Updates[0].Lease.Since, "the holding goes on")
	require.Len(t, b.db.history(t, b.family, b.vrf), 1)
}
