package site

import (
	"fmt"
	"maps"
	"slices"

	"rowlock/frontend/option"
	"rowlock/sqlstore"
)

func (w *writer) parameters(indent string, ps sqlstore.Parameters, notes sqlstore.Notes) {
	if len(ps) == 0 {
		return
	}
	w.line(indent, "parameters:")
	for _, d := range sqlstore.ParameterDefs {
		if v, ok := ps[d.Name]; ok {
			w.parameter(indent+"  ", d.Name, v, notes[d.Name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		if _, known := sqlstore.ParameterByName(name); !known {
			w.parameter(indent+"  ", quote(name), ps[name], notes[name])
		}
	}
}

func (w *writer) parameter(indent, name, value, note string) {
	value = quote(value)
	if key := w.comment(indent, note); key != "" {
		value = between("value: "+value, key)
	}
	w.line(indent, "%s: %s", name, value)
}

// options writes a list of options; family is the one that need not be said.
func (w *writer) options(indent string, family sqlstore.Family, options []sqlstore.OptionData) {
	if len(options) == 0 {
		return
	}
	w.line(indent, "option_data:")
	for _, o := range options {
		var parts []string
		if o.Name != "" {
			parts = append(parts, "name: "+quote(o.Name))
		} else {
			parts = append(parts, fmt.Sprintf("code: %d", o.Code))
		}
		if o.Family != family && !inferred(o) {
			parts = append(parts, "family: "+o.Family.String())
		}
		key := "data"
		if o.Hex {
			key = "hex"
		}
		parts = append(parts, key+": "+doubleQuote(o.Data))
		if o.Always {
			parts = append(parts, "always_send: true")
		}
		parts = append(parts, w.comment(indent+"  ", o.Comment))
		w.line(indent+"  ", "- %s", between(parts...))
	}
}

// inferred tells whether Parse finds the family of o by its name.
func inferred(o sqlstore.OptionData) bool {
	_, in4 := option.Lookup(sqlstore.IPv4, o.Name)
	_, in6 := option.Lookup(sqlstore.IPv6, o.Name)
	return in4 != in6 && in4 == (o.Family == sqlstore.IPv4)
}
