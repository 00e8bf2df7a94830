package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusal is a statement, and the rule that it breaks as the database says it;
// "" where a constraint of the table says it in its own words.
type refusal struct{ statement, rule string }

// What breaks a rule is refused by the statement that does so, and changes
// nothing.
func handRefused(t *testing.T, h *hand) {
	h.apply(t, handSite())
	before := h.state(t)
	for _, r := range slices.Concat(refusedPools(), refusedPrefixPools(), refusedSubnets(), refusedSelectors(h.db), refusedLinks(), refusedFile(h.db), refusedSettings(), refusedComments()) {
		err := h.try(t, r.statement)
		require.Error(t, err, r.statement)
		require.ErrorContains(t, err, r.rule)
		require.Equal(t, before, h.state(t), r.statement)
	}
	h.refusedWords(t)
	h.admin = h.db // who owns the tables may write there
	for _, r := range refusedHead(h.db) {
		require.ErrorContains(t, h.try(t, r.statement), r.rule)
		require.Equal(t, before, h.state(t), r.statement)
	}
}

// refusedWords looks at a whole message: object, rule and value. A trigger of
// SQLite can say what is written in it only: the kind of the object and the rule.
func (h *hand) refusedWords(t *testing.T) {
	t.Helper()
	words := []string{"pool 900 (192.0.2.120-192.0.2.130): ", "a pool must lie within its subnet 192.0.2.0/25: 192.0.2.120-192.0.2.130"}
	if !h.db.server() {
		words = []string{"pool: a pool must lie within its subnet"}
	}
	err := h.try(t, poolRow(900, 10, 1, "192.0.2.120", "192.0.2.130", 32))
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}

func poolRow(id, subnet, kind int, first, last string, length int) string {
	return fmt.Sprintf("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (%d, %d, %d, '%s', '%s', %d)",
		id, subnet, kind, first, last, length)
}

func refusedPools() []refusal {
	const (
		within  = "a pool must lie within its subnet"
		overlap = "pools of a vrf must not overlap"
		order   = "the first address of a pool must not be above the last"
		family  = "both ends of a pool must be of one family"
		length  = "the delegated length of an address pool must be "
	)
	set := func(what string, where int) string {
		return fmt.Sprintf("UPDATE pool SET %s WHERE id = %d", what, where)
	}
	return []refusal{
		{poolRow(900, 10, 1, "192.0.2.120", "192.0.2.130", 32), within},
		{poolRow(900, 10, 1, "198.51.100.1", "198.51.100.2", 32), within},
		{poolRow(900, 20, 1, "192.0.2.200", "192.0.2.201", 32), within},
		{poolRow(900, 20, 1, "2001:db8:0:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::1", 128), within},
		{set("last_addr = '192.0.2.200'", 101), within},
		{set("subnet_id = 11", 101), within},
		{set("first_addr = '2001:db8:2::', last_addr = '2001:db8:2::'", 200), within},

		{poolRow(900, 10, 1, "192.0.2.20", "192.0.2.25", 32), overlap},
		{poolRow(900, 10, 1, "192.0.2.5", "192.0.2.10", 32), overlap},
		{poolRow(900, 10, 1, "192.0.2.12", "192.0.2.12", 32), overlap},
		{poolRow(900, 10, 1, "192.0.2.1", "192.0.2.100", 32), overlap},
		{poolRow(900, 11, 1, "192.0.2.200", "192.0.2.210", 32) + ", (901, 11, 1, '192.0.2.210', '192.0.2.220', 32)", overlap},
		{poolRow(900, 20, 1, "2001:db8:1::fff", "2001:db8:1::1000", 128), overlap},
		{set("last_addr = '192.0.2.30'", 100), overlap},
		{set("closing = false", 102), overlap},
		{set("first_addr = '192.0.2.11', last_addr = '192.0.2.11'", 101), overlap},

		{poolRow(900, 10, 1, "192.0.2.60", "192.0.2.59", 32), order},
		{poolRow(900, 20, 1, "2001:db8:1::10", "2001:db8:1::f", 128), order},
		{set("last_addr = '192.0.2.9'", 100), order},
		{set("first_addr = '192.0.2.100'", 100), order}, // as text it is lower
		{poolRow(900, 20, 1, "192.0.2.60", "2001:db8:1::1", 128), family},
		{set("last_addr = '2001:db8:1::1'", 100), family},
		{poolRow(900, 10, 1, "192.0.2.60", "192.0.2.61", 31), length},
		{poolRow(900, 10, 1, "192.0.2.60", "192.0.2.61", 128), length},
		{poolRow(900, 20, 1, "2001:db8:1::1", "2001:db8:1::2", 64), length},
		{set("delegated_len = 24", 100), length},

		{poolRow(900, 10, 1, "192.0.2.60", "192.0.2.061", 32), ""},
		{poolRow(900, 10, 1, "192.0.2.60", "192.0.2.300", 32), ""},
		{poolRow(900, 10, 1, "192.0.2.60/32", "192.0.2.61", 32), ""},
		{poolRow(900, 10, 1, "", "192.0.2.61", 32), ""},
		{poolRow(900, 10, 1, "192.0.2.60", "pool", 32), ""},
		{poolRow(900, 20, 1, "2001:DB8:1::1", "2001:db8:1::2", 128), ""},
		{poolRow(900, 20, 1, "2001:db8:1:0::1", "2001:db8:1::2", 128), ""},
		{poolRow(900, 999, 1, "192.0.2.60", "192.0.2.61", 32), ""},
		{poolRow(100, 10, 1, "192.0.2.60", "192.0.2.61", 32), ""},
		{poolRow(0, 10, 1, "192.0.2.60", "192.0.2.61", 32), ""},
		{poolRow(900, 10, 3, "192.0.2.60", "192.0.2.61", 32), ""},
		{set("subnet_id = 999", 100), ""},
		{set("first_addr = '192.0.2.010'", 100), ""},
		{"DELETE FROM subnet WHERE id = 10", ""},
		{"DELETE FROM link WHERE id = 1", ""},
	}
}

