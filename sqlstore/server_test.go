package sqlstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestCheckServer(t *testing.T) {
	for _, test := range []struct {
		version, oldest string
		want            string // part of the error, "" for none
	}{
		{"15.18 (Debian 15.18-0+deb12u1)", "14", ""},
		{"14.0", "14", ""},
		{"18beta1", "14", ""},
		{"13.22", "14", "Some SQL 13.22 is too old, 14 or later is needed"},
		{"9.6.24", "14", "too old"},
		{"8.0.19", "8.0.19", ""},
		{"8.0.18", "8.0.19", "too old"},
		{"8.0", "8.0.19", "too old"},
		{"8.4.0-commercial", "8.0.19", ""},
		{"8.0.36-28", "8.0.19", ""},
		{"9.7.4", "8.0.19", ""},
		{"10.0.1", "9.9.9", ""},
		{"5.7.44-log", "8.0.19", "too old"},
		{"8.0.9", "8.0.19", "too old"},
		{"10.6.0-MariaDB", "10.6", ""},
		{"10.5.29-MariaDB-1:10.5.29+maria~ubu2004", "10.6", "too old"},
		{"", "14", `says "", which is no version`},
		{"devel", "14", `says "devel", which is no version`},
	} {
		err := sqlstore.CheckServer("Some SQL", test.version, test.oldest)
		if test.want == "" {
			require.NoError(t, err, test.version)
			continue
		}
		require.ErrorIs(t, err, sqlstore.ErrServer, test.version)
		require.NotErrorIs(t, err, sqlstore.ErrUnavailable, "it does not help to wait")
		require.ErrorContains(t, err, test.want, test.version)
	}
}
