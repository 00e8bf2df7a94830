package storetest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// handRace lets two sessions write what cannot be both. Each of the statements
// is legal alone; one of them wins.
func handRace(t *testing.T, h *hand) {
	for _, pair := range [][2]string{
		{newPool(900, 11, "192.0.2.200", "192.0.2.210"), newPool(901, 11, "192.0.2.205", "192.0.2.215")},
		{subnetRow(90, 4, "198.51.100.0/24"), subnetRow(91, 1, "198.51.100.64/26")},
		{"INSERT INTO link (id, name) VALUES (90, 'new')", "INSERT INTO link (id, name) VALUES (91, 'new')"},
		{"UPDATE subnet SET prefix = '192.0.2.0/26' WHERE id = 10", newPool(900, 10, "192.0.2.100", "192.0.2.110")},
		{"UPDATE subnet SET interface = 'eth5' WHERE id = 30", "UPDATE subnet SET interface = 'eth5' WHERE id = 50"},
	} {
		for _, one := range []race{{late: true}, {}, {undone: true}} {
			h.apply(t, handSite())
			first, second := pair[0], pair[1]
			h.race(t, one, first, second)
			h.apply(t, handSite())
			h.race(t, one, second, first)
		}
	}
	setting := "INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', 50, 'renew_timer', '9')"
	h.apply(t, handSite())
	h.race(t, race{late: true}, "DELETE FROM subnet WHERE id = 50", setting)
	h.apply(t, handSite())
	h.does(t, setting, "DELETE FROM subnet WHERE id = 50")
	require.Zero(t, h.db.number(t, "SELECT count(*) FROM parameter WHERE scope = 'subnet' AND scope_id = 50"), "goes with its subnet")
}

// race says how two sessions meet. late: the second one has read before the
// first one commits, and writes after that. undone: the first one rolls back.
type race struct{ late, undone bool }

func (h *hand) race(t *testing.T, how race, first, second string) {
	t.Helper()
	ctx := t.Context()
	sessions := newDatabase(t, h.db.dialect, h.admin.url)
	a, b := sessions.session(t), sessions.session(t)
	defer func() { require.NoError(t, errors.Join(a.Close(), b.Close(), sessions.db.Close())) }()
	must := func(c *sql.Conn, statement string) {
		_, err := c.ExecContext(ctx, statement)
		require.NoError(t, err, statement)
	}
	before := h.load(t).Revision
	must(a, "BEGIN")
	must(b, "BEGIN")
	var n int
	if how.late {
		require.NoError(t, b.QueryRowContext(ctx, "SELECT count(*) FROM pool").Scan(&n))
		require.Positive(t, n)
	}
	must(a, first)
	told := make(chan error, 1)
	write := func() {
		_, err := b.ExecContext(ctx, second)
		if err == nil {
			_, err = b.ExecContext(ctx, "COMMIT")
		}
		told <- err
	}
	if !how.late {
		go write()
	}
	if how.undone {
		must(a, "ROLLBACK")
		require.NoError(t, <-told, "%s after %s was rolled back", second, first)
	} else {
		must(a, "COMMIT")
		if how.late {
			write()
		}
		require.Error(t, <-told, "%s after %s", second, first)
		_, err := b.ExecContext(ctx, "ROLLBACK")
		require.True(t, err == nil || !h.db.server(), "%v", err) // SQLite has done so
	}
	require.Empty(t, sqlstore.Check(h.load(t)), "%s and %s", first, second)
	require.Greater(t, h.load(t).Revision, before)
}

// session is a connection of its own.
func (d *database) session(t testing.TB) *sql.Conn {
	t.Helper()
	c, err := d.db.Conn(context.Background())
	require.NoError(t, err)
	return c
}
