package transfer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

var rows = []sqlstore.Row{
	{nil, int64(0), "", []byte{}},
	{int64(math.MinInt64), int64(math.MaxInt64), int64(-1)},
	{"ünïcode\x00 ", []byte{0, 255}},
	{"a", "b"},
	{"ab", ""},
	{"", "ab"},
	{[]byte("a"), "b"},
	{nil, nil},
	{nil},
	{},
}

func TestRowsHaveOneForm(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		b := encode(nil, r)
		require.False(t, seen[string(b)], "%v looks like another row", r)
		seen[string(b)] = true
		got, err := decode(b)
		require.NoError(t, err)
		require.Len(t, got, len(r))
		for i := range r {
			require.Equal(t, r[i], got[i])
		}
	}
	for _, bad := range [][]byte{{9}, {tagInt, 1, 2}, {tagText}, {tagText, 5, 'a'}, {tagBytes, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
		_, err := decode(bad)
		require.ErrorIs(t, err, errPosition, "%x", bad)
	}
}

// A checksum is that of the rows in any order, and of no other rows.
func TestSum(t *testing.T) {
	sum := func(rows ...sqlstore.Row) Sum {
		s := newSummer()
		for _, r := range rows {
			s.add(r)
		}
		return s.Sum
	}
	require.Equal(t, sum(rows[0], rows[1], rows[2]), sum(rows[2], rows[0], rows[1]))
	require.NotEqual(t, sum(rows[0]), sum(rows[1]))
	require.NotEqual(t, sum(rows[3], rows[3]), sum(rows[3]))
	require.NotEqual(t, sum(rows[3]).String(), sum(rows[4]).String())
	require.Len(t, sum(rows...).String(), 64)
	require.Zero(t, sum().Rows)
}

func TestKeyText(t *testing.T) {
	table := &sqlstore.CopyTable{
		Columns: []sqlstore.Column{{Name: "other"}, {Name: "addr"}, {Name: "name"}, {Name: "id"}}, Key: []int{1, 2, 3},
	}
	require.Equal(t, `addr c000, name "a", id 7`, keyText(table, sqlstore.Row{"x", []byte{0xc0, 0}, "a", int64(7)}))
}
