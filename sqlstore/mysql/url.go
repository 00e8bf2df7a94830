package mysql

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// errURL says that the URL is wrong without repeating it: it may hold a
// password.
var errURL = errors.New("database URL is not a valid MySQL URL (mysql://user@host:port/database, or several as host1:port,host2:port, or " +
	"mysql://user@localhost/database?socket=/path; mariadb:// likewise; options user, host, socket, sslmode, sslrootcert, sslcert, sslkey, target_session_attrs, connect_timeout)")

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
	u, err := url.Parse(databaseURL)
	if err != nil || (u.Scheme != "mysql" && u.Scheme != "mariadb") || u.Opaque != "" || strings.Contains(strings.TrimPrefix(u.Path, "/"), "/") {
		return nil, errURL
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
func newConfig(u *url.URL, o *urlOptions) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = o.user, o.password
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
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

func readOptions(u *url.URL) (*urlOptions, error) {
	o := &urlOptions{readWrite: true, connectTime: connectTime, user: u.User.Username()}
	o.password, _ = u.User.Password()
	hosts := u.Host
	for name, values := range u.Query() {
		v := values[0]
		switch name {
		case "host":
			hosts = v
		case "user":
			o.user = v
		case "password":
			o.password = v
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
			return nil, errURL
		}
	}
	if o.places != nil {
		return o, nil
	}
	for text := range strings.SplitSeq(hosts, ",") {
		p, err := readHost(text)
		if err != nil {
			return nil, err
		}
		o.places = append(o.places, p)
	}
	return o, nil
}

// readHost reads a host with or without port; an IPv6 address stands in
// brackets.
func readHost(text string) (place, error) {
	host, port := text, "3306"
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	} else if strings.Contains(text, ":") {
		return place{}, errURL
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return place{}, errURL
	}
	if host == "" {
		host = "localhost"
	}
	return place{"tcp", net.JoinHostPort(host, port), host}, nil
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
