package mysql_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

// network writes links with a subnet, a pool and a parameter each, by hand.
func (s *shell) network(t *testing.T, from, to int) {
	t.Helper()
	row := func(format string) string {
		var rows []string
		for i := from; i < to; i++ {
			rows = append(rows, strings.NewReplacer("$id", strconv.Itoa(1+i), "$net", fmt.Sprintf("10.%d.%d", i>>8, i&255)).Replace(format))
		}
		return strings.Join(rows, ", ")
	}
	s.exec(t, "INSERT INTO link (id) VALUES %s", row("($id)"))
	s.exec(t, "INSERT INTO subnet (id, link_id, prefix, interface) VALUES %s", row("($id, $id, '$net.0/24', 'eth$id')"))
	s.exec(t, "INSERT INTO subnet_relay (subnet_id, addr) VALUES %s", row("($id, '$net.254')"))
	s.exec(t, "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES %s", row("($id, $id, 1, '$net.10', '$net.250', 32)"))
	s.exec(t, "INSERT INTO parameter (scope, scope_id, name, value) VALUES %s", row("('subnet', $id, 'renew_timer', '900')"))
}

// read is how many rows the connection has looked at so far.
func (s *shell) read(t *testing.T) (n int) {
	t.Helper()
	_, rows := s.rows(t, "SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'")
	for _, r := range rows {
		v, err := strconv.Atoi(r[1])
		require.NoError(t, err)
		n += v
	}
	return n
}

// plans writes links, each in a vrf of its own, that have all the same subnet,
// interface_id and relay.
func (s *shell) plans(t *testing.T, from, to int) {
	t.Helper()
	row := func(format string) string {
		var rows []string
		for i := from; i < to; i++ {
			rows = append(rows, strings.ReplaceAll(format, "$id", strconv.Itoa(1+i)))
		}
		return strings.Join(rows, ", ")
	}
	s.exec(t, "INSERT INTO link (id, vrf) VALUES %s", row("($id, $id)"))
	s.exec(t, "INSERT INTO subnet (id, link_id, prefix, interface_id) VALUES %s", row("($id, $id, '2001:db8:5::/64', 'uplink')"))
	s.exec(t, "INSERT INTO subnet_relay (subnet_id, addr) VALUES %s", row("($id, '2001:db8:5::1')"))
}

// What a trigger looks at does not grow with the network, nor with what other vrfs
// have.
func TestTriggersLookByIndex(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		const n = 1500
		s.network(t, 0, n)
		s.plans(t, n, n+500)
		s.rows(t, "ANALYZE TABLE link, subnet, subnet_relay, pool, pool_gen, parameter")
		for _, statement := range []string{
			"INSERT INTO link (id, name) VALUES (9001, 'new')",
			"INSERT INTO subnet (id, link_id, prefix, interface, interface_id) VALUES (9001, 9001, '2001:db8::/64', 'eth', 'port')",
			"INSERT INTO subnet (id, link_id, prefix, interface) VALUES (9002, 9001, '10.250.0.0/24', 'eth')",
			"INSERT INTO subnet (id, link_id, prefix, interface) VALUES (9003, 9001, '9.0.0.0/24', 'eth')",
			"INSERT INTO subnet_relay (subnet_id, addr) VALUES (9002, '192.0.2.1')",
			"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (9001, 9001, 1, '2001:db8::1', '2001:db8::1', 128)",
			"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (9002, 9002, 1, '10.250.0.1', '10.250.0.1', 32)",
			"INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (9003, 9003, 1, '9.0.0.1', '9.0.0.1', 32)",
			"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', 9001, 'renew_timer', '9')",
			"UPDATE pool SET last_addr = '10.250.0.9' WHERE id = 9002",
			"UPDATE subnet SET closing = TRUE WHERE id = 9002",
			"UPDATE subnet SET closing = FALSE WHERE id = 9002",
			"DELETE FROM pool WHERE id = 9001",
			"DELETE FROM subnet WHERE id = 9001",
			"INSERT INTO link (id, vrf) VALUES (9002, 9002)",
			"INSERT INTO subnet (id, link_id, prefix, interface_id) VALUES (9004, 9002, '2001:db8:5::/64', 'uplink')",
			"INSERT INTO subnet_relay (subnet_id, addr) VALUES (9004, '2001:db8:5::1')",
			"UPDATE subnet SET comment = 'x' WHERE id = 9004",
			"UPDATE subnet SET prefix = '2001:db8:5::/63' WHERE id = 9004",
			"UPDATE subnet SET closing = TRUE WHERE id = 9004",
			"UPDATE subnet SET closing = FALSE WHERE id = 9004",
		} {
			before := s.read(t)
			s.exec(t, "%s", statement)
			require.Less(t, s.read(t)-before, 200, statement)
		}
	})
}

