package mysql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestChoose(t *testing.T) {
	const text = "a\nb --mysql\nc   --mariadb  \nd --v4\n\n  e"
	require.Equal(t, "a\nb\nd --v4\n\n  e", forServer(text, false))
	require.Equal(t, "a\nc\nd --v4\n\n  e", forServer(text, true))
	require.Equal(t, "a\nb --mysql\nc   --mariadb\nd\n\n  e", forFamily(text, sqlstore.IPv4))
	require.Equal(t, "a\nb --mysql\nc   --mariadb\n\n  e", forFamily(text, sqlstore.IPv6))
}

// The columns of lease_history have the same names in both families.
func TestFamilyWords(t *testing.T) {
	const text = "INSERT INTO lease_history (addr, client_id, circuit_id)\nSELECT addr, client_id, circuit_id FROM lease4 FORCE INDEX (lease4_addr)"
	require.Equal(t, text, forFamily(text, sqlstore.IPv4))
	require.Equal(t, "INSERT INTO lease_history (addr, client_id, circuit_id)\nSELECT addr, duid, interface_id FROM lease6 FORCE INDEX (lease6_addr)",
		forFamily(text, sqlstore.IPv6))
}

func TestSplit(t *testing.T) {
	set := split("-- of the file\n-- name: one\n-- A sentence.\nSELECT $now,\n  $cols;\n\n-- name: fragment_cols\na, $now\n")
	require.Equal(t, map[string]string{"one": "SELECT " + now + ",\n  a, " + now}, set)
}

// Both flavours have the same statements, and each is marked for no other.
func TestFlavoursHaveTheSameStatements(t *testing.T) {
	my, err := loadQueries(false)
	require.NoError(t, err)
	maria, err := loadQueries(true)
	require.NoError(t, err)
	require.Len(t, maria.common, len(my.common))
	for name, text := range my.common {
		require.NotContains(t, maria.common[name], "UPDATE OF")
		if strings.Contains(text, "UPDATE OF") { // MariaDB locks all tables that it reads
			require.NotEqual(t, text, maria.common[name])
		} else {
			require.Equal(t, text, maria.common[name])
		}
	}
	for f, set := range my.lease {
		require.Len(t, maria.lease[f], len(set))
		for name, text := range set {
			require.Contains(t, maria.lease[f], name)
			require.NotContains(t, text, "--")
			require.NotContains(t, maria.lease[f][name], "--")
			require.NotContains(t, maria.lease[f][name], "UPDATE OF")
		}
		require.NotEqual(t, set["lease_dead"], maria.lease[f]["lease_dead"])
	}
	require.Panics(t, func() { my.get("nothing") })
	require.Panics(t, func() { my.of(sqlstore.IPv4, "nothing") })
	require.Panics(t, func() { my.execute(sqlstore.IPv4, "lease_list") })
}

// What a lane sends of keys is text, whatever bytes they have: a statement that is
// not UTF-8 is one that MySQL does not show to those who look at transactions.
func TestKeysGoAsText(t *testing.T) {
	t.Parallel()
	q, err := loadQueries(false)
	require.NoError(t, err)
	const key = "\x00\x00\x00\x01\x01\xec\x89\x02\\\xc1"
	row := sqlstore.Lease{Key: key, State: sqlstore.Offered}
	changes := []change{{u: &sqlstore.Update{Action: sqlstore.Activate, Key: key}, res: &sqlstore.UpdateResult{Lease: row}, plain: true}}
	p := &packet{}
	(&conn{q: q}).addPlain(p, sqlstore.IPv4, changes, true)
	require.Len(t, p.text, 2, "the change, and its event")
	keys := 0
	for _, a := range p.args {
		switch v := a.Value.(type) {
		case int64:
		case string:
			require.Equal(t, "0000000101ec89025cc1", v)
			keys++
		default:
			t.Errorf("argument %d is a %T", a.Ordinal, v)
		}
	}
	require.Equal(t, 2, keys)
	require.Contains(t, p.statement(), "binding_key IN (UNHEX(?))")
}
