package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goPackage is what go list tells about a package. Imports and Deps are those
// of the program: imports of test files are not in them.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// importRule forbids imports. Patterns are package paths; a trailing /... adds
// all packages below.
type importRule struct {
	name   string
	in     []string // packages it is for
	except []string // of these, those it is not for
	deny   []string
	allow  []string // exceptions of deny
	deps   bool     // also by way of other packages
}

const (
	codecPackage   = "github.com/insomniacslk/dhcp/..."
	pgxPackage     = "github.com/jackc/pgx/v5/..."
	sqlitePackage  = "modernc.org/sqlite/..."
	mysqlPackage   = "github.com/go-sql-driver/mysql/..."
	yamlPackage    = "github.com/goccy/go-yaml/..."
	cobraPackage   = "github.com/spf13/cobra/..."
	testifyPackage = "github.com/stretchr/testify/..."
	dnsPackage     = "github.com/miekg/dns/..."
	humaPackage    = "github.com/danielgtaylor/huma/v2/..."
	browserPackage = "github.com/chromedp/..."
	framesPackage  = "github.com/gopacket/..."
)

// importRules are the import rules of CONTRIBUTING.md.
var importRules = []importRule{
	{
		name: "commands are imported by nobody",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/cmd/..."},
		deny: []string{"rowlock/cmd/..."},
	},
	{
		name: "roles speak to sqlstore interfaces, not to engines",
		in:   []string{"rowlock/frontend/...", "rowlock/ddns/...", "rowlock/admin/..."}, except: []string{"rowlock/ddns/dnsserver"},
		deny: []string{"rowlock/sqlstore/...", "rowlock/migrations", "database/sql", pgxPackage, sqlitePackage, mysqlPackage},
		allow: []string{
			"rowlock/sqlstore",
		},
		deps: true,
	},
	{
		name: "roles do not import each other",
		in:   []string{"rowlock/frontend/..."},
		deny: []string{"rowlock/ddns", "rowlock/admin"}, deps: true,
	},
	{
		name: "roles do not import each other",
		in:   []string{"rowlock/ddns/..."},
		deny: []string{"rowlock/frontend", "rowlock/admin"}, deps: true,
	},
	{
		name: "roles do not import each other",
		in:   []string{"rowlock/admin/..."},
		deny: []string{"rowlock/frontend", "rowlock/ddns"}, deps: true,
	},
	{
		name: "leaves do no input or output",
		in:   []string{"rowlock/frontend/option", "rowlock/frontend/class", "rowlock/ddns/name", "rowlock/admin/site"},
		deny: []string{"os", "os/exec", "net/http", "log/slog"},
	},
	{
		name: "leaves know no role",
		in:   []string{"rowlock/frontend/option", "rowlock/frontend/class", "rowlock/ddns/name", "rowlock/admin/site"},
		deny: []string{"rowlock/frontend", "rowlock/ddns", "rowlock/admin"}, deps: true,
	},
	{
		name: "the engine knows no dialect, role or schema",
		in:   []string{"rowlock/sqlstore/engine"},
		deny: []string{"rowlock/...", "database/sql", pgxPackage, sqlitePackage, mysqlPackage}, allow: []string{"rowlock/sqlstore"}, deps: true,
	},
	{
		name: "moving a database knows no dialect, role or schema",
		in:   []string{"rowlock/sqlstore/transfer"},
		deny: []string{"rowlock/...", "database/sql", pgxPackage, sqlitePackage, mysqlPackage}, allow: []string{"rowlock/sqlstore"}, deps: true,
	},
	{
		name: "a dialect knows sqlstore, the engine and the schema",
		in:   []string{"rowlock/sqlstore/postgres/...", "rowlock/sqlstore/sqlite/...", "rowlock/sqlstore/mysql/..."},
		deny: []string{"rowlock/..."},
		allow: []string{
			"rowlock/sqlstore", "rowlock/sqlstore/engine", "rowlock/migrations",
			"rowlock/sqlstore/postgres/...", "rowlock/sqlstore/sqlite/...", "rowlock/sqlstore/mysql/...",
		},
	},
	{
		name: "dialects do not know each other",
		in:   []string{"rowlock/sqlstore/postgres/..."}, deny: []string{"rowlock/sqlstore/sqlite/...", "rowlock/sqlstore/mysql/...", sqlitePackage, mysqlPackage}, deps: true,
	},
	{
		name: "dialects do not know each other",
		in:   []string{"rowlock/sqlstore/sqlite/..."}, deny: []string{"rowlock/sqlstore/postgres/...", "rowlock/sqlstore/mysql/...", pgxPackage, mysqlPackage}, deps: true,
	},
	{
		name: "dialects do not know each other",
		in:   []string{"rowlock/sqlstore/mysql/..."}, deny: []string{"rowlock/sqlstore/postgres/...", "rowlock/sqlstore/sqlite/...", pgxPackage, sqlitePackage}, deps: true,
	},
	{
		name: "packets exist in the frontend and in rowperf only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/frontend/...", "rowlock/cmd/rowperf/..."},
		deny: []string{codecPackage},
	},
	{
		name: "the PostgreSQL driver is in its dialect and the conformance suite only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/sqlstore/postgres/...", "rowlock/sqlstore/storetest/..."}, deny: []string{pgxPackage},
	},
	{
		name: "the MySQL driver is in its dialect only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/sqlstore/mysql/..."}, deny: []string{mysqlPackage},
	},
	{
		name: "the SQLite driver is in its dialect only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/sqlstore/sqlite/..."}, deny: []string{sqlitePackage},
	},
	{
		name: "flags and YAML are for commands and the site document",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/cmd/...", "rowlock/admin/site"}, deny: []string{cobraPackage, yamlPackage},
	},
	{
		name: "the HTTP framework is for the API only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/admin"}, deny: []string{humaPackage},
	},
	{
		name: "captured frames are for the command that explains them",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/cmd/rowlock/internal/capture"}, deny: []string{framesPackage},
	},
	{
		name: "a browser is for tests",
		in:   []string{"rowlock/..."}, deny: []string{browserPackage},
	},
	{
		name: "assertions are for tests",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/sqlstore/storetest/...", "rowlock/ddns/dnsserver"}, deny: []string{testifyPackage},
	},
	{
		name: "DNS messages exist where names are published only",
		in:   []string{"rowlock/..."}, except: []string{"rowlock/ddns", "rowlock/ddns/dnsserver"}, deny: []string{dnsPackage},
	},
	{
		name: "servers for tests are for tests",
		in:   []string{"rowlock/..."}, deny: []string{"rowlock/ddns/dnsserver"},
	},
}

