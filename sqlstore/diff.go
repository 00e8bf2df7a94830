package sqlstore

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// ChangeKind says what a Change does to its object.
type ChangeKind byte

// The kinds of change, as they are printed.
const (
	Added   ChangeKind = '+'
	Changed ChangeKind = '~'
	Removed ChangeKind = '-'
)

// Change is one difference between two configurations.
type Change struct {
	Kind   ChangeKind
	Object string // "subnet 192.0.2.0/24 parameter valid_lifetime"
	Old    string // value before, for Changed and Removed; may be empty
	New    string // value after, for Changed and Added; may be empty
}

// String returns the change on one line, as in
// "~ subnet 192.0.2.0/24 parameter valid_lifetime: 3600 -> 7200".
func (c Change) String() string {
	text := string(c.Kind) + " " + c.Object
	switch {
	case c.Kind == Changed:
		return text + ": " + c.Old + " -> " + c.New
	case c.Kind == Added && c.New != "":
		return text + ": " + c.New
	case c.Kind == Removed && c.Old != "":
		return text + ": " + c.Old
	}
	return text
}

// Diff returns what has to change in old to make it next: first what is
// removed, in the order of old, then the rest in the order of next. A subnet
// or pool is the same one when it has the same id, or, where next gives no id,
// the same prefix or range. Closing objects of old count as removed already.
// Nil stands for an empty configuration.
func Diff(old, next *Config) []Change {
	before, after := newFacts(nil), newFacts(nil)
	if old != nil {
		before.config(old)
	}
	if next != nil {
		after = newFacts(before)
		after.config(next)
	}
	var changes []Change
	for _, key := range before.order {
		if _, still := after.facts[key]; !still {
			f := before.facts[key]
			changes = append(changes, Change{Kind: Removed, Object: f.object, Old: f.own()})
		}
	}
	for _, key := range after.order {
		f := after.facts[key]
		was, known := before.facts[key]
		switch {
		case !known:
			changes = append(changes, Change{Kind: Added, Object: f.object, New: f.own()})
		case was.value != f.value:
			changes = append(changes, Change{Kind: Changed, Object: was.object, Old: was.value, New: f.value})
		}
	}
	return append(changes, reordered(before, after)...)
}

// facts is a configuration as a list of values by key, so that two of them can
// be compared key by key.
type facts struct {
	old    *facts // whose keys are taken over, nil for the first
	facts  map[string]fact
	order  []string
	ids    map[string]string   // "subnet 12" -> key
	idOf   map[string]uint32   // key -> id
	pools  map[string][]string // subnet's key -> keys of its pools
	places []string            // subnets' keys in order
}

type fact struct{ object, value string }

// own returns the value unless the object's name says it already.
func (f fact) own() string {
	if strings.HasSuffix(f.object, " "+f.value) {
		return ""
	}
	return f.value
}

func newFacts(old *facts) *facts {
	return &facts{
		old: old, facts: map[string]fact{}, ids: map[string]string{},
		idOf: map[string]uint32{}, pools: map[string][]string{},
	}
}

func (f *facts) add(key, object, value string) {
	if _, used := f.facts[key]; !used {
		f.order = append(f.order, key)
	}
	f.facts[key] = fact{object, value}
}

// identify returns the key of an object that has an id, or would be known by
// the key natural.
func (f *facts) identify(what string, id uint32, natural string) string {
	key := natural
	if f.old != nil && id != 0 {
		named := fmt.Sprint(what, id)
		if same, ok := f.old.ids[named]; ok {
			key = same
		} else if other := f.old.idOf[natural]; other != 0 && other != id {
			key = natural + " as " + named
		}
	}
	for _, used := f.idOf[key]; used; _, used = f.idOf[key] {
		key += " again"
	}
	f.idOf[key] = id
	if id != 0 {
		f.ids[fmt.Sprint(what, id)] = key
	}
	return key
}

