package frontend

import (
	"strconv"
	"strings"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// naming is what the parameters of a scope say about the names of clients.
type naming struct {
	rules  *name.Rules
	policy name.Policy
}

// namingSettings is all that a naming depends on beside the zones. Scopes that
// say the same share one naming.
type namingSettings struct {
	suffix, prefix, replacement string
	replace                     name.Replace
	confine                     bool
	policy                      name.Policy
	ttl                         name.TTL
}

// namings makes the namings of a configuration.
type namings struct {
	zones []string // forward zones
	made  map[namingSettings]*naming
}

func newNamings(c *sqlstore.Config) *namings {
	n := &namings{made: map[namingSettings]*naming{}}
	for _, z := range c.Zones {
		if !z.Reverse() {
			n.zones = append(n.zones, z.Name)
		}
	}
	return n
}

// of returns the naming of the scopes, nearest first; object names the nearest in
// errors. Where that says nothing about names it is outer, that of the others; nil:
// there is none.
func (n *namings) of(object string, outer *naming, scopes ...sqlstore.Parameters) (*naming, error) {
	if outer != nil && !saysNames(scopes[0]) {
		return outer, nil
	}
	s := newNamingSettings(scopes)
	if made := n.made[s]; made != nil {
		return made, nil
	}
	rules, err := name.New(name.Config{
		Suffix: s.suffix, Zones: n.zones, Confine: s.confine, Replacement: s.replacement,
		Replace: s.replace, Prefix: s.prefix,
	})
	if err != nil {
		return nil, broken(object+" parameters", "the parameters of names must go together", err)
	}
	if err := s.ttl.Validate(); err != nil {
		return nil, broken(object+" parameters", "the parameters of names must go together", err)
	}
	made := &naming{rules: rules, policy: s.policy}
	n.made[s] = made
	return made, nil
}

func saysNames(p sqlstore.Parameters) bool {
	for key := range p {
		if strings.HasPrefix(key, "ddns_") || key == "hostname_char_replacement" {
			return true
		}
	}
	return false
}

func newNamingSettings(scopes []sqlstore.Parameters) namingSettings {
	text := func(key string) string { return sqlstore.Lookup(key, scopes...) }
	flag := func(key string) bool { return sqlstore.LookupBool(key, scopes...) }
	seconds := func(key string) uint32 {
		n, _ := sqlstore.LookupSeconds(key, scopes...)
		return n
	}
	percent, _ := strconv.ParseUint(text("ddns_ttl_percent"), 10, 8)
	s := namingSettings{
		suffix: text("ddns_qualifying_suffix"), prefix: text("ddns_generated_prefix"),
		replacement: text("hostname_char_replacement"), replace: name.Replace(text("ddns_replace_client_name")),
		policy: name.Policy{
			SendUpdates: flag("ddns_send_updates"), OverrideNoUpdate: flag("ddns_override_no_update"),
			OverrideClientUpdate: flag("ddns_override_client_update"),
		},
		ttl: name.TTL{
			Fixed: seconds("ddns_ttl"), Percent: uint8(percent), Min: seconds("ddns_ttl_min"), Max: seconds("ddns_ttl_max"),
		},
	}
	s.confine = s.suffix != "" && flag("ddns_confine_to_suffix")
	return s
}
