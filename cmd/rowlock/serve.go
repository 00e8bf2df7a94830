package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"rowlock/admin"
	"rowlock/ddns"
	"rowlock/frontend"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/engine"
)

// stopTime bounds each part of an orderly end.
const stopTime = 5 * time.Second

func (p *program) serveCommand() *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "serve in the foreground until SIGTERM or SIGINT",
		Long: `Serves the roles of this process. The network configuration comes from the
database and is followed while it changes. Without a database that can be
reached, or without a configuration in it, the process waits, and /readyz says
so. A new SQLite file gets
its schema at once; on other databases run "rowlock migrate up" first.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig()
			if err != nil {
				return err
			}
			if len(roles) > 0 {
				c.Roles = roles
				if err := c.validate(); err != nil {
					return usageError{err}
				}
			}
			log, err := newLogger(p.stderr, c.Log)
			if err != nil {
				return err
			}
			s := &server{cfg: c, log: log, metrics: prometheus.NewRegistry()}
			err = s.run(cmd.Context())
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // told to end before it served
			}
			return err
		},
	}
	cmd.Flags().StringSliceVar(&roles, "roles", nil, "roles of this process: "+strings.Join(allRoles, ", ")+" (default: those of the process file, else all)")
	return cmd
}

// server is the process while it serves: what cmd wires together.
type server struct {
	cfg     *processConfig
	log     *slog.Logger
	metrics *prometheus.Registry

	state    serverState
	store    sqlstore.Store
	engine   *engine.Engine   // of the DHCP roles, else nil
	frontend *frontend.Server // likewise
	ddns     *ddns.Worker     // of the role ddns, else nil
	admin    *admin.Server    // of the role admin, else nil
}

// part is what some roles run. start returns when it works; stop, which is
// bounded, ends it in order.
type part struct {
	roles []string
	start func(context.Context) (stop func(context.Context) error, err error)
}

// parts are all of them, in the order in which they start; they stop in the
// opposite order.
func (s *server) parts() []part {
	return []part{
		{[]string{roleDHCP4, roleDHCP6}, s.startDHCP},
		{[]string{roleDDNS}, s.startDDNS},
		{[]string{roleAdmin}, s.startAdmin},
	}
}

// has tells whether the process has one of the roles.
func (s *server) has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(s.cfg.Roles, r) })
}

// run serves until ctx ends and then stops in order: what the roles do, then
// the database.
func (s *server) run(ctx context.Context) error {
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.state.set("starting")
	health, err := s.startHealth(ctx)
	if err != nil {
		return err
	}
	s.log.Info("starting", "event", "serve.starting", "version", programVersion(), "frontend", s.cfg.FrontendID, "roles", s.cfg.Roles)
	if err := s.openStore(ctx); err != nil {
		return err
	}
	defer s.store.Close()
	var stops []func(context.Context) error
	stop := func() (err error) {
		for _, end := range slices.Backward(stops) {
			bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			err = errors.Join(err, end(bound))
			cancel()
		}
		return err
	}
	for _, p := range s.parts() {
		if !s.has(p.roles...) {
			continue
		}
		end, err := p.start(ctx)
		if err != nil {
			return errors.Join(err, stop())
		}
		stops = append(stops, end)
	}
	s.state.set("")
	s.log.Info("serving", append([]any{"event", "serve.ready", "database", s.store.Version(), "health", health}, s.listening()...)...)
	lost := s.untilLost(ctx)
	s.state.set("stopping")
	s.log.Info("stopping", "event", "serve.stopping")
	return errors.Join(lost, stop())
}

// untilLost waits for the end of ctx, or until the database has not answered
// for as long as the configuration allows.
func (s *server) untilLost(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	confirmed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := s.confirmed(ctx)
		if err == nil {
			confirmed = time.Now()
		} else if s.mayGiveUp(confirmed) {
			return s.giveUp(err)
		}
	}
}

// confirmed says why the database does not answer; for a frontend that it does
// not confirm it.
func (s *server) confirmed(ctx context.Context) error {
	if s.engine != nil {
		return s.engine.Away()
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return s.store.Ping(ctx)
}

// mayGiveUp tells whether the database has been away for as long as the
// configuration allows.
func (s *server) mayGiveUp(since time.Time) bool {
	return s.cfg.DatabaseGiveUp > 0 && time.Since(since) >= s.cfg.DatabaseGiveUp
}

// databaseRole is what the database user of this process is for, where it has
// one role.
func (s *server) databaseRole() sqlstore.DatabaseRole {
	switch {
	case s.has(roleDHCP4, roleDHCP6):
		return sqlstore.RoleFrontend
	case s.has(roleDDNS):
		return sqlstore.RoleDDNS
	}
	return sqlstore.RoleAdmin
}

func (s *server) giveUp(cause error) error {
	s.log.Error("database away for too long, ending", "event", "serve.gave_up", "after", s.cfg.DatabaseGiveUp, "err", cause)
	return fmt.Errorf("no database for %v (database_give_up): %w", s.cfg.DatabaseGiveUp, cause)
}

// openStore opens the database, as often as it takes, and checks its schema.
func (s *server) openStore(ctx context.Context) error {
	dsn, err := s.cfg.prepareDatabase()
	if err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		store, err := dialects.Open(ctx, dsn, dialects.Options{Logger: s.log, Create: true, MaxConns: s.cfg.DatabaseConnections})
		if err != nil {
			return fmt.Errorf("open database %s: %w", redact(dsn), err)
		}
		if err = s.checkSchema(ctx, store, dsn); err == nil && s.has(roleDHCP4, roleDHCP6) {
			err = checkServing(ctx, store)
		}
		if err == nil {
			if locker, ok := store.(interface{ LockServing() error }); ok {
				err = locker.LockServing()
			}
		}
		if err != nil {
			_ = store.Close()
			return fmt.Errorf("open database %s: %w", redact(dsn), err)
		}
		s.store = store
		return nil
	})
}

// lookTime bounds a look at the database that was opened: it may fall silent.
const lookTime = 30 * time.Second

// checkServing looks whether the database user may do what serving needs, where
// there are users.
func checkServing(ctx context.Context, store sqlstore.Store) error {
	checker, ok := store.(interface{ CheckServing(context.Context) error })
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return checker.CheckServing(ctx)
}

// checkSchema gives an SQLite file its schema: it belongs to this process
// alone. Elsewhere the schema is changed only by the command for it.
func (s *server) checkSchema(ctx context.Context, store sqlstore.Store, dsn string) error {
	bound, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err := store.CheckSchema(bound)
	if store.Dialect() != "sqlite" || !errors.Is(err, sqlstore.ErrSchema) {
		return err
	}
	m, err := dialects.Migrator(ctx, dsn, dialects.Options{Logger: s.log, Create: true})
	if err != nil {
		return err
	}
	applied, err := m.Up(ctx)
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	if len(applied) > 0 {
		s.log.Info("schema brought up to date", "event", "serve.migrated", "migrations", applied)
	}
	return store.CheckSchema(ctx)
}

// retry repeats do while the database is unavailable, or denies its user a
// privilege that may be granted meanwhile, with growing pauses.
func (s *server) retry(ctx context.Context, do func() error) error {
	wait, began := 100*time.Millisecond, time.Now()
	for {
		err := do()
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case errors.Is(err, sqlstore.ErrDenied):
			err = fmt.Errorf("%w (run what `rowlock migrate grants --role %s` prints, as the owner of the tables)", err, s.databaseRole())
			s.log.Error("database user lacks a privilege, trying again", "event", "serve.denied", "in", wait, "err", err)
		case errors.Is(err, sqlstore.ErrUnavailable), errors.Is(err, sqlstore.ErrRetry):
			s.log.Warn("database unavailable, trying again", "event", "serve.database_unavailable", "in", wait, "err", err)
		default:
			return err
		}
		if s.mayGiveUp(began) {
			return s.giveUp(err)
		}
		s.state.set(err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// startHealth begins to serve /healthz, /readyz and /metrics and returns the
// address, "" when it is off.
func (s *server) startHealth(ctx context.Context) (string, error) {
	if s.cfg.Listen.Health == "off" {
		return "", nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen.Health)
	if err != nil {
		return "", fmt.Errorf("listen.health: %w", err)
	}
	go func() {
		if err := serveHealth(ctx, l, healthHandler(s.metrics, s.checks()...)); err != nil {
			s.log.Error("health listener failed", "event", "serve.health_failed", "err", err)
		}
	}()
	return l.Addr().String(), nil
}
