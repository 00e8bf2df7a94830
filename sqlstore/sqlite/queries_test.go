package sqlite

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestEveryQueryPrepares(t *testing.T) {
	s := openTest(t, migrated(t))
	sets := map[sqlstore.Family]map[string]query{0: s.q.common, sqlstore.IPv4: s.q.lease[sqlstore.IPv4], sqlstore.IPv6: s.q.lease[sqlstore.IPv6]}
	require.NotEmpty(t, s.q.common)
	require.Len(t, s.q.lease[sqlstore.IPv6], len(s.q.lease[sqlstore.IPv4]))
	for f, set := range sets {
		for name, q := range set {
			text := q.text
			st, err := s.w.conn.PrepareContext(t.Context(), text)
			require.NoError(t, err, "%s, family %d", name, f)
			require.NoError(t, st.Close())
			require.NotContains(t, text, "--", name)
			require.NotContains(t, text, ";", name)
		}
	}
	for name, q := range s.q.lease[sqlstore.IPv6] {
		require.NotRegexp(t, `lease4|client_id|circuit_id`, q.text, name)
	}
}

func TestEveryQueryHasANameAndASentence(t *testing.T) {
	files, err := fs.Glob(queryFiles, "queries/*.sql")
	require.NoError(t, err)
	begin := regexp.MustCompile(`(?m)^-- name: (\w+)\n(.*)$`)
	for _, file := range files {
		b, err := queryFiles.ReadFile(file)
		require.NoError(t, err)
		for _, m := range begin.FindAllStringSubmatch(string(b), -1) {
			require.Regexp(t, `^-- [A-Z]\w+ `, m[2], "%s: %s", file, m[1])
		}
	}
}

// Every query is named somewhere in the code: none is left over.
func TestEveryQueryIsUsed(t *testing.T) {
	q, err := loadQueries()
	require.NoError(t, err)
	var code strings.Builder
	files, err := fs.Glob(os.DirFS("."), "*.go")
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			code.Write(b)
		}
	}
	for _, set := range []map[string]query{q.common, q.lease[sqlstore.IPv4]} {
		for name := range set {
			name, _, _ = strings.Cut(name, " ") // a table that is copied
			require.Contains(t, code.String(), `"`+name+`"`)
		}
	}
}

// plan returns what EXPLAIN QUERY PLAN says.
func plan(t *testing.T, s *Store, q query) string {
	t.Helper()
	rows, err := s.w.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.text, make([]any, len(q.order))...)
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		out = append(out, detail)
	}
	require.NoError(t, rows.Err())
	return strings.Join(out, "\n")
}

// The statements on the packet path, and all that hold the write lock, find
// their rows by an index; SQLite plans them the same on an empty table and on a
// full one, because nobody runs ANALYZE.
func TestPlansUseIndexes(t *testing.T) {
	s := openTest(t, migrated(t))
	for _, c := range []struct{ query, want string }{
		{"lease_get", `SEARCH lease4 USING INDEX sqlite_autoindex_lease4_1 \(binding_key=\?\)`},
		{"lease_renew", `SEARCH lease4 USING INTEGER PRIMARY KEY \(rowid=\?\)`},
		{"lease_revive", `SEARCH lease4 USING INTEGER PRIMARY KEY \(rowid=\?\)`},
		{"lease_end", `SEARCH lease4 USING INTEGER PRIMARY KEY \(rowid=\?\)`},
		{"lease_move", `SEARCH lease4 USING INTEGER PRIMARY KEY \(rowid=\?\)`},
		{"lease_due", `SEARCH lease4 USING INDEX sqlite_autoindex_lease4_1 \(binding_key>\?\)`},
		{"lease_delete_offer", `SEARCH lease4 USING INDEX sqlite_autoindex_lease4_1 \(binding_key=\?\)`},
		{"lease_forget", `SEARCH lease4 USING INDEX sqlite_autoindex_lease4_1 \(binding_key=\?\)`},
		{"lease_forgettable", `SEARCH l USING INDEX lease4_reclaim \(pool_id=\? AND reclaim_at>\? AND reclaim_at<\?\)`},
		{"lease_reclaim", `SEARCH lease4 USING INDEX lease4_reclaim \(pool_id=\? AND reclaim_at>\? AND reclaim_at<\?\)`},
		{"lease_above", `SEARCH lease4 USING COVERING INDEX lease4_reclaim \(pool_id=\? AND reclaim_at>\? AND reclaim_at<\?\)`},
		{"lease_list", `SEARCH lease4 USING INDEX lease4_addr \(\(vrf,addr\)>\(\?,\?\)\)`},
		{"lease_keys_hwaddr", `SEARCH lease4 USING INDEX lease4_hwaddr \(hwaddr=\?\)`},
		{"lease_keys_addr", `SEARCH l USING INDEX lease4_addr \(vrf=\? AND addr=\?\)`},
	} {
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			table := map[sqlstore.Family]string{sqlstore.IPv4: "lease4", sqlstore.IPv6: "lease6"}[f]
			got := plan(t, s, s.q.lease[f][c.query])
			require.Regexp(t, strings.ReplaceAll(c.want, "lease4", table), got, c.query)
			require.NotRegexp(t, `SCAN (lease[46]|l)\b`, got, c.query)
			require.NotContains(t, got, "USE TEMP B-TREE", c.query)
		}
	}
}

