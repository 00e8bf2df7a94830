// Package postgres is the PostgreSQL dialect of sqlstore: version 14 and
// later, through pgx. Each lane batch is one statement and so one transaction
// and one round trip; the texts are in queries/. A Store has three connection
// pools: offers (asynchronous commit, because an offer that a crash loses is
// found missing and made again), commits, and everything else; and one
// connection that hears of changes of the configuration.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options tune a Store.
type Options struct {
	Logger   *slog.Logger
	MaxConns int           // connections per lane; 0 is 2
	Deadline time.Duration // a lane transaction that takes longer loses its connection; 0 is 2 s
}

// Store is a PostgreSQL database; it implements sqlstore.Store.
type Store struct {
	url      string
	log      *slog.Logger
	deadline time.Duration
	offers   *pgxpool.Pool
	commits  *pgxpool.Pool
	general  *pgxpool.Pool
	listener *listener
	q        *queries
	version  string
}

// laneSettings make plans independent of statistics: they would be made while
// the tables are empty, and lock order must not depend on them.
var laneSettings = map[string]string{
	"plan_cache_mode": "force_generic_plan", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off",
	"jit": "off", "lock_timeout": "200ms", "idle_in_transaction_session_timeout": "5s",
	"client_min_messages": "warning", // the end of a wait for a standby is a warning
}

// Open connects to the database. It returns ErrUnavailable when that fails.
func Open(ctx context.Context, url string, opt Options) (*Store, error) {
	q, err := loadQueries()
	if err != nil {
		return nil, fmt.Errorf("load queries: %w", err)
	}
	s := &Store{url: url, log: opt.Logger, q: q, deadline: opt.Deadline}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deadline == 0 {
		s.deadline = 2 * time.Second
	}
	conns := int32(max(opt.MaxConns, 2))
	if s.offers, err = s.pool(ctx, 2*conns, true, map[string]string{"synchronous_commit": "off"}, laneSettings); err != nil {
		return nil, err
	}
	if s.commits, err = s.pool(ctx, 2*conns, true, laneSettings); err != nil {
		s.offers.Close()
		return nil, err
	}
	if s.general, err = s.pool(ctx, 6, false, map[string]string{"jit": "off", "lock_timeout": "5s"}); err != nil {
		s.offers.Close()
		s.commits.Close()
		return nil, err
	}
	s.listener = newListener(s.general.Config().ConnConfig)
	if err := s.general.QueryRow(ctx, q.get("server_version")).Scan(&s.version); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", classify(err))
	}
	if err := checkServer(s.version); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return s, nil
}

// pool opens a connection pool; lane connections send no cancel requests.
func (s *Store) pool(ctx context.Context, conns int32, lane bool, settings ...map[string]string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		return nil, errURL // the driver's text would repeat the password
	}
	cfg.MaxConns = conns
	cfg.ConnConfig.ConnectTimeout = 3 * time.Second
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["application_name"] = "rowlock"
	for _, set := range settings {
		maps.Copy(cfg.ConnConfig.RuntimeParams, set)
	}
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if lane {
		cfg.ConnConfig.OnNotice = noteUnreplicated
		cfg.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
			refuseCancel(c)
			return nil
		}
	}
	p, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open connection pool: %w", classify(err))
	}
	return p, nil
}

// errURL says that the URL is wrong without repeating it.
var errURL = errors.New("database URL is not a valid PostgreSQL URL (postgres://user@host:port/database?options)")

func parseURL(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	return cfg, nil
}

// Dialect returns "postgres".
func (s *Store) Dialect() string { return "postgres" }

// Version returns the server's version text.
func (s *Store) Version() string { return "PostgreSQL " + s.version }

// SplitLanes tells that offers and commits are transactions of their own.
func (s *Store) SplitLanes() bool { return true }

// Ping asks the database for an answer.
func (s *Store) Ping(ctx context.Context) error { return classify(s.general.Ping(ctx)) }

// Close ends all connections.
func (s *Store) Close() error {
	s.listener.close()
	for _, p := range []*pgxpool.Pool{s.offers, s.commits, s.general} {
		p.Close()
	}
	return nil
}
