package storetest_test

import (
	"testing"

	"rowlock/sqlstore/storetest"
)

func TestConformance(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, dialect)
		})
	}
}

// A database goes round all engines and comes back as it was.
func TestMoveRound(t *testing.T) { storetest.RunMoves(t, storetest.Dialects...) }
