package sqlstore

import (
	"fmt"
	"net/netip"
	"strconv"
)

// ParameterType says how the text of a parameter is read.
type ParameterType string

// The parameter types.
const (
	SecondsParameter ParameterType = "seconds" // 0..4294967295; 4294967295 is for ever
	PercentParameter ParameterType = "percent" // 1..100
	ShareParameter   ParameterType = "share"   // 0 to below 1
	BoolParameter    ParameterType = "boolean" // true or false
	IPv4Parameter    ParameterType = "ipv4-address"
	ByteParameter    ParameterType = "uint8"

	CountParameter ParameterType = "count" // 0..1000000
	RateParameter  ParameterType = "rate"  // a second: 0.001..1000000; 0 is no limit

	TTLParameter          ParameterType = "ttl"           // 0..2147483647 seconds; 0 is not set
	WholePercentParameter ParameterType = "whole-percent" // 0..100; 0 is not set
	ChoiceParameter       ParameterType = "choice"        // one of Choices
	DomainParameter       ParameterType = "domain"        // host name of any number of labels, or nothing
	LabelParameter        ParameterType = "label"         // first part of a label
	CharacterParameter    ParameterType = "character"     // letter, digit, hyphen, or nothing
)

// ParameterDef describes one parameter: the rules that SQL, document, API and
// manual share.
type ParameterDef struct {
	Name    string
	Type    ParameterType
	Default string
	Scopes  string // "global" or "any" (global, link, subnet)
	Help    string
}

// ParameterDefs lists every parameter, in the order of the manual. Names and
// meanings are Kea's where Kea has them (with underscores).
var ParameterDefs = []ParameterDef{
	{"valid_lifetime", SecondsParameter, "7200", "any", "lifetime of a lease when the client asks for none"},
	{"min_valid_lifetime", SecondsParameter, "", "any", "shortest lifetime a client may ask for; default: valid_lifetime"},
	{"max_valid_lifetime", SecondsParameter, "", "any", "longest lifetime a client may ask for; default: valid_lifetime"},
	{"preferred_lifetime", SecondsParameter, "", "any", "DHCPv6 preferred lifetime; default: five eighths of the valid lifetime granted"},
	{"offer_lifetime", SecondsParameter, "60", "any", "how long an offered address is held for the client"},
	{"renew_timer", SecondsParameter, "", "any", "T1; default: t1_percent of the lifetime"},
	{"rebind_timer", SecondsParameter, "", "any", "T2; default: t2_percent of the lifetime"},
	{"t1_percent", PercentParameter, "50", "any", "T1 as a share of the lifetime (RFC 2131 4.4.5); DHCPv6: of the preferred lifetime (RFC 9915 21.4)"},
	{"t2_percent", PercentParameter, "", "any", "T2 as a share of the lifetime; default: 87.5 (DHCPv4), 80 (DHCPv6)"},
	{"cache_threshold", ShareParameter, "0", "any", "a renewal that changes nothing is answered without a write while the lease's age is below this share of its lifetime; 0: each is written"},
	{"cache_max_age", SecondsParameter, "", "any", "oldest lease that cache_threshold is used for; default: no bound"},
	{"authoritative", BoolParameter, "true", "any", "NAK clients that ask for an address of another network (RFC 2131 4.3.2)"},
	{"rapid_commit", BoolParameter, "false", "any", "answer a SOLICIT that has the Rapid Commit option at once (RFC 9915 18.3.1)"},
	{"match_client_id", BoolParameter, "true", "any", "identify DHCPv4 clients by client identifier before hardware address"},
	{"echo_client_id", BoolParameter, "true", "any", "return the client identifier (RFC 6842)"},
	{"server_identifier", IPv4Parameter, "", "any", "DHCPv4 server identifier shared by all frontends; default: each frontend's own address"},
	{"preference", ByteParameter, "0", "any", "DHCPv6 server preference (RFC 9915 21.8); 0 is not sent"},
	{"reclaim_grace", SecondsParameter, "60", "global", "how long after its end an address stays unused, at least 60"},
	{"affinity_time", SecondsParameter, "604800", "global", "how long an ended binding is remembered for a returning client while its address is not needed"},
	{"max_dead", CountParameter, "100000", "global", "how many ended bindings a pool remembers at most, those that ended last"},
	{"decline_probation_period", SecondsParameter, "86400", "global", "quarantine of a declined address"},
	{"decline_limit", CountParameter, "100", "global", "addresses that one client or circuit may put into quarantine within decline_probation_period; 0: any number"},
	{"circuit_rate", RateParameter, "0", "global", "conversations that one circuit behind a relay may begin a second; 0: no limit"},
	{"circuit_burst", CountParameter, "10", "global", "conversations that it may begin at once"},
	{"relay_rate", RateParameter, "0", "global", "conversations that may begin behind one relay a second; 0: no limit"},
	{"relay_burst", CountParameter, "1000", "global", "conversations that may begin there at once"},
	{"history_retention", SecondsParameter, "31536000", "global", "how long an ended holding stays in lease_history, and to the end of its month on servers; 0: for ever"},
	{"park_max", SecondsParameter, "604800", "global", "longest time a parked lease blocks its address"},
	{"ddns_send_updates", BoolParameter, "false", "any", "keep the names of clients in DNS"},
	{"ddns_override_no_update", BoolParameter, "false", "any", "do so also for clients that ask for no update"},
	{"ddns_override_client_update", BoolParameter, "false", "any", "keep the address record also for clients that want to do so themselves"},
	{"ddns_replace_client_name", ChoiceParameter, "never", "any", "when a generated name stands in for the client's"},
	{"ddns_generated_prefix", LabelParameter, "host", "any", "first part of generated names"},
	{"ddns_qualifying_suffix", DomainParameter, "", "any", "domain of names that have none, and of generated ones"},
	{"ddns_confine_to_suffix", BoolParameter, "true", "any", "do not use a client's own name outside of the suffix; no effect without a suffix"},
	{"hostname_char_replacement", CharacterParameter, "", "any", "stands for each character that a host name may not have; default: it is left out"},
	{"ddns_ttl", TTLParameter, "", "any", "TTL of the records in seconds, whatever the lifetime; excludes the next three"},
	{"ddns_ttl_percent", WholePercentParameter, "", "any", "TTL as a share of the lifetime; default: a third (RFC 4702 5)"},
	{"ddns_ttl_min", TTLParameter, "", "any", "shortest TTL; default: 600"},
	{"ddns_ttl_max", TTLParameter, "", "any", "longest TTL; default: none"},
}

