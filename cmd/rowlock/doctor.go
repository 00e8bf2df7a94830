package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rowlock/cmd/rowlock/internal/doctor"
	"rowlock/frontend"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

type doctorOptions struct {
	json, strict, deep, quiet bool
}

// errProblems ends a command whose findings say more.
var errProblems = errors.New("there are problems")

func (p *program) doctorCommand() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look at everything that serving depends on, and say what to do",
		Long: `Reads the process file as serve does and looks at the database, the schema,
the network configuration, the other frontends, and this host. It changes
nothing and sends no DHCP packet; it may run beside a server. As root it sees
who has a port. Exit status 0: no problem; 1: a problem, or with --strict a
warning.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.doctor(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.json, "json", false, "print one JSON document")
	flags.BoolVar(&o.strict, "strict", false, "fail on warnings too")
	flags.BoolVar(&o.deep, "deep", false, "also read the whole database (SQLite: check its integrity)")
	flags.BoolVar(&o.quiet, "quiet", false, "print only what is not good")
	return cmd
}

func (p *program) doctor(ctx context.Context, o doctorOptions) error {
	c, err := p.loadConfig()
	if errors.As(err, &usageError{}) {
		return err
	}
	var report *doctor.Report
	if err == nil {
		report, err = p.examine(ctx, c, o)
	}
	if err != nil {
		var found sqlstore.Findings
		found.Add("process.config", sqlstore.FindingProblem, err.Error(), "no command works without it",
			"mend the process file or the environment; admin/deploy has a sample with every key")
		report = doctor.NewReport(programVersion(), "", found, p.getenv("ROWLOCK_DATABASE_PASSWORD"))
	}
	if o.json {
		err = report.JSON(p.stdout)
	} else {
		err = report.Text(p.stdout, o.quiet)
	}
	switch {
	case err != nil:
		return fmt.Errorf("write report: %w", err)
	case ctx.Err() != nil:
		return errInterrupted
	case report.Status == sqlstore.FindingProblem, o.strict && report.Status == sqlstore.FindingWarning:
		return errProblems
	}
	return nil
}

// examine runs the examination that a process configuration asks for.
func (p *program) examine(ctx context.Context, c *processConfig, o doctorOptions) (*doctor.Report, error) {
	dsn, err := c.databaseURL()
	if err != nil {
		return nil, err
	}
	needs, err := dialects.Privileges(dsn, sqlstore.RoleFrontend)
	if err != nil && !errors.Is(err, dialects.ErrNoUsers) {
		return nil, err
	}
	console := ""
	if c.servesAdmin() {
		console = c.Listen.Admin
	}
	host, _ := os.Hostname()
	found := doctor.Examine(ctx, doctor.Config{
		FrontendID: c.FrontendID, Hostname: host, Listen: c.doctorListen(), Health: c.Listen.Health, Admin: console,
		Database: redact(dsn), Needs: needs, Deep: o.deep, ReadBuffer: frontend.ReceiveBuffer, OpenRefused: p.foreignFile(dsn),
		LinksRefused: frontend.DirectLinks(runtime.GOOS), Host: doctor.ThisHost(),
		Open: func(ctx context.Context) (sqlstore.Store, error) {
			return dialects.Open(ctx, dsn, dialects.Options{MaxConns: c.DatabaseConnections})
		},
	})
	found = slices.Insert(found, 0, sqlstore.Finding{ID: "process.config", Text: fmt.Sprintf("roles %s as frontend %s", strings.Join(c.Roles, ", "), c.FrontendID)})
	return doctor.NewReport(programVersion(), redact(dsn), found, c.password), nil
}

// foreignFile says why root must not open an SQLite file: what SQLite makes
// beside it would be root's, and the server could not write there any more.
func (p *program) foreignFile(dsn string) string {
	file, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok || p.uid != 0 {
		return ""
	}
	file = strings.TrimPrefix(file, "//")
	if owner, ok := fileOwner(file); ok && owner != 0 {
		return fmt.Sprintf("%s belongs to user %d and was not opened by root", file, owner)
	}
	return ""
}

// doctorListen lists the sockets of the configured roles, the defaults too.
func (c *processConfig) doctorListen() []doctor.Listen {
	var out []doctor.Listen
	add := func(key string, family sqlstore.Family, list []listenAddress, all netip.Addr, port uint16) {
		if len(list) == 0 {
			out = append(out, doctor.Listen{Key: key, Family: family, Address: all, Port: port})
		}
		for i, l := range list {
			one := doctor.Listen{Key: fmt.Sprintf("%s[%d]", key, i), Family: family, Interface: l.Interface, Port: l.port(port)}
			if l.Address != "" {
				one.Address = netip.MustParseAddr(l.Address)
			}
			out = append(out, one)
		}
	}
	if slices.Contains(c.Roles, roleDHCP4) {
		add("listen.dhcp4", sqlstore.IPv4, c.Listen.DHCP4, netip.IPv4Unspecified(), 67)
	}
	if slices.Contains(c.Roles, roleDHCP6) {
		add("listen.dhcp6", sqlstore.IPv6, c.Listen.DHCP6, netip.IPv6Unspecified(), 547)
	}
	return out
}

// fileOwner returns the user that a file belongs to.
func fileOwner(path string) (uint32, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}
