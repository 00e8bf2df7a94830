package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"rowlock/sqlstore"
)

// TableSum is a table on both sides.
type TableSum struct {
	Name     string
	From, To Sum
}

// ErrDiffer tells that the two databases are not the same.
var ErrDiffer = errors.New("databases differ")

// Compare counts and sums up all rows of both databases; ErrDiffer, with the
// tables, when they are not the same.
func Compare(ctx context.Context, from, to Side, report func(Progress)) ([]TableSum, error) {
	if err := nobodyServes(ctx, from, to); err != nil {
		return nil, err
	}
	return compare(ctx, from, to, report)
}

// compare reads both sides at the same time.
func compare(ctx context.Context, from, to Side, report func(Progress)) ([]TableSum, error) {
	if report == nil {
		report = func(Progress) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mine, theirs map[string]Sum
	var errs [2]error
	var wg sync.WaitGroup
	read := func(s Side, into *map[string]Sum, err *error, report func(Progress)) {
		if *into, *err = sumAll(ctx, s, report); *err != nil {
			cancel()
		}
	}
	wg.Go(func() { read(to, &theirs, &errs[1], func(Progress) {}) })
	read(from, &mine, &errs[0], report)
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var sums []TableSum
	var differ []string
	for _, t := range sqlstore.CopyTables() {
		s := TableSum{t.Name, mine[t.Name], theirs[t.Name]}
		if s.From != s.To {
			differ = append(differ, fmt.Sprintf("%s (%d rows, %d rows)", t.Name, s.From.Rows, s.To.Rows))
		}
		sums = append(sums, s)
	}
	if len(differ) > 0 {
		return sums, fmt.Errorf("compare %s with %s: %w: %s", from.Name, to.Name, ErrDiffer, strings.Join(differ, ", "))
	}
	return sums, nil
}

// sumAll reads all tables of one moment. What is read of a table must be as many
// rows as it counts: a server or something before it may cut results short, on
// both sides alike.
func sumAll(ctx context.Context, s Side, report func(Progress)) (map[string]Sum, error) {
	out := map[string]Sum{}
	err := s.Store.CopySnapshot(ctx, func(r sqlstore.CopyReader) error {
		var total int64
		counts := map[string]int64{}
		for _, t := range sqlstore.CopyTables() {
			n, err := r.CountRows(ctx, t)
			if err != nil {
				return err
			}
			counts[t.Name] = n
			total += n
		}
		meter := newMeter(report, Comparing, total)
		for _, t := range sqlstore.CopyTables() {
			meter.table(t.Name, 0)
			sum := newSummer()
			err := r.ReadRows(ctx, t, nil, func(row sqlstore.Row) error {
				sum.add(row)
				meter.add(1)
				return ctx.Err()
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			if sum.Rows != counts[t.Name] {
				return fmt.Errorf("%s: %w: %d rows were read of %d", t.Name, ErrDiffer, sum.Rows, counts[t.Name])
			}
			out[t.Name] = sum.Sum
			meter.done()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Name, err)
	}
	return out, nil
}
