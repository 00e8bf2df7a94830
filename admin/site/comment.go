package site

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// Note is a remark on a document that is no mistake.
type Note struct {
	File string
	Line int // counts from 1
	Text string
}

// String returns "file:line: text".
func (n Note) String() string { return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text) }

// Notes has Parse append what it has to say about a document without a mistake:
// comments that have no place in a configuration.
func Notes(notes *[]Note) Option {
	return func(r *reader) { r.notes = notes }
}

// remark is one comment of the document: lines that begin with # and follow each
// other, or the end of a line.
type remark struct {
	line, column int // of its first line
	last         int // its last line
	lines        []string
	own          bool         // nothing else is on its lines
	head         bool         // the document begins after it
	below        int          // the line of what comes after it, 0 at the end
	next         *token.Token // the same, but for list dashes; nil at the end
}

// remarks returns the comments of a document in order.
func remarks(tokens token.Tokens) []*remark {
	var all, open []*remark // open wait for the next token
	line, begun, joined := 0, false, false
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			text := strings.TrimPrefix(t.Value, " ")
			at := t.Position
			if n := len(all); joined && all[n-1].continues(at, line) {
				all[n-1].lines = append(all[n-1].lines, text)
				all[n-1].last = at.Line
				continue
			}
			m := &remark{line: at.Line, column: at.Column, last: at.Line, lines: []string{text}, own: at.Line != line, head: !begun}
			all, open, joined = append(all, m), append(open, m), true
			continue
		case token.DocumentHeaderType:
		case token.SequenceEntryType:
			begun = true
		default:
			begun = true
			for _, m := range open {
				m.next = t
			}
			open = nil
		}
		if joined {
			all[len(all)-1].below = t.Position.Line
		}
		line, joined = t.Position.Line, false
	}
	return all
}

// continues tells whether a comment at that place is one more line of m; line is
// where the last token stands that is none. Below a comment at the end of a line
// goes on what has the same column.
func (m *remark) continues(at *token.Position, line int) bool {
	return at.Line == m.last+1 && at.Line != line && (m.own || at.Column == m.column)
}

// target is what a comment can be kept with: an object, or a parameter.
type target struct {
	*node        // that of the object, or of the parameter's value
	line, column int
	depth        int
}

// objectLists are the keys whose items are objects with a comment.
var objectLists = []string{"vrfs", "option_data", "tsig_keys", "dns_zones", "shared_networks", "subnets", "pools", "pd_pools"}

// targets lists what is below n, in the order of the document.
func targets(n *node, depth int) []target {
	var all []target
	for _, e := range n.entries {
		switch {
		case e.key.text == "parameters":
			for _, p := range e.value.entries {
				all = append(all, target{p.value, p.key.line, p.key.column, depth})
			}
		case slices.Contains(objectLists, e.key.text):
			for _, item := range e.value.items {
				if item.kind == mapping {
					all = append(all, target{item, item.line, item.column, depth})
					all = append(all, targets(item, depth+1)...)
				}
			}
		}
	}
	return all
}

// attach gives comments to the objects and parameters that they stand above, or
// at the end of the line of, and those at the head to the document. It returns
// those that belong to none, and the comments of what has two.
func attach(root *node, all []*remark) (lost, twice []*remark) {
	if len(all) == 0 {
		return nil, nil
	}
	above, beside := map[[2]int]*node{}, map[int][]target{}
	for _, t := range targets(root, 0) {
		above[[2]int{t.line, t.column}] = t.node
		beside[t.line] = append(beside[t.line], t)
	}
	said := map[*node][]string{}
	for _, m := range all {
		var n *node
		var between []string // lines
		switch {
		case m.head && m.own && root.kind == mapping:
			n, between = root, []string{""}
		case !m.own:
			n = outermost(beside[m.line])
		case m.next != nil && m.below == m.last+1:
			n = above[[2]int{m.next.Position.Line, m.next.Position.Column}]
		}
		switch {
		case n == nil:
			lost = append(lost, m)
		case n.kind == mapping && n.has("comment"):
			twice = append(twice, m)
		case len(said[n]) == 0:
			said[n] = m.lines
		default:
			said[n] = append(append(said[n], between...), m.lines...)
		}
	}
	for n, lines := range said {
		n.comment = strings.Join(lines, "\n")
	}
	return lost, twice
}

// outermost returns the one that the others are in, nil where there is none or
// several stand beside each other.
func outermost(all []target) *node {
	if len(all) == 0 {
		return nil
	}
	for _, t := range all[1:] {
		if t.depth <= all[0].depth {
			return nil
		}
	}
	return all[0].node
}

func (n *node) has(key string) bool {
	return slices.ContainsFunc(n.entries, func(e entry) bool { return e.key.text == key && e.value.kind != nothing })
}

// comment returns what is said about an object, by its key or around it.
func (r *reader) comment(f fields) string {
	if text, ok := r.text(f, "comment"); ok {
		if f.values["comment"].block {
			text = strings.TrimSuffix(text, "\n")
		}
		return text
	}
	return f.comment
}

// remarked reports comments that there are two of, and notes those that are not
// kept.
func (r *reader) remarked(lost, twice []*remark) {
	for _, m := range twice {
		r.add(&Problem{
			Line: m.line, Column: m.column,
			Rule: "an object must have one comment: the key comment, or what begins with #", Value: "both",
		})
	}
	if r.notes == nil {
		return
	}
	for i, m := range lost {
		if i == MaxProblems {
			*r.notes = append(*r.notes, Note{r.file, m.line, "this comment and others below it are not kept"})
			return
		}
		*r.notes = append(*r.notes, Note{r.file, m.line, "this comment is not kept"})
	}
}