func TestHintPlansUseIndexes(t *testing.T) {
	s := openTest(t, migrated(t))
	for query, want := range map[string]string{
		"hint_adopt":          `SEARCH c USING INDEX addr_chunk_pool \(pool_id=\? AND gen=\?\)`,
		"hint_cursor_read":    `SEARCH pool_cursor USING INDEX sqlite_autoindex_pool_cursor_1 \(pool_id=\? AND gen=\?\)`,
		"hint_free_read":      `SEARCH addr_free USING INDEX addr_free_pool \(pool_id=\? AND hold_until<\?\)`,
		"hint_others":         `SEARCH addr_chunk USING INDEX addr_chunk_pool \(pool_id=\? AND gen=\?\)`,
		"hint_chunks":         `SEARCH addr_chunk USING INDEX addr_chunk_pool \(pool_id=\? AND gen=\?\)`,
		"hint_lent":           `SEARCH addr_free USING INDEX addr_free_pool \(pool_id=\? AND hold_until>\?\)`,
		"hint_current":        `SEARCH pool USING`,
		"hint_free_hold":      `SEARCH addr_free USING INDEX sqlite_autoindex_addr_free_1 \(vrf=\? AND addr=\?\)`,
		"hint_free_done":      `SEARCH addr_free USING INDEX sqlite_autoindex_addr_free_1 \(vrf=\? AND addr=\?\)`,
		"pool_relabel_free":   `SEARCH addr_free USING INDEX sqlite_autoindex_addr_free_1 \(vrf=\? AND addr>\? AND addr<\?\)`,
		"pool_relabel_lease4": `SEARCH lease4 USING INDEX lease4_addr \(vrf=\? AND addr>\? AND addr<\?\)`,
		"pool_relabel_lease6": `SEARCH lease6 USING INDEX lease6_addr \(vrf=\? AND addr>\? AND addr<\?\)`,
		"pool_held":           `SEARCH lease6 USING INDEX lease6_addr \(vrf=\? AND addr>\? AND addr<\?\)`,
		"pool_held_around":    `SEARCH lease6 USING INDEX lease6_addr \(vrf=\? AND addr=\?\)`,
		"batch_head":          `SEARCH frontend USING INDEX sqlite_autoindex_frontend_1 \(id=\?\)`,
	} {
		got := plan(t, s, s.q.common[query])
		require.Regexp(t, want, got, query)
		require.NotRegexp(t, `SCAN (addr_chunk|c|addr_free|pool_cursor|lease[46])\b`, got, query)
		require.NotContains(t, got, "USE TEMP B-TREE", query)
	}
}

