package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

// databaseURL returns the URL to open, with the password in it: for dialects
// only, never for people. The default is a file in the state folder.
func (c *processConfig) databaseURL() (string, error) {
	if c.Database == "" {
		return "sqlite:" + filepath.Join(c.StateDir, "rowlock.db"), nil
	}
	if c.password == "" {
		return c.Database, nil
	}
	if strings.HasPrefix(c.Database, "sqlite:") {
		return c.Database, nil
	}
	u, err := sqlstore.ParseURL(c.Database)
	if err != nil {
		return "", err
	}
	if name := u.User.Username(); name != "" {
		u.User = url.UserPassword(name, c.password)
	} else {
		u.Options.Set("password", c.password)
	}
	return u.String(), nil
}

// readPassword takes the password from the environment, else from the file.
func (c *processConfig) readPassword(getenv func(string) string) error {
	if c.password = getenv("ROWLOCK_DATABASE_PASSWORD"); c.password != "" || c.DatabasePasswordFile == "" {
		return nil
	}
	f, err := os.Open(c.DatabasePasswordFile)
	if err != nil {
		return fmt.Errorf("read database_password_file: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	if c.password = strings.TrimRight(lines.Text(), "\r"); c.password == "" {
		return fmt.Errorf("read database_password_file: %s: its first line is empty", c.DatabasePasswordFile)
	}
	return lines.Err()
}

// prepareDatabase returns the URL to open; the folder of the default database
// is made when it is not there.
func (c *processConfig) prepareDatabase() (string, error) {
	if c.Database == "" {
		if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
			return "", fmt.Errorf("make state folder: %w", err)
		}
	}
	return c.databaseURL()
}

// openStore opens the database for a tool, once, and refuses a schema that the
// program cannot work with. The caller closes the store.
func (p *program) openStore(ctx context.Context) (sqlstore.Store, error) {
	c, err := p.loadConfig()
	if err != nil {
		return nil, err
	}
	log, err := newLogger(p.stderr, c.Log)
	if err != nil {
		return nil, err
	}
	dsn, err := c.databaseURL()
	if err != nil {
		return nil, err
	}
	store, err := dialects.Open(ctx, dsn, dialects.Options{Logger: log, MaxConns: c.DatabaseConnections})
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", redact(dsn), err)
	}
	if err := store.CheckSchema(ctx); err != nil {
		store.Close()
		return nil, fmt.Errorf("open database %s: %w", redact(dsn), err)
	}
	return store, nil
}

// redact returns a database URL fit for people and logs: without password.
func redact(dsn string) string {
	scheme, _, _ := strings.Cut(dsn, ":")
	if scheme == "sqlite" {
		return dsn
	}
	u, err := sqlstore.ParseURL(dsn)
	if err != nil {
		return scheme + ":(unreadable URL)"
	}
	return u.Redacted()
}

// errPassword is what a URL with a password in it is answered.
var errPassword = errors.New("a password must not stand there")

// checkURL refuses a database URL that holds a password, or cannot be read and
// so may hold one. What is no URL at all is left to those who open it.
func checkURL(dsn string) error {
	if strings.HasPrefix(dsn, "sqlite:") || !strings.Contains(dsn, "://") {
		return nil
	}
	u, err := sqlstore.ParseURL(dsn)
	if err == nil && u.HasPassword() {
		err = errPassword
	}
	return err
}
