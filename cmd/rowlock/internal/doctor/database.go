package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// database looks at everything that is in the database, and returns the relays
// that it knows.
func (d *doctor) database(ctx context.Context) []netip.Addr {
	if d.OpenRefused != "" {
		d.found.Add("database.user", sqlstore.FindingWarning, d.OpenRefused,
			"files that SQLite makes beside it would belong to the wrong user", "once more for the database: sudo -u USER rowlock doctor")
		return nil
	}
	store, err := d.Open(ctx)
	if err != nil {
		d.unreachable(err)
		return nil
	}
	defer store.Close()
	d.found.OK("database.reachable", "%s at %s answers", store.Version(), d.Database)
	schema := d.schema(ctx, store)
	diagnoser, ok := store.(sqlstore.Diagnoser)
	if !ok {
		return nil
	}
	frontends := []sqlstore.FrontendInfo(nil)
	if schema == nil {
		frontends = d.frontends(ctx, store)
	}
	d.diagnose(ctx, diagnoser, frontends)
	if !errors.Is(schema, sqlstore.ErrSchema) { // a table that is not there needs no privilege
		d.privileges(ctx, diagnoser)
	}
	d.clock(ctx, diagnoser)
	if schema != nil {
		return nil
	}
	return d.network(ctx, store, diagnoser)
}

// unreachable says why the database could not be opened.
func (d *doctor) unreachable(err error) {
	const why = "without the database no packet is answered"
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	switch {
	case errors.Is(err, sqlstore.ErrLogin):
		d.found.Add("database.login", sqlstore.FindingProblem, text, why,
			"see user and database in the URL ("+d.Database+"), and the password in database_password_file or ROWLOCK_DATABASE_PASSWORD; on PostgreSQL also pg_hba.conf")
	case errors.Is(err, sqlstore.ErrReadOnly):
		d.found.Add("database.read_only", sqlstore.FindingProblem, text, "no lease can be written: nothing is answered",
			"name the primary in the database URL, or all servers with commas: the one that takes writes is used; if this is it, end default_transaction_read_only (PostgreSQL) or SET GLOBAL read_only = OFF")
	case errors.Is(err, sqlstore.ErrServer):
		d.found.Add("database.version", sqlstore.FindingProblem, text, why, "upgrade the database server")
	case errors.Is(err, sqlstore.ErrDenied):
		d.found.Add("privilege.frontend", sqlstore.FindingProblem, text, why,
			"see that the database in "+d.Database+" is the right one; then run as the owner of the tables what `rowlock migrate grants --role frontend` prints")
	case strings.HasPrefix(d.Database, "sqlite:"):
		d.found.Add("database.reachable", sqlstore.FindingProblem, text, why,
			"see the path in the process file (database, state_dir); a new file is made by: rowlock migrate up")
	default:
		d.found.Add("database.reachable", sqlstore.FindingProblem, text, why,
			"see that the server runs, that host, port and database of "+d.Database+" are right, and that no firewall is in between; a database that is not there yet: CREATE DATABASE")
	}
}

// schema tells whether the schema is one that this program works with.
func (d *doctor) schema(ctx context.Context, store sqlstore.Store) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := store.CheckSchema(ctx)
	switch {
	case err == nil:
		d.found.OK("schema.version", "the schema is one that this program works with")
	case errors.Is(err, sqlstore.ErrMoved):
		d.found.Add("schema.version", sqlstore.FindingProblem, err.Error(), "nothing is served from a database that was moved, or is being moved",
			"name the database that it was moved to in the process file; or do what the message says")
	case errors.Is(err, sqlstore.ErrSchema):
		d.found.Add("schema.version", sqlstore.FindingProblem, err.Error(), "the server does not start with it",
			"rowlock migrate up (or, where the schema is newer, install a newer rowlock)")
	default:
		d.found.Add("schema.version", sqlstore.FindingProblem, err.Error(), "the server reads it before it serves",
			"name a database in the URL, and grant what a frontend needs: SELECT on goose_db_version")
	}
	return err
}

func (d *doctor) diagnose(ctx context.Context, store sqlstore.Diagnoser, frontends []sqlstore.FrontendInfo) {
	count := 1 // this one, whether it runs or not
	for _, f := range frontends {
		if f.ID != d.FrontendID && f.Age < deadAfter {
			count++
		}
	}
	limit := patience
	if d.Deep {
		limit = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found, err := store.Diagnose(ctx, sqlstore.DiagnoseOptions{Frontends: count, Deep: d.Deep})
	if err != nil {
		d.unread("database.settings", "look at the database's settings", err)
		return
	}
	d.found = append(d.found, found...)
}

// unread says that something could not be looked at.
func (d *doctor) unread(id, what string, err error) {
	d.found.Add(id, sqlstore.FindingWarning, what+": "+err.Error(), "what is not seen may be wrong",
		"do what the message says; the findings before this one may be the reason")
}

func (d *doctor) privileges(ctx context.Context, store sqlstore.Diagnoser) {
	if len(d.Needs) == 0 {
		return // a file has no users
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	missing, err := store.Missing(ctx, d.Needs)
	if err != nil {
		d.unread("privilege.frontend", "look at the privileges", err)
		return
	}
	for _, p := range missing {
		kind := strings.ToLower(p.Kind)
		d.found.Add(id("privilege.OBJECT.ACTION", p.Object, kind), sqlstore.FindingProblem, "the database user may not "+kind+" "+p.Object,
			"a frontend does so all the time", "run as the owner of the tables what `rowlock migrate grants --role frontend` prints")
	}
	if len(missing) == 0 {
		d.found.OK("privilege.frontend", "the database user may do all %d things that a frontend does", len(d.Needs))
	}
}

// The differences of clocks that are worth a word, or harm.
const (
	clockNote    = time.Second
	clockWarning = 5 * time.Second
)

// clock compares this machine's time with the database's: the median of some
// questions, each taken to be answered half-way between asking and hearing.
func (d *doctor) clock(ctx context.Context, store sqlstore.Diagnoser) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type sample struct{ off, half time.Duration }
	var samples []sample
	for range 5 {
		asked := d.Host.Now()
		at, err := store.Clock(ctx)
		heard := d.Host.Now()
		if err != nil {
			d.unread("clock.difference", "read the database's clock", err)
			return
		}
		half := heard.Sub(asked) / 2
		samples = append(samples, sample{at.Sub(asked.Add(half)), half})
	}
	slices.SortFunc(samples, func(a, b sample) int { return int(a.off - b.off) })
	median := samples[len(samples)/2]
	judgeClock(&d.found, median.off, median.half)
}

// judgeClock rates a difference that is known up to half a round trip.
func judgeClock(f *sqlstore.Findings, off, uncertain time.Duration) {
	off, uncertain = off.Round(time.Millisecond), uncertain.Round(100*time.Microsecond)
	side, by := "ahead of", off
	if off < 0 {
		side, by = "behind", -off
	}
	text := fmt.Sprintf("the database's clock is %s %s this machine's (± %s)", by, side, uncertain)
	var status sqlstore.FindingStatus
	switch {
	case by-uncertain > clockWarning:
		status = sqlstore.FindingWarning
	case by-uncertain > clockNote:
		status = sqlstore.FindingNote
	default:
		f.OK("clock.difference", "%s; leases are timed by the database alone", text)
		return
	}
	f.Add("clock.difference", status, text,
		"leases are timed by the database alone and do not suffer; log lines do not fit together with rows, and signed DNS updates (TSIG) fail from 5 minutes on",
		"let chrony or ntpd run on both machines: chronyc tracking")
}
