package site_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"rowlock/admin/site"
)

var update = flag.Bool("update", false, "write schema.json")

func TestSchemaFile(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile("schema.json", site.Schema(), 0o644))
	}
	file, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	require.Equal(t, string(file), string(site.Schema()), "run `make gen`")
}

// schema compiles the schema, which must be one itself.
func schema(t require.TestingT) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(site.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("site.schema.json", doc))
	s, err := c.Compile("site.schema.json")
	require.NoError(t, err)
	return s
}

// readings returns a document as an editor reads it, which takes what looks like
// a number for one, and as ToJSON has it.
func readings(t require.TestingT, document []byte) []any {
	var value any
	require.NoError(t, yaml.Unmarshal(document, &value))
	asJSON, err := json.Marshal(value)
	require.NoError(t, err)
	ours, err := site.ToJSON(document)
	require.NoError(t, err)
	var out []any
	for _, text := range [][]byte{asJSON, ours} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// documents returns those of the manuals, samples and tests that have no mistake.
func documents(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"whole": []byte(whole), "names": []byte(withNames), "comments": []byte(commented)}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch filepath.Ext(path) {
		case ".md":
			for _, b := range block.FindAllSubmatch(text, -1) {
				out[path+": "+string(b[1][:min(len(b[1]), 40)])] = b[1]
			}
		case ".yaml":
			out[path] = text
		case ".txtar":
			for _, f := range txtar.Parse(text).Files {
				if filepath.Ext(f.Name) == ".yaml" {
					out[path+": "+f.Name] = f.Data
				}
			}
		}
		return nil
	}))
	for name, text := range out {
		if _, err := site.Parse(name, text, site.SecretFiles(func(string) ([]byte, error) { return []byte("c2VjcmV0c2VjcmV0c2VjcmV0"), nil })); err != nil {
			delete(out, name)
		}
	}
	return out
}

func TestSchemaTakesEveryDocument(t *testing.T) {
	s := schema(t)
	all := documents(t)
	require.Greater(t, len(all), 15)
	samples := 0
	for name, text := range all {
		if strings.HasSuffix(name, "site.yaml") {
			samples++
		}
		for _, value := range readings(t, text) {
			require.NoError(t, s.Validate(value), name)
		}
	}
	require.GreaterOrEqual(t, samples, 3)
}

func TestSchemaTakesEveryExport(t *testing.T) {
	s := schema(t)
	rapid.Check(t, func(t *rapid.T) {
		text, err := site.Export(configs().Draw(t, "config"))
		require.NoError(t, err)
		for _, value := range readings(t, text) {
			require.NoError(t, s.Validate(value), string(text))
		}
	})
}

func TestSchemaFindsMistakes(t *testing.T) {
	s := schema(t)
	cases := map[string]string{
		"unknown key":                 "subnet: []",
		"unknown key of a subnet":     "subnets: [{subnet: 192.0.2.0/24, gateway: 192.0.2.1}]",
		"unknown parameter":           "parameters: {lease_time: 1}",
		"parameter of another scope":  "subnets: [{subnet: 192.0.2.0/24, parameters: {park_max: 60}}]",
		"no seconds":                  "parameters: {valid_lifetime: 1h}",
		"zero lifetime":               "parameters: {valid_lifetime: 0}",
		"too large":                   "parameters: {preference: 256}",
		"too small":                   "parameters: {reclaim_grace: 59}",
		"no share":                    "parameters: {cache_threshold: 1}",
		"no truth value":              "parameters: {authoritative: maybe}",
		"no choice":                   "parameters: {ddns_replace_client_name: sometimes}",
		"no address":                  "parameters: {server_identifier: here}",
		"two characters":              "parameters: {hostname_char_replacement: xx}",
		"list as a parameter":         "parameters: {valid_lifetime: [1]}",
		"parameter without a value":   "parameters: {valid_lifetime: {comment: x}}",
		"value of a commented one":    "parameters: {valid_lifetime: {value: 1h, comment: x}}",
		"parameters as a list":        "parameters: [valid_lifetime]",
		"subnets as a mapping":        "subnets: {subnet: 192.0.2.0/24}",
		"subnet without its prefix":   "subnets: [{id: 4}]",
		"prefix without a length":     "subnets: [{subnet: 192.0.2.0}]",
		"id zero":                     "subnets: [{subnet: 192.0.2.0/24, id: 0}]",
		"vrf in a shared network":     "shared_networks: [{name: a, subnets: [{subnet: 192.0.2.0/24, vrf: 1}]}]",
		"shared network without name": "shared_networks: [{subnets: []}]",
		"pool as text":                "subnets: [{subnet: 192.0.2.0/24, pools: [192.0.2.1 - 192.0.2.9]}]",
		"pool in words":               "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.1 to 192.0.2.9}]}]",
		"delegated length":            "subnets: [{subnet: 2001:db8::/64, pd_pools: [{prefix: 2001:db8:1::/48, delegated_len: 128}]}]",
		"no delegated length":         "subnets: [{subnet: 2001:db8::/64, pd_pools: [{prefix: 2001:db8:1::/48}]}]",
		"closing in words":            "subnets: [{subnet: 192.0.2.0/24, closing: soon}]",
		"relay as text":               "subnets: [{subnet: 192.0.2.0/24, relay: 192.0.2.1}]",
		"comment as a list":           "comment: [a]",
		"option without a name":       "option_data: [{data: x}]",
		"option with data and hex":    "option_data: [{name: x, data: x, hex: 00}]",
		"option without a value":      "option_data: [{name: x}]",
		"family":                      "option_data: [{name: x, data: x, family: ipv4}]",
		"vrf without number":          "vrfs: [{interfaces: [eth1]}]",
		"vrf 0":                       "vrfs: [{vrf: 0}]",
		"key without a name":          "tsig_keys: [{secret: x}]",
		"two secrets":                 "tsig_keys: [{name: k, secret: x, secret_file: y}]",
		"zone without servers":        "dns_zones: [{name: example.org}]",
		"server without address":      "dns_zones: [{name: example.org, servers: [{port: 53}]}]",
		"transport":                   "dns_zones: [{name: example.org, servers: [{address: 192.0.2.53, transport: tls}]}]",
		"a list":                      "[]",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, value := range readings(t, []byte(text)) {
				require.Error(t, s.Validate(value))
			}
			_, err := site.Parse("site.yaml", []byte(text))
			require.Error(t, err, "what the schema refuses is refused by Parse")
		})
	}
}

// A parameter says of itself what the manual says.
func TestSchemaHasHelpAndDefaults(t *testing.T) {
	var doc struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Description string
				Default     any
			}
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(site.Schema(), &doc))
	lifetime := doc.Defs["global_parameters"].Properties["valid_lifetime"]
	require.Equal(t, "lifetime of a lease when the client asks for none", lifetime.Description)
	require.InDelta(t, 7200, lifetime.Default, 0)
	require.Contains(t, doc.Defs["parameters"].Properties, "valid_lifetime")
	require.NotContains(t, doc.Defs["parameters"].Properties, "park_max")
}
