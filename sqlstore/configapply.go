package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ApplyTo is ApplyConfig, over what a dialect can do. It returns the newest
// revision, and whether that is a new one.
func ApplyTo(tx ConfigTx, base int64, next *Config, author, comment string) (rev int64, changed bool, err error) {
	head, err := tx.Head()
	if err != nil {
		return 0, false, err
	}
	if base != 0 && base != head.Revision {
		return 0, false, fmt.Errorf("configuration is at revision %d, not %d: %w", head.Revision, base, ErrConflict)
	}
	old, err := tx.Load()
	if err != nil {
		return 0, false, err
	}
	if err := describe(tx, head, nil, old); err != nil {
		return 0, false, err
	}
	used, err := tx.UsedIDs()
	if err != nil {
		return 0, false, err
	}
	if err := Assign(old, next, head.Secret, used); err != nil {
		return 0, false, err
	}
	next.Revision = head.Revision
	if SameConfig(old, next) {
		return head.Revision, head.Described != head.Revision, tx.PutConsumer()
	}
	next.Revision++
	if err := replace(tx, old, next); err != nil {
		return 0, false, err
	}
	return next.Revision, true, record(tx, old, next, author, comment, true)
}

// replace puts next in the place of old.
func replace(tx ConfigTx, old, next *Config) error {
	edits := EditsOf(old, next)
	if p, n, err := tx.Held(edits.Fresh); err != nil || p != nil {
		if err == nil {
			err = p.HeldError(n)
		}
		return err
	}
	inUse, err := tx.InUse()
	if err != nil {
		return err
	}
	var retire []*Pool
	if inUse != NobodyUses {
		retired, err := tx.Retired()
		if err != nil {
			return err
		}
		retire = gone(old, next)
		for _, p := range retire {
			retired = append(retired, RetiredPool{Pool: p})
		}
		for _, p := range edits.Fresh {
			p.Waiting = p.Waiting || inTheWay(p, retired)
		}
	}
	if err := relabel(tx, edits); err != nil {
		return err
	}
	if err := tx.Put(old, next); err != nil {
		return err
	}
	if err := tx.PutConsumer(); err != nil {
		return err
	}
	return tx.Retire(retire, next.Revision)
}

func relabel(tx ConfigTx, edits PoolEdits) error {
	if err := tx.Relabel(edits.Closing); err != nil {
		return err
	}
	return tx.Relabel(edits.Open)
}

