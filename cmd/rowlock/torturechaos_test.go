package main

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/torture"
	"rowlock/sqlstore/mysql"
)

// tortureChaos kills things.
type tortureChaos struct {
	*tortureLab
	db       *sql.DB
	r        *rand.Rand
	back     sync.WaitGroup // frontends that are being started
	fronts   int            // killed
	conns    int            // killed
	restarts int
}

// openSQL opens the lab's database beside the store.
func (l *tortureLab) openSQL() *sql.DB {
	l.t.Helper()
	driver, source := "pgx", l.url
	switch {
	case l.server == nil:
		driver, source = "sqlite", "file:"+strings.TrimPrefix(l.url, "sqlite:")+"?_pragma=busy_timeout(2000)"
	case l.dialect != "postgres":
		var err error
		driver = "mysql"
		source, err = mysql.DSN(l.url)
		require.NoError(l.t, err)
	}
	db, err := sql.Open(driver, source)
	require.NoError(l.t, err)
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(0) // it would be killed too
	l.t.Cleanup(func() { _ = db.Close() })
	return db
}

// run kills a frontend or a connection every 200 to 500 ms, and every so often
// the database, for a time and until it has killed each and clients have done
// enough for a proof. All frontends run when it returns.
func (c *tortureChaos) run(length, databaseEvery time.Duration) {
	end := time.Now().Add(length)
	next := time.Now().Add(databaseEvery)
	for n := 0; time.Now().Before(end) || !c.enough() && time.Now().Before(end.Add(torturePatience)); n++ {
		time.Sleep(time.Duration(200+c.r.IntN(300)) * time.Millisecond)
		c.age()
		switch {
		case c.server != nil && time.Now().After(next):
			c.acknowledged()
			c.restart()
			next = time.Now().Add(databaseEvery)
		case c.server != nil && n%2 == 0:
			c.killConn()
		default:
			if c.r.IntN(2) == 0 {
				c.acknowledged()
			}
			c.killFront()
		}
	}
	c.back.Wait()
	require.True(c.t, c.enough(), "killed: %d frontends, %d connections, %d times the database; too few: %v",
		c.fronts, c.conns, c.restarts, torture.Missing(c.log.Events()))
}

// enough tells whether something of each kind was killed, and clients did enough.
func (c *tortureChaos) enough() bool {
	killed := c.fronts > 0 && (c.server == nil || c.conns > 0 && c.restarts > 0)
	return killed && len(torture.Missing(c.log.Events())) == 0
}

// acknowledged waits, not for long, for the next acknowledgement: what it says
// must not depend on what the killed one, or the database, still had to do.
func (c *tortureChaos) acknowledged() {
	select {
	case <-c.acks:
	case <-time.After(500 * time.Millisecond):
	}
}

// killFront kills a frontend that runs, if any does; it comes back at once.
func (c *tortureChaos) killFront() {
	for _, i := range c.r.Perm(len(c.tortureLab.fronts)) {
		f := c.tortureLab.fronts[i]
		killed, err := f.kill()
		if err != nil {
			c.t.Errorf("kill %s: %v", f.id, err)
		}
		if killed {
			c.fronts++
			c.back.Go(func() { f.start(context.WithoutCancel(c.t.Context()), c.url) })
			return
		}
	}
}

// restart kills the database server, and starts it on what is left.
func (c *tortureChaos) restart() {
	from := time.Now()
	c.server.Crash()
	c.server.Run()
	c.outages = append(c.outages, torture.Outage{From: from, To: time.Now()})
	c.restarts++
}

// Statements for a person beside the server. A connection that works is killed as
// often as one that does not.
const (
	killPostgres = `SELECT count(pg_terminate_backend(pid)) FROM (
		SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
		 ORDER BY CASE WHEN $1 THEN state = 'active' END DESC, random() LIMIT 1) x`
	findMySQL = `SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()
		ORDER BY CASE WHEN ? THEN command = 'Query' END DESC, rand() LIMIT 1`
)

// killConn kills a connection to the database.
func (c *tortureChaos) killConn() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	busy := c.r.IntN(2) == 0
	var n int64
	var err error
	if c.dialect == "postgres" {
		err = c.db.QueryRowContext(ctx, killPostgres, busy).Scan(&n)
	} else if err = c.db.QueryRowContext(ctx, findMySQL, busy).Scan(&n); err == nil {
		_, err = c.db.ExecContext(ctx, "KILL ?", n)
	}
	if err == nil && n > 0 {
		c.conns++
	}
}

// age ends the time for which nobody else gets the address of a lease that has
// ended: it is a minute at least, and these runs are shorter.
func (c *tortureChaos) age() bool {
	statement := map[string]string{
		"postgres": "UPDATE lease_ SET reclaim_at = now() WHERE reclaim_at > now() AND state IN (3, 4)",
		"sqlite":   "UPDATE lease_ SET reclaim_at = unixepoch() * 1000000 WHERE reclaim_at > unixepoch() * 1000000 AND state IN (3, 4)",
	}[c.dialect]
	if statement == "" {
		statement = "UPDATE lease_ SET reclaim_at = UTC_TIMESTAMP(6) WHERE reclaim_at > UTC_TIMESTAMP(6) AND state IN (3, 4)"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, table := range []string{"lease4", "lease6"} {
		if _, err := c.db.ExecContext(ctx, strings.Replace(statement, "lease_", table, 1)); err != nil {
			return false // the next time
		}
	}
	return true
}