func refusedPrefixPools() []refusal {
	const (
		whole   = "a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length "
		lengths = "a delegated length must be from 1 to 127"
		overlap = "pools of a vrf must not overlap"
	)
	return []refusal{
		{poolRow(900, 10, 2, "2001:db8:a000::", "2001:db8:a000::", 56), "a pd_pool must be in an IPv6 subnet"},
		{poolRow(900, 20, 2, "192.0.2.60", "192.0.2.60", 32), "the prefix of a pd_pool must be IPv6"},
		{poolRow(900, 20, 2, "2001:db8:a000::", "2001:db8:a000::", 128), lengths},
		{"UPDATE pool SET delegated_len = 128 WHERE id = 201", lengths},
		{poolRow(900, 20, 2, "2001:db8:a000::1", "2001:db8:a000::1", 56), whole},
		{poolRow(900, 20, 2, "2001:db8:a000::", "2001:db8:a000:200::", 56), whole},     // three of them
		{poolRow(900, 20, 2, "2001:db8:a000:100::", "2001:db8:a000:200::", 56), whole}, // two that are not one
		{poolRow(900, 20, 2, "2001:db8:a000::", "2001:db8:a000:ffff::", 56), whole},    // the last one's host bits
		{"UPDATE pool SET delegated_len = 57 WHERE id = 201", whole},
		{"UPDATE pool SET last_addr = '2001:db8:80ff::' WHERE id = 201", whole},
		{poolRow(900, 20, 2, "2001:db8:80ff:ff80::", "2001:db8:80ff:ff80::", 57), overlap}, // the end of the last prefix
		{poolRow(900, 20, 2, "2001:db8:8000::", "2001:db8:8000::", 34), overlap},
		{poolRow(900, 20, 2, "2001:db8::", "2001:db8:ffff::", 48), overlap},
		{poolRow(900, 20, 2, "2001:db8:1::1000", "2001:db8:1::1000", 120), overlap}, // addresses
	}
}

func subnetRow(id, link int, prefix string) string {
	return fmt.Sprintf("INSERT INTO subnet (id, link_id, prefix) VALUES (%d, %d, '%s')", id, link, prefix)
}