// gone returns the generations of old that next does not hand out of any more:
// what is in the range of a pool that is closing may be another's.
func gone(old, next *Config) []*Pool {
	now := poolsOf(next)
	var out []*Pool
	for id, p := range poolsOf(old) {
		if q := now[id]; q == nil || q.Gen != p.Gen || q.Closing && !p.Closing {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, byID)
	return out
}

// inTheWay tells whether a frontend that does not know of the pool yet may hand
// out a prefix that overlaps one of its own: the unique constraint on addresses
// sees only those that begin with the same one.
func inTheWay(p *Pool, retired []RetiredPool) bool {
	return slices.ContainsFunc(retired, func(r RetiredPool) bool {
		return r.Pool.VRF == p.VRF && r.Pool.DelegatedLen != p.DelegatedLen && overlap(r.Pool, p)
	})
}

// GatherIn is GatherConfig, over what a dialect can do.
func GatherIn(tx ConfigTx, known *Config) (rev int64, changed bool, err error) {
	head, err := tx.Head()
	if err != nil || head.Described >= head.Revision {
		return head.Revision, false, err
	}
	now, err := tx.Load()
	if err != nil {
		return 0, false, err
	}
	return head.Revision, true, describe(tx, head, known, now)
}

// describe writes down what was changed by hand since the newest revision that
// is described, and gives leases in the ranges of pools that were changed their
// names.
func describe(tx ConfigTx, head ConfigHead, known, now *Config) error {
	if head.Described >= head.Revision {
		return nil
	}
	old := known
	if old == nil || old.Revision != head.Described {
		var err error
		if old, err = contentAt(tx, head.Described); errors.Is(err, ErrNotFound) {
			old = &Config{} // somebody has deleted it: all there is counts as new
		} else if err != nil {
			return err
		}
	}
	authors, err := tx.Authors(head.Described)
	if err != nil {
		return err
	}
	if err := relabel(tx, EditsOf(old, now)); err != nil {
		return err
	}
	if err := tx.PutConsumer(); err != nil {
		return err
	}
	return record(tx, old, now, strings.Join(authors, ", "), head.Comment, false)
}

// fullEvery is how many revisions share one full content.
const fullEvery = 50

func record(tx ConfigTx, old, next *Config, author, comment string, marks bool) error {
	n := NewRevision{Number: next.Revision, Author: author, Comment: comment}
	var lines strings.Builder
	for _, c := range Diff(old, next) {
		fmt.Fprintln(&lines, c)
	}
	n.Diff = lines.String()
	d := deltaOf(old, next)
	if marks {
		n.Global = d.Global != nil
		n.Links = d.ids()
	}
	before, err := tx.Contents(old.Revision)
	if err != nil {
		return err
	}
	n.Content.Revision = next.Revision
	known := len(before) > 0 && before[len(before)-1].Revision == old.Revision
	if n.Content.Full = !known || len(before) >= fullEvery || 2*len(d.Links) > len(next.Links)+1; n.Content.Full {
		d = deltaOf(nil, next)
	}
	d.Base = old.Revision
	if n.Content.Data, err = d.encode(); err != nil {
		return err
	}
	return tx.Record(n)
}

// SettleIn is SettleConfig, over what a dialect can do.
func SettleIn(tx ConfigTx, known *Config) (left int, err error) {
	head, err := tx.Head()
	if err != nil {
		return 0, err
	}
	c := known
	if c == nil || c.Revision != head.Revision {
		if c, err = tx.Load(); err != nil {
			return 0, err
		}
	}
	if err := describe(tx, head, nil, c); err != nil {
		return 0, err
	}
	still, err := settleRetired(tx, c)
	if err != nil {
		return 0, err
	}
	open, waiting, err := openable(tx, c, still)
	if err != nil || len(open) == 0 {
		return len(still) + waiting, err
	}
	next := withOpen(c, open)
	next.Revision++
	if err := tx.Open(open); err != nil {
		return 0, err
	}
	return len(still) + waiting, record(tx, c, next, "rowlock", "ranges that other pools have given up", true)
}

// settleRetired takes leave of generations that no frontend uses any more, and
// returns the others. What was handed out of them at the last moment gets the
// name of the pool that has its address now.
func settleRetired(tx ConfigTx, c *Config) (still []RetiredPool, err error) {
	inUse, err := tx.InUse()
	if err != nil {
		return nil, err
	}
	retired, err := tx.Retired()
	if err != nil {
		return nil, err
	}
	var done []*Pool
	for _, r := range retired {
		if r.Rev <= inUse {
			done = append(done, r.Pool)
		} else {
			still = append(still, r)
		}
	}
	if len(done) == 0 {
		return still, nil
	}
	var edits PoolEdits
	for _, p := range poolsOf(c) {
		over := func(d *Pool) bool { return d.VRF == p.VRF && overlap(d, p) }
		switch {
		case !slices.ContainsFunc(done, over):
		case p.Closing:
			edits.Closing = append(edits.Closing, p)
		default:
			edits.Open = append(edits.Open, p)
		}
	}
	slices.SortFunc(edits.Closing, byID)
	slices.SortFunc(edits.Open, byID)
	if err := relabel(tx, edits); err != nil {
		return nil, err
	}
	return still, tx.Retire(done, 0)
}

// openable returns the waiting pools that nothing is in the way of any more, and
// how many others wait.
func openable(tx ConfigTx, c *Config, retired []RetiredPool) (open []*Pool, waiting int, err error) {
	for _, p := range poolsOf(c) {
		if p.Waiting {
			open = append(open, p)
		}
	}
	slices.SortFunc(open, byID)
	all := len(open)
	ready := open[:0]
	for _, p := range open {
		if inTheWay(p, retired) {
			continue
		}
		held, _, err := tx.Held([]*Pool{p})
		if err != nil {
			return nil, 0, err
		}
		if held == nil {
			ready = append(ready, p)
		}
	}
	return ready, all - len(ready), nil
}

// withOpen returns c without the waiting flag of the pools.
func withOpen(c *Config, open []*Pool) *Config {
	out := *c
	out.Links = slices.Clone(c.Links)
	for i, l := range out.Links {
		link := *l
		link.Subnets = slices.Clone(l.Subnets)
		touched := false
		for j, s := range link.Subnets {
			subnet := *s
			subnet.Pools = slices.Clone(s.Pools)
			for k, p := range subnet.Pools {
				if slices.Contains(open, p) {
					pool := *p
					pool.Waiting = false
					subnet.Pools[k], touched = &pool, true
				}
			}
			link.Subnets[j] = &subnet
		}
		if touched {
			out.Links[i] = &link
		}
	}
	return &out
}

// ConfigIn is ConfigAt, over what a dialect can do.
func ConfigIn(tx ConfigTx, revision int64) (*Config, error) {
	head, err := tx.Head()
	if err != nil {
		return nil, err
	}
	if revision < 0 || revision > head.Described {
		return nil, fmt.Errorf("revision %d: %w", revision, ErrNotFound)
	}
	return contentAt(tx, revision)
}
