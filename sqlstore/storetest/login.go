package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

var logins atomic.Int64

// password is that of every user that a test makes.
const password = "Rowlock-1"

// Login makes a database user, gives it what a role needs by the script for
// people, and returns the URL to log in with. The user goes away with the test.
// SQLite has no users: the URL stays as it is.
func Login(t testing.TB, ownerURL string, role sqlstore.DatabaseRole) string {
	t.Helper()
	if strings.HasPrefix(ownerURL, "sqlite:") {
		return ownerURL
	}
	scheme, _, _ := strings.Cut(ownerURL, ":")
	d := newDatabase(t, scheme, ownerURL)
	name := d.user(t)
	script, err := dialects.Grants(ownerURL, sqlstore.Grantee{Role: role, User: name})
	require.NoError(t, err)
	for range 2 { // once more changes nothing
		d.script(t, script)
	}
	u, err := url.Parse(ownerURL)
	require.NoError(t, err)
	u.User = url.UserPassword(name, password)
	return u.String()
}

// user makes a user that may do nothing yet.
func (d *database) user(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("rowlock_%d_%d", os.Getpid(), logins.Add(1))
	if d.postgres() {
		d.script(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, password))
	} else {
		d.script(t, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s';", name, password))
	}
	t.Cleanup(func() {
		gone := []string{fmt.Sprintf("DROP USER '%s'@'%%'", name)}
		if d.postgres() {
			// what every owner may do; DROP OWNED wants more than that
			gone = []string{
				"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM " + name, "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM " + name,
				"REVOKE ALL ON SCHEMA public FROM " + name, "REVOKE ALL ON DATABASE " + databaseOf(d.owner) + " FROM " + name, "DROP ROLE " + name,
			}
		}
		for _, statement := range gone {
			_, err := d.db.ExecContext(context.Background(), statement)
			require.NoError(t, err)
		}
	})
	return name
}

// databaseOf returns the name in a URL of a scratch database.
func databaseOf(databaseURL string) string {
	_, rest, _ := strings.Cut(databaseURL, "://")
	_, rest, _ = strings.Cut(rest, "/")
	name, _, _ := strings.Cut(rest, "?")
	return name
}

// script runs several statements: all at once, or line by line where the driver
// takes one at a time.
func (d *database) script(t testing.TB, text string) {
	t.Helper()
	statements := []string{text}
	if d.mysql() {
		statements = strings.Split(text, "\n")
	}
	for _, statement := range statements {
		if statement == "" || d.mysql() && strings.HasPrefix(statement, "--") {
			continue
		}
		_, err := d.db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// serving makes a database with the newest schema, on which stores are opened
// by a user that may do no more than those who serve.
func serving(t testing.TB, dialect string) *database {
	t.Helper()
	d := migrated(t, dialect)
	d.url = Login(t, d.owner, sqlstore.RoleFrontend)
	return d
}

// openBoth opens a store by the users of two roles, as they are in life: the
// configuration is changed by the admin, and everything else is done by those
// who serve.
func (d *database) openBoth(t testing.TB) sqlstore.Store {
	t.Helper()
	if !d.server() {
		return Open(t, d.url)
	}
	return both{Open(t, Login(t, d.owner, sqlstore.RoleFrontend)), Open(t, Login(t, d.owner, sqlstore.RoleAdmin))}
}

type both struct {
	sqlstore.Store
	admin sqlstore.Store
}

// ApplyConfig is the admin's.
func (b both) ApplyConfig(ctx context.Context, base int64, c *sqlstore.Config, author, comment string) (int64, error) {
	return b.admin.ApplyConfig(ctx, base, c, author, comment)
}

// Script runs what `rowlock migrate grants` printed, as the owner.
func Script(t testing.TB, ownerURL, text string) {
	t.Helper()
	scheme, _, _ := strings.Cut(ownerURL, ":")
	newDatabase(t, scheme, ownerURL).script(t, text)
}