// What loads or writes some links finds their rows by an index.
var someLinks = map[string]expect{
	"config_links_some": {"l": "PRIMARY"}, "config_subnets_some": {"s": "subnet_link"}, "config_relays_some": {"s": "subnet_link", "r": "PRIMARY"},
	"config_pools_some": {"s": "subnet_link", "p": "pool_subnet"}, "config_options_some": {"s": "subnet_link", "o": "PRIMARY"},
	"config_parameters_some": {"s": "subnet_link", "m": "PRIMARY"}, "config_changed": {"config_change": "config_change_revision"},
	"config_clear_options": {"o": "PRIMARY"}, "config_clear_parameters": {"m": "PRIMARY"}, "config_clear_relays": {"r": "PRIMARY"},
	"config_clear_pools": {"p": "PRIMARY"}, "config_clear_subnets": {"s": "PRIMARY"}, "config_clear_links": {"l": "PRIMARY"},
	"config_put_gens": {"p": "PRIMARY", "s": "PRIMARY", "g": "PRIMARY"}, "config_clear_chunks": {"c": "addr_chunk_pool"},
	"config_clear_cursors": {"c": "PRIMARY"}, "config_clear_free": {"f": "addr_free_pool"}, "config_retired": {"pool_gen": "pool_gen_retired"},
	"config_retire": {"g": "PRIMARY"}, "config_open": {"p": "PRIMARY"},
}

func TestPlansOfSomeLinks(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		common, lease, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		s.network(t, 0, 200)
		s.rows(t, "ANALYZE TABLE link, subnet, subnet_relay, pool, pool_gen, option_data, parameter, config_change")
		for name, e := range someLinks {
			got := s.plan(t, common[name])
			for alias, index := range e {
				at := slices.IndexFunc(got, func(a access) bool { return a.table == alias })
				require.GreaterOrEqual(t, at, 0, "%s: %s in %+v", name, alias, got)
				for _, a := range got {
					if a.table == alias {
						require.Equal(t, index, a.key, "%s: %+v", name, got)
					}
				}
			}
		}
		for _, f := range families {
			s.fill(t, f, 0, 100)
			got := s.plan(t, strings.Replace(lease[f]["lease_live"], "BETWEEN UNHEX(?) AND UNHEX(?)", "BETWEEN UNHEX('00') AND UNHEX('FF')", 1))
			require.Equal(t, fmt.Sprintf("lease%d_addr", f), got[0].key, "%+v", got)
		}
	})
}

// A person's session reads at REPEATABLE READ as the servers are made. It sees in
// a trigger what was committed after its own first look, and is told so.
func TestTriggersSeeWhatWasCommitted(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.Migrated(t, flavour)
		s, other := shellOn(t, url), shellOn(t, url)
		s.network(t, 0, 2)
		for _, level := range []string{"REPEATABLE READ", "READ COMMITTED", "SERIALIZABLE"} {
			s.exec(t, "DELETE FROM pool WHERE id IN (91, 92)")
			other.exec(t, "SET SESSION TRANSACTION ISOLATION LEVEL %s", level)
			other.exec(t, "BEGIN")
			require.Equal(t, "2", other.column(t, "SELECT COUNT(*) FROM link")[0]) // its snapshot
			s.exec(t, "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (91, 1, 1, '10.0.0.1', '10.0.0.5', 32)")
			_, err := other.ExecContext(t.Context(), "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (92, 1, 1, '10.0.0.5', '10.0.0.6', 32)")
			require.ErrorContains(t, err, "pool 92 (10.0.0.5-10.0.0.6): pools of a vrf must not overlap: overlaps pool 91 (10.0.0.1-10.0.0.5)", level)
			other.exec(t, "ROLLBACK")
		}
	})
}

// Long values leave the rule readable.
func TestRefusalsAreCut(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		s.exec(t, "INSERT INTO link (id) VALUES (1)")
		s.exec(t, "INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '2001:db8:1:2:3::/80')")
		_, err := s.ExecContext(t.Context(), `INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len)
		  VALUES (2147483647, 1, 2, '2001:db8:1111:2222:3333:4444:5555:6666', '2001:db8:1111:2222:3333:4444:7777:8888', 127)`)
		require.ErrorContains(t, err, "a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length 127")
		require.Empty(t, s.column(t, "SELECT id FROM pool"))
		_, err = s.ExecContext(t.Context(), "INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', 1, '"+strings.Repeat("界", 255)+"', 'x')")
		require.ErrorContains(t, err, "a parameter must be one that exists")
	})
}
