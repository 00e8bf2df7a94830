package mysql_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
)

// fill adds leases of 50 pools, two thirds of them dead, and lets the server
// look at what there is.
func (s *shell) fill(t *testing.T, f sqlstore.Family, from, to int) {
	t.Helper()
	extra, value, prefix := "", "", "C000"
	if f == sqlstore.IPv6 {
		extra, value, prefix = ", prefix_len, iaid, preferred_lft", ", 128, 1, 1800", "20010DB80000000000000000FFFF"
	}
	for from < to {
		n := min(1000, to-from)
		s.exec(t, `INSERT INTO lease%d (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev%s)
		  SELECT UNHEX(CONCAT('0000000102', LPAD(HEX(i), 8, '0'))), 0, UNHEX(CONCAT('%s', LPAD(HEX(i), 4, '0'))), 1, 1 + i %% 50, 1, 2 + i %% 3, 3600,
		         UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, IF(i %% 3 > 0, UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, NULL), i%s
		    FROM (WITH RECURSIVE k AS (SELECT %d AS i UNION ALL SELECT i + 1 FROM k WHERE i < %d) SELECT i FROM k) n`,
			f, extra, prefix, value, from+1, from+n)
		from += n
	}
	s.analyze(t, f)
}

// fillHints adds free addresses, chunks and cursors of 50 pools.
func (s *shell) fillHints(t *testing.T, from, to int) {
	t.Helper()
	for from < to {
		n := min(1000, to-from)
		numbers := fmt.Sprintf("(WITH RECURSIVE k AS (SELECT %d AS i UNION ALL SELECT i + 1 FROM k WHERE i < %d) SELECT i FROM k) n", from+1, from+n)
		s.exec(t, "INSERT INTO addr_free (vrf, addr, pool_id, token) SELECT 0, UNHEX(CONCAT('C000', LPAD(HEX(i), 4, '0'))), 1 + i %% 50, i FROM %s", numbers)
		s.exec(t, "INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation) SELECT 1 + i %% 50, 1, i, 1, 'fe', 1 FROM %s", numbers)
		s.exec(t, "INSERT INTO pool_cursor (pool_id, gen, size) SELECT i, 1, 256 FROM %s", numbers)
		from += n
	}
}

// fillNames adds names with an address each, and events: most names are settled,
// some are claimed, and some are due in a zone that is not reachable.
func (s *shell) fillNames(t *testing.T, from, to int) {
	t.Helper()
	for from < to {
		n := min(1000, to-from)
		numbers := fmt.Sprintf("(WITH RECURSIVE k AS (SELECT %d AS i UNION ALL SELECT i + 1 FROM k WHERE i < %d) SELECT i FROM k) n", from+1, from+n)
		s.exec(t, `INSERT INTO dns_name (name, zone, due_at, holder)
		  SELECT CONCAT('n', i, '.example.org'), IF(i %% 4 = 1, 'gone.example.org', 'example.org'),
		         CASE WHEN i %% 4 = 0 THEN UTC_TIMESTAMP(6) + INTERVAL 1 MINUTE WHEN i %% 4 = 1 OR i %% 100 = 2 THEN UTC_TIMESTAMP(6) - INTERVAL i SECOND END,
		         IF(i %% 4 = 0, 'w', '') FROM %s`, numbers)
		s.exec(t, "INSERT INTO dns_name_addr (name, vrf, addr) SELECT CONCAT('n', i, '.example.org'), 0, UNHEX(CONCAT('C000', LPAD(HEX(i), 4, '0'))) FROM %s", numbers)
		s.exec(t, `INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
		  SELECT 1, 4, 0, UNHEX('C0000201'), 32, 1, UNHEX('00'), '', 0, 2, i FROM %s`, numbers)
		from += n
	}
	s.rows(t, "ANALYZE TABLE dns_name, dns_name_addr, lease_event")
}

// analyze lets the server look at what there is.
func (s *shell) analyze(t *testing.T, f sqlstore.Family) {
	t.Helper()
	s.rows(t, fmt.Sprintf("ANALYZE TABLE lease%d, addr_free, addr_chunk, pool_cursor, frontend", f))
	s.exec(t, "SET @now = UTC_TIMESTAMP(6)")
}

// access is how a statement finds the rows of one table.
type access struct{ table, kind, key, extra string }

var afterLimit = regexp.MustCompile(`(LIMIT|OFFSET) '1'`)

// plan returns how the statement reaches each table, in the order of its joins.
func (s *shell) plan(t *testing.T, statement string) (out []access) {
	t.Helper()
	statement = strings.ReplaceAll(withKeys(statement), "?", "'1'")
	statement = afterLimit.ReplaceAllString(statement, "$1 100")
	for _, r := range [][2]string{
		{"JSON_TABLE('1'", "JSON_TABLE(@items"},
		{"<= UNHEX('1')", "<= UNHEX('FF')"},
		{"> UNHEX('1')", "> UNHEX('00')"},
		{"l.vrf > '1' OR (l.vrf = '1'", "l.vrf > 0 OR (l.vrf = 0"},
		{"l.vrf >= '1'", "l.vrf >= 0"},
	} {
		statement = strings.ReplaceAll(statement, r[0], r[1])
	}
	explain := "EXPLAIN FORMAT = TRADITIONAL "
	if s.mariadb {
		explain = "EXPLAIN "
	}
	names, rows := s.rows(t, explain+statement)
	at := func(row []string, name string) string { return row[slices.Index(names, name)] }
	for _, row := range rows {
		out = append(out, access{at(row, "table"), at(row, "type"), at(row, "key"), at(row, "Extra")})
	}
	return out
}

