package site

import (
	"bytes"
	"encoding/json"
	"fmt"

	"rowlock/sqlstore"
)

// The schema is made from the code; the file is for editors and those who read
// it, and a test compares.
//go:generate go test -run ^TestSchemaFile$ -count 1 . -update

// Schema returns the JSON Schema (draft 2020-12) of a document: keys, types,
// ranges and texts for people. It knows no rule between two values; Parse does.
func Schema() []byte {
	text, err := json.MarshalIndent(documentSchema(), "", "  ")
	if err != nil {
		panic("site: " + err.Error()) // it has texts, numbers and lists only
	}
	return append(text, '\n')
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out.Write(jsonText(m.name))
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func documentSchema() object {
	doc := mappingSchema("", documentKeys, nil, map[string]any{
		"comment":         ref("comment", "about the whole network"),
		"vrfs":            listOf("vrf", "which packets belong to an address plan of their own"),
		"parameters":      ref("global_parameters", "settings for all"),
		"option_data":     listOf("option_data", "options for all"),
		"tsig_keys":       listOf("tsig_key", "keys that sign DNS updates (RFC 8945)"),
		"dns_zones":       listOf("dns_zone", "zones that are updated"),
		"shared_networks": listOf("shared_network", "links with several subnets"),
		"subnets":         listOf("subnet", "subnets that are in no shared network"),
	})
	head := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "Rowlock network document"},
	}
	return append(append(head, doc...), member{"$defs", definitions()})
}

// ref is what is defined elsewhere, with what it is here.
func ref(name, description string) object {
	return object{{"description", description}, {"$ref", "#/$defs/" + name}}
}

// listOf is a list of what is defined elsewhere. A key without a value is as
// good as none.
func listOf(name, description string) object {
	return object{
		{"description", description}, {"type", []string{"array", "null"}}, {"items", object{{"$ref", "#/$defs/" + name}}},
	}
}

// mappingSchema is a mapping of these keys and no others; it panics where one has
// no schema, which a test sees.
func mappingSchema(description string, keys, required []string, schemas map[string]any) object {
	properties := object{}
	for _, k := range keys {
		s, known := schemas[k]
		if !known {
			panic("site: no schema of the key " + k)
		}
		properties = append(properties, member{k, s})
	}
	var out object
	if description != "" {
		out = append(out, member{"description", description})
	}
	out = append(out, member{"type", "object"}, member{"properties", properties})
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	return append(out, member{"additionalProperties", false})
}

// text is also what YAML takes for a number or a truth value.
func text(description string) object {
	return object{{"description", description}, {"type", []string{"string", "number", "boolean"}}}
}

func pattern(description, expression string) object {
	return object{{"description", description}, {"type", "string"}, {"pattern", expression}}
}

// whole is a number that may stand in quotes.
func whole(description string, least, most int64) object {
	return object{
		{"description", description},
		{"type", []string{"integer", "string"}},
		{"minimum", least},
		{"maximum", most},
		{"pattern", "^[0-9]+$"},
	}
}

func truth(description string) object {
	return object{{"description", description}, {"enum", []any{true, false, "true", "false"}}}
}

const (
	prefixPattern  = `^[0-9A-Fa-f:.]+/[0-9]{1,3}$`
	addressPattern = `^[0-9A-Fa-f:.]+$`
	rangePattern   = `^\s*[0-9A-Fa-f:.]+(\s*-\s*[0-9A-Fa-f:.]+\s*|/[0-9]{1,3})$`
)

func definitions() object {
	out := object{
		{"comment", object{{"type", []string{"string", "number", "boolean", "null"}}, {"maxLength", sqlstore.MaxComment}}},
		{"address", pattern("an address", addressPattern)},
		{"id", whole("chosen when absent", 1, sqlstore.MaxID)},
	}
	out = append(out, topologyDefinitions()...)
	out = append(out, dnsDefinitions()...)
	return append(out, parameterDefinitions()...)
}

