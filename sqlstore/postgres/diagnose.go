package postgres

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

var _ sqlstore.Diagnoser = (*Store)(nil)

// diagnosis is what was read of the server, before it is judged.
type diagnosis struct {
	set         map[string]string // settings of a commit connection
	standby     bool
	pooler      bool   // the URL says that one is in between
	asked       uint32 // the process that we think we speak to
	answered    uint32 // the one that answered
	connections int
	user        string
	database    string
	userLimit   int // -1: none
	dbLimit     int
	needed      int // connections of one frontend
	snapshots   []snapshot
	partitions  int // of four
	strayBytes  int64
	noSchema    bool
}

// snapshot is a transaction that has been open for long.
type snapshot struct {
	pid int
	who string
	age time.Duration
}

// Diagnose reads the server's settings and activity on a commit connection,
// where they must hold.
func (s *Store) Diagnose(ctx context.Context, opt sqlstore.DiagnoseOptions) (sqlstore.Findings, error) {
	d := &diagnosis{set: map[string]string{}, pooler: s.target.pooler}
	for _, p := range []int32{s.offers.Config().MaxConns, s.commits.Config().MaxConns, s.general.Config().MaxConns, 1} {
		d.needed += int(p) // the last one listens
	}
	c, err := s.commits.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("acquire connection: %w", classify(err))
	}
	defer c.Release()
	d.asked = c.Conn().PgConn().PID()
	if err := s.readDiagnosis(ctx, c.Conn(), d); err != nil {
		return nil, fmt.Errorf("look at the server: %w", classify(err))
	}
	var f sqlstore.Findings
	d.judgeServer(&f)
	d.judgeDurability(&f)
	d.judgeLimits(&f, opt.Frontends)
	d.judgeHousekeeping(&f)
	return f, nil
}

func (s *Store) readDiagnosis(ctx context.Context, c *pgx.Conn, d *diagnosis) error {
	rows, err := c.Query(ctx, s.q.get("diagnose_settings"))
	if err != nil {
		return err
	}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		d.set[name] = value
		return nil
	}); err != nil {
		return err
	}
	if err := c.QueryRow(ctx, s.q.get("diagnose_server")).Scan(&d.standby, &d.answered, &d.connections, &d.user, &d.database,
		&d.userLimit, &d.dbLimit); err != nil {
		return err
	}
	if rows, err = c.Query(ctx, s.q.get("diagnose_snapshots")); err != nil {
		return err
	}
	var old snapshot
	var seconds int64
	if _, err := pgx.ForEachRow(rows, []any{&old.pid, &old.who, &seconds}, func() error {
		old.age = time.Duration(seconds) * time.Second
		d.snapshots = append(d.snapshots, old)
		return nil
	}); err != nil {
		return err
	}
	if s.CheckSchema(ctx) != nil {
		d.noSchema = true
		return nil
	}
	return c.QueryRow(ctx, s.q.get("diagnose_history")).Scan(&d.partitions, &d.strayBytes)
}

// Clock returns the database's time.
func (s *Store) Clock(ctx context.Context) (at time.Time, err error) {
	err = s.general.QueryRow(ctx, s.q.get("diagnose_clock")).Scan(&at)
	return at, classify(err)
}

// RecentRelays looks at some thousand lease rows.
func (s *Store) RecentRelays(ctx context.Context, limit int) ([]netip.Addr, error) {
	rows, err := s.general.Query(ctx, s.q.get("diagnose_relays"), limit)
	if err != nil {
		return nil, classify(err)
	}
	var relays []netip.Addr
	var b []byte
	_, err = pgx.ForEachRow(rows, []any{&b}, func() error {
		if a, ok := netip.AddrFromSlice(b); ok {
			relays = append(relays, a)
		}
		return nil
	})
	return relays, classify(err)
}