// matches tells whether a package path is named by one of the patterns.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		base, below := strings.CutSuffix(p, "/...")
		return path == base || below && strings.HasPrefix(path, base+"/")
	})
}

// violations lists the imports of p that the rule forbids.
func (r importRule) violations(p goPackage) []string {
	if !matches(p.ImportPath, r.in) || matches(p.ImportPath, r.except) {
		return nil
	}
	imports := p.Imports
	if r.deps {
		imports = p.Deps
	}
	var out []string
	for _, path := range imports {
		if path != p.ImportPath && matches(path, r.deny) && !matches(path, r.allow) {
			out = append(out, fmt.Sprintf("%s imports %s: %s", p.ImportPath, path, r.name))
		}
	}
	return out
}

// moduleRoot is the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	return root
}

// listPackages asks the go command for all packages of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = moduleRoot(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	require.Greater(t, len(packages), 5)
	for _, p := range packages {
		for _, r := range importRules {
			for _, v := range r.violations(p) {
				t.Error(v)
			}
		}
		if p.ImportPath != "rowlock/sqlstore" {
			continue
		}
		for _, path := range p.Imports {
			if strings.Contains(path, ".") || strings.HasPrefix(path, "rowlock/") || path == "database/sql" {
				t.Errorf("rowlock/sqlstore imports %s: the contract needs the standard library only", path)
			}
		}
	}
}

