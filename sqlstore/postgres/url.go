package postgres

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errURL says that the URL is wrong without repeating it: it may hold a
// password.
var errURL = errors.New("database URL is not a valid PostgreSQL URL " +
	"(postgres://user@host:port/database?options, or several as host1:port,host2:port; options are those of libpq, and pooler=true)")

// connectTime bounds the making of a connection, per host, where the URL says
// nothing (connect_timeout).
const connectTime = 3 * time.Second

// target is where a database URL leads.
type target struct {
	driverURL string // without what is ours
	pooler    bool   // transactions may be on any connection of the server
	hosts     *hosts
}

// parseURL reads a database URL. It is the driver's, and so libpq's, with one
// option more: pooler=true for PgBouncer and the like in transaction mode.
func parseURL(databaseURL string) (*target, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, errURL
	}
	t := &target{hosts: &hosts{}}
	q := u.Query()
	if text := q.Get("pooler"); text != "" {
		if t.pooler, err = strconv.ParseBool(text); err != nil {
			return nil, errURL
		}
	}
	q.Del("pooler")
	if !q.Has("connect_timeout") {
		q.Set("connect_timeout", strconv.Itoa(int(connectTime/time.Second)))
	}
	if !q.Has("target_session_attrs") {
		// a standby is of no use; among several servers the primary is taken
		q.Set("target_session_attrs", "read-write")
	}
	u.RawQuery = q.Encode()
	t.driverURL = u.String()
	if _, err := pgx.ParseConfig(t.driverURL); err != nil {
		return nil, errURL // the driver's text would repeat the password
	}
	return t, nil
}

// config returns how a connection is made.
func (t *target) config() (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(t.driverURL)
	if err != nil {
		return nil, errURL
	}
	t.prepare(cfg)
	return cfg, nil
}

// prepare sets what all connections have in common.
func (t *target) prepare(cfg *pgx.ConnConfig) {
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["application_name"] = "rowlock"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if t.pooler {
		// the next transaction may be on a connection that prepared nothing
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
}

// poolerHint adds what to do where the server turns out to be a pooler.
func poolerHint(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "08P01" {
		return errors.Join(err, errors.New("if that is a pooler such as PgBouncer, add pooler=true to the database URL"))
	}
	return err
}
