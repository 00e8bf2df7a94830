package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "write the manual pages",
		Long: `Writes a page for each command into the folder: rowlock.1, rowlock-serve.1 and so
on. The date in them is that of SOURCE_DATE_EPOCH; without it there is none, so
that the pages of one version are always the same.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.writePages(cmd.Root(), args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func (p *program) writePages(root *cobra.Command, folder string) error {
	date := ""
	if text := p.getenv("SOURCE_DATE_EPOCH"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
		}
		date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, cmd := range withPages(root) {
		var b strings.Builder
		writePage(&b, cmd, date)
		if err := os.WriteFile(filepath.Join(folder, pageName(cmd)+".1"), []byte(b.String()), 0o644); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	return nil
}

// withPages lists a command and those below it, but for help, and for the
// shells of completion, which its own page is about.
func withPages(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && cmd.Name() != "completion" && sub.Name() != "help" {
			all = append(all, withPages(sub)...)
		}
	}
	return all
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// writePage writes the manual page of a command, in the macros of man(7).
func writePage(w io.Writer, cmd *cobra.Command, date string) {
	cmd.InitDefaultHelpFlag()
	name := pageName(cmd)
	fmt.Fprintf(w, ".TH %q 1 %q %q %q\n", strings.ToUpper(name), date, "rowlock "+programVersion(), "Rowlock")
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n%s\n", roff(cmd.CommandPath()), synopsis(cmd))
	fmt.Fprintf(w, ".SH DESCRIPTION\n%s", paragraphs(description(cmd)))
	commands(w, cmd)
	options(w, "OPTIONS", cmd.NonInheritedFlags())
	options(w, "GLOBAL OPTIONS", cmd.InheritedFlags())
	fmt.Fprintf(w, ".SH FILES\n.TP\n.I %s\nthe process file, where neither \\fB\\-\\-config\\fR nor \\fBROWLOCK_CONFIG\\fR names another\n", roff(systemConfig))
	fmt.Fprint(w, ".SH EXIT STATUS\n0 done, 1 failed, 2 called in a wrong way.\n")
	if cmd.Example != "" {
		fmt.Fprint(w, ".SH EXAMPLES\n")
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			fmt.Fprintf(w, ".PP\n.B %s\n", roff(strings.TrimSpace(line)))
		}
	}
	see := []string{}
	if cmd.HasParent() {
		see = append(see, `\fB`+roff(pageName(cmd.Parent()))+`\fR(1)`)
	} else {
		for _, sub := range withPages(cmd)[1:] {
			see = append(see, `\fB`+roff(pageName(sub))+`\fR(1)`)
		}
	}
	fmt.Fprintf(w, ".SH SEE ALSO\n%s\n", strings.Join(see, ",\n"))
}

func synopsis(cmd *cobra.Command) string {
	_, args, _ := strings.Cut(cmd.Use, " ")
	switch {
	case cmd.Name() == "completion":
		args = "bash|zsh|fish|powershell"
	case cmd.HasAvailableSubCommands():
		args = "COMMAND"
	}
	return strings.TrimSpace(roff("[OPTIONS] " + args))
}

// description is the long text of a command; that of cobra's own is of its
// library's making.
func description(cmd *cobra.Command) string {
	switch {
	case cmd.Name() == "completion":
		return "Prints the completion script of a shell, to be sourced, or to be put where the shell looks for such scripts; rowlock completion SHELL --help says where."
	case cmd.Long != "":
		return cmd.Long
	case !cmd.HasParent():
		return `A DHCPv4 and DHCPv6 server whose leases and configuration are rows in a SQL database: PostgreSQL, MySQL, MariaDB or SQLite. Frontends keep no state, so any number of them serve one database.

The process file says where the database is and where to listen; the network is in the database, where rowlock apply puts it.`
	}
	return strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
}

func commands(w io.Writer, cmd *cobra.Command) {
	subs := cmd.Commands()
	if len(subs) == 0 || cmd.Name() == "completion" {
		return
	}
	fmt.Fprint(w, ".SH COMMANDS\n")
	for _, sub := range subs {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR(1)\n%s\n", roff(pageName(sub)), roff(sub.Short))
		}
	}
}

func options(w io.Writer, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(w, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		fmt.Fprint(w, ".TP\n")
		if f.Shorthand != "" {
			fmt.Fprintf(w, "\\fB%s\\fR, ", roff("-"+f.Shorthand))
		}
		fmt.Fprintf(w, "\\fB%s\\fR", roff("--"+f.Name))
		if value != "" {
			fmt.Fprintf(w, " \\fI%s\\fR", roff(value))
		}
		fmt.Fprintf(w, "\n%s\n", roff(usage))
	})
}

// paragraphs sets running text: an empty line begins a paragraph.
func paragraphs(text string) string {
	var out strings.Builder
	for i, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			out.WriteString(".PP\n")
		}
		for line := range strings.SplitSeq(part, "\n") {
			out.WriteString(roff(strings.TrimSpace(line)) + "\n")
		}
	}
	return out.String()
}

// roff takes the meaning from what would be a request or an escape.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
