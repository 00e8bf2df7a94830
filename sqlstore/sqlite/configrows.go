package sqlite

import "rowlock/sqlstore"

// The configuration as table rows. Two configurations are compared row by row,
// so that a change of one subnet among thousands writes one row and does not
// keep the lease lanes waiting.

type linkRow struct {
	name    string
	vrf     uint32
	comment string
}

type subnetRow struct {
	link, previous, earlier uint32
	prefix, iface, ifaceID  string
	closing                 bool
	comment                 string
}

type relayKey struct {
	subnet uint32
	addr   string
}

type poolRow struct {
	subnet      uint32
	position    int
	kind        sqlstore.Kind
	first, last string
	length      uint8
	gen         uint32
	vrf         uint32 // of its generation
	closing     bool
	waiting     bool
	comment     string
}

type optionKey struct {
	scope  string
	id     uint32
	family sqlstore.Family
	code   uint16
}

type optionRow struct {
	position    int
	name, data  string
	hex, always bool
	comment     string
}

type parameterKey struct {
	scope string
	id    uint32
	name  string
}

type parameterRow struct{ value, comment string }

// rowSet is a whole configuration as rows by primary key.
type rowSet struct {
	links      map[uint32]linkRow
	subnets    map[uint32]subnetRow
	relays     map[relayKey]struct{}
	pools      map[uint32]poolRow
	options    map[optionKey]optionRow
	parameters map[parameterKey]parameterRow
	vrfs       map[uint32]string // comments
	interfaces map[string]uint32 // vrfs that they select
	vrfRelays  map[string]uint32
	keys       map[string]keyRow
	zones      map[string]zoneRow
	comment    string
}

func rowsOf(c *sqlstore.Config) *rowSet {
	r := &rowSet{
		links: map[uint32]linkRow{}, subnets: map[uint32]subnetRow{}, relays: map[relayKey]struct{}{}, pools: map[uint32]poolRow{},
		options: map[optionKey]optionRow{}, parameters: map[parameterKey]parameterRow{},
		vrfs: map[uint32]string{}, interfaces: map[string]uint32{}, vrfRelays: map[string]uint32{},
		keys: map[string]keyRow{}, zones: map[string]zoneRow{}, comment: c.Comment,
	}
	r.dns(c)
	r.settings("global", 0, c.Options, c.Parameters, c.Notes)
	for _, v := range c.VRFs {
		r.vrfs[v.ID] = v.Comment
		for _, name := range v.Interfaces {
			r.interfaces[name] = v.ID
		}
		for _, a := range v.Relays {
			r.vrfRelays[a.String()] = v.ID
		}
	}
	for _, l := range c.Links {
		r.links[l.ID] = linkRow{l.Name, l.VRF, l.Comment}
		r.settings("link", l.ID, l.Options, l.Parameters, l.Notes)
		for _, s := range l.Subnets {
			r.subnet(s)
		}
	}
	return r
}

func (r *rowSet) subnet(s *sqlstore.Subnet) {
	r.subnets[s.ID] = subnetRow{s.LinkID, s.PreviousLinkID, s.EarlierLinkID, s.Prefix.String(), s.Interface, string(s.InterfaceID), s.Closing, s.Comment}
	r.settings("subnet", s.ID, s.Options, s.Parameters, s.Notes)
	for _, a := range s.Relays {
		r.relays[relayKey{s.ID, a.String()}] = struct{}{}
	}
	for i, p := range s.Pools {
		// a closing subnet closes its pools when they are loaded; the rows keep
		// what was said of the pool itself
		r.pools[p.ID] = poolRow{
			s.ID, i, p.Kind, p.First.String(), p.Last.String(), p.DelegatedLen, p.Gen, p.VRF, p.Closing && !s.Closing, p.Waiting, p.Comment,
		}
	}
}

func (r *rowSet) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters, notes sqlstore.Notes) {
	for i, o := range options {
		r.options[optionKey{scope, id, o.Family, o.Code}] = optionRow{i, o.Name, o.Data, o.Hex, o.Always, o.Comment}
	}
	for name, value := range params {
		r.parameters[parameterKey{scope, id, name}] = parameterRow{value, notes[name]}
	}
}
