package main

import (
	"context"

	"rowlock/ddns"
)

// startDDNS starts publishing names. While there is no zone to publish them in
// that costs next to nothing.
func (s *server) startDDNS(ctx context.Context) (stop func(context.Context) error, err error) {
	s.ddns, err = ddns.New(ddns.Config{Store: s.store, Logger: s.log, Registerer: s.metrics, ID: s.cfg.FrontendID})
	if err != nil {
		return nil, err
	}
	s.ddns.Start(ctx)
	return func(ctx context.Context) error {
		if err := s.ddns.Stop(ctx); err != nil {
			s.log.Warn("claims of names could not be released", "event", "serve.release_failed", "err", err)
		}
		return nil
	}, nil
}
