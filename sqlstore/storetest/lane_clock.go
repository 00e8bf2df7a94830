package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// The time of a transaction may be before that of the one that changed the row
// last: it began earlier and came to the row later, or the clock was set back.
// A holding never begins before one that it follows on: the history would show
// two at one time.
func laneClock(t *testing.T, b *bench) {
	for i, a := range []sqlstore.Action{sqlstore.Activate, sqlstore.Hold} {
		for j, client := range []string{"known", "new name"} { // in MySQL these are different statements
			l := b.row(t, 2*i+j, "offered")
			n := b.db.exec(t, "UPDATE %s SET since = %s WHERE %s", table(l.Family), b.db.future(time.Minute), b.db.rowOf(l.Key))
			require.Equal(t, int64(1), n)
			from := micros(b.db.number(t, "SELECT %s FROM %s WHERE %s", b.db.micros("since"), table(l.Family), b.db.rowOf(l.Key)))
			u := b.update(a, l, 0)
			if client == "new name" {
				u.Client.Hostname = "new.example.org"
			}
			res := change(t, b.store, u)
			require.Equal(t, sqlstore.Updated, res.Status)
			require.Equal(t, from, res.Lease.Since, "%d, %s", a, client)
			require.Equal(t, from.UnixMicro(), b.db.number(t, "SELECT %s FROM %s WHERE %s", b.db.micros("since"), table(l.Family), b.db.rowOf(l.Key)))
		}
	}
}
