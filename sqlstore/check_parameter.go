package sqlstore

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parameters checks each setting of one scope for itself.
func (k *checker) parameters(at *place, scope string, ps Parameters) {
	if len(ps) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		def, known := ParameterByName(name)
		if !known {
			k.add(at.parameter(name), name, "a parameter must be one that exists")
			continue
		}
		if def.Scopes == "global" && scope != "global" {
			k.add(at.parameter(name), ps[name], "the parameter may be set globally only")
		}
		if err := def.Check(ps[name]); err != nil {
			k.add(at.parameter(name), err.Error(), "the value must be of type %s", def.Type)
		} else if strings.Trim(ps[name], "0") == "" && slices.Contains(neverZero, name) {
			k.add(at.parameter(name), ps[name], "the lifetime must not be zero")
		}
	}
}

var neverZero = []string{"valid_lifetime", "min_valid_lifetime", "max_valid_lifetime", "offer_lifetime"}

// order is a rule on two parameters: low must not be above high, or must be
// below it.
type order struct {
	low, high string
	below     bool
	only      Family // 0: both
}

// The first three are RFC 2131 section 4.3.1 and RFC 9915 sections 7.7 and
// 21.6; the others keep T1 < T2 < lifetime (RFC 2131 section 4.4.5, RFC 9915
// section 21.4).
var orders = []order{
	{"min_valid_lifetime", "valid_lifetime", false, 0},
	{"valid_lifetime", "max_valid_lifetime", false, 0},
	{"preferred_lifetime", "valid_lifetime", false, IPv6},
	{"renew_timer", "rebind_timer", true, 0},
	{"renew_timer", "valid_lifetime", true, 0},
	{"rebind_timer", "valid_lifetime", true, 0},
	{"t1_percent", "t2_percent", true, 0},
}

// lifetimes checks the settings of one scope, the first, against each other
// and against those that it inherits. What an outer scope has wrong for itself
// is reported there only.
func (k *checker) lifetimes(at *place, family Family, scopes ...Parameters) {
	own := scopes[0]
	if len(own) == 0 {
		return
	}
	for _, o := range orders {
		if o.only != 0 && family != 0 && family != o.only {
			continue
		}
		_, setLow := own[o.low]
		_, setHigh := own[o.high]
		if !setLow && !setHigh {
			continue
		}
		low, okLow := k.number(o.low, family, scopes)
		high, okHigh := k.number(o.high, family, scopes)
		if !okLow || !okHigh || low < high || low == high && !o.below {
			continue
		}
		name := o.low
		if !setLow {
			name = o.high
		}
		here := at.parameter(name)
		rule := "%s must not be above %s"
		if o.below {
			rule = "%s must be below %s"
		}
		k.add(here, fmt.Sprintf("%v and %v", low, high), rule, o.low, o.high)
	}
	k.ttl(at, scopes)
}

var ttlNames = [...]string{"ddns_ttl", "ddns_ttl_percent", "ddns_ttl_min", "ddns_ttl_max"}

// ttl checks the settings on TTLs likewise. 0 is not set.
func (k *checker) ttl(at *place, scopes []Parameters) {
	own := func(name string) bool { _, set := scopes[0][name]; return set }
	if !slices.ContainsFunc(ttlNames[:], own) {
		return
	}
	var values [len(ttlNames)]float64
	for i, name := range ttlNames {
		values[i], _ = k.number(name, 0, scopes)
	}
	conflict := func(a, b int, rule string) {
		name := ttlNames[a]
		if !own(name) {
			name = ttlNames[b]
		}
		if !own(name) {
			return
		}
		k.add(at.parameter(name), fmt.Sprintf("%v and %v", values[a], values[b]), rule, ttlNames[a], ttlNames[b])
	}
	for i := range ttlNames[1:] {
		if values[0] > 0 && values[i+1] > 0 {
			conflict(0, i+1, "%s leaves nothing to %s (0 is not set)")
		}
	}
	if low, high := values[2], values[3]; high > 0 && low > high {
		conflict(2, 3, "%s must not be above %s")
	}
}

// number returns the value in force, false when there is none or it is no
// number. The upper default of T2 is taken where the family is not known.
func (k *checker) number(name string, family Family, scopes []Parameters) (float64, bool) {
	text := Lookup(name, scopes...)
	if text == "" && name == "t2_percent" {
		text = "87.5"
		if family == IPv6 {
			text = "80"
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}