func refusedSubnets() []refusal {
	const (
		overlap = "subnets of a vrf must not overlap"
		bits    = "the host bits of a prefix must be zero"
		unicast = "a subnet must be unicast"
		lone    = "a link without a name must have one subnet"
		within  = "a pool must lie within its subnet"
	)
	set := func(what string, where int) string {
		return fmt.Sprintf("UPDATE subnet SET %s WHERE id = %d", what, where)
	}
	return []refusal{
		{subnetRow(90, 4, "192.0.2.0/24"), overlap},
		{subnetRow(90, 4, "192.0.2.0/25"), overlap},
		{subnetRow(90, 4, "192.0.2.192/26"), overlap},
		{subnetRow(90, 4, "2001:db8:1::/80"), overlap},
		{subnetRow(90, 4, "2001:db8::/32"), overlap},
		{subnetRow(90, 5, "203.0.113.128/25"), overlap},
		{subnetRow(90, 4, "198.51.100.0/24") + ", (91, 4, '198.51.100.64/26')", overlap},
		{set("prefix = '192.0.2.0/23'", 11), overlap},
		{set("closing = false", 60), overlap},

		{subnetRow(90, 4, "198.51.100.1/24"), bits},
		{subnetRow(90, 4, "2001:db8:2::1/64"), bits},
		{set("prefix = '203.0.113.0/23'", 50), bits},
		{subnetRow(90, 4, "224.0.1.0/24"), unicast},
		{subnetRow(90, 4, "ff05::/64"), unicast},
		{set("prefix = '239.0.0.0/8'", 50), unicast},
		{subnetRow(90, 4, "198.51.100.0"), ""},
		{subnetRow(90, 4, "198.51.100.0/33"), ""},
		{subnetRow(90, 4, "198.51.100/24"), ""},
		{subnetRow(90, 4, "2001:DB8:2::/64"), ""},
		{subnetRow(90, 4, ""), ""},
		{subnetRow(90, 999, "198.51.100.0/24"), ""},
		{subnetRow(10, 4, "198.51.100.0/24"), ""},
		{subnetRow(-1, 4, "198.51.100.0/24"), ""},

		{subnetRow(90, 2, "198.51.100.0/24"), lone},
		{set("link_id = 2", 11), lone},
		{"UPDATE link SET name = NULL WHERE id = 1", lone},
		{set("prefix = '192.0.2.0/28'", 10), within},
		{set("prefix = '2001:db8:2::/64'", 20), within},
		{set("link_id = 5", 11), "a subnet with pools must not move to a link of another vrf"},
		{set("link_id = 999", 11), ""},
	}
}

func refusedSelectors(db *database) []refusal {
	const (
		name    = "an interface must be a name of 1 to 15 characters without space, slash and colon"
		unicast = "a relay must be a unicast address"
		same    = "must not select two links"
	)
	iface := func(id int, value string) string {
		return fmt.Sprintf("UPDATE subnet SET interface = '%s' WHERE id = %d", value, id)
	}
	relay := func(id int, addr string) string {
		return fmt.Sprintf("INSERT INTO subnet_relay (subnet_id, addr) VALUES (%d, '%s')", id, addr)
	}
	port := db.bytes([]byte("port 1"))
	return []refusal{
		{iface(11, "eth 0"), name},
		{iface(11, "a/b"), name},
		{iface(11, "eth0:1"), name},
		{iface(11, ".."), name},
		{iface(11, strings.Repeat("x", 16)), name},
		{iface(30, "eth1"), "the same interface " + same}, // whatever its vrf
		{"INSERT INTO subnet (id, link_id, prefix, interface) VALUES (90, 4, '198.51.100.0/24', 'eth1')", "the same interface " + same},
		{"UPDATE subnet SET interface = 'eth9' WHERE id IN (30, 50)", "the same interface " + same},
		{"UPDATE subnet SET interface_id = " + port + " WHERE id = 11", "an interface_id must be in an IPv6 subnet"},
		{"INSERT INTO subnet (id, link_id, prefix, interface_id) VALUES (90, 4, '2001:db8:2::/64', " + port + ")", "the same interface_id " + same},
		{relay(11, "2001:db8::1"), "a relay of a v4 subnet must be of that family"},
		{relay(20, "192.0.2.250"), "a relay of a v6 subnet must be of that family"},
		{"UPDATE subnet_relay SET addr = '2001:db8::1' WHERE subnet_id = 10", "a relay of a v4 subnet must be of that family"},
		{relay(11, "224.0.0.1"), unicast},
		{relay(11, "0.0.0.0"), unicast},
		{relay(20, "::"), unicast},
		{relay(20, "ff02::2"), unicast},
		{relay(30, "198.51.100.9") + ", (50, '198.51.100.9')", "the same relay " + same},
		{relay(11, "198.51.100.01"), ""},
		{relay(11, "relay"), ""},
		{relay(10, "198.51.100.1"), ""},
		{relay(999, "198.51.100.9"), ""},
	}
}

