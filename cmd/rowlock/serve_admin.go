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

// startAdmin begins to serve the API and the console, where the process has
// that role, and returns the address.
func (s *server) startAdmin(ctx context.Context) (url string, err error) {
	if !s.cfg.servesAdmin() {
		return "", nil
	}
	names, _ := s.store.(admin.NameStore)
	s.admin, err = admin.New(admin.Config{
		Store: s.store, Names: names, Logger: s.log, Metrics: s.metrics, Version: programVersion(), StateDir: s.cfg.StateDir,
		Listen: s.cfg.Listen.Admin, TLSCert: s.cfg.Admin.TLSCert, TLSKey: s.cfg.Admin.TLSKey, Insecure: s.cfg.Admin.Insecure,
	})
	if err != nil {
		return "", err
	}
	if err := s.admin.Start(ctx); err != nil {
		return "", err
	}
	return s.admin.URL(), nil
}

// stopAdmin ends what startAdmin began.
func (s *server) stopAdmin(ctx context.Context) {
	if s.admin == nil {
		return
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := s.admin.Stop(bound); err != nil {
		s.log.Warn("requests were still under way at the end", "event", "serve.admin_stopped", "err", err)
	}
}