// withKeys fills in the keys of a batch.
func withKeys(statement string) string {
	keys := make([]string, 250)
	for i := range keys {
		keys[i] = fmt.Sprintf("UNHEX('0000000101%08x')", i)
	}
	return strings.ReplaceAll(statement, "$keys", strings.Join(keys, ", "))
}

// expect is how a hot statement must find the rows of its tables, by the alias
// of each: at most a few, by an index. Where it need not (frontend has few rows), the alias is left out.
type expect map[string]string

// The statements on leases that lanes, hints and the sweep run.
var hotLease = map[string]expect{
	"lane_head":         {"c": "PRIMARY"},
	"lease_insert":      {"own": "PRIMARY", "a": "PRIMARY", "b": "PRIMARY"},
	"lease_read_own":    {"l": "PRIMARY"},
	"lease_read_former": {"own": "PRIMARY", "a": "PRIMARY", "b": "PRIMARY", "l": "PRIMARY"},
	"lease_exists":      {"l": "PRIMARY"},
	"lease_history":     {"l": "PRIMARY"}, "lease_update": {"l": "PRIMARY"}, "lease_move": {"l": "PRIMARY"}, "lease_event": {"l": "PRIMARY"},
	"lease_read_changed": {"l": "PRIMARY"},
	"lease_dead_offers":  {"l": "PRIMARY"}, "lease_dead": {"l": "PRIMARY"}, "lease_delete": {"l": "PRIMARY"},
	"lease_held": {"l": "_addr"},
}

// Those that name the keys of a batch, which are looked up one after the other.
var listLease = map[string]expect{
	"lease_lock": {"l": "PRIMARY"}, "lease_activate": {"l": "PRIMARY"}, "lease_assigned": {"l": "PRIMARY"},
}

// Those that pass through an index: on an empty table there is nothing to pass.
var walkLease = map[string]expect{
	"lease_last": {"l": "PRIMARY"}, "lease_due": {"l": "PRIMARY"},
	"lease_reclaimable": {"l": "_reclaim"}, "lease_forgettable": {"l": "_reclaim"}, "lease_above": {"l": "_reclaim"}, "lease_above_rows": {"l": "_reclaim"},
	"lease_list": {"l": "_addr"},
}

// The others that are run each second, or for each chunk of addresses.
var hotCommon = map[string]expect{
	"config_revision": {"config_head": "PRIMARY"},
	"hint_fence":      {"f": "PRIMARY"}, "hint_current": {"p": "PRIMARY", "g": "PRIMARY"},
	"hint_adopt":     {"c": "PRIMARY"},
	"hint_take_over": {"c": "PRIMARY"},
	"hint_cursor":    {"p": "PRIMARY"}, "hint_cursor_move": {"p": "PRIMARY"}, "hint_cursor_make": {"p": "PRIMARY"}, "hint_reach": {"pool_cursor": "PRIMARY"},
	"hint_adoptable": {"c": "addr_chunk_pool"}, "hint_chunk_made": {"c": "addr_chunk_pool"}, "hint_others": {"c": "addr_chunk_pool"},
	"hint_listed":    {"f": "PRIMARY"},
	"hint_free_hold": {"f": "PRIMARY"}, "hint_free_done": {"f": "PRIMARY"}, "hint_chunk_done": {"c": "PRIMARY"},
	"frontend_heartbeat": {"frontend": "PRIMARY"}, "frontend_incarnation": {"frontend": "PRIMARY"},
	"lead_take": {"leadership": "PRIMARY"}, "lead_read": {"leadership": "PRIMARY"},
	"name_of_addr": {"a": "dns_name_addr_addr"},
	"name_claim":   {"d": "PRIMARY"}, "name_claimed": {"d": "PRIMARY"}, "name_lock": {"d": "PRIMARY"}, "name_attempt": {"d": "PRIMARY"},
	"name_finish": {"d": "PRIMARY"}, "name_delete": {"d": "PRIMARY"}, "name_lost": {"d": "PRIMARY"}, "name_release": {"d": "PRIMARY"},
	"name_stale":   {"a": "PRIMARY"},
	"name_holders": {"a": "PRIMARY", "x": "lease4_addr", "y": "lease6_addr", "f": "PRIMARY"},
	"event_append": {"e": "PRIMARY"}, "event_delete": {"e": "PRIMARY"},
}