func refusedLinks() []refusal {
	return []refusal{
		{"UPDATE link SET vrf = 3 WHERE id = 1", "the vrf of a link must not change while it has subnets"},
		{"UPDATE link SET vrf = -1 WHERE id = 4", ""},
		{"INSERT INTO link (id, name) VALUES (90, '')", ""},
		{"INSERT INTO link (id, name) VALUES (90, 'campus')", ""},
		{"INSERT INTO link (id) VALUES (0)", ""},
		{"INSERT INTO link (id) VALUES (1)", ""},
		{"UPDATE link SET name = 'empty' WHERE id = 1", ""},
		{"INSERT INTO vrf (id) VALUES (0)", ""},
		{"INSERT INTO vrf (id) VALUES (7)", ""},
		{"INSERT INTO vrf_interface (name, vrf) VALUES ('new', 99)", ""},
		{"INSERT INTO vrf_interface (name, vrf) VALUES ('', 7)", ""},
		{"INSERT INTO vrf_interface (name, vrf) VALUES ('vrf7', 7)", ""},
		{"INSERT INTO vrf_relay (addr, vrf) VALUES ('198.51.100.077', 7)", ""},
		{"INSERT INTO vrf_relay (addr, vrf) VALUES ('relay', 7)", ""},
		{"UPDATE vrf_relay SET vrf = 99", ""},
		{"INSERT INTO dns_server (zone, position, addr) VALUES ('example.net', 9, '192.0.2.1')", ""},
		{"DELETE FROM tsig_key", ""},
		{"INSERT INTO vrf_interface (name, vrf) VALUES ('a/b c', 7)", "an interface must be a name"},
		{"UPDATE vrf_interface SET name = '..'", "an interface must be a name"},
		{"INSERT INTO vrf_relay (addr, vrf) VALUES ('224.0.0.1', 7)", "a relay must be a unicast address"},
		{"INSERT INTO vrf_relay (addr, vrf) VALUES ('::', 7)", "a relay must be a unicast address"},
		{subnetRow(90, 4, "0::/120"), ""},
		{"INSERT INTO dns_zone (name) VALUES ('bad zone')", "the name of a zone must be labels"},
		{"INSERT INTO dns_zone (name) VALUES ('example.com.')", ""},
		{"INSERT INTO dns_zone (name) VALUES ('Example.com')", ""},
	}
}

// refusedHead is what only the program may write.
func refusedHead(db *database) []refusal {
	out := []refusal{
		{"UPDATE config_head SET revision = revision - 1", "a revision must not go back"},
		{"UPDATE config_head SET described = revision + 7", "a revision that is not there must not be described"},
		{"DELETE FROM config_head", "the row must stay"},
	}
	if db.server() {
		return out
	}
	return append(out, refusal{"REPLACE INTO config_head (id, server_duid, secret) SELECT id, server_duid, secret FROM config_head", "the row must stay"})
}

// refusedFile is what no server would take, as REPLACE and rowid of SQLite.
func refusedFile(db *database) []refusal {
	if db.server() {
		return nil
	}
	const (
		form = "must be written in its shortest form"
		id   = "an id must not change"
		name = "a name must be used for one shared_network only"
	)
	return []refusal{
		{subnetRow(90, 4, "0:1:0:0/24"), form},
		{subnetRow(90, 4, "198:51:100:0/24"), form},
		{poolRow(900, 10, 1, "192:0:2:60", "192.0.2.61", 32), form},
		{"INSERT INTO vrf_relay (addr, vrf) VALUES ('1:2:3:4', 7)", form},
		{"UPDATE OR REPLACE link SET name = 'empty' WHERE id = 1", name},
		{"REPLACE INTO link (id, name) VALUES (9, 'empty')", name},
		{"UPDATE subnet SET rowid = 99 WHERE id = 50", id},
		{"UPDATE OR REPLACE link SET rowid = 3 WHERE id = 4", id},
		{"UPDATE pool SET _rowid_ = 999 WHERE id = 100", id},
	}
}

