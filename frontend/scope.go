package frontend

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"rowlock/frontend/option"
	"rowlock/sqlstore"
)

// wireOption is a configured option in wire form, without code and length.
type wireOption struct {
	code   uint16
	always bool  // sent also when the client did not ask for it
	from   scope // where it is configured
	data   []byte
}

// scope is a place of the configuration where settings are made.
type scope uint8

// The scopes, the widest first.
const (
	scopeDefault scope = iota
	scopeGlobal
	scopeLink
	scopeSubnet
)

func (s scope) String() string { return [...]string{"default", "global", "link", "subnet"}[s] }

// optionSet is what a scope and those around it configure, sorted by code.
type optionSet []wireOption

// familyOptions has an optionSet for DHCPv4 and one for DHCPv6.
type familyOptions [2]optionSet

// encodeOptions turns the options of one object into wire form.
func encodeOptions(object string, from scope, list []sqlstore.OptionData) (familyOptions, error) {
	var out familyOptions
	for _, o := range list {
		code, data, err := option.Encode(o)
		if err != nil {
			return out, broken(object+" option_data "+cmp.Or(o.Name, strconv.Itoa(int(o.Code))), "an option must have a value that fits its definition", err)
		}
		f := familyIndex(o.Family)
		out[f] = append(out[f], wireOption{code: code, data: data, always: o.Always, from: from})
	}
	for _, set := range out {
		slices.SortStableFunc(set, func(a, b wireOption) int { return cmp.Compare(a.code, b.code) })
	}
	return out, nil
}

// get returns the option with the code.
func (s optionSet) get(code uint16) (wireOption, bool) {
	i, ok := slices.BinarySearchFunc(s, code, func(o wireOption, c uint16) int { return cmp.Compare(o.code, c) })
	if !ok {
		return wireOption{}, false
	}
	return s[i], true
}

// over returns the options of s and those of outer that s does not have.
func (s optionSet) over(outer optionSet) optionSet {
	if len(s) == 0 {
		return outer
	}
	out := slices.Clone(s)
	for _, o := range outer {
		if _, ok := s.get(o.code); !ok {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b wireOption) int { return cmp.Compare(a.code, b.code) })
	return out
}

// settings are the parameters that apply in a subnet, read.
type settings struct {
	valid, minValid, maxValid uint32 // seconds
	preferred                 uint32 // DHCPv6; 0: five eighths of the valid lifetime granted
	offer                     uint32
	cacheThreshold            float64 // share of the lifetime, 0 to below 1
	cacheMaxAge               uint32  // seconds; 0: no bound
	renew, rebind             uint32  // seconds; 0: by percentage
	t1, t2                    float64 // shares of the lifetime, 0 to 1
	authoritative             bool
	rapidCommit               bool
	matchClientID             bool
	echoClientID              bool
	serverID                  netip.Addr // DHCPv4 identifier shared by all frontends; the zero Addr: each its own
	preference                uint8
}

// newSettings reads the parameters of the scopes, nearest first. The caller
// has checked them.
func newSettings(f sqlstore.Family, scopes ...sqlstore.Parameters) settings {
	seconds := func(name string, otherwise uint32) uint32 {
		if n, ok := sqlstore.LookupSeconds(name, scopes...); ok {
			return n
		}
		return otherwise
	}
	share := func(name string, otherwise float64) float64 {
		if n, err := strconv.ParseFloat(sqlstore.Lookup(name, scopes...), 64); err == nil {
			return n / 100
		}
		return otherwise
	}
	var s settings
	s.valid = seconds("valid_lifetime", 0)
	s.minValid = min(seconds("min_valid_lifetime", s.valid), s.valid)
	s.maxValid = max(seconds("max_valid_lifetime", s.valid), s.valid)
	s.preferred = seconds("preferred_lifetime", 0)
	s.offer = seconds("offer_lifetime", 0)
	s.cacheThreshold, _ = strconv.ParseFloat(sqlstore.Lookup("cache_threshold", scopes...), 64)
	s.cacheMaxAge = seconds("cache_max_age", 0)
	s.renew = seconds("renew_timer", 0)
	s.rebind = seconds("rebind_timer", 0)
	s.t1 = share("t1_percent", 0.5)
	s.t2 = share("t2_percent", 0.875) // RFC 2131 section 4.4.5
	if f == sqlstore.IPv6 {
		s.t2 = share("t2_percent", 0.8) // RFC 9915 section 21.4
	}
	s.authoritative = sqlstore.LookupBool("authoritative", scopes...)
	s.rapidCommit = sqlstore.LookupBool("rapid_commit", scopes...)
	s.matchClientID = sqlstore.LookupBool("match_client_id", scopes...)
	s.echoClientID = sqlstore.LookupBool("echo_client_id", scopes...)
	s.serverID, _ = netip.ParseAddr(sqlstore.Lookup("server_identifier", scopes...))
	preference, _ := strconv.ParseUint(sqlstore.Lookup("preference", scopes...), 10, 8)
	s.preference = uint8(preference)
	return s
}

// cacheAge returns the age up to which a renewal of a lease of this lifetime
// need not be written, 0 if each has to be.
func (s *settings) cacheAge(valid uint32) uint32 {
	age := uint32(float64(valid) * s.cacheThreshold)
	if s.cacheMaxAge != 0 {
		age = min(age, s.cacheMaxAge)
	}
	return age
}

// lifetimes returns what a client is told about a lease that it is granted.
func lifetimes(r *sqlstore.Result) (valid, preferred uint32) {
	if r.Cached {
		return r.Lease.Left()
	}
	return r.Lease.ValidLft, r.Lease.PreferredLft
}

// lifetime returns what a client gets that asks for wish seconds; asked is
// false when it does not ask.
func (s *settings) lifetime(wish uint32, asked bool) uint32 {
	if !asked {
		return s.valid
	}
	return min(max(wish, s.minValid), s.maxValid)
}
