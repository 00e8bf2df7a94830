package site

import (
	"fmt"
	"slices"
	"strings"
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
// comments that have no place in a configuration, selectors of subnets that select
// nothing. There are MaxProblems at most.
func Notes(notes *[]Note) Option {
	return func(r *reader) { r.notes = notes }
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
	text, ok := r.text(f, "comment")
	if !ok {
		return f.comment
	}
	at := f.values["comment"]
	if at.block {
		text = strings.TrimSuffix(text, "\n")
	}
	lines := strings.Split(text, "\n")
	kept := slices.DeleteFunc(lines, hasSecret)
	if len(kept) < len(lines) {
		r.note(at.line, secretNote)
	}
	return strings.Join(kept, "\n")
}

const secretNote = "a line of this comment is not kept: it seems to have a secret"

func (r *reader) note(line int, text string) {
	if r.notes != nil && len(*r.notes) < MaxProblems {
		*r.notes = append(*r.notes, Note{r.file, line, text})
	}
}

// remarked reports comments that there are two of, and notes those that are not
// kept. secrets are the lines that seem to have one.
func (r *reader) remarked(lost, twice []*remark, secrets []int) {
	for _, m := range twice {
		r.add(&Problem{
			Line: m.line, Column: m.column,
			Rule: "an object must have one comment: the key comment, or what begins with #", Value: "both",
		})
	}
	for _, line := range secrets {
		r.note(line, secretNote)
	}
	for _, m := range lost {
		r.note(m.line, "this comment is not kept")
	}
}