func refusedSettings() []refusal {
	const (
		exists = "a parameter must be one that exists"
		scope  = "the scope_id must be that of a link or subnet, and 0 for global"
		family = "an option of a v4 subnet must be of that family"
	)
	insert := func(scope string, id int, name, value string) string {
		return fmt.Sprintf("INSERT INTO parameter (scope, scope_id, name, value) VALUES ('%s', %d, '%s', '%s')", scope, id, name, value)
	}
	option := func(scope string, id, family, code int) string {
		return fmt.Sprintf("INSERT INTO option_data (scope, scope_id, family, code, data) VALUES ('%s', %d, %d, %d, 'data')", scope, id, family, code)
	}
	out := []refusal{
		{insert("global", 0, "valid-lifetime", "1"), exists},
		{insert("global", 0, "", "1"), exists},
		{"UPDATE parameter SET name = 'router' WHERE scope = 'link'", exists},
		{insert("subnet", 10, "reclaim_grace", "60"), "the parameter may be set globally only"},
		{"UPDATE parameter SET name = 'max_dead' WHERE scope = 'link'", "the parameter may be set globally only"},
		{insert("subnet", 999, "renew_timer", "60"), scope},
		{insert("subnet", 1, "renew_timer", "60"), scope}, // the id of a link
		{insert("link", 10, "renew_timer", "60"), scope},
		{insert("global", 1, "renew_timer", "60"), scope},
		{"UPDATE parameter SET scope_id = 999 WHERE scope = 'subnet'", scope},
		{insert("pool", 100, "renew_timer", "60"), ""},
		{insert("global", 0, "valid_lifetime", "60"), ""},
		{option("subnet", 999, 4, 15), scope},
		{option("link", 10, 4, 15), scope},
		{option("global", 1, 4, 15), scope},
		{"UPDATE option_data SET scope_id = 999 WHERE scope = 'subnet'", scope},
		{option("subnet", 10, 6, 23), family},
		{option("subnet", 20, 4, 15), "an option of a v6 subnet must be of that family"},
		{"UPDATE option_data SET family = 6 WHERE scope = 'subnet'", family},
		{option("subnet", 10, 4, 3), ""},
		{option("subnet", 10, 4, 0), ""},
		{option("subnet", 10, 4, 65536), ""},
		{option("subnet", 10, 5, 15), ""},
	}
	for _, v := range []struct{ name, kind, values string }{
		{"renew_timer", "seconds", "|-1|1.5| 7|7 |+7|0x10|4294967296|99999999999999999999|abc|1e3"},
		{"reclaim_grace", "seconds", "59"},
		{"valid_lifetime", "seconds", "0"},
		{"t1_percent", "percent", "0|0.5|101|-1|nan|50%"},
		{"cache_threshold", "share", "1|-0.1|x"},
		{"authoritative", "boolean", "TRUE|yes|1|"},
		{"server_identifier", "ipv4-address", "2001:db8::1|192.0.2.256|192.0.2|0x7f.1|192.0.2.1/32"},
		{"preference", "uint8", "256|-1"},
		{"max_dead", "count", "1000001"},
		{"circuit_rate", "rate", "1000001|-1"},
		{"ddns_ttl", "ttl", "2147483648"},
		{"ddns_ttl_percent", "whole-percent", "101|0.5"},
		{"ddns_replace_client_name", "choice", "sometimes|Never|never,always|"},
	} {
		for value := range strings.SplitSeq(v.values, "|") {
			rule := "the value must be of type " + v.kind
			statement := insert("global", 0, v.name, value)
			if v.name == "valid_lifetime" {
				statement = "UPDATE parameter SET value = '" + value + "' WHERE scope = 'global'"
			}
			out = append(out, refusal{statement, rule})
		}
	}
	return out
}
