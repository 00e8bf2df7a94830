package postgres_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

// fillNames adds names with an address and a lease each: most are settled, some
// are claimed, and some are due in a zone that is not reachable.
func fillNames(t *testing.T, c *pgx.Conn, from, to int) {
	t.Helper()
	numbers := fmt.Sprintf("generate_series(%d, %d) i", from+1, to)
	run(t, c, `INSERT INTO dns_name (name, zone, due_at, holder, state)
	  SELECT 'n' || i || '.example.org', CASE WHEN i % 4 = 1 THEN 'gone.example.org' ELSE 'example.org' END,
	         CASE WHEN i % 4 = 0 THEN now() + interval '1 minute' WHEN i % 4 = 1 OR i % 100 = 2 THEN now() - i * interval '1 second' END,
	         CASE WHEN i % 4 = 0 THEN 'w' ELSE '' END, CASE WHEN i % 4 < 2 THEN 1 ELSE 2 END FROM `+numbers)
	run(t, c, `INSERT INTO dns_name_addr (name, vrf, addr) SELECT 'n' || i || '.example.org', 0, '\xc000'::bytea || substr(int4send(i), 3) FROM `+numbers)
	run(t, c, `INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
	  SELECT 1, 4, 0, '\xc000'::bytea || substr(int4send(i), 3), 32, 1, int4send(i), '', 0, 2, i FROM `+numbers)
	run(t, c, `INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
	  SELECT i, now(), 1, 4, 0, '\xc000'::bytea || substr(int4send(i), 3), 32, 1, int4send(i), '', 0, 2, i FROM `+numbers)
	for _, f := range families {
		fillFrom(t, c, f, from, to)
	}
}

// Statements on names and events, with arguments as they are in life and the
// indexes by which they find rows in large tables.
var namePlans = map[string]struct {
	args    string
	indexes []string
}{
	"name_mark":      {"'{a.example.org,n7.example.org}', '{example.org,example.org}'", nil}, // rows are found by the conflict
	"name_mark_addr": {"'{n7.example.org}', '{0}', '{\"\\\\xc0000007\"}'", nil},
	"name_of_addr":   {"'{0,0}', '{\"\\\\xc0000007\",\"\\\\xc0000009\"}'", []string{"dns_name_addr_addr"}},
	"name_claim":     {"'w', 60000000, 200, '{gone.example.org}'", []string{"dns_name_due", "dns_name_pkey"}},
	"name_holders": {"'{n7.example.org,n9.example.org}'", []string{
		"dns_name_addr_pkey", "lease4_addr", "lease6_addr", "dns_name_pkey",
	}},
	"name_lock":     {"'{n7.example.org}'", []string{"dns_name_pkey"}},
	"name_make":     {"'{n7.example.org}', '{\"\"}'", nil},
	"name_attempt":  {"'{n7.example.org}', '{A}', 60000000", []string{"dns_name_pkey"}},
	"name_finish":   {"'{n7.example.org}', '{1}', '{z}', '{2}', '{A}', '{\"\"}', '{\"\"}', '{0}', '{f}'", []string{"dns_name_pkey"}},
	"name_stale":    {"'{n7.example.org}', '{0}', '{\"\\\\xc0000007\"}'", []string{"dns_name_addr_(pkey|addr)"}},
	"name_delete":   {"'{n7.example.org}'", []string{"dns_name_pkey"}},
	"name_lost":     {"'{n7.example.org}', '{A}'", []string{"dns_name_pkey"}},
	"name_page":     {"'n7', 100", []string{"dns_name_pkey"}},
	"name_rezone":   {"'{n7.example.org}', '{z}'", []string{"dns_name_pkey"}},
	"event_take":    {"500", []string{"lease_event_pkey", "event_log_pkey"}},
	"event_trim":    {"10000, 1000000, 1000", []string{"event_log_pkey"}},
	"event_backlog": {"100000", []string{"lease_event_pkey"}},
	"event_lead":    {"'sequence', 'a', 1", nil}, // one row or two
}

var nameScan = regexp.MustCompile(`Seq Scan on (?:dns_name|dns_name_addr|lease[46]|event_log)\b`)

// Names and events are found by an index where tables are large, also on a
// connection that prepared and used the statement while they were empty, and
// before the server has looked at what there is.
func TestNamePlans(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	c, plain := connect(t, url, postgres.NameSettings()), connect(t, url, nil)
	common, _, err := postgres.QueryNames()
	require.NoError(t, err)
	for name := range namePlans {
		_, err := c.Prepare(t.Context(), name, common[name])
		require.NoError(t, err, name)
	}
	was := 0
	for _, size := range []int{0, 100, 20000} {
		fillNames(t, plain, was, size)
		for name, want := range namePlans {
			var got string
			for range 8 { // a generic plan is thought of after five
				rows, err := c.Query(t.Context(), "EXPLAIN EXECUTE "+name+"("+want.args+")", pgx.QueryExecModeSimpleProtocol)
				require.NoError(t, err, name)
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				require.NoError(t, err)
				got = strings.Join(lines, "\n")
			}
			if size < 1000 {
				continue
			}
			for _, index := range want.indexes {
				require.Regexp(t, `\b`+index+`\b`, got, "%s at %d rows:\n%s", name, size, got)
			}
			require.NotRegexp(t, nameScan, got, "%s at %d rows:\n%s", name, size, got)
		}
		was = size
	}
}

// To claim names costs no more where many are claimed; those that are due in an
// excepted zone are passed.
func TestClaimPasses(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	c := connect(t, url, postgres.NameSettings())
	fillNames(t, c, 0, 20000)
	common, _, err := postgres.QueryNames()
	require.NoError(t, err)
	_, err = c.Prepare(t.Context(), "claim", common["name_claim"])
	require.NoError(t, err)
	for except, passed := range map[string]string{"{}": "", "{gone.example.org}": "5000"} {
		run(t, c, "UPDATE dns_name SET holder = '', due_at = now() - interval '1 hour' WHERE holder = 'x'")
		rows, err := c.Query(t.Context(), "EXPLAIN ANALYZE EXECUTE claim('x', 60000000, 10000, '"+except+"')", pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		got := strings.Join(lines, "\n")
		if passed == "" {
			require.NotContains(t, got, "Rows Removed by Filter", got)
		} else {
			require.Contains(t, got, "Rows Removed by Filter: "+passed, got)
		}
	}
}