// Choices returns the values that a ChoiceParameter may have.
func (d ParameterDef) Choices() []string {
	if d.Name == "ddns_replace_client_name" {
		return []string{"never", "always", "when-present", "when-not-present"}
	}
	return nil
}

// ParameterByName returns the definition of a parameter.
func ParameterByName(name string) (ParameterDef, bool) {
	i, known := parameterIndex[name]
	if !known {
		return ParameterDef{}, false
	}
	return ParameterDefs[i], true
}

var parameterIndex = func() map[string]int {
	index := map[string]int{}
	for i, d := range ParameterDefs {
		index[d.Name] = i
	}
	return index
}()

// Check tells whether value is legal text for the parameter.
func (d ParameterDef) Check(value string) error {
	switch d.Type {
	case SecondsParameter:
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a number of seconds from 0 to 4294967295", value)
		}
		if d.Name == "reclaim_grace" && n < 60 {
			return fmt.Errorf("%q is less than 60 seconds", value)
		}
	case PercentParameter:
		if n, err := strconv.ParseFloat(value, 64); err != nil || n < 1 || n > 100 {
			return fmt.Errorf("%q is not a percentage from 1 to 100", value)
		}
	case ShareParameter:
		if n, err := strconv.ParseFloat(value, 64); err != nil || !(n >= 0 && n < 1) {
			return fmt.Errorf("%q is not a number from 0 to below 1", value)
		}
	case CountParameter:
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n > 1_000_000 {
			return fmt.Errorf("%q is not a number from 0 to 1000000", value)
		}
	case RateParameter:
		if n, err := strconv.ParseFloat(value, 64); err != nil || n != 0 && !(n >= 0.001 && n <= 1_000_000) {
			return fmt.Errorf("%q is neither 0 nor a number from 0.001 to 1000000", value)
		}
	case BoolParameter:
		if value != "true" && value != "false" {
			return fmt.Errorf("%q is neither true nor false", value)
		}
	case IPv4Parameter:
		if a, err := netip.ParseAddr(value); err != nil || !a.Is4() {
			return fmt.Errorf("%q is not an IPv4 address", value)
		}
	case ByteParameter:
		if _, err := strconv.ParseUint(value, 10, 8); err != nil {
			return fmt.Errorf("%q is not a number from 0 to 255", value)
		}
	default:
		return d.checkName(value)
	}
	return nil
}

// Lookup returns the value of a parameter from the nearest scope that has it,
// nearest first, else its default; "" when there is neither.
func Lookup(name string, scopes ...Parameters) string {
	for _, s := range scopes {
		if v, ok := s[name]; ok {
			return v
		}
	}
	d, _ := ParameterByName(name)
	return d.Default
}

// LookupSeconds is Lookup for a number of seconds or a count; ok is false when there is
// no value.
func LookupSeconds(name string, scopes ...Parameters) (seconds uint32, ok bool) {
	n, err := strconv.ParseUint(Lookup(name, scopes...), 10, 32)
	return uint32(n), err == nil
}

// LookupBool is Lookup for a boolean.
func LookupBool(name string, scopes ...Parameters) bool { return Lookup(name, scopes...) == "true" }
