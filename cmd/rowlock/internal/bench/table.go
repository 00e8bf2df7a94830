package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Units that benchmarks report.
const (
	rateUnit  = "exchanges/s"
	cpuUnit   = "cpu-us/exchange"
	dropsUnit = "drops-%"
)

// tables is all tables for which there are figures.
func (r *results) tables() string {
	var out strings.Builder
	for _, t := range []func() string{r.lanes, r.pooler, r.server, r.perfdhcp, r.rates, r.growth, r.config, r.move} {
		if text := t(); text != "" {
			out.WriteString("\n" + text)
		}
	}
	return out.String()
}

func (r *results) lanes() string {
	return r.pivot("Lanes/", "The store alone, an offer batch and then its commit batch on one connection: exchanges/s, CPU us.", "batch=",
		rateUnit, cpuUnit)
}

func (r *results) pooler() string {
	return r.pivot("Pooler/", "PostgreSQL directly and behind PgBouncer, CPU of the pooler included: exchanges/s, CPU us.", "batch=", rateUnit, cpuUnit)
}

func (r *results) server() string {
	return r.pivot("Server/", "The whole server by exchanges under way, DHCPv6 with address and prefix: exchanges/s, CPU us, p50 and p99 in ms.",
		"outstanding=", rateUnit, cpuUnit, "p50-ms", "p99-ms")
}

func (r *results) move() string {
	return r.pivot("Move/", "Moving 200,000 leases from engine to engine: rows copied and compared a second.", "", "copied/s", "compared/s")
}

func (r *results) config() string {
	return r.pivot("Config/", "10,000 subnets with a pool each, in ms: to apply them as a document, to load them, and from the commit of one changed row until "+
		"two frontends (SQLite: one) use it while clients renew, the median of 20 and the longest.", "",
		"apply-ms", "load-ms", "live-ms", "longest-ms")
}

// pivot is a table of the benchmarks below a prefix: the last part of the name
// chooses the column, by its label, the rest is the row. Without a label each unit
// has a column.
func (r *results) pivot(prefix, title, label string, units ...string) string {
	var rows, columns []string
	for _, name := range r.below(prefix) {
		row, column := name, ""
		if i := strings.LastIndexByte(name, '/'); i >= 0 && label != "" {
			row, column = name[:i], strings.TrimPrefix(name[i+1:], label)
		}
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	if len(rows) == 0 {
		return ""
	}
	t := table{head: append([]string{""}, columns...)}
	if label == "" {
		t.head = append(t.head[:1], units...)
	}
	for _, row := range rows {
		cells := []string{engineName(row)}
		if label == "" {
			for _, u := range units {
				cells = append(cells, r.cell(prefix+row, u))
			}
			t.rows = append(t.rows, cells)
			continue
		}
		for _, column := range columns {
			name := prefix + row
			if column != "" {
				name += "/" + label + column
			}
			cells = append(cells, r.cell(name, units...))
		}
		t.rows = append(t.rows, cells)
	}
	if label != "" {
		t.head[1] = strings.TrimSuffix(label, "=") + " " + t.head[1]
	}
	return title + "\n\n" + t.String()
}

// cell is the medians of some units, and the share of failed exchanges if there
// are any; what a benchmark has not is left out.
func (r *results) cell(name string, units ...string) string {
	var out []string
	for _, u := range units {
		if v, ok := r.median(name, u); ok {
			out = append(out, number(v))
		}
	}
	if failed, _ := r.median(name, "failed-%"); failed > 0 {
		out = append(out, number(failed)+" % failed")
	}
	return strings.Join(out, ", ")
}

// engineNames are how engines are written; other words stay as they are.
var engineNames = map[string]string{
	"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL", "memfile": "memfile",
	"v4": "v4", "v6": "v6", "v6pd": "v6 with prefix", "kea": "Kea", "rowlock": "Rowlock",
}

func engineName(path string) string {
	var words []string
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := engineNames[part]; ok {
			part = name
		}
		words = append(words, strings.ReplaceAll(part, "_", " "))
	}
	return strings.Join(words, " ")
}

// number is a value with three digits that count, and commas.
func number(v float64) string {
	switch {
	case v >= 1000:
		unit := math.Pow10(int(math.Log10(v)) - 2)
		return commas(strconv.FormatFloat(math.Round(v/unit)*unit, 'f', 0, 64))
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 2, 64), ".00")
}

func commas(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// table is a Markdown table.
type table struct {
	head []string
	rows [][]string
}

func (t table) String() string {
	var out strings.Builder
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.head)
	fmt.Fprintf(&out, "|%s\n", strings.Repeat("---|", len(t.head)))
	for _, row := range t.rows {
		line(row)
	}
	return out.String()
}
