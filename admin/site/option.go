package site

import (
	"fmt"
	"strconv"
	"strings"

	"rowlock/frontend/option"
	"rowlock/sqlstore"
)

// options reads a list of options. family is that of the subnet around it, 0
// elsewhere.
func (r *reader) options(f fields, family sqlstore.Family) []sqlstore.OptionData {
	var all []sqlstore.OptionData
	for item := range r.list(f, "option_data") {
		all = append(all, r.option(item, f.object, family))
	}
	return all
}

func (r *reader) option(n *node, object string, family sqlstore.Family) sqlstore.OptionData {
	f := r.mapping(n, strings.TrimSpace(object+" option_data"), optionKeys...)
	o := sqlstore.OptionData{Always: r.boolean(f, "always_send"), Comment: r.comment(f)}
	o.Name, _ = r.word(f, "name")
	o.Code = uint16(r.number(f, "code", 1, 65535))
	if o.Name == "" && o.Code == 0 {
		if !r.broken[n.find("name")] && !r.broken[n.find("code")] {
			r.report(n, object, "an option must have a name or a code", "")
		}
		r.broken[n], r.broken[n.find("family")] = true, true
		return o
	}
	f.object += " " + optionLabel(o)
	o.Family = r.family(f, o, family)
	var value *node
	data, hasData := r.text(f, "data")
	digits, hasHex := r.text(f, "hex")
	switch {
	case hasData == hasHex:
		r.report(n, f.object, "an option must have either data or hex", "")
		return o
	case hasHex:
		o.Data, o.Hex, value = digits, true, f.values["hex"]
	default:
		o.Data, value = data, f.values["data"]
	}
	if o.Family == 0 {
		return o
	}
	code, _, err := option.Encode(o)
	if err != nil {
		r.report(value, object, err.Error(), "")
		return o
	}
	o.Code = code
	return o
}

func optionLabel(o sqlstore.OptionData) string {
	if o.Name != "" {
		return o.Name
	}
	return strconv.Itoa(int(o.Code))
}

// family returns the family of an option: as given, else that of the subnet,
// else that of the only definition with its name. 0 when this failed, which is
// reported.
func (r *reader) family(f fields, o sqlstore.OptionData, around sqlstore.Family) sqlstore.Family {
	if text, ok := r.text(f, "family"); ok {
		switch text {
		case "v4":
			return sqlstore.IPv4
		case "v6":
			return sqlstore.IPv6
		}
		r.report(f.values["family"], f.object, "family must be v4 or v6", strconv.Quote(text))
		return 0
	}
	if around != 0 {
		return around
	}
	_, in4 := option.Lookup(sqlstore.IPv4, o.Name)
	_, in6 := option.Lookup(sqlstore.IPv6, o.Name)
	at := f.find("family")
	switch {
	case in4 && !in6:
		return sqlstore.IPv4
	case in6 && !in4:
		return sqlstore.IPv6
	case in4 && in6:
		r.report(at, f.object, "family must be given, because v4 and v6 both have this option", "")
	case o.Name != "" && o.Code == 0:
		r.report(f.values["name"], f.object, "unknown option name", fmt.Sprintf("%q", o.Name))
	default:
		r.report(at, f.object, "family must be given with a code", "")
	}
	r.broken[at] = true
	return 0
}
