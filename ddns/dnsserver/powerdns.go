package dnsserver

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects" // and their drivers of database/sql
)

var databases atomic.Int64

//go:embed powerdns.sql
var statements string

// The statements of powerdns.sql, in their order.
const (
	insertKey = iota
	insertZone
	insertUpdater
	insertRecord
)

// preparePowerDNS makes database, zones and configuration, and returns the
// arguments of pdns_server.
func (s *Server) preparePowerDNS() []string {
	s.t.Helper()
	backend, driver, source, schema := "gsqlite3", "sqlite", s.path("pdns.sqlite3"), "sqlite3"
	settings := fmt.Sprintf("gsqlite3-database=%s\ngsqlite3-dnssec=yes\n", source)
	if s.Kind == PowerDNSPostgres {
		backend, driver, schema = "gpgsql", "pgx", "pgsql"
		source, settings = s.scratch()
	}
	db, err := sql.Open(driver, source)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, db.Close()) }()
	s.exec(db, s.schema(schema))
	s.write("pdns.conf", "launch="+backend+"\n"+settings+fmt.Sprintf(`local-address=%s
local-port=%d
socket-dir=%s
daemon=no
guardian=no
disable-syslog=yes
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8,::1,192.0.2.0/24,198.51.100.0/24,203.0.113.0/24,2001:db8::/32
allow-axfr-ips=0.0.0.0/0,::/0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
receiver-threads=1
distributor-threads=2
retrieval-threads=1
`, s.opt.Address, s.Port, s.dir))
	s.fill(db)
	return []string{"--config-dir=" + s.dir}
}

// fill makes the zones as they are in the beginning.
func (s *Server) fill(db *sql.DB) {
	s.t.Helper()
	var all []string
	for line := range strings.Lines(statements) {
		if !strings.HasPrefix(line, "--") {
			all = append(all, line)
		}
	}
	put := func(statement int, args ...any) { s.exec(db, fmt.Sprintf(all[statement], args...)) }
	put(insertKey, Key, Algorithm, Secret)
	for i, z := range s.opt.Zones {
		id := i + 1
		put(insertZone, id, z)
		put(insertUpdater, id, Key)
		p := dns.NewZoneParser(strings.NewReader(s.zoneFile(z)), "", "")
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			h := rr.Header()
			data := strings.TrimPrefix(rr.String(), h.String())
			if h.Rrtype == dns.TypeNS || h.Rrtype == dns.TypePTR || h.Rrtype == dns.TypeCNAME {
				data = strings.TrimSuffix(data, ".")
			}
			put(insertRecord, id, strings.TrimSuffix(strings.ToLower(h.Name), "."), dns.TypeToString[h.Rrtype], data, h.Ttl)
		}
		require.NoError(s.t, p.Err())
	}
}

func (s *Server) exec(db *sql.DB, statement string) {
	s.t.Helper()
	_, err := db.ExecContext(context.WithoutCancel(s.t.Context()), statement)
	require.NoError(s.t, err, statement)
}

// schema reads the tables that the package of the backend brings.
func (s *Server) schema(backend string) string {
	s.t.Helper()
	for _, pattern := range []string{
		"/usr/share/pdns-backend-*/schema/schema." + backend + ".sql", "/usr/share/doc/pdns-backend-*/schema." + backend + ".sql",
		"/usr/share/doc/pdns/schema." + backend + ".sql",
	} {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			text, err := os.ReadFile(files[0])
			require.NoError(s.t, err)
			return string(text)
		}
	}
	err := fmt.Errorf("the backend %s of PowerDNS is not installed: %w", backend, exec.ErrNotFound)
	if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
		s.t.Fatal(err)
	}
	s.t.Skip(err)
	return ""
}

// scratch makes a database on the PostgreSQL server for tests and returns how
// to connect to it, for us and for PowerDNS.
func (s *Server) scratch() (source, settings string) {
	s.t.Helper()
	server := os.Getenv("ROWLOCK_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
			s.t.Fatal("ROWLOCK_TEST_POSTGRES is not set, and ROWLOCK_TEST_REQUIRE is")
		}
		s.t.Skip("no server: ROWLOCK_TEST_POSTGRES is not set")
	}
	name := fmt.Sprintf("rowlock_pdns_%d_%d", os.Getpid(), databases.Add(1))
	source, drop, err := dialects.Scratch(s.t.Context(), server, name)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, drop(context.Background())) })
	u, err := sqlstore.ParseURL(source)
	require.NoError(s.t, err)
	return source, postgresSettings(u, u.Name)
}

// postgresSettings are those of PowerDNS for a database.
func postgresSettings(u *sqlstore.DatabaseURL, name string) string {
	host, port := u.Options.Get("host"), u.Options.Get("port")
	if len(u.Hosts) > 0 && u.Hosts[0].Name != "" {
		host = u.Hosts[0].Name
		if u.Hosts[0].Port != 0 {
			port = itoa(int(u.Hosts[0].Port))
		}
	}
	password, _ := u.User.Password()
	out := []string{"gpgsql-dnssec=yes\n"}
	for key, value := range map[string]string{"host": host, "port": port, "dbname": name, "user": u.User.Username(), "password": password} {
		if value != "" {
			out = append(out, "gpgsql-"+key+"="+value+"\n")
		}
	}
	return strings.Join(out, "")
}
