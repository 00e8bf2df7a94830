package site

// The keys of each mapping of a document, in the order of the manual.
var (
	documentKeys      = []string{"comment", "vrfs", "parameters", "option_data", "tsig_keys", "dns_zones", "shared_networks", "subnets"}
	vrfKeys           = []string{"vrf", "comment", "interfaces", "relays"}
	parameterKeys     = []string{"value", "comment"}
	optionKeys        = []string{"name", "code", "family", "data", "hex", "always_send", "comment"}
	keyFields         = []string{"name", "algorithm", "secret", "secret_file", "fingerprint", "comment"}
	zoneKeys          = []string{"name", "comment", "servers"}
	serverKeys        = []string{"address", "port", "transport", "tsig_key"}
	sharedNetworkKeys = []string{"name", "id", "vrf", "comment", "parameters", "option_data", "subnets"}
	subnetKeys        = []string{"id", "subnet", "vrf", "relay", "interface", "interface_id", "closing", "comment", "parameters", "option_data", "pools", "pd_pools"}
	poolKeys          = []string{"pool", "id", "closing", "comment"}
	prefixPoolKeys    = []string{"prefix", "delegated_len", "id", "closing", "comment"}
)

// innerSubnetKeys are those of a subnet of a shared network, which has the vrf.
var innerSubnetKeys = without(subnetKeys, "vrf")

func without(keys []string, key string) []string {
	var out []string
	for _, k := range keys {
		if k != key {
			out = append(out, k)
		}
	}
	return out
}
