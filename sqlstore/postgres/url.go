package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rowlock/sqlstore"
)

// errURL says that the URL is wrong without repeating it: it may hold a
// password.
var errURL = errors.New("database URL: its options are not ones of PostgreSQL (those of libpq, and pooler)")

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
	u, err := sqlstore.ParseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	t := &target{hosts: &hosts{}}
	q := u.Options
	if text := q.Get("pooler"); text != "" {
		if t.pooler, err = strconv.ParseBool(text); err != nil {
			return nil, errors.New("database URL: pooler is neither true nor false")
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
	hostOptions(u)
	t.driverURL = u.String()
	if _, err := pgx.ParseConfig(t.driverURL); err != nil {
		// the driver's own text would repeat the URL, its cause does not
		if cause := errors.Unwrap(err); cause != nil {
			return nil, fmt.Errorf("database URL: %w", cause)
		}
		return nil, errURL
	}
	return t, nil
}

// hostOptions makes options of the hosts: the driver reads lists of them only
// there. An option that is there already goes before them, as with libpq.
func hostOptions(u *sqlstore.DatabaseURL) {
	if len(u.Hosts) == 0 {
		return
	}
	var names, ports []string
	for _, h := range u.Hosts {
		names = append(names, h.Name)
		ports = append(ports, strconv.Itoa(int(cmp.Or(h.Port, 5432))))
	}
	u.Hosts = nil
	if !u.Options.Has("host") {
		u.Options.Set("host", strings.Join(names, ","))
	}
	if !u.Options.Has("port") {
		u.Options.Set("port", strings.Join(ports, ","))
	}
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
