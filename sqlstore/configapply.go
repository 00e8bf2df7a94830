package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// AnyRevision as the base of ApplyConfig replaces whatever there is.
const AnyRevision = int64(-1)

// ApplyTo is ApplyConfig, over what a dialect can do. It returns the newest
// revision, and whether that is a new one.
func ApplyTo(tx ConfigTx, base int64, next *Config, author, comment string) (rev int64, changed bool, err error) {
	head, err := tx.Head()
	if err != nil {
		return 0, false, err
	}
	if base != AnyRevision && base != head.Revision {
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

// replace puts next in the place of old. What goes is retired also while nobody
// serves: a frontend may begin with old while this transaction goes on.
func replace(tx ConfigTx, old, next *Config) error {
	edits := EditsOf(old, next)
	held, err := tx.Held(edits.Fresh)
	if err != nil {
		return err
	}
	for _, p := range edits.Fresh {
		if held[p.ID] > 0 {
			return p.HeldError(held[p.ID])
		}
	}
	if _, err := tx.InUse(); err != nil { // for what it does to frontends that are not alive
		return err
	}
	retired, err := tx.Retired()
	if err != nil {
		return err
	}
	retire := gone(old, next)
	late := newRangeIndex(append(poolsIn(retired), retire...))
	for _, p := range edits.Fresh {
		p.Waiting = p.Waiting || late.inTheWay(p)
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

func poolsIn(retired []RetiredPool) []*Pool {
	out := make([]*Pool, len(retired))
	for i, r := range retired {
		out[i] = r.Pool
	}
	return out
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
	return record(tx, old, now, several(authors), head.Comment, false)
}

// maxAuthor is how many characters the author of a revision may have.
const maxAuthor = 255

// several names authors in one text, as many as there is room for.
func several(authors []string) string {
	text := strings.Join(authors, ", ")
	for n := len(authors) - 1; n > 0 && utf8.RuneCountInString(text) > maxAuthor; n-- {
		text = fmt.Sprintf("%s and %d more", strings.Join(authors[:n], ", "), len(authors)-n)
	}
	if runes := []rune(text); len(runes) > maxAuthor {
		text = string(runes[:maxAuthor])
	}
	return text
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
