package site

import (
	"strings"

	"rowlock/sqlstore"
)

// parameters returns the settings of one scope and their comments;
// sqlstore.Check knows which there are.
func (r *reader) parameters(f fields) (sqlstore.Parameters, sqlstore.Notes) {
	n, ok := f.values["parameters"]
	if !ok {
		return nil, nil
	}
	if n.kind != mapping {
		r.report(n, f.object, "parameters must be a mapping", n.describe())
		return nil, nil
	}
	ps, notes := sqlstore.Parameters{}, sqlstore.Notes{}
	for _, e := range n.entries {
		if r.full() {
			break
		}
		text, note, ok := r.parameter(e.value, f.object, e.key.text)
		if !ok {
			continue
		}
		ps[e.key.text] = text
		if note != "" {
			notes[e.key.text] = note
		}
	}
	if len(ps) == 0 {
		ps = nil
	}
	if len(notes) == 0 {
		notes = nil
	}
	return ps, notes
}

// parameter reads a value, or a mapping of a value and a comment.
func (r *reader) parameter(n *node, object, name string) (text, note string, ok bool) {
	switch n.kind {
	case scalar:
		return n.text, n.comment, true
	case mapping:
		f := r.mapping(n, strings.TrimSpace(object+" parameter "+name), parameterKeys...)
		if _, there := f.values["value"]; !there {
			r.report(n, f.object, "value must be given", "")
		}
		text, ok = r.text(f, "value")
		return text, r.comment(f), ok
	default:
	}
	r.report(n, object, "parameter "+name+" must be a single value", n.describe())
	return "", "", false
}

// vrf reads what selects an address plan.
func (r *reader) vrf(n *node) sqlstore.VRF {
	f := r.mapping(n, "vrf", vrfKeys...)
	v := sqlstore.VRF{}
	if text, ok := r.required(f, "vrf"); ok {
		f.object += " " + text
		v.ID = r.number(f, "vrf", 1, sqlstore.MaxID)
	}
	if v.ID == 0 {
		r.broken[n.find("vrf")] = true // what Check says about 0
	}
	v.Comment = r.comment(f)
	for item := range r.list(f, "interfaces") {
		if item.kind != scalar {
			r.report(item, f.object, "interfaces must be a list of names", item.describe())
		}
		v.Interfaces = append(v.Interfaces, item.text)
	}
	v.Relays = r.addresses(f, "relays")
	return v
}
