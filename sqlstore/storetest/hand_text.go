package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// handText writes hostile text wherever text goes. It is stored as it is, or
// refused; what is harmless may not be refused.
func handText(t *testing.T, h *hand) {
	h.apply(t, handSite())
	harmless := []string{
		`it's "quoted" \' \\ ; DROP TABLE link; -- /* %s $1 ? :a`, "\u202eright to left\u2067", "🔒 emoji 👩‍👩‍👧", "two\nlines\ttab\n", " blanks ",
		strings.Repeat("long ", sqlstore.MaxComment/5), "<script>&amp;", "{\"json\": [1", "NULL", "\ufeff",
	}
	values := []string{"line\u2028separator", "two\r\n", strings.Repeat("long ", 10000), "\x7f\u0080"} // no comments
	hostile := []string{"nul \x00 inside", strings.Repeat("x", 64<<10), strings.Repeat("界", 64<<10/3), "\ufffe\uffff"}
	for _, place := range []struct{ table, column, where string }{
		{"link", "comment", "id = 1"},
		{"subnet", "comment", "id = 10"},
		{"pool", "comment", "id = 201"},
		{"parameter", "comment", "scope = 'global'"},
		{"option_data", "comment", "scope = 'global'"},
		{"option_data", "data", "scope = 'subnet'"},
		{"vrf", "comment", "id = 7"},
		{"dns_zone", "comment", "name = 'example.org'"},
		{"config_head", "comment", "id = 1"},
		{"link", "name", "id = 4"},
		{"subnet", "interface", "id = 11"},
		{"parameter", "value", "scope = 'subnet'"},
	} {
		legal := harmless
		if place.column == "data" {
			legal = slices.Concat(harmless, values)
		}
		check := place.column == "comment" || place.column == "data"
		for _, text := range slices.Concat(harmless, values, hostile) {
			err := h.write(t, place.table, place.column, place.where, text)
			if check && slices.Contains(legal, text) {
				require.NoError(t, err, "%.40q in %s.%s", text, place.table, place.column)
			}
			if err == nil {
				require.Equal(t, 1, h.holds(t, place.table, place.column, text), "%.40q in %s.%s", text, place.table, place.column)
			}
		}
		cfg := h.load(t)
		_, err := h.revisions().GatherConfig(t.Context(), nil)
		require.NoError(t, err)
		again, err := h.revisions().ConfigAt(t.Context(), cfg.Revision)
		require.NoError(t, err)
		require.True(t, sqlstore.SameConfig(cfg, again), "%s.%s", place.table, place.column)
	}
}

// write sets one column by a bound parameter.
func (h *hand) write(t testing.TB, table, column, where, value string) error {
	t.Helper()
	bound := "?"
	if h.db.postgres() {
		bound = "$1"
	}
	_, err := h.admin.db.ExecContext(t.Context(), "UPDATE "+table+" SET "+column+" = "+bound+" WHERE "+where, value)
	return err
}

// holds counts the rows whose column has exactly this text.
func (h *hand) holds(t testing.TB, table, column, text string) int {
	t.Helper()
	n := 0
	for _, r := range h.db.rows(t, "SELECT %s FROM %s", column, table) {
		if r[0] == text {
			n++
		}
	}
	return n
}