// The looks at neighbours that triggers take find them by an index: whoever
// writes a row does so in all cases beside thousands of others. SQLite tells no
// plans of triggers, so that their statements are planned one by one.
func TestTriggerPlansUseIndexes(t *testing.T) {
	x := newFixture(t)
	refusal, end := regexp.MustCompile(`RAISE\(ABORT, '[^']*'\)`), regexp.MustCompile(`;( --.*)?\n`)
	for trigger, want := range map[string][]string{
		"rowlock_check_subnet_call": {
			`SEARCH o USING INDEX subnet_range \(vrf=\? AND first_key>\? AND first_key<\?\)`,
			`SEARCH o USING INDEX subnet_interface_id \(vrf=\? AND interface_id=\?\)`,
			`SEARCH o USING INDEX subnet_interface \(interface=\?\)`,
			`SEARCH q USING (COVERING )?INDEX subnet_relay_addr \(vrf=\? AND addr=\?\)`,
		},
		"rowlock_check_pool_call": {`SEARCH o USING INDEX pool_range \(vrf=\? AND first_key>\? AND first_key<\?\)`},
		"subnet_vrf_update":       {`SEARCH pool USING INDEX pool_subnet \(subnet_id=\?\)`, `SEARCH subnet_relay USING INDEX sqlite_autoindex_subnet_relay_1 \(subnet_id=\?\)`},
		"subnet_replace":          {`SEARCH subnet USING INTEGER PRIMARY KEY`},
		"pool_replace":            {`SEARCH p USING INTEGER PRIMARY KEY`},
	} {
		var text string
		require.NoError(t, x.db.QueryRow("SELECT sql FROM sqlite_schema WHERE name = ?", trigger).Scan(&text))
		_, body, _ := strings.Cut(text, "\nBEGIN\n")
		var got strings.Builder
		for _, statement := range end.Split(strings.TrimSuffix(body, ";\nEND"), -1) {
			statement = refusal.ReplaceAllString(strings.ReplaceAll(statement, "NEW.id", "?1"), "1")
			got.WriteString(plan(t, x.Store, bare(statement)) + "\n")
		}
		for _, w := range want {
			require.Regexp(t, w, got.String(), trigger)
		}
		require.NotRegexp(t, `SCAN (subnet|subnet_relay|pool|link|[solpqrt])\b`, got.String(), trigger)
		require.NotContains(t, got.String(), "USE TEMP B-TREE", trigger)
	}
}

// The statements on names and events find their rows by an index too.
func TestNamePlansUseIndexes(t *testing.T) {
	s := openTest(t, migrated(t))
	for query, want := range map[string]string{
		"name_of_addr":     `SEARCH dns_name_addr USING INDEX dns_name_addr_addr \(vrf=\? AND addr=\?\)`,
		"name_due":         `SEARCH dns_name USING INDEX dns_name_due \(due_at<\?\)`,
		"name_claim":       `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_read":        `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_published":   `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_attempt":     `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_finish":      `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_lost":        `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_delete":      `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_rezone":      `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name=\?\)`,
		"name_page":        `SEARCH dns_name USING INDEX sqlite_autoindex_dns_name_1 \(name>\?\)`,
		"name_release":     `SEARCH dns_name USING INDEX dns_name_due \(due_at>\?\)`,
		"name_addrs":       `SEARCH dns_name_addr USING COVERING INDEX sqlite_autoindex_dns_name_addr_1 \(name=\?\)`,
		"name_stale":       `SEARCH dns_name_addr USING (COVERING )?INDEX sqlite_autoindex_dns_name_addr_1 \(name=\? AND vrf=\? AND addr=\?\)`,
		"event_log_append": `SEARCH lease_event USING INTEGER PRIMARY KEY \(rowid=\?\)`,
		"event_delete":     `SEARCH lease_event USING INTEGER PRIMARY KEY \(rowid=\?\)`,
		"event_log_top":    `SEARCH event_log`,
		"history_bound":    `SEARCH h USING (COVERING )?INDEX sqlite_autoindex_lease_history_1 \(ended_at<\?\)`,
		"event_lead":       `SEARCH leadership USING INDEX sqlite_autoindex_leadership_1 \(name=\?\)`,
	} {
		got := plan(t, s, s.q.common[query])
		require.Regexp(t, want, got, query)
		require.NotRegexp(t, `SCAN (dns_name|dns_name_addr|event_log|lease_event)\b`, got, query)
		require.NotContains(t, got, "USE TEMP B-TREE", query)
	}
	for f, table := range map[sqlstore.Family]string{sqlstore.IPv4: "lease4", sqlstore.IPv6: "lease6"} {
		require.Regexp(t, `SEARCH `+table+` USING INDEX `+table+`_addr \(vrf=\? AND addr=\?\)`, plan(t, s, s.q.lease[f]["lease_holder"]))
		require.Regexp(t, `SEARCH `+table+` USING INDEX sqlite_autoindex_`+table+`_1 \(binding_key>\?\)`, plan(t, s, s.q.lease[f]["lease_named"]))
	}
}
