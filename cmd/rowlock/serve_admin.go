package main

import (
	"context"
	"slices"

	"rowlock/admin"
)

// adminConfig is what the role admin has beside its address.
type adminConfig struct {
	TLSCert  string `yaml:"tls_cert"` // PEM file
	TLSKey   string `yaml:"tls_key"`  // PEM file
	Insecure bool   `yaml:"insecure"` // others may reach the address without TLS
}

// servesAdmin tells whether this process has the API and the console.
func (c *processConfig) servesAdmin() bool {
	return slices.Contains(c.Roles, roleAdmin) && c.Listen.Admin != "off"
}

// startAdmin begins to serve the API and the console, unless that is off.
func (s *server) startAdmin(ctx context.Context) (stop func(context.Context) error, err error) {
	if !s.cfg.servesAdmin() {
		return func(context.Context) error { return nil }, nil
	}
	s.admin, err = admin.New(admin.Config{
		Store: s.store, Names: s.store, Logger: s.log, Metrics: s.metrics, Version: programVersion(), StateDir: s.cfg.StateDir,
		Listen: s.cfg.Listen.Admin, TLSCert: s.cfg.Admin.TLSCert, TLSKey: s.cfg.Admin.TLSKey, Insecure: s.cfg.Admin.Insecure,
	})
	if err != nil {
		return nil, err
	}
	if err := s.admin.Start(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := s.admin.Stop(ctx); err != nil {
			s.log.Warn("requests were still under way at the end", "event", "serve.admin_stopped", "err", err)
		}
		return nil
	}, nil
}
