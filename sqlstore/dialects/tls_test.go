package dialects_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/storetest/dbserver"
)

// servers are the engines with a server.
var servers = []string{"postgres", "mariadb", "mysql"}

const password = "correct-horse"

// tlsServer starts a server with a user "app" that must come by TCP, encrypted,
// with a password and a certificate that the authority signed.
func tlsServer(t *testing.T, dialect string, ca *authority) *dbserver.Server {
	t.Helper()
	cert, key := ca.issue("server", "localhost")
	opt := dbserver.Options{Files: map[string]string{"ca.pem": ca.pem, "server.pem": cert, "server.key": key}}
	if dialect == "postgres" {
		opt.Files["hba"] = "local all all trust\nhostssl all app 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n"
		opt.Args = []string{"-c", "ssl=on", "-c", "ssl_ca_file=@/ca.pem", "-c", "ssl_cert_file=@/server.pem", "-c", "ssl_key_file=@/server.key", "-c", "hba_file=@/hba"}
	} else {
		opt.Args = []string{"--ssl-ca=@/ca.pem", "--ssl-cert=@/server.pem", "--ssl-key=@/server.key"}
	}
	s := dbserver.Start(t, dialect, opt)
	if dialect == "postgres" {
		s.Exec("postgres", "CREATE ROLE app LOGIN PASSWORD '"+password+"'", "CREATE DATABASE app OWNER app")
	} else {
		s.Exec("", "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "CREATE USER 'app'@'%' IDENTIFIED BY '"+password+"' REQUIRE X509",
			"GRANT ALL ON app.* TO 'app'@'%'")
	}
	return s
}

// Each sslmode does what libpq says of it, on every engine, also with client
// certificates; no error repeats the password.
func TestTLS(t *testing.T) {
	for _, dialect := range servers {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			ca, other := newAuthority(t, "ca"), newAuthority(t, "another ca")
			s := tlsServer(t, dialect, ca)
			cert, key := ca.issue("app")
			pair := "&sslcert=" + file(t, "cert.pem", cert) + "&sslkey=" + file(t, "key.pem", key)
			strange, strangeKey := other.issue("app")
			root, wrong := file(t, "ca.pem", ca.pem), file(t, "other.pem", other.pem)
			for _, test := range []struct {
				name, host, options string
				fails               string // a part of the error; "-" for any, "" where it works
			}{
				{"verify-full", "localhost", "sslmode=verify-full&sslrootcert=" + root + pair, ""},
				{"verify-full of another name", "127.0.0.1", "sslmode=verify-full&sslrootcert=" + root + pair, "127.0.0.1"},
				{"verify-full of another authority", "localhost", "sslmode=verify-full&sslrootcert=" + wrong + pair, "x509"},
				{"verify-ca of another name", "127.0.0.1", "sslmode=verify-ca&sslrootcert=" + root + pair, ""},
				{"verify-ca of another authority", "127.0.0.1", "sslmode=verify-ca&sslrootcert=" + wrong + pair, "x509"},
				{"require", "127.0.0.1", "sslmode=require" + pair, ""},
				{"require with an authority", "127.0.0.1", "sslmode=require&sslrootcert=" + wrong + pair, "x509"},
				{"prefer", "127.0.0.1", "sslmode=prefer" + pair, ""},
				{"no mode given", "127.0.0.1", pair[1:], ""},
				{"disable", "127.0.0.1", "sslmode=disable", "-"},
				{"no client certificate", "localhost", "sslmode=verify-full&sslrootcert=" + root, "-"},
				{"strange client certificate", "localhost", "sslmode=verify-full&sslrootcert=" + root +
					"&sslcert=" + file(t, "strange.pem", strange) + "&sslkey=" + file(t, "strange.key", strangeKey), "-"},
			} {
				t.Run(test.name, func(t *testing.T) {
					u := fmt.Sprintf("%s://app:%s@%s/app?%s", dialect, password, portOf(test.host, s), test.options)
					_, rows, err := dialects.Report(t.Context(), u, encrypted[dialect])
					if test.fails == "" {
						require.NoError(t, err)
						require.Len(t, rows, 1)
						require.Regexp(t, `TLS_|t`, rows[0][len(rows[0])-1], "the connection is not encrypted")
						return
					}
					require.ErrorIs(t, err, sqlstore.ErrUnavailable)
					require.ErrorContains(t, err, strings.Trim(test.fails, "-"))
					require.NotContains(t, err.Error(), password)
				})
			}
		})
	}
}

// encrypted asks the server whether the connection is.
var encrypted = map[string]string{
	"postgres": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
	"mariadb":  "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
	"mysql":    "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
}

func portOf(host string, s *dbserver.Server) string { return fmt.Sprintf("%s:%d", host, s.Port) }

// A URL that names files that are not there, or half of a pair, is refused
// before anything is dialled.
func TestTLSFiles(t *testing.T) {
	cert, _ := newAuthority(t, "ca").issue("app")
	path := file(t, "cert.pem", cert)
	for _, dialect := range servers {
		for _, options := range []string{
			"sslmode=sometimes", "sslmode=verify-full&sslrootcert=/nonexistent/ca.pem", "sslrootcert=" + file(t, "empty.pem", "nothing") + "&sslmode=verify-ca",
			"sslcert=" + path, "sslcert=" + path + "&sslkey=" + path,
		} {
			u := url.URL{Scheme: dialect, User: url.UserPassword("app", password), Host: "127.0.0.1:1", Path: "/app", RawQuery: options}
			_, err := dialects.Open(t.Context(), u.String(), dialects.Options{})
			require.Error(t, err, "%s %s", dialect, options)
			require.NotErrorIs(t, err, sqlstore.ErrUnavailable, "%s %s", dialect, options)
			require.NotContains(t, err.Error(), password)
		}
	}
}
