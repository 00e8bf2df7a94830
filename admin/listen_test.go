package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/storetest"
)

func TestCheckListen(t *testing.T) {
	for _, ok := range [][]string{{"127.0.0.1:9868"}, {"[::1]:0"}, {"192.0.2.1:443", "cert", "key"}, {"0.0.0.0:80", "", "", "insecure"}, {"[::ffff:127.0.0.1]:1"}} {
		ok = append(ok, "", "", "", "")
		require.NoError(t, CheckListen(ok[0], ok[1], ok[2], ok[3] != ""), ok)
	}
	for _, bad := range [][]string{{""}, {"9868"}, {"localhost:9868"}, {"0.0.0.0:9868"}, {"[2001:db8::1]:9868"}, {"127.0.0.1:9868", "cert"}, {"127.0.0.1:9868", "", "key"}} {
		bad = append(bad, "", "", "", "")
		require.Error(t, CheckListen(bad[0], bad[1], bad[2], false), bad)
	}
	require.ErrorContains(t, CheckListen("192.0.2.1:9868", "", "", false), "tls_cert")
}

// pipes is a listener with as many connections as somebody takes.
type pipes struct {
	net.Listener
	taken int
}

func (p *pipes) Accept() (net.Conn, error) {
	p.taken++
	here, _ := net.Pipe()
	return here, nil
}

// Whoever opens many connections takes no files from the rest of the process.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &pipes{}
		bounded := bound(all)
		var first net.Conn
		for range maxConns {
			c, err := bounded.Accept()
			require.NoError(t, err)
			first = c
		}
		done := make(chan error)
		go func() {
			_, err := bounded.Accept()
			done <- err
		}()
		synctest.Wait()
		require.Equal(t, maxConns, all.taken)
		require.NoError(t, first.Close())
		require.NoError(t, <-done)
		require.Equal(t, maxConns+1, all.taken)
	})
}

// writePair makes a certificate for an address.
func writePair(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
}

// With TLS the cookie does not travel without, a renewed certificate is taken up
// and a broken one is not; the first token is made meanwhile.
func TestTLS(t *testing.T) {
	dir, log := t.TempDir(), &logBuffer{}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1)
	s, err := New(Config{
		Store: storetest.Open(t, storetest.Migrated(t, "sqlite")), Logger: slog.New(slog.NewTextHandler(log, nil)), Metrics: prometheus.NewRegistry(),
		Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key, StateDir: dir,
	})
	require.NoError(t, err)
	require.Empty(t, s.URL())
	require.NoError(t, s.Stop(t.Context()), "before the start")
	require.NoError(t, s.Start(t.Context()))
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	}
	t.Cleanup(stop)
	require.Regexp(t, `^https://127\.0\.0\.1:\d+$`, s.URL())
	serial := func() int64 {
		pool := x509.NewCertPool()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"), &tls.Config{InsecureSkipVerify: true, RootCAs: pool})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	writePair(t, cert, key, 2)
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(cert, later, later))
	require.EqualValues(t, 2, serial())
	require.NoError(t, os.WriteFile(key, []byte("half"), 0o600))
	later = later.Add(time.Minute)
	require.NoError(t, os.Chtimes(key, later, later))
	require.EqualValues(t, 2, serial())
	require.Contains(t, log.String(), "event=admin.certificate_failed")

	var token []byte
	require.Eventually(t, func() bool {
		token, err = os.ReadFile(filepath.Join(dir, TokenFile))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.PostForm(s.URL()+loginPath, map[string][]string{"token": {string(token)}})
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, res.Body)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Contains(t, res.Header.Get("Set-Cookie"), "; Secure")
	require.NotContains(t, log.String(), strings.TrimSpace(string(token)))
	require.Contains(t, log.String(), "admin.token")
	client.CloseIdleConnections()
	stop()
	_, err = client.Get(s.URL())
	require.Error(t, err)
}

// A port that is taken, and files that are not there, are errors at the start.
func TestStartFails(t *testing.T) {
	store := storetest.Open(t, storetest.Migrated(t, "sqlite"))
	start := func(change func(*Config)) error {
		c := Config{Store: store, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Listen: "127.0.0.1:0"}
		change(&c)
		s, err := New(c)
		if err != nil {
			return err
		}
		if err := s.Start(t.Context()); err != nil {
			return err
		}
		t.Cleanup(func() { _ = s.Stop(context.Background()) })
		return start2(t, store, s)
	}
	require.ErrorContains(t, start(func(*Config) {}), "listen.admin")
	require.ErrorContains(t, start(func(c *Config) { c.TLSCert, c.TLSKey = "/nowhere", "/nowhere" }), "admin.tls_cert")
	require.ErrorContains(t, start(func(c *Config) { c.Store = nil }), "required")
	require.ErrorContains(t, start(func(c *Config) { c.Listen = "192.0.2.1:80" }), "unencrypted")
}

// start2 begins a second server where the first one is.
func start2(t *testing.T, store Store, first *Server) error {
	t.Helper()
	s, err := New(Config{
		Store: store, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Listen: strings.TrimPrefix(first.URL(), "http://"),
	})
	require.NoError(t, err)
	return s.Start(t.Context())
}

func TestAssets(t *testing.T) {
	b := newBench(t)
	for name, served := range b.console.assets.names {
		a := b.do(t, http.MethodGet, assetPath+served, "", "Authorization", "")
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.header.Get("Cache-Control"), "immutable")
		require.NotEmpty(t, a.header.Get("Content-Type"))
		text, err := os.ReadFile(filepath.Join("web", name))
		require.NoError(t, err)
		require.Equal(t, string(text), a.body)
	}
	require.Len(t, b.console.assets.names, 8)
	for _, path := range []string{"app.css", "../console.go", "..%2fconsole.go", "", "pages/console.html"} {
		a := b.do(t, http.MethodGet, assetPath+path, "", "Authorization", "")
		require.NotEqual(t, http.StatusOK, a.status, path)
	}
}
