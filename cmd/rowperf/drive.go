package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"rowlock/cmd/rowperf/load"
)

// outcome is a run with all that was measured and found around it.
type outcome struct {
	options    load.Options
	result     *load.Result
	clientCPU  time.Duration
	serverCPU  time.Duration
	pids       []int
	checked    bool
	events     int
	violations []load.Violation
	maxLoss    float64
}

// ok tells whether the run was a success.
func (o *outcome) ok() bool {
	return o.result.Started > 0 && o.result.Lost() <= o.maxLoss && len(o.violations) == 0
}

// drive does what the flags say and prints the outcome.
func drive(ctx context.Context, f *flags, stdout, stderr io.Writer) (err error) {
	o, err := f.options()
	if err != nil {
		return usageError{err}
	}
	out := &outcome{pids: f.serverPIDs, checked: !f.noCheck}
	if out.maxLoss, err = parseShare(f.maxLoss); err != nil {
		return usageError{err}
	}
	log := &load.Log{}
	recorders, closeRecord, err := recorders(f, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRecord()) }()
	if len(recorders) > 0 {
		o.Record = recorders
	}
	if o.Leases, err = f.known(ctx, o, stderr); err != nil {
		return err
	}
	if !f.quiet && isTerminal(stderr) {
		o.Progress = progress(stderr)
		o.ProgressEvery = 200 * time.Millisecond
	}
	err = out.measure(ctx, o)
	if o.Progress != nil {
		fmt.Fprint(stderr, clearLine)
	}
	if err != nil {
		return err
	}
	if out.checked {
		out.check(log.Events())
	}
	if f.json {
		err = out.printJSON(stdout)
	} else {
		err = out.printTable(stdout)
	}
	if err == nil && !out.ok() {
		err = errFailed
	}
	return err
}

// recorders returns where events go, and a function that closes the file.
func recorders(f *flags, log *load.Log) (load.Tee, func() error, error) {
	var tee load.Tee
	if !f.noCheck {
		tee = append(tee, log)
	}
	if f.record == "" {
		return tee, func() error { return nil }, nil
	}
	file, err := os.Create(f.record)
	if err != nil {
		return nil, nil, fmt.Errorf("create record: %w", err)
	}
	w := load.NewWriter(file)
	return append(tee, w), func() error { return errors.Join(w.Flush(), file.Close()) }, nil
}

// known returns what the clients hold before the run: from a record, or got
// now, at a pace that does not matter.
func (f *flags) known(ctx context.Context, o load.Options, stderr io.Writer) ([]load.Lease, error) {
	if f.leases != "" {
		events, err := readRecords([]string{f.leases})
		return load.Leases(events), err
	}
	if o.Scenario == load.New {
		return nil, nil
	}
	o.Scenario, o.Mode, o.Outstanding = load.New, load.Saturate, 64
	o.Duration, o.Repeat = 0, false
	res, err := load.Run(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("get leases first: %w", err)
	}
	if !f.quiet {
		fmt.Fprintf(stderr, "rowperf: %d of %d clients got leases first, in %s\n",
			res.Completed, res.Started, res.Elapsed.Round(time.Millisecond))
	}
	return res.Leases, nil
}

// measure runs the load between two readings of the processor times.
func (o *outcome) measure(ctx context.Context, opts load.Options) error {
	o.options = opts
	client, err := load.SelfCPU()
	if err != nil {
		return err
	}
	server, err := load.ProcessCPU(o.pids...)
	if err != nil {
		return usageError{fmt.Errorf("--server-pid: %w", err)}
	}
	if o.result, err = load.Run(ctx, opts); err != nil {
		return fmt.Errorf("drive the server: %w", err)
	}
	clientAfter, err := load.SelfCPU()
	if err != nil {
		return err
	}
	serverAfter, err := load.ProcessCPU(o.pids...)
	if err != nil {
		return fmt.Errorf("a server ended meanwhile: %w", err)
	}
	o.clientCPU, o.serverCPU = clientAfter-client, serverAfter-server
	return nil
}

// check looks for breaches in what was seen.
func (o *outcome) check(events []load.Event) {
	o.events = len(events)
	o.violations = append(load.Verify(events), load.VerifyOffers(events)...)
}

// each returns a time divided by the completed exchanges.
func (o *outcome) each(d time.Duration) time.Duration {
	if o.result.Completed == 0 {
		return 0
	}
	return d / time.Duration(o.result.Completed)
}