var walkCommon = map[string]expect{
	"hint_free_count": {"f": "addr_free_pool"}, "hint_free": {"f": "addr_free_pool"}, "hint_lent": {"f": "addr_free_pool"},
	"hint_chunks": {"c": "addr_chunk_pool"},
	"name_due":    {"d": "dns_name_due"}, "name_held": {"d": "dns_name_due"}, "name_page": {"d": "PRIMARY"},
}

// check compares a plan with what is expected. A table that the server found to
// have no such row, before it was run, has no line; one is "const" then.
func (e expect) check(t *testing.T, got []access, index func(string) string, kinds []string, about string) {
	t.Helper()
	about += fmt.Sprintf(":\n%+v", got)
	for _, a := range got {
		require.NotContains(t, strings.ToLower(a.extra), "join buffer", "locks would be taken in another order: %s", about)
		require.NotContains(t, strings.ToLower(a.extra), "filesort", about)
		if want, ok := e[a.table]; ok {
			require.Equal(t, index(want), a.key, about)
			require.Contains(t, kinds, a.kind, about)
		}
	}
	for alias := range maps.Keys(e) {
		there := slices.ContainsFunc(got, func(a access) bool {
			return a.table == alias || a.table == "" && (strings.Contains(a.extra, "no matching row") || strings.Contains(a.extra, "Impossible"))
		})
		require.True(t, there, "%s is not in the plan of %s", alias, about)
	}
}

var (
	byKey    = []string{"eq_ref", "ref", "const", "system", "unique_subquery"}
	byWindow = []string{"range", "ref"}
	byEither = append([]string{"range"}, byKey...) // of an UPDATE without join the server calls a key a range
)

// The lanes find rows by the primary key, an item at a time and in the order of
// the items, whatever the size of the tables and what the optimizer knows of
// them; so do those who look for addresses and who sweep.
func TestPlans(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		common, statements, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		s.exec(t, "INSERT INTO frontend (id, incarnation) VALUES ('fe', 1), ('fe2', 1), ('fe3', 1)")
		was := 0
		for _, size := range []int{0, 100, 20000} {
			s.fillHints(t, was, size)
			s.fillNames(t, was, size)
			for _, f := range families {
				s.fill(t, f, was, size)
				index := func(name string) string {
					if strings.HasPrefix(name, "_") {
						return fmt.Sprintf("lease%d%s", f, name)
					}
					return name
				}
				for name, e := range hotLease {
					e.check(t, s.plan(t, statements[f][name]), index, byKey, fmt.Sprintf("%s of %s at %d rows", name, f, size))
				}
				for name, e := range listLease {
					e.check(t, s.plan(t, statements[f][name]), index, []string{"range"}, fmt.Sprintf("%s of %s at %d rows", name, f, size))
				}
				for name, e := range walkLease {
					if size > 0 {
						e.check(t, s.plan(t, statements[f][name]), index, byWindow, fmt.Sprintf("%s of %s at %d rows", name, f, size))
					}
				}
			}
			same := func(name string) string { return name }
			for name, e := range hotCommon {
				e.check(t, s.plan(t, common[name]), same, byEither, fmt.Sprintf("%s at %d rows", name, size))
			}
			for name, e := range walkCommon {
				if size > 0 {
					e.check(t, s.plan(t, common[name]), same, byWindow, fmt.Sprintf("%s at %d rows", name, size))
				}
			}
			was = size
		}
		for _, f := range families { // of a small table the whole index is read
			got := s.plan(t, statements[f]["lease_dying"])
			require.Contains(t, fmt.Sprint(got), "Using index for group-by", "live rows are not passed")
		}
	})
}

// Every statement that a lane prepares has its plan tested.
func TestLaneStatementsAreHot(t *testing.T) {
	for _, name := range mysql.LaneStatements() {
		if !slices.Contains([]string{"lane_clock", "lane_fence", "lane_placed", "lane_alive"}, name) { // one row as hint_fence, or none
			require.Contains(t, hotLease, name)
		}
	}
}

// Every statement is one that the server takes on the newest schema.
func TestQueriesPrepare(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		common, lease, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		require.Greater(t, len(common), 30)
		for name, text := range common {
			if strings.Contains(text, "$1") || strings.HasPrefix(name, "migrate_") || name == "idle_patience" || strings.HasPrefix(name, "grants_") || strings.HasPrefix(name, "tx_") {
				continue
			}
			s.prepare(t, name, text)
		}
		require.Len(t, lease[sqlstore.IPv4], len(lease[sqlstore.IPv6]))
		for f, set := range lease {
			for name, text := range set {
				text = withKeys(text)
				require.NotRegexp(t, `\$[a-z]`, text, "%s of %s", name, f)
				require.NotContains(t, text, "--", "%s of %s", name, f)
				s.prepare(t, name, text)
			}
		}
		require.NotContains(t, lease[sqlstore.IPv6]["lease_update"], "lease4")
		require.NotContains(t, lease[sqlstore.IPv4]["lease_update"], "preferred")
	})
}

func (s *shell) prepare(t *testing.T, name, text string) {
	t.Helper()
	st, err := s.PrepareContext(t.Context(), text)
	require.NoError(t, err, "%s:\n%s", name, text)
	require.NoError(t, st.Close())
}
