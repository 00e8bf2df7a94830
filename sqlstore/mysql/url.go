package mysql

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// errURL says that the URL is wrong without repeating it: it may hold a
// password.
var errURL = errors.New("database URL is not a valid MySQL URL " +
	"(mysql://user:password@host:port/database, or mysql://user@localhost/database?socket=/path; mariadb:// likewise; option tls=true|skip-verify|preferred|false)")

// parseURL reads mysql://user:password@host:port/database?options, or the same
// with mariadb. Options are socket (the path of a unix socket, instead of host
// and port) and tls (as in the driver: true, false, skip-verify, preferred).
func parseURL(databaseURL string) (*mysql.Config, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || (u.Scheme != "mysql" && u.Scheme != "mariadb") || u.Opaque != "" || strings.Contains(strings.TrimPrefix(u.Path, "/"), "/") {
		return nil, errURL
	}
	cfg := mysql.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "3306"
	}
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(host, port)
	for name, values := range u.Query() {
		switch name {
		case "socket":
			cfg.Net, cfg.Addr = "unix", values[0]
		case "tls":
			cfg.TLSConfig = values[0]
		default:
			return nil, errURL
		}
	}
	cfg.Collation = "utf8mb4_bin"
	cfg.Timeout = 3 * time.Second
	cfg.Loc, cfg.ParseTime = time.UTC, true
	cfg.InterpolateParams, cfg.MultiStatements, cfg.ClientFoundRows = true, true, true
	cfg.Logger = &mysql.NopLogger{}
	if _, err := mysql.NewConnector(cfg); err != nil {
		return nil, errURL
	}
	return cfg, nil
}

// product names the server that the URL asks for, for messages.
func product(cfg *mysql.Config) string { return "MySQL or MariaDB at " + cfg.Addr }

// DSN returns the data source name that the driver "mysql" of database/sql
// needs for the same database, for tests and tools that look into its tables.
func DSN(databaseURL string) (string, error) {
	cfg, err := parseURL(databaseURL)
	if err != nil {
		return "", err
	}
	cfg.Params = generalSettings
	cfg.ParseTime, cfg.MultiStatements = false, false
	return cfg.FormatDSN(), nil
}
