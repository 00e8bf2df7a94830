package sqlstore

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
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
	// Effects tell what becomes of leases that live, where Plan found any.
	Effects []Effect
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
// the same prefix or range. That a pool waits is no difference: it passes by
// itself. Nil stands for an empty configuration.
func Diff(old, next *Config) []Change {
	d := compare(old, next)
	return append(d.changes, reordered(d.before, d.after)...)
}

// Planned returns next with the ids that its objects will have when it takes the
// place of old, which is stored; next itself where it cannot. With it Diff tells
// the same as it will about the revision, an edit of a pool for example.
func Planned(old, next *Config) *Config {
	if old == nil || next == nil {
		return next
	}
	out := *next
	out.TSIGKeys = slices.Clone(next.TSIGKeys)
	out.Links = make([]*Link, len(next.Links))
	for i, l := range next.Links {
		link := *l
		link.Subnets = make([]*Subnet, len(l.Subnets))
		for j, s := range l.Subnets {
			subnet := *s
			subnet.Pools = make([]*Pool, len(s.Pools))
			for k, p := range s.Pools {
				pool := *p
				subnet.Pools[k] = &pool
			}
			link.Subnets[j] = &subnet
		}
		out.Links[i] = &link
	}
	order := slices.Clone(out.Links)
	if err := Assign(old, &out, nil, UsedIDs{}); err != nil {
		return next // whoever applies it is told
	}
	out.Links = order
	return &out
}

// difference is what compare finds: changes by the keys of what they change.
type difference struct {
	before, after *facts
	changes       []Change
	at            map[string]int // key -> index in changes
}

func compare(old, next *Config) *difference {
	d := &difference{before: newFacts(nil), after: newFacts(nil), at: map[string]int{}}
	if old != nil {
		d.before.config(old)
	}
	if next != nil {
		d.after = newFacts(d.before)
		d.after.config(next)
	}
	for _, key := range d.before.order {
		if _, still := d.after.facts[key]; !still {
			f := d.before.facts[key]
			d.add(key, Change{Kind: Removed, Object: f.object, Old: f.own()})
		}
	}
	for _, key := range d.after.order {
		f := d.after.facts[key]
		was, known := d.before.facts[key]
		switch {
		case !known:
			d.add(key, Change{Kind: Added, Object: f.object, New: f.own()})
		case was.value != f.value:
			d.add(key, Change{Kind: Changed, Object: was.object, Old: was.value, New: f.value})
		}
	}
	return d
}

func (d *difference) add(key string, c Change) {
	d.at[key] = len(d.changes)
	d.changes = append(d.changes, c)
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
	held   []holding
}

// holding is a pool where it stands.
type holding struct {
	key, subnet string // keys of the pool and of its subnet
	in          *Link
	pool        *Pool
	closing     bool // by itself, or its subnet is
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
	f.comment("", "global", c.Comment)
	f.settings("", "global", c.Parameters, c.Notes, c.Options)
	f.vrfs(c.VRFs)
	f.dns(c)
	for _, l := range c.Links {
		if l.Name != "" {
			object := "shared_network " + l.Name
			f.add(object, object, fmt.Sprintf("vrf %d", l.VRF))
			f.comment(object, object, l.Comment)
			f.settings(object, object, l.Parameters, l.Notes, l.Options)
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

// comment adds what people say about an object.
func (f *facts) comment(key, object, text string) {
	if text != "" {
		f.add(key+"/comment", object+" comment", strconv.Quote(text))
	}
}

func (f *facts) vrfs(all []VRF) {
	for _, v := range all {
		key := fmt.Sprintf("vrf %d", v.ID)
		f.add(key, key, strconv.FormatUint(uint64(v.ID), 10))
		f.comment(key, key, v.Comment)
		f.attribute(key, key, "interfaces", strings.Join(slices.Sorted(slices.Values(v.Interfaces)), ", "))
		f.attribute(key, key, "relays", addressList(v.Relays))
	}
}

// attribute adds a value of an object unless it is empty.
func (f *facts) attribute(key, object, name, value string) {
	if value != "" {
		f.add(key+"/"+name, object+" "+name, value)
	}
}

func (f *facts) settings(key, object string, ps Parameters, notes Notes, options []OptionData) {
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		here, what := key+"/parameter "+name, object+" parameter "+name
		f.add(here, what, ps[name])
		f.comment(here, what, notes[name])
	}
	for _, o := range options {
		f.option(key, object, o)
	}
}

func (f *facts) option(key, object string, o OptionData) {
	name := o.Name
	if name == "" {
		name = strconv.Itoa(int(o.Code))
	}
	value := strconv.Quote(o.Data)
	if o.Hex {
		value = "hex " + o.Data
	}
	if o.Always {
		value += " always"
	}
	id := strconv.Itoa(int(o.Code))
	if o.Code == 0 {
		id = o.Name
	}
	key, object = fmt.Sprintf("%s/option %s %s", key, o.Family, id), fmt.Sprintf("%s option_data %s %s", object, o.Family, name)
	f.add(key, object, value)
	f.comment(key, object, o.Comment)
}

func (f *facts) subnet(l *Link, s *Subnet) {
	natural := strings.TrimSpace(fmt.Sprintf("subnet %s %s", s.Prefix, vrfText(l.VRF)))
	key, object := f.identify("subnet ", s.ID, natural), natural
	f.add(key, object, strings.TrimPrefix(natural, "subnet "))
	f.comment(key, object, s.Comment)
	f.attribute(key, object, "shared_network", l.Name)
	f.attribute(key, object, "relay", addressList(s.Relays))
	f.attribute(key, object, "interface", s.Interface)
	f.attribute(key, object, "interface_id", InterfaceIDText(s.InterfaceID))
	if s.Closing {
		f.add(key+"/closing", object+" closing", "true")
	}
	f.settings(key, object, s.Parameters, s.Notes, s.Options)
	f.places = append(f.places, key)
	for _, p := range s.Pools {
		f.pool(l, s, p, key, object)
	}
}

func (f *facts) pool(l *Link, s *Subnet, p *Pool, subnet, object string) {
	what, text := "pool", p.First.String()+"-"+p.Last.String()
	if p.Kind == PD {
		what, text = "pd_pool", fmt.Sprintf("%s delegated_len %d", pdText(p), p.DelegatedLen)
	}
	key := f.identify("pool ", p.ID, subnet+"/"+what+" "+text)
	value := text
	if p.Closing && !s.Closing { // those of a closing subnet are so without a word
		value += " closing"
	}
	f.add(key, object+" "+what, value)
	f.comment(key, object+" "+what+" "+text, p.Comment)
	f.pools[subnet] = append(f.pools[subnet], key)
	f.held = append(f.held, holding{key, subnet, l, p, p.Closing || s.Closing})
}

func pdText(p *Pool) string {
	if base, ok := p.Base(); ok {
		return base.String()
	}
	return p.First.String() + "-" + p.Last.String()
}

// addressList writes addresses that have no order of their own.
func addressList(addrs []netip.Addr) string {
	text := make([]string, len(addrs))
	for i, a := range slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare) {
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
