package main

import (
	"fmt"
	"slices"
	"strings"
)

// perfdhcp is a table for each family: Kea and Rowlock on each engine, and by
// how much Rowlock is ahead. SQLite, which Kea has not, stands against Kea's file
// in memory.
func (r *results) perfdhcp() string {
	var out []string
	for _, f := range []struct{ prefix, what string }{
		{"Perfdhcp/v4/", "DHCPv4"}, {"Perfdhcp6/v6/", "DHCPv6 address"}, {"Perfdhcp6/v6pd/", "DHCPv6 address and prefix"},
	} {
		if rows := r.perfdhcpRows(f.prefix); len(rows) > 0 {
			t := table{rows: rows, head: []string{
				"", "exchanges/s", "dropped, %", "CPU us", "offer, ack: mean ms", "batch", "exchanges: times Kea", "CPU: Kea's times ours",
			}}
			out = append(out, fmt.Sprintf("New clients by perfdhcp, %s, at the highest rate of which at most 1 %% is dropped:\n\n%s", f.what, t))
		}
	}
	return strings.Join(out, "\n")
}

func (r *results) perfdhcpRows(prefix string) (rows [][]string) {
	for _, target := range r.below(prefix) {
		engine, server, _ := strings.Cut(target, "/")
		name := prefix + target
		row := []string{
			engineName(server + "/" + engine), r.cell(name, rateUnit), r.cell(name, dropsUnit), r.cell(name, cpuUnit),
			r.cell(name, "offer-avg-ms", "ack-avg-ms"), r.cell(name, "items/batch"), "", "",
		}
		if server == "rowlock" {
			kea := prefix + strings.Replace(engine, "sqlite", "memfile", 1) + "/kea"
			row[6], row[7] = r.ratio(name, kea, rateUnit), r.ratio(kea, name, cpuUnit)
		}
		rows = append(rows, row)
	}
	return rows
}

// rates is what an exchange costs at rates that were given.
func (r *results) rates() string {
	t := table{head: []string{"", "1,000/s", "2,000/s", "5,000/s"}}
	for _, target := range r.below("Rates/v4/") {
		engine, server, _ := strings.Cut(target, "/")
		row := []string{engineName(server + "/" + engine)}
		for _, rate := range []string{"1000", "2000", "5000"} {
			row = append(row, r.cell("Rates/v4/"+target, "cpu-us@"+rate))
		}
		t.rows = append(t.rows, row)
	}
	if len(t.rows) == 0 {
		return ""
	}
	return "CPU us per exchange of a new DHCPv4 client by perfdhcp at lower rates, as far as each can do them:\n\n" + t.String()
}

// ratio is how many times as much a benchmark has of a unit as another.
func (r *results) ratio(a, b, unit string) string {
	x, okX := r.median(a, unit)
	y, okY := r.median(b, unit)
	if !okX || !okY || y == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", x/y)
}

// plainCase is the case that others are compared with: for IPv6 the one of its
// own.
func plainCase(name string) string {
	if strings.HasSuffix(name, "-v6") {
		return "new-v6"
	}
	return "new"
}

// caseNames are the rows of the growth table in words.
var caseNames = map[string]string{
	"new":                 "new clients, empty database",
	"renew":               "renewals",
	"returning":           "known clients from DISCOVER on",
	"new-v6":              "v6 address and prefix: new clients",
	"renew-v6":            "v6: renewals",
	"returning-v6":        "v6: known clients from SOLICIT on",
	"leases":              "new clients beside many leases",
	"pool=100%/refused":   "full pool: new clients (per DISCOVER)",
	"pool=100%/returning": "full pool: known clients",
	"subnets/first":       "many subnets: the first client of each",
	"subnets":             "many subnets in use",
}

func caseName(name string) string {
	if text, ok := caseNames[name]; ok {
		return text
	}
	if n, ok := strings.CutPrefix(name, "frontends="); ok {
		return n + " frontends"
	}
	if n, ok := strings.CutPrefix(name, "pool="); ok {
		return "new clients, pool full to " + n
	}
	return name
}

// growth is a table of cases by engine.
func (r *results) growth() string {
	var engines, cases []string
	for _, name := range r.below("Growth/") {
		engine, what, _ := strings.Cut(name, "/")
		if !slices.Contains(engines, engine) {
			engines = append(engines, engine)
		}
		if !slices.Contains(cases, what) {
			cases = append(cases, what)
		}
	}
	if len(cases) == 0 {
		return ""
	}
	t := table{head: []string{""}}
	for _, e := range engines {
		t.head = append(t.head, engineName(e))
	}
	for _, c := range cases {
		row := []string{caseName(c)}
		for _, e := range engines {
			name := "Growth/" + e + "/" + c
			cell := r.cell(name, rateUnit, cpuUnit)
			if times := r.ratio(name, "Growth/"+e+"/"+plainCase(c), cpuUnit); times != "" && c != plainCase(c) {
				cell += " (" + times + ")"
			}
			row = append(row, cell)
		}
		t.rows = append(t.rows, row)
	}
	return "The whole server at saturation by rowperf as things grow: exchanges/s, CPU us (how many times that of new clients in an empty database).\n\n" + t.String()
}
