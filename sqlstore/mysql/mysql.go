// Package mysql is the MySQL and MariaDB dialect of sqlstore: MySQL 8.0.19 and
// MariaDB 10.6, and later. The two are flavours that are told apart when the
// database is opened; they share every statement. A batch of inserts is one
// round trip, a batch of updates two: neither server has UPDATE … RETURNING or
// UPDATE … SKIP LOCKED. The texts are in queries/. A Store has three connection
// pools: offers, commits, and everything else. All commits are durable as the
// server is configured; there is no asynchronous commit for a session.
package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// Options tune a Store.
type Options struct {
	Logger   *slog.Logger
	MaxConns int           // connections per lane; 0 is 2
	Deadline time.Duration // a lane transaction that takes longer loses its connection; 0 is 2 s
}

// Store is a MySQL or MariaDB database; it implements sqlstore.Store.
type Store struct {
	log      *slog.Logger
	deadline time.Duration
	offers   *sql.DB
	commits  *sql.DB
	general  *sql.DB
	q        *queries
	version  string
	mariadb  bool
}

// Open connects to the database. It returns ErrUnavailable when that fails.
func Open(ctx context.Context, databaseURL string, opt Options) (*Store, error) {
	t, err := parseURL(databaseURL)
	if err == nil && t.hosts[0].DBName == "" {
		err = errNoName
	}
	if err != nil {
		return nil, err
	}
	s := &Store{log: opt.Logger, deadline: opt.Deadline}
	if s.q, err = loadQueries(false); err != nil {
		return nil, fmt.Errorf("load queries: %w", err)
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deadline == 0 {
		s.deadline = 2 * time.Second
	}
	if err := s.open(ctx, t, 2*max(opt.MaxConns, 2)); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("connect to %s: %w", t, classify(err))
	}
	return s, nil
}

// open asks the server which flavour it is and makes the pools.
func (s *Store) open(ctx context.Context, t *target, conns int) error {
	probe, err := newPool(t, s.q, generalSettings, nil, 1)
	if err != nil {
		return err
	}
	defer func() { _ = probe.Close() }()
	if err := s.askVersion(ctx, probe); err != nil {
		return err
	}
	s.mariadb, s.version = flavourOf(s.version)
	if err := checkServer(s.mariadb, s.version); err != nil {
		return err
	}
	if s.q, err = loadQueries(s.mariadb); err != nil {
		return err
	}
	lane := laneSettings(s.mariadb)
	if s.offers, err = newPool(t, s.q, lane, offerStatements, conns); err != nil {
		return err
	}
	if s.commits, err = newPool(t, s.q, lane, commitStatements, conns); err != nil {
		return err
	}
	s.general, err = newPool(t, s.q, serverSettings(s.mariadb), nil, 6)
	return err
}

// askTime bounds the first question: a server may take a connection and then
// fall silent.
const askTime = 10 * time.Second

func (s *Store) askVersion(ctx context.Context, pool *sql.DB) error {
	c, err := pool.Conn(ctx) // each host has its connect_timeout
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return c.QueryRowContext(ctx, s.q.get("version")).Scan(&s.version)
}

// Dialect returns "mysql" or "mariadb": what the server is, whatever the URL
// says.
func (s *Store) Dialect() string {
	if s.mariadb {
		return "mariadb"
	}
	return "mysql"
}

// Version returns the server's version text.
func (s *Store) Version() string {
	if s.mariadb {
		return "MariaDB " + s.version
	}
	return "MySQL " + s.version
}

// SplitLanes tells that offers and commits are transactions of their own.
func (s *Store) SplitLanes() bool { return true }

// Ping asks the database for an answer.
func (s *Store) Ping(ctx context.Context) error { return classify(s.general.PingContext(ctx)) }

// Close ends all connections.
func (s *Store) Close() error {
	for _, p := range []*sql.DB{s.offers, s.commits, s.general} {
		if p != nil {
			_ = p.Close()
		}
	}
	return nil
}

// settings are session variables that a connection is made with, as SQL.
type settings map[string]string

// generalSettings are those of every connection, also where the server has other
// defaults: without unique_checks it may take an address twice, without
// autocommit a single statement is never kept, with a limit rows are missing
// without a word. None is DEFAULT: that is what the server was set to.
var generalSettings = settings{
	"autocommit":               "1",
	"unique_checks":            "1",
	"foreign_key_checks":       "1",
	"completion_type":          "0",
	"sql_safe_updates":         "0",
	"sql_select_limit":         "18446744073709551615",
	"sql_big_selects":          "1",
	"time_zone":                "'+00:00'",
	"sql_mode":                 "'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
	"innodb_lock_wait_timeout": "5",
	"lock_wait_timeout":        "5",
}

// serverSettings are those of connections to one flavour: no statement is ended
// for its length, which a move needs, and the time-outs of callers make needless.
// A program that falls silent in a transaction loses it (MySQL: see tx_limit).
func serverSettings(mariadb bool) settings {
	set := settings{}
	maps.Copy(set, generalSettings)
	if mariadb {
		set["max_statement_time"], set["idle_transaction_timeout"] = "0", "5"
	} else {
		set["max_execution_time"] = "0"
	}
	return set
}

// laneSettings keep a client's patience: a lock is waited for at most a second.
func laneSettings(mariadb bool) settings {
	set := serverSettings(mariadb)
	set["innodb_lock_wait_timeout"] = "1"
	return set
}
