package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

func (p *program) migrateGrantsCommand() *cobra.Command {
	var roles []string
	var user, host string
	cmd := &cobra.Command{
		Use:   "grants --role ROLE",
		Short: "print the SQL that gives a database user what its role needs",
		Long: `grants prints SQL for the owner of the database to read and to run with the
database's own shell. It connects to nothing, makes no user and no password.

Roles: frontend (rowlock serve), ddns (DNS updates), admin (rowlock apply, export,
lease), report (reports, rowlock lease list). Run it again after each "rowlock
migrate up": new tables need new privileges.`,
		Example: "  rowlock migrate grants --role frontend | psql -v ON_ERROR_STOP=1 rowlock\n" +
			"  rowlock migrate grants --role frontend --host 192.0.2.% | mysql",
		Args: exactly(0),
		RunE: func(_ *cobra.Command, _ []string) error {
			list, err := grantees(roles, user, host)
			if err != nil {
				return usageError{err}
			}
			return p.printGrants(list)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&roles, "role", nil, "what the user is for: frontend, ddns, admin, report (may be given several times)")
	flags.StringVar(&user, "user", "", "`NAME` of the database user (default rowlock_ and the role)")
	flags.StringVar(&host, "host", "", "where the user comes from, a part of its name on MySQL and MariaDB (default %)")
	return cmd
}

// grantees checks the flags. With one user that has several roles it gets the
// privileges of all.
func grantees(roles []string, user, host string) ([]sqlstore.Grantee, error) {
	if len(roles) == 0 {
		return nil, fmt.Errorf("--role is needed: one of %s", strings.Join(roleNames(), ", "))
	}
	out := make([]sqlstore.Grantee, 0, len(roles))
	for _, name := range roles {
		role, err := sqlstore.ParseDatabaseRole(name)
		if err != nil {
			return nil, fmt.Errorf("--role: %w", err)
		}
		g := sqlstore.Grantee{Role: role, User: user, Host: host}
		if g.User == "" {
			g.User = "rowlock_" + name
		}
		if err := g.Check(); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func roleNames() []string {
	var names []string
	for _, r := range sqlstore.DatabaseRoles() {
		names = append(names, string(r))
	}
	return names
}

func (p *program) printGrants(list []sqlstore.Grantee) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	dsn, err := c.databaseURL()
	if err != nil {
		return err
	}
	scripts := make([]string, len(list))
	for i, g := range list {
		if scripts[i], err = dialects.Grants(dsn, g); err != nil {
			return fmt.Errorf("write grants for %s: %w", redact(dsn), err)
		}
	}
	fmt.Fprint(p.stdout, strings.Join(scripts, "\n"))
	return nil
}