func topologyDefinitions() object {
	common := map[string]any{
		"id":           ref("id", "number of the object; chosen when absent"),
		"vrf":          whole("number of the address plan, 0 when absent", 0, sqlstore.MaxID),
		"comment":      ref("comment", "what people say about it"),
		"closing":      truth("nothing new is allocated, and live leases run out"),
		"parameters":   ref("parameters", "settings"),
		"option_data":  listOf("option_data", "options"),
		"name":         text("name, one of its kind"),
		"subnets":      listOf("inner_subnet", "its subnets, of one or both families"),
		"subnet":       pattern("prefix with zero host bits", prefixPattern),
		"relay":        listOf("address", "giaddr or link-address values that select it, beside those inside the prefix"),
		"interface":    text("incoming interface that selects it, for direct clients"),
		"interface_id": text("DHCPv6 interface-id that selects it: text, or 0x and hex digits"),
		"pools":        listOf("pool", "ranges of addresses, used in their order"),
		"pd_pools":     listOf("pd_pool", "prefixes that are divided into delegated ones, used in their order"),
		"interfaces": object{
			{"description", "packets that come in by one of these"},
			{"type", []string{"array", "null"}},
			{"items", text("name of an interface")},
		},
		"relays":        listOf("address", "else those whose giaddr, link-address or sender is one of these"),
		"pool":          pattern("first - last, or a prefix", rangePattern),
		"prefix":        pattern("prefix with zero host bits", prefixPattern),
		"delegated_len": whole("length of a delegated prefix", 1, 127),
	}
	vrf := map[string]any{"vrf": whole("number of the address plan", 1, sqlstore.MaxID)}
	for _, k := range vrfKeys[1:] {
		vrf[k] = common[k]
	}
	return object{
		{"vrf", mappingSchema("what selects an address plan", vrfKeys, []string{"vrf"}, vrf)},
		{"shared_network", mappingSchema("a link with several subnets", sharedNetworkKeys, []string{"name"}, common)},
		{"subnet", mappingSchema("a subnet and its link", subnetKeys, []string{"subnet"}, common)},
		{"inner_subnet", mappingSchema("a subnet of a shared network", innerSubnetKeys, []string{"subnet"}, common)},
		{"pool", mappingSchema("a range of addresses", poolKeys, []string{"pool"}, common)},
		{"pd_pool", mappingSchema("a prefix to be delegated in parts", prefixPoolKeys, []string{"prefix", "delegated_len"}, common)},
		{"option_data", optionSchema()},
	}
}

func optionSchema() object {
	given := func(key string) object { return object{{"required", []string{key}}} }
	s := mappingSchema("an option", optionKeys, nil, map[string]any{
		"name":        text("name of the option"),
		"code":        whole("code of the option", 1, 65535),
		"family":      object{{"description", "needed where the subnet and the name do not say it"}, {"enum", []string{"v4", "v6"}}},
		"data":        text("value in comma form"),
		"hex":         text("value in hex digits, instead of data"),
		"always_send": truth("also to clients that did not ask for it"),
		"comment":     ref("comment", "what people say about it"),
	})
	return append(s, member{"anyOf", []object{given("name"), given("code")}}, member{"oneOf", []object{given("data"), given("hex")}})
}

func dnsDefinitions() object {
	key := mappingSchema("a key that signs DNS updates", keyFields, []string{"name"}, map[string]any{
		"name":        text("as the DNS server knows it"),
		"algorithm":   object{{"description", "hmac-sha256 when absent"}, {"type", "string"}, {"pattern", "^[Hh][Mm][Aa][Cc]-[Ss][Hh][Aa][0-9]+\\.?$"}},
		"secret":      text("base64; the stored one is kept when absent"),
		"secret_file": text("file that has the secret, at the command line only"),
		"fingerprint": text("first 8 hex digits of the SHA-256 of the decoded secret"),
		"comment":     ref("comment", "what people say about it"),
	})
	key = append(key, member{"not", object{{"required", []string{"secret", "secret_file"}}}})
	return object{
		{"tsig_key", key},
		{"dns_zone", mappingSchema("a zone that is updated, forward or reverse", zoneKeys, []string{"name", "servers"}, map[string]any{
			"name":    text("name, one of its kind"),
			"comment": ref("comment", "what people say about it"),
			"servers": object{
				{"description", "primary servers, in the order in which they are tried"},
				{"type", "array"},
				{"minItems", 1},
				{"items", object{{"$ref", "#/$defs/dns_server"}}},
			},
		})},
		{"dns_server", mappingSchema("a primary server of a zone", serverKeys, []string{"address"}, map[string]any{
			"address":   ref("address", "where it is"),
			"port":      whole(fmt.Sprintf("%d when absent", defaultPort), 1, 65535),
			"transport": object{{"description", defaultTransport + " when absent"}, {"enum", []string{"tcp", "udp"}}},
			"tsig_key":  text("name of the key that signs; updates are unsigned when absent"),
		})},
	}
}
