package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"rowlock/cmd/rowperf/load"
)

// maxShown is how many violations are printed.
const maxShown = 20

func (o *outcome) printTable(w io.Writer) error {
	r, t := o.result, tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("load", "DHCP%s, %s clients, %s, %d servers, %d relays",
		o.options.Family, o.options.Scenario, o.mode(), len(o.options.Servers), len(o.options.Relays))
	row("exchanges", "%d started, %d completed, %d failed%s", r.Started, r.Completed, r.Failed, counts(r.Failures))
	row("rate", "%.0f exchanges/s, %s in all", r.Rate, short(r.Elapsed))
	for _, l := range o.latencies() {
		if l.h.Count() > 0 {
			row(l.name, "p50 %s  p90 %s  p99 %s  max %s", short(l.h.Quantile(0.5)),
				short(l.h.Quantile(0.9)), short(l.h.Quantile(0.99)), short(l.h.Max()))
		}
	}
	row("packets", "%d sent, %d received, %d messages sent again", r.Sent, r.Received, r.Retransmits)
	row("refusals", "%d, %d clients began again", r.Naks, r.Restarts)
	if n := r.Duplicates + r.Unusable + r.SendErrors + len(r.Drops); n > 0 {
		row("other", "%d duplicate answers, %d unusable offers, %d packets not sent, dropped: %s",
			r.Duplicates, r.Unusable, r.SendErrors, strings.Trim(counts(r.Drops), " ()"))
	}
	if r.Moved > 0 {
		row("moved", "%d leases have another address than before", r.Moved)
	}
	row("client CPU", "%s per exchange", short(o.each(o.clientCPU)))
	if len(o.pids) > 0 {
		row("server CPU", "%s per exchange (processes %s and all below)", short(o.each(o.serverCPU)), list(o.pids))
	}
	if o.checked {
		row("violations", "%d in %d events", len(o.violations), o.events)
	} else {
		row("violations", "not checked")
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return printViolations(w, o.violations)
}

func printViolations(w io.Writer, vs []load.Violation) error {
	for _, v := range vs[:min(len(vs), maxShown)] {
		if _, err := fmt.Fprintln(w, v); err != nil {
			return fmt.Errorf("print violations: %w", err)
		}
	}
	if n := len(vs) - maxShown; n > 0 {
		fmt.Fprintf(w, "and %d more\n", n)
	}
	return nil
}

type latency struct {
	name string
	h    *load.Histogram
}

func (o *outcome) latencies() []latency {
	l := o.result.Latency
	return []latency{{"to offer", &l.Offer}, {"to ack", &l.Ack}, {"whole", &l.Whole}}
}

// mode describes the pace.
func (o *outcome) mode() string {
	switch o.options.Mode {
	case load.Saturate:
		return fmt.Sprintf("%d under way", o.options.Outstanding)
	case load.Ramp:
		return fmt.Sprintf("%g to %g/s in %s", o.options.Rate, o.options.RampTo, o.options.RampTime)
	default:
		return fmt.Sprintf("%g/s", o.options.Rate)
	}
}

// counts prints counters in order of name, in parentheses; nothing for none.
func counts(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func list(ns []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(ns), " ", ", "), "[]") }

// report is the outcome as JSON; times are in microseconds.
type report struct {
	OK          bool                `json:"ok"`
	Family      int                 `json:"family"`
	Scenario    string              `json:"scenario"`
	Mode        string              `json:"mode"`
	Started     int                 `json:"started"`
	Completed   int                 `json:"completed"`
	Failed      int                 `json:"failed"`
	Failures    map[string]int      `json:"failures"`
	Seconds     float64             `json:"seconds"`
	Rate        float64             `json:"rate"`
	Latency     map[string]quantile `json:"latency_us"`
	Sent        int                 `json:"sent"`
	Received    int                 `json:"received"`
	Retransmits int                 `json:"retransmits"`
	Refusals    int                 `json:"refusals"`
	Restarts    int                 `json:"restarts"`
	Unusable    int                 `json:"unusable_offers"`
	Duplicates  int                 `json:"duplicates"`
	Drops       map[string]int      `json:"drops"`
	SendErrors  int                 `json:"send_errors"`
	Moved       int                 `json:"moved"`
	ClientCPU   float64             `json:"client_cpu_us"`
	ServerCPU   *float64            `json:"server_cpu_us,omitempty"`
	Events      int                 `json:"events_checked"`
	Violations  []string            `json:"violations"`
}

type quantile struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (o *outcome) printJSON(w io.Writer) error {
	r := o.result
	rep := report{
		OK: o.ok(), Family: int(o.options.Family), Scenario: o.options.Scenario.String(), Mode: o.mode(),
		Started: r.Started, Completed: r.Completed, Failed: r.Failed, Failures: r.Failures,
		Seconds: r.Elapsed.Seconds(), Rate: r.Rate, Latency: map[string]quantile{},
		Sent: r.Sent, Received: r.Received, Retransmits: r.Retransmits, Refusals: r.Naks,
		Restarts: r.Restarts, Unusable: r.Unusable, Duplicates: r.Duplicates, Drops: r.Drops,
		SendErrors: r.SendErrors, Moved: r.Moved, ClientCPU: micros(o.each(o.clientCPU)),
		Events: o.events, Violations: []string{},
	}
	for i, name := range []string{"offer", "ack", "whole"} {
		h := o.latencies()[i].h
		rep.Latency[name] = quantile{
			h.Count(), micros(h.Quantile(0.5)), micros(h.Quantile(0.9)),
			micros(h.Quantile(0.99)), micros(h.Max()),
		}
	}
	if len(o.pids) > 0 {
		cpu := micros(o.each(o.serverCPU))
		rep.ServerCPU = &cpu
	}
	for _, v := range o.violations {
		rep.Violations = append(rep.Violations, v.String())
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(rep); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
