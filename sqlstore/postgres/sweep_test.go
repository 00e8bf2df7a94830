package postgres_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/storetest"
)

// Forgetting passes through all pools, deletes what is over and nothing else,
// and no more than it was told to.
func TestForgetOfManyPools(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	for _, f := range families {
		table := fmt.Sprintf("lease%d", f)
		fill(t, c, f, 1500) // 30 rows of each of 50 pools: 10 active, 10 expired and 10 released, dead for a minute
		run(t, c, fmt.Sprintf("UPDATE %s SET state = 5 WHERE pool_id = 50 AND state = 4", table))
		run(t, c, fmt.Sprintf("UPDATE %s SET reclaim_at = now() + interval '1 hour' WHERE pool_id = 49 AND state <> 2", table))
		run(t, c, "DELETE FROM addr_free")
		n, err := s.Forget(t.Context(), f, 3600, 10000)
		require.NoError(t, err)
		require.Equal(t, 10, n, "those whose affinity does not matter")
		n, err = s.Forget(t.Context(), f, 0, 700)
		require.NoError(t, err)
		require.Equal(t, 700, n)
		n, err = s.Forget(t.Context(), f, 0, 10000)
		require.NoError(t, err)
		require.Equal(t, 48*20+10-700, n)
		require.Equal(t, 500+20, number(t, c, "SELECT count(*) FROM "+table))
		require.Equal(t, 48*20+20, number(t, c, "SELECT count(*) FROM addr_free"))
	}
}
