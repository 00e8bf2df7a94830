package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// manPages writes the pages and returns them by file name.
func manPages(t *testing.T, env map[string]string) map[string]string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "man1")
	var errs bytes.Buffer
	p := testProgram(env)
	p.stderr = &errs
	require.Equal(t, exitOK, p.run(t.Context(), []string{"man", folder}), &errs)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	pages := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		pages[f.Name()] = string(text)
	}
	return pages
}

var (
	request = regexp.MustCompile(`^\.(TH "[A-Z-]+" 1 ".*" "rowlock .*" "Rowlock"|SH [A-Z ]+|TP|PP|[BI] \S.*)$`)
	escape  = regexp.MustCompile(`\\(e|-|&|f[BIR])`)
)

// Every command has a page, in the few macros that we use and no other.
func TestManPages(t *testing.T) {
	pages := manPages(t, nil)
	root := testProgram(nil).rootCommand()
	commands := withPages(root)
	require.Len(t, pages, len(commands))
	require.Greater(t, len(pages), 10)
	for _, cmd := range commands {
		text, ok := pages[pageName(cmd)+".1"]
		require.True(t, ok, cmd.CommandPath())
		require.Contains(t, text, ".SH NAME\n"+roff(pageName(cmd))+` \- `+roff(cmd.Short)+"\n")
		require.Contains(t, text, ".SH SYNOPSIS\n.B "+roff(cmd.CommandPath())+"\n")
		for _, section := range []string{"DESCRIPTION", "OPTIONS", "FILES", "EXIT STATUS", "SEE ALSO"} {
			require.Contains(t, text, "\n.SH "+section+"\n", cmd.CommandPath())
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			require.NotEmpty(t, line, "%s: an empty line is space that man(7) does not want", cmd.CommandPath())
			if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
				require.Regexp(t, request, line, cmd.CommandPath())
			}
			require.NotContains(t, escape.ReplaceAllString(line, ""), `\`, cmd.CommandPath())
		}
	}
	require.Contains(t, pages["rowlock-serve.1"], ".TP\n\\fB\\-\\-roles\\fR \\fIstrings\\fR\n")
	require.Contains(t, pages["rowlock.1"], "\\fBrowlock\\-migrate\\-up\\fR(1)")
	require.Contains(t, pages["rowlock-diff.1"], ".SH EXIT STATUS\n0 no difference, 1 there are some, 2 they could not be compared.\n")
}

// The pages are the same each time; the date is the one asked for.
func TestManPagesAreReproducible(t *testing.T) {
	pages := manPages(t, nil)
	require.Equal(t, pages, manPages(t, nil))
	require.Contains(t, pages["rowlock.1"], `.TH "ROWLOCK" 1 "" "rowlock `)
	dated := manPages(t, map[string]string{"SOURCE_DATE_EPOCH": "1750000000"})
	require.Contains(t, dated["rowlock.1"], `.TH "ROWLOCK" 1 "2025-06-15" "rowlock `)
	var errs bytes.Buffer
	p := testProgram(map[string]string{"SOURCE_DATE_EPOCH": "today"})
	p.stderr = &errs
	require.Equal(t, exitFailed, p.run(t.Context(), []string{"man", t.TempDir()}))
	require.Contains(t, errs.String(), "SOURCE_DATE_EPOCH")
}

func TestRoff(t *testing.T) {
	require.Equal(t, `\&.x a\-b c\ed`, roff(".x a-b\nc\\d"))
	require.Equal(t, `\&'x`, roff("'x"))
	require.Equal(t, "a\nb\n.PP\n\\&.c\n", paragraphs("a\n b\n\n.c\n"))
}

// What the shells ask the program for.
func TestCompletion(t *testing.T) {
	complete := func(args ...string) []string {
		var out bytes.Buffer
		p := testProgram(nil)
		p.stdout, p.stderr = &out, io.Discard
		require.Equal(t, exitOK, p.run(t.Context(), append([]string{"__complete"}, args...)))
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	const noFiles, noSpace, ext = 4, 2, 8
	directive := func(n int) string { return fmt.Sprintf(":%d", n) }
	require.Equal(t, []string{"dhcp4", "dhcp6", "ddns", "admin", directive(noFiles | noSpace)}, complete("serve", "--roles", ""))
	require.Equal(t, []string{"dhcp4,dhcp6", "dhcp4,ddns", "dhcp4,admin", directive(noFiles | noSpace)}, complete("serve", "--roles", "dhcp4,"))
	require.Equal(t, []string{"frontend", "ddns", "admin", "report", directive(noFiles | noSpace)}, complete("migrate", "grants", "--role", ""))
	require.Equal(t, []string{"v4", "v6", directive(noFiles)}, complete("lease", "list", "--family", ""))
	require.Contains(t, complete("lease", "list", "--state", "re"), "reserved")
	require.Equal(t, []string{"yaml", "yml", directive(ext)}, complete("serve", "--config", ""))
	require.Equal(t, []string{"yaml", "yml", "json", directive(ext)}, complete("apply", ""))
	require.Equal(t, []string{"yaml", "yml", "json", directive(ext)}, complete("diff", ""))
	require.Equal(t, []string{directive(noFiles)}, complete("export", ""))
	require.Equal(t, []string{directive(noFiles)}, complete("revision", "revert", ""))
	require.Equal(t, []string{":16"}, complete("man", ""))
	for shell, want := range map[string]string{"bash": "complete -o default", "zsh": "#compdef rowlock", "fish": "complete -c rowlock", "powershell": "Register-ArgumentCompleter"} {
		var out bytes.Buffer
		p := testProgram(nil)
		p.stdout = &out
		require.Equal(t, exitOK, p.run(t.Context(), []string{"completion", shell}))
		require.Contains(t, out.String(), want)
	}
}