// TestImportRulesBite feeds each rule an import it must refuse.
func TestImportRulesBite(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"rowlock/sqlstore/engine", "rowlock/sqlstore/postgres"},
		{"rowlock/sqlstore/engine", "database/sql"},
		{"rowlock/sqlstore/transfer", "rowlock/sqlstore/sqlite"},
		{"rowlock/sqlstore/postgres", "rowlock/frontend"},
		{"rowlock/sqlstore/postgres", "rowlock/sqlstore/sqlite"},
		{"rowlock/sqlstore/sqlite", "github.com/jackc/pgx/v5/pgconn"},
		{"rowlock/sqlstore/mysql", "rowlock/sqlstore/postgres"},
		{"rowlock/sqlstore/engine", "github.com/go-sql-driver/mysql"},
		{"rowlock/cmd/rowlock", "github.com/go-sql-driver/mysql"},
		{"rowlock/frontend", "rowlock/sqlstore/engine"},
		{"rowlock/frontend", "rowlock/admin"},
		{"rowlock/frontend", "rowlock/cmd/rowlock"},
		{"rowlock/frontend", "github.com/stretchr/testify/require"},
		{"rowlock/frontend/option", "rowlock/frontend"},
		{"rowlock/frontend/option", "os"},
		{"rowlock/admin", "rowlock/frontend"},
		{"rowlock/admin", "database/sql"},
		{"rowlock/admin/site", "github.com/danielgtaylor/huma/v2"},
		{"rowlock/cmd/rowlock", "github.com/danielgtaylor/huma/v2/adapters/humago"},
		{"rowlock/admin", "github.com/chromedp/chromedp"},
		{"rowlock/admin/site", "github.com/insomniacslk/dhcp/dhcpv4"},
		{"rowlock/ddns", "rowlock/frontend"},
		{"rowlock/ddns", "database/sql"},
		{"rowlock/ddns", "rowlock/ddns/dnsserver"},
		{"rowlock/ddns/name", "github.com/miekg/dns"},
		{"rowlock/cmd/rowlock", "github.com/miekg/dns"},
		{"rowlock/ddns/name", "rowlock/ddns"},
		{"rowlock/ddns/name", "os"},
		{"rowlock/ddns/name", "github.com/insomniacslk/dhcp/rfc1035label"},
		{"rowlock/cmd/rowlock", "github.com/insomniacslk/dhcp/dhcpv6"},
		{"rowlock/cmd/rowlock", "modernc.org/sqlite"},
		{"rowlock/sqlstore", "github.com/spf13/cobra"},
		{"rowlock/frontend", "github.com/gopacket/gopacket/layers"},
		{"rowlock/cmd/rowlock", "github.com/gopacket/gopacket"},
	} {
		p := goPackage{ImportPath: c.from, Imports: []string{c.to}, Deps: []string{c.to}}
		found := slices.ContainsFunc(importRules, func(r importRule) bool { return len(r.violations(p)) > 0 })
		require.True(t, found, "%s may import %s", c.from, c.to)
	}
	for _, c := range []struct{ from, to string }{
		{"rowlock/frontend", "rowlock/sqlstore"},
		{"rowlock/frontend", "rowlock/admin/site"},
		{"rowlock/admin", "github.com/danielgtaylor/huma/v2"},
		{"rowlock/frontend", "rowlock/ddns/name"},
		{"rowlock/ddns/name", "rowlock/sqlstore"},
		{"rowlock/ddns", "rowlock/ddns/name"},
		{"rowlock/ddns", "github.com/miekg/dns"},
		{"rowlock/frontend", "github.com/insomniacslk/dhcp/dhcpv4"},
		{"rowlock/sqlstore/postgres", "rowlock/migrations"},
		{"rowlock/cmd/rowlock", "rowlock/sqlstore/dialects"},
		{"rowlock/cmd/rowperf/load", "github.com/insomniacslk/dhcp/dhcpv4"},
		{"rowlock/cmd/rowlock/internal/capture", "github.com/gopacket/gopacket/pcapgo"},
	} {
		p := goPackage{ImportPath: c.from, Imports: []string{c.to}, Deps: []string{c.to}}
		for _, r := range importRules {
			require.Empty(t, r.violations(p))
		}
	}
}
