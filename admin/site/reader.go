package site

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

// reader takes values out of a document and notes what is wrong with them.
type reader struct {
	file     string
	problems []*Problem
	// broken are values that were reported: what Check has to say about the
	// zero value in their place would only repeat it.
	broken map[*node]bool
	// readFile reads a file that the document names, nil where it may not.
	readFile func(path string) ([]byte, error)
	notes    *[]Note // where notes go, nil for nowhere
}

func (r *reader) report(n *node, object, rule, value string) {
	r.broken[n] = true
	r.add(&Problem{Line: n.line, Column: n.column, Object: object, Rule: rule, Value: value})
}

func (r *reader) add(p *Problem) {
	if !r.full() {
		p.File = r.file
		r.problems = append(r.problems, p)
	}
}

// full tells whether there are more problems than are told.
func (r *reader) full() bool { return len(r.problems) > MaxProblems }

// fields are the values of one mapping by key.
type fields struct {
	*node
	object string
	values map[string]*node
}

// mapping returns the values of n that are not null; keys that are not among
// those given are reported.
func (r *reader) mapping(n *node, object string, keys ...string) fields {
	f := fields{n, object, map[string]*node{}}
	if n.kind != mapping {
		if n.kind != nothing {
			r.report(n, object, "must be a mapping of "+strings.Join(keys, ", "), n.describe())
		}
		return f
	}
	for _, e := range n.entries {
		if r.full() {
			break
		}
		if !slices.Contains(keys, e.key.text) {
			r.report(e.key, object, "unknown key", fmt.Sprintf("%q (known: %s)", e.key.text, strings.Join(keys, ", ")))
			continue
		}
		if e.value.kind != nothing {
			f.values[e.key.text] = e.value
		}
	}
	return f
}

func (n *node) describe() string {
	if n.kind == scalar {
		return strconv.Quote(n.text)
	}
	return kindNames[n.kind]
}

// list goes through the items under a key, while it is worth it; a single value is
// not taken for a list.
func (r *reader) list(f fields, key string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		n, ok := f.values[key]
		if !ok {
			return
		}
		if n.kind != list {
			r.report(n, f.object, key+" must be a list", n.describe())
		}
		for _, item := range n.items {
			if r.full() || !yield(item) {
				return
			}
		}
	}
}

// text returns the text under a key, ok only when it is there and legal.
func (r *reader) text(f fields, key string) (text string, ok bool) {
	n, there := f.values[key]
	if !there {
		return "", false
	}
	if n.kind != scalar {
		r.report(n, f.object, key+" must be a single value", n.describe())
		return "", false
	}
	return n.text, true
}

// word is text for a key that must not be empty.
func (r *reader) word(f fields, key string) (text string, ok bool) {
	if text, ok = r.text(f, key); ok && text == "" {
		r.report(f.values[key], f.object, key+" must not be empty", "")
		return "", false
	}
	return text, ok
}

// required is word for a key that must be there.
func (r *reader) required(f fields, key string) (text string, ok bool) {
	if _, there := f.values[key]; !there {
		if !r.broken[f.node] {
			r.report(f.node, f.object, key+" must be given", "")
		}
		return "", false
	}
	return r.word(f, key)
}

func (r *reader) number(f fields, key string, least, most uint32) uint32 {
	text, ok := r.text(f, key)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || uint32(n) < least || uint32(n) > most {
		r.report(f.values[key], f.object, fmt.Sprintf("%s must be a number from %d to %d", key, least, most), strconv.Quote(text))
		return 0
	}
	return uint32(n)
}

func (r *reader) id(f fields) uint32 { return r.number(f, "id", 1, sqlstore.MaxID) }

func (r *reader) boolean(f fields, key string) bool {
	text, ok := r.text(f, key)
	if ok && text != "true" && text != "false" {
		r.report(f.values[key], f.object, key+" must be true or false", strconv.Quote(text))
	}
	return text == "true"
}

// prefix returns the prefix under a key; its host bits may be set.
func (r *reader) prefix(f fields, key string) (netip.Prefix, bool) {
	text, ok := r.required(f, key)
	if !ok {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		r.report(f.values[key], f.object, key+" must be a prefix such as 192.0.2.0/24 or 2001:db8::/32", strconv.Quote(text))
		return netip.Prefix{}, false
	}
	return p, true
}

// addresses returns the addresses under a key; one that is none is not valid.
func (r *reader) addresses(f fields, key string) []netip.Addr {
	var all []netip.Addr
	for item := range r.list(f, key) {
		a, ok := address(item.text)
		if item.kind != scalar || !ok {
			r.report(item, f.object, key+" must be a list of addresses", item.describe())
		}
		all = append(all, a)
	}
	return all
}

// address reads one address; zones have no meaning in a configuration.
func address(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == ""
}
