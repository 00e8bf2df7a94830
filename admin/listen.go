package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of a connection. A request has requestTime or applyTime to find its
// answer, which fits in writeTime.
const (
	headerTime  = 5 * time.Second
	readTime    = 30 * time.Second
	writeTime   = 90 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 16 << 10
)

// maxConns bounds connections: the files of the process are those of its
// database and its DHCP sockets, too. Further ones wait until one ends.
const maxConns = 512

func bound(l net.Listener) net.Listener { return netutil.LimitListener(l, maxConns) }

// Start listens and serves until Stop. In the background it sees to it that
// there is a first token.
func (s *Server) Start(ctx context.Context) error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.cfg.TLSCert != "" {
		pair := &keyPair{cert: s.cfg.TLSCert, key: s.cfg.TLSKey, log: s.log}
		if _, err := pair.get(nil); err != nil {
			return fmt.Errorf("admin.tls_cert: %w", err)
		}
		config.GetCertificate = pair.get
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen.admin: %w", err)
	}
	s.listener = l
	bounded := bound(l)
	s.http = &http.Server{
		Handler: s, TLSConfig: config, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.done = stop, make(chan struct{})
	var background sync.WaitGroup
	background.Go(func() { s.firstToken(work) })
	background.Go(func() { s.rates.run(work) })
	background.Go(func() {
		serve := func() error { return s.http.Serve(bounded) }
		if s.cfg.TLSCert != "" {
			serve = func() error { return s.http.ServeTLS(bounded, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("admin listener failed", "event", "admin.listener_failed", "err", err)
		}
	})
	go func() {
		background.Wait()
		close(s.done)
	}()
	return nil
}

// URL is where the server listens; "" before Start.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	scheme := "http://"
	if s.cfg.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + s.listener.Addr().String()
}

// Stop takes no more requests, waits for those under way until ctx ends, and
// for what runs in the background. Without Start it does nothing.
func (s *Server) Stop(ctx context.Context) error {
	if s.http == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
		err = fmt.Errorf("stop admin: %w", err)
	}
	s.stop()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	return err
}

// keyPair is a certificate with its key in files, which somebody may renew.
type keyPair struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // of the newer file, as it was read
}

// get returns the pair as the files have it. While they cannot be read, or are
// written, the one before is good enough.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed, err := newest(p.cert, p.key)
	if err == nil && p.current != nil && changed.Equal(p.changed) {
		return p.current, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(p.cert, p.key)
	}
	if err != nil {
		if p.current == nil {
			return nil, err
		}
		p.log.Warn("certificate cannot be read again, using the former one", "event", "admin.certificate_failed", "err", err)
		return p.current, nil
	}
	p.current, p.changed = &pair, changed
	return p.current, nil
}

// newest returns when the youngest of the files was changed.
func newest(files ...string) (at time.Time, err error) {
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return at, err
		}
		if info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at, nil
}
