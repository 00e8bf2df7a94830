package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rowlock/frontend"
	"rowlock/sqlstore"
)

// offer completes what is typed on the command line, below cmd: no file names
// where none is meant, and the values of flags that have few.
func offer(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		offer(sub)
	}
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	values := map[string]cobra.CompletionFunc{
		"roles":  listOf(allRoles),
		"role":   listOf(roleNames()),
		"family": cobra.FixedCompletions([]string{sqlstore.IPv4.String(), sqlstore.IPv6.String()}, cobra.ShellCompDirectiveNoFileComp),
		"state":  cobra.FixedCompletions(stateNames(), cobra.ShellCompDirectiveNoFileComp),
		"config": files("yaml", "yml"),
		"file":   files("yaml", "yml", "json"),
		"pcap":   files("pcap", "pcapng", "cap"),
		"type":   cobra.FixedCompletions(frontend.SampleTypes(), cobra.ShellCompDirectiveNoFileComp),
	}
	for name, complete := range values {
		if cmd.LocalFlags().Lookup(name) == nil {
			continue
		}
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // a flag is there, and has no second one
		}
	}
}

// files completes file names with one of these endings.
func files(endings ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

// listOf completes a list with commas, in which nothing is named twice.
func listOf(all []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := ""
		if at := strings.LastIndexByte(typed, ','); at >= 0 {
			before = typed[:at+1]
		}
		var out []string
		for _, v := range all {
			if !slices.Contains(strings.Split(before, ","), v) {
				out = append(out, before+v)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func stateNames() []string {
	var names []string
	for s := sqlstore.Offered; s <= sqlstore.Reserved; s++ {
		names = append(names, s.String())
	}
	return names
}
