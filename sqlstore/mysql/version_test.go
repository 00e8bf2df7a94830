package mysql

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestServer(t *testing.T) {
	for _, test := range []struct {
		text    string
		mariadb bool
		version string
		old     bool
	}{
		{"9.7.4", false, "9.7.4", false},
		{"8.4.0-commercial", false, "8.4.0-commercial", false},
		{"8.0.19", false, "8.0.19", false},
		{"8.0.18", false, "8.0.18", true},
		{"5.7.44-log", false, "5.7.44-log", true},
		{"10.11.19-MariaDB-0+deb12u1", true, "10.11.19-MariaDB-0+deb12u1", false},
		{"5.5.5-10.11.6-MariaDB", true, "10.11.6-MariaDB", false},
		{"5.5.5-10.5.27-MariaDB-log", true, "10.5.27-MariaDB-log", true},
		{"10.6.4-MariaDB", true, "10.6.4-MariaDB", false},
		{"11.8.2-MariaDB-ubu2404", true, "11.8.2-MariaDB-ubu2404", false},
		{"5.5.68-MariaDB", true, "5.5.68-MariaDB", true},
		{"unknown", false, "unknown", true},
	} {
		mariadb, version := flavourOf(test.text)
		require.Equal(t, test.mariadb, mariadb, test.text)
		require.Equal(t, test.version, version, test.text)
		err := checkServer(mariadb, version)
		if test.old {
			require.ErrorIs(t, err, sqlstore.ErrServer, test.text)
			require.Equal(t, err, classify(err), "an error of its own, not one of a database that is away")
		} else {
			require.NoError(t, err, test.text)
		}
	}
}
