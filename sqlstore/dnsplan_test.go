package sqlstore_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestSortMarks(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	marks := []sqlstore.NameMark{
		{Name: "b.example.org", Zone: "example.org", VRF: 2, Addr: b},
		{Name: "a.example.org"},
		{Name: ""},
		{Name: strings.Repeat("x", 256)},
		{Name: "\xff"},
		{Name: "a\x00"},
		{Name: "b.example.org", VRF: 1, Addr: b},
		{Name: "B.example.org", Zone: "example.org"},
		{Name: "b.example.org", VRF: 1, Addr: a},
		{Name: "b.example.org", Zone: "example.org", VRF: 1, Addr: a},
	}
	names, addrs := sqlstore.SortMarks(marks)
	require.Equal(t, []sqlstore.NameMark{
		{Name: "B.example.org", Zone: "example.org"},
		{Name: "a.example.org"},
		{Name: "b.example.org", Zone: "example.org"},
	}, names)
	require.Equal(t, []sqlstore.NameMark{
		{Name: "b.example.org", VRF: 1, Addr: a},
		{Name: "b.example.org", VRF: 1, Addr: b},
		{Name: "b.example.org", VRF: 2, Addr: b},
	}, addrs)
	require.Equal(t, "example.org", marks[0].Zone, "the caller's list stays as it is")
}

func TestMergeRecords(t *testing.T) {
	require.Empty(t, sqlstore.MergeRecords())
	require.Empty(t, sqlstore.MergeRecords("", "\n"))
	require.Equal(t, "300 A 192.0.2.1\n300 A 192.0.2.2\n60 A 192.0.2.1",
		sqlstore.MergeRecords("300 A 192.0.2.1\n300 A 192.0.2.2", "", "60 A 192.0.2.1\n300 A 192.0.2.2\n"))
}