func (f *facts) config(c *Config) {
	f.settings("", "global", c.Parameters, c.Options)
	f.dns(c)
	for _, l := range c.Links {
		if l.Name != "" {
			object := "shared_network " + l.Name
			f.add(object, object, fmt.Sprintf("vrf %d", l.VRF))
			f.settings(object, object, l.Parameters, l.Options)
			for _, s := range l.Subnets {
				f.subnet(l, s)
			}
			continue
		}
		for _, s := range l.Subnets {
			if len(l.Subnets) == 1 {
				s = l.Whole()
			}
			f.subnet(l, s)
		}
	}
}

func vrfText(vrf uint32) string {
	if vrf == 0 {
		return ""
	}
	return fmt.Sprintf("vrf %d", vrf)
}

func (f *facts) settings(key, object string, ps Parameters, options []OptionData) {
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		f.add(key+"/parameter "+name, object+" parameter "+name, ps[name])
	}
	for _, o := range options {
		name := o.Name
		if name == "" {
			name = fmt.Sprintf("%d", o.Code)
		}
		value := fmt.Sprintf("%q", o.Data)
		if o.Hex {
			value = "hex " + o.Data
		}
		if o.Always {
			value += " always"
		}
		id := fmt.Sprint(o.Code)
		if o.Code == 0 {
			id = o.Name
		}
		f.add(fmt.Sprintf("%s/option %s %s", key, o.Family, id), fmt.Sprintf("%s option_data %s %s", object, o.Family, name), value)
	}
}

func (f *facts) subnet(l *Link, s *Subnet) {
	if s.Closing {
		return
	}
	natural := strings.TrimSpace(fmt.Sprintf("subnet %s %s", s.Prefix, vrfText(l.VRF)))
	key, object := f.identify("subnet ", s.ID, natural), natural
	f.add(key, object, strings.TrimPrefix(natural, "subnet "))
	for _, a := range []struct{ name, value string }{
		{"shared_network", l.Name},
		{"relay", addressList(s.Relays)},
		{"interface", s.Interface},
		{"interface_id", InterfaceIDText(s.InterfaceID)},
	} {
		if a.value != "" {
			f.add(key+"/"+a.name, object+" "+a.name, a.value)
		}
	}
	f.settings(key, object, s.Parameters, s.Options)
	f.places = append(f.places, key)
	for _, p := range s.Pools {
		if p.Closing {
			continue
		}
		what, text := "pool", p.First.String()+"-"+p.Last.String()
		if p.Kind == PD {
			what, text = "pd_pool", fmt.Sprintf("%s delegated_len %d", pdText(p), p.DelegatedLen)
		}
		pool := f.identify("pool ", p.ID, key+"/"+what+" "+text)
		f.add(pool, object+" "+what, text)
		f.pools[key] = append(f.pools[key], pool)
	}
}

func pdText(p *Pool) string {
	if base, ok := p.Base(); ok {
		return base.String()
	}
	return p.First.String() + "-" + p.Last.String()
}

func addressList(addrs []netip.Addr) string {
	text := make([]string, len(addrs))
	for i, a := range addrs {
		text[i] = a.String()
	}
	return strings.Join(text, ", ")
}

// reordered returns a change for each subnet whose pools, which are used in
// their order, are the same ones in another order.
func reordered(before, after *facts) []Change {
	var changes []Change
	for _, key := range after.places {
		common := func(f, other *facts) []string {
			return slices.DeleteFunc(slices.Clone(f.pools[key]), func(p string) bool {
				_, both := other.facts[p]
				return !both
			})
		}
		was, is := common(before, after), common(after, before)
		if !slices.Equal(was, is) {
			changes = append(changes, Change{
				Kind: Changed, Object: after.facts[key].object + " order of pools",
				Old: after.values(was), New: after.values(is),
			})
		}
	}
	return changes
}

func (f *facts) values(keys []string) string {
	text := make([]string, len(keys))
	for i, key := range keys {
		text[i] = f.facts[key].value
	}
	return strings.Join(text, ", ")
}
