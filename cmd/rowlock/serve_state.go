package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"rowlock/sqlstore/engine"
)

// serverState says why the process does not serve; "" when it does.
type serverState struct {
	mu     sync.Mutex
	reason string
	past   bool // the store and the engine are there to be asked
}

func (s *serverState) set(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = reason
	s.past = s.past || reason == ""
}

func (s *serverState) get() (reason string, past bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason, s.past
}

// checks are the conditions of readiness. The later ones are asked only when
// the process has started, because what they ask is not there before.
func (s *server) checks() []readyCheck {
	later := func(check func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if _, past := s.state.get(); !past {
				return errors.New("not started")
			}
			return check(ctx)
		}
	}
	checks := []readyCheck{
		{"serving", func(context.Context) error {
			if reason, _ := s.state.get(); reason != "" {
				return errors.New(reason)
			}
			return nil
		}},
		{"database", later(func(ctx context.Context) error { return s.store.Ping(ctx) })},
		{"schema", later(func(ctx context.Context) error { return s.store.CheckSchema(ctx) })},
	}
	if s.has(roleDHCP4, roleDHCP6) {
		checks = append(checks,
			readyCheck{"interfaces", later(func(context.Context) error { return interfaceCheck(s.frontend.Gone()) })},
			readyCheck{"heartbeat", later(func(context.Context) error { return s.engine.Away() })},
			readyCheck{"configuration", later(func(context.Context) error { return configCheck(s.engine) })})
	}
	if s.has(roleDDNS) {
		checks = append(checks, readyCheck{"ddns", later(func(context.Context) error { return s.ddns.NotReady() })})
	}
	return checks
}

// interfaceCheck fails while an interface that is listened on is not served.
func interfaceCheck(gone []string) error {
	if len(gone) > 0 {
		return fmt.Errorf("gone: %s", strings.Join(gone, ", "))
	}
	return nil
}

// configCheck fails while there is no configuration to serve with, or a newer one
// cannot be read; when that is refused the process stays ready with the one in
// use.
func configCheck(e *engine.Engine) error {
	if err := e.Behind(); err != nil {
		return err
	}
	using, refused := e.Revision()
	switch {
	case using > 0:
		return nil
	case refused != nil:
		return fmt.Errorf("refused: %w", refused)
	}
	return errors.New("none in the database yet (run `rowlock apply`)")
}
