package main

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"rowlock/frontend"
	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// startDHCP starts engine and frontend. They stop in order: no new packets,
// replies to those under way, the frontend's row.
func (s *server) startDHCP(ctx context.Context) (stop func(context.Context) error, err error) {
	collectSeldom()
	if err := s.build(); err != nil {
		return nil, err
	}
	if err := s.startEngine(ctx); err != nil {
		return nil, err
	}
	if err := s.frontend.Start(ctx); err != nil {
		s.stopEngine(ctx)
		return nil, listenHint(err)
	}
	stop = func(ctx context.Context) error {
		s.engine.SetDraining()
		err := s.frontend.Shutdown(ctx)
		s.stopEngine(ctx)
		return err
	}
	ids, err := s.frontend.ServerIDs()
	if err != nil {
		return nil, errors.Join(err, stop(ctx))
	}
	s.engine.SetAddrs(ids)
	return stop, nil
}

// collectSeldom lets garbage grow to four times of what is in use: packets leave
// much of it, little is in use, and the stacks of a thousand workers are looked
// through each time. Who sets GOGC, or a limit by GOMEMLIMIT, has it kept.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// listening is what the log says of where DHCP is served.
func (s *server) listening() (at []any) {
	if s.frontend != nil {
		v4, v6 := byFamily(s.frontend.LocalAddrs())
		at = append(at, "revision", s.frontend.Revision(), "dhcp4", v4, "dhcp6", v6)
	}
	if s.admin != nil {
		at = append(at, "console", s.admin.URL())
	}
	return at
}

// build makes engine and frontend.
func (s *server) build() (err error) {
	host, _ := os.Hostname()
	cfg := engine.Config{
		Store: s.store, Logger: s.log, Registerer: s.metrics, Conns: s.cfg.DatabaseConnections,
		Frontend:     sqlstore.FrontendInfo{ID: s.cfg.FrontendID, Host: host, Version: programVersion(), Roles: s.cfg.Roles},
		OnConfig:     func(c *sqlstore.Config) error { return s.frontend.SetConfig(c) },
		OnUnreadable: func(revision int64) { s.frontend.Refuse(revision) },
		KeepFile:     filepath.Join(s.cfg.StateDir, "last-good-"+url.PathEscape(s.cfg.FrontendID)+".json"),
	}
	if s.engine, err = engine.New(cfg); err != nil {
		return err
	}
	fc := frontend.Config{Logger: s.log, Registerer: s.metrics, Leaser: s.engine, Members: s.engine}
	if slices.Contains(s.cfg.Roles, roleDHCP4) {
		fc.Listen4 = listenConfigs(s.cfg.Listen.DHCP4, netip.IPv4Unspecified(), 67)
	}
	if slices.Contains(s.cfg.Roles, roleDHCP6) {
		fc.Listen6 = listenConfigs(s.cfg.Listen.DHCP6, netip.IPv6Unspecified(), 547)
	}
	s.frontend, err = frontend.New(fc)
	return err
}

// startEngine registers the frontend, as often as it takes.
func (s *server) startEngine(ctx context.Context) error {
	return s.retry(ctx, func() error { return s.engine.Start(ctx) })
}

func (s *server) stopEngine(ctx context.Context) {
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := s.engine.Stop(bound); err != nil {
		s.log.Warn("frontend's row could not be removed", "event", "serve.unregister_failed", "err", err)
	}
}
