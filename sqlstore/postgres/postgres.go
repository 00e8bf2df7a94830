// Package postgres is the PostgreSQL dialect of sqlstore: version 14 and
// later, through pgx. Each lane batch is one statement and so one transaction
// and one round trip; the texts are in queries/. A Store has four connection
// pools: offers (asynchronous commit, because an offer that a crash loses is
// found missing and made again), commits, names in DNS, and everything else;
// and one connection that hears of changes of the configuration.
package postgres

import (
	"context"
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
	target   *target
	log      *slog.Logger
	deadline time.Duration
	offers   *pgxpool.Pool
	commits  *pgxpool.Pool
	names    *pgxpool.Pool // connects when it is used
	general  *pgxpool.Pool
	listener *listener
	q        *queries
	version  string
}

// laneSettings make plans independent of statistics: they would be made while
// the tables are empty, and lock order must not depend on them.
var laneSettings = map[string]string{
	"plan_cache_mode": "force_generic_plan", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", "enable_memoize": "off",
	"jit": "off", "lock_timeout": "200ms", "idle_in_transaction_session_timeout": "5s", "statement_timeout": "0",
	"client_min_messages": "warning", // the end of a wait for a standby is a warning
}

// offerSettings are those of the connections for offers, which a crash may
// lose.
var offerSettings = func() map[string]string {
	set := maps.Clone(laneSettings)
	set["synchronous_commit"] = "off"
	return set
}()

// nameSettings are those of the connections that work on names in DNS: plans as
// on the lanes, where names are claimed in the order of the index.
var nameSettings = func() map[string]string {
	set := maps.Clone(laneSettings)
	set["lock_timeout"], set["enable_bitmapscan"] = "5s", "off"
	return set
}()

// generalSettings are those of all other connections. No statement is ended for
// its length, which a move needs, and the time-outs of callers make needless.
var generalSettings = map[string]string{
	"jit": "off", "lock_timeout": "5s", "statement_timeout": "0", "idle_in_transaction_session_timeout": "5s",
}

// goneSettings let the server end the connections of a machine that is gone
// without a word. A connection by a unix socket takes no notice of them.
var goneSettings = map[string]string{
	"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "tcp_user_timeout": "25000",
}

// Open connects to the database. It returns ErrUnavailable when that fails.
func Open(ctx context.Context, databaseURL string, opt Options) (*Store, error) {
	q, err := loadQueries()
	if err != nil {
		return nil, fmt.Errorf("load queries: %w", err)
	}
	t, err := parseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	s := &Store{target: t, log: opt.Logger, q: q, deadline: opt.Deadline}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deadline == 0 {
		s.deadline = 2 * time.Second
	}
	conns := int32(max(opt.MaxConns, 2))
	if err := s.open(ctx, conns); err != nil {
		_ = s.Close()
		return nil, err
	}
	if err := checkServer(s.version); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return s, nil
}

// open makes the pools and asks the server for its version.
func (s *Store) open(ctx context.Context, conns int32) (err error) {
	if s.offers, err = s.pool(ctx, 2*conns, true, offerSettings); err != nil {
		return err
	}
	if s.commits, err = s.pool(ctx, 2*conns, true, laneSettings); err != nil {
		return err
	}
	if s.names, err = s.pool(ctx, 4, false, nameSettings); err != nil {
		return err
	}
	if s.general, err = s.pool(ctx, 6, false, generalSettings); err != nil {
		return err
	}
	if err := s.askVersion(ctx); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", poolerHint(classify(err)))
	}
	if !s.target.pooler {
		s.listener = newListener(s.general.Config().ConnConfig, s.target.hosts)
	}
	return nil
}

// askTime bounds the first question: a server, or a pooler whose server is
// gone, may take a connection and then fall silent.
const askTime = 10 * time.Second

func (s *Store) askVersion(ctx context.Context) error {
	c, err := s.general.Acquire(ctx) // each host has its connect_timeout
	if err != nil {
		return err
	}
	defer c.Release()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return c.QueryRow(ctx, s.q.get("server_version")).Scan(&s.version)
}

// pool opens a connection pool; lane connections send no cancel requests.
// Behind a pooler a connection has no settings of its own: those of the lanes
// go with each transaction, the others are done without.
func (s *Store) pool(ctx context.Context, conns int32, lane bool, settings map[string]string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(s.target.driverURL)
	if err != nil {
		return nil, errURL
	}
	cfg.MaxConns = conns
	s.target.prepare(cfg.ConnConfig)
	if !s.target.pooler {
		maps.Copy(cfg.ConnConfig.RuntimeParams, settings)
		maps.Copy(cfg.ConnConfig.RuntimeParams, goneSettings)
	}
	if lane {
		cfg.ConnConfig.OnNotice = noteUnreplicated
	}
	cfg.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		s.target.hosts.order(c)
		if lane {
			refuseCancel(c)
		}
		return nil
	}
	p, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open connection pool: %w", classify(err))
	}
	return p, nil
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
	if s.listener != nil {
		s.listener.close()
	}
	for _, p := range []*pgxpool.Pool{s.offers, s.commits, s.names, s.general} {
		if p != nil {
			p.Close()
		}
	}
	return nil
}
