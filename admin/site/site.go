// Package site reads and writes the network document: the YAML or JSON text
// that describes a whole network configuration for people.
//
// Parse turns a document into a sqlstore.Config and reports everything that is
// wrong with it, each with its line and column: keys that do not exist, values
// that cannot be read, rules of sqlstore.Check that are broken, option values
// that cannot be encoded. Export is its inverse. Comments stay with the objects
// that they are about. Schema is what editors check documents with.
//
// The package does no input or output (what SecretFiles reads, its caller reads)
// and keeps no state; everything in it is
// safe for concurrent use.
package site

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

// Limits of a document; a larger one is refused before it is read.
const (
	MaxSize  = 16 << 20 // bytes
	MaxDepth = 32       // lists and mappings within each other
)

// MaxProblems is how many problems of a document are told: reading ends there.
const MaxProblems = 1000

// Problem is one thing that is wrong with a document. Line and Column count
// from 1; they are 0 when the whole document is meant.
type Problem struct {
	File         string
	Line, Column int
	Object       string // "subnet 12 (192.0.2.0/24) pool 192.0.2.10-192.0.2.20", "" when in none
	Rule         string // what should be so
	Value        string // what is there instead; may be empty
}

// Error returns "file:line:column: object: rule: value" on one line.
func (p *Problem) Error() string {
	at := p.File
	if p.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	parts := []string{at}
	for _, s := range []string{p.Object, p.Rule, p.Value} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return sqlstore.Visible(strings.Join(parts, ": "), "")
}

// Problems returns the problems that err, an error of Parse, is made of.
func Problems(err error) []*Problem {
	var all []*Problem
	if many := interface{ Unwrap() []error }(nil); errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	if p := (*Problem)(nil); errors.As(err, &p) {
		all = append(all, p)
	}
	return all
}

// join makes one error of the problems, in the order of the document. Where there
// are too many, the last one says so.
func join(problems []*Problem) error {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(problems) > MaxProblems {
		problems = append(problems[:MaxProblems:MaxProblems], &Problem{
			File: problems[0].File, Rule: fmt.Sprintf("there are more mistakes than these %d", MaxProblems),
		})
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
