package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Exec runs statements on the database of the URL, in one transaction, as
// somebody with a SQL shell would.
func Exec(t testing.TB, dialect, databaseURL string, statements ...string) {
	t.Helper()
	db := newDatabase(t, dialect, databaseURL)
	require.NoError(t, db.together(t, statements...))
}

// together runs statements in one transaction. What fails takes all of it back.
func (d *database) together(t testing.TB, statements ...string) error {
	tx, err := d.db.BeginTx(t.Context(), nil)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(t.Context(), s); err != nil {
			_ = tx.Rollback()
			return err
		}
	}
	return tx.Commit()
}
