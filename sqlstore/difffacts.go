package sqlstore

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

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

// within stands in a key between an object and what it has; no name has it.
const within = "\x00"

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
			f.linkID(object, l)
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

// linkID adds the id of a shared network where another is known for its name: its
// clients are known by that one.
func (f *facts) linkID(object string, l *Link) {
	if f.old != nil {
		if was := f.old.idOf[object]; was != 0 && l.ID != 0 && was != l.ID {
			f.add(object+within+"id", object, fmt.Sprintf("id %d in the place of %d", l.ID, was))
		}
	}
	f.idOf[object] = l.ID
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
		f.add(key+within+"comment", object+" comment", strconv.Quote(text))
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
		f.add(key+within+name, object+" "+name, value)
	}
}

func (f *facts) settings(key, object string, ps Parameters, notes Notes, options []OptionData) {
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		here, what := key+within+"parameter "+name, object+" parameter "+name
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
	key, object = fmt.Sprintf("%s%soption %s %s", key, within, o.Family, id), fmt.Sprintf("%s option_data %s %s", object, o.Family, name)
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
		f.add(key+within+"closing", object+" closing", "true")
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
	key := f.identify("pool ", p.ID, subnet+within+what+" "+text)
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

func (f *facts) values(keys []string) string {
	text := make([]string, len(keys))
	for i, key := range keys {
		text[i] = f.facts[key].value
	}
	return strings.Join(text, ", ")
}
