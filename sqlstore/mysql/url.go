package mysql

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"rowlock/sqlstore"
)

// errOption says which options there are, without repeating the URL: it may hold
// a password.
var errOption = errors.New("database URL: unknown option (user, host, socket, sslmode, sslrootcert, sslcert, sslkey, target_session_attrs, connect_timeout)")

// errNoName is what a URL without the name of a database is answered.
var errNoName = errors.New("database URL: it names no database")

// connectTime bounds the making of a connection, per host, where the URL says
// nothing (connect_timeout).
const connectTime = 3 * time.Second

// target is where a database URL leads.
type target struct {
	hosts     []*mysql.Config // one for each server, alike but for the address
	readWrite bool            // only a server that may be written to will do
}

// parseURL reads mysql://user:password@host:port/database?options, or the same
// with mariadb. The options are named as in URLs of PostgreSQL.
func parseURL(databaseURL string) (*target, error) {
	u, err := sqlstore.ParseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return nil, errors.New("the database URL begins neither with mysql:// nor with mariadb://")
	}
	o, err := readOptions(u)
	if err != nil {
		return nil, err
	}
	t := &target{readWrite: o.readWrite}
	for _, p := range o.places {
		cfg := newConfig(u, o)
		cfg.Net, cfg.Addr = p.network, p.addr
		if p.network == "tcp" { // a unix socket needs no encryption
			if cfg.TLS, cfg.AllowFallbackToPlaintext, err = o.tls.config(p.host); err != nil {
				return nil, err
			}
		}
		t.hosts = append(t.hosts, cfg)
	}
	return t, nil
}

// newConfig returns what the connections to all servers have in common.
func newConfig(u *sqlstore.DatabaseURL, o *urlOptions) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = o.user, o.password
	cfg.DBName = u.Name
	cfg.Collation = "utf8mb4_bin"
	cfg.Timeout = o.connectTime
	cfg.Loc, cfg.ParseTime = time.UTC, true
	cfg.InterpolateParams, cfg.MultiStatements, cfg.ClientFoundRows = true, true, true
	// a connection to a server that became a replica is given up
	cfg.RejectReadOnly = true
	cfg.Logger = &mysql.NopLogger{}
	return cfg
}

// place is where a server listens.
type place struct{ network, addr, host string }

type urlOptions struct {
	user        string
	password    string
	places      []place
	readWrite   bool
	connectTime time.Duration
	tls         tlsOptions
}

func readOptions(u *sqlstore.DatabaseURL) (o *urlOptions, err error) {
	o = &urlOptions{readWrite: true, connectTime: connectTime, user: u.User.Username()}
	o.password, _ = u.User.Password()
	hosts := u.Hosts
	for name, values := range u.Options {
		v := values[0]
		switch name {
		case "user":
			o.user = v
		case "password":
			o.password = v
		case "host":
			if hosts, err = sqlstore.ParseHosts(v); err != nil {
				return nil, err
			}
		case "socket":
			for path := range strings.SplitSeq(v, ",") {
				o.places = append(o.places, place{"unix", path, ""})
			}
		case "sslmode":
			o.tls.mode = v
		case "sslrootcert":
			o.tls.rootCert = v
		case "sslcert":
			o.tls.cert = v
		case "sslkey":
			o.tls.key = v
		case "target_session_attrs":
			if v != "read-write" && v != "any" {
				return nil, errors.New("database URL: target_session_attrs is neither read-write nor any")
			}
			o.readWrite = v == "read-write"
		case "connect_timeout":
			seconds, err := strconv.ParseUint(v, 10, 16)
			if err != nil || seconds == 0 {
				return nil, errors.New("database URL: connect_timeout is no number of seconds")
			}
			o.connectTime = time.Duration(seconds) * time.Second
		default:
			return nil, errOption
		}
	}
	if o.places == nil {
		o.places = tcpPlaces(hosts)
	}
	return o, nil
}

// tcpPlaces returns where the hosts listen; without any it is this machine.
func tcpPlaces(hosts []sqlstore.Host) (out []place) {
	if len(hosts) == 0 {
		hosts = []sqlstore.Host{{Name: "localhost"}}
	}
	for _, h := range hosts {
		h.Port = cmp.Or(h.Port, 3306)
		out = append(out, place{"tcp", h.String(), h.Name})
	}
	return out
}

// String names the servers, for messages.
func (t *target) String() string {
	addrs := make([]string, len(t.hosts))
	for i, h := range t.hosts {
		addrs[i] = h.Addr
	}
	return "MySQL or MariaDB at " + strings.Join(addrs, ", ")
}

// without returns the target without database name: that of the URL need not be
// there.
func (t *target) without() *target {
	out := &target{readWrite: t.readWrite}
	for _, h := range t.hosts {
		h = h.Clone()
		h.DBName = ""
		out.hosts = append(out.hosts, h)
	}
	return out
}

// DSN returns the data source name that the driver "mysql" of database/sql
// needs for the same database, on its first server and without TLS, for tests
// and tools that look into its tables.
func DSN(databaseURL string) (string, error) {
	t, err := parseURL(databaseURL)
	if err != nil {
		return "", err
	}
	cfg := t.hosts[0]
	if cfg.TLS != nil && !cfg.AllowFallbackToPlaintext {
		return "", fmt.Errorf("database URL: a data source name cannot say how %s is encrypted", cfg.Addr)
	}
	cfg.TLS, cfg.Params = nil, generalSettings
	cfg.ParseTime, cfg.MultiStatements = false, false
	return cfg.FormatDSN(), nil
}
