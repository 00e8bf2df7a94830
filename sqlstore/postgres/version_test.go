package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestServer(t *testing.T) {
	for _, version := range []string{"14.0", "14beta1", "15.18 (Debian 15.18-0+deb12u1)", "18.1"} {
		require.NoError(t, checkServer(version), version)
	}
	for _, version := range []string{"13.22", "13.22 (Ubuntu 13.22-1)", "9.6.24", ""} {
		require.ErrorIs(t, checkServer(version), sqlstore.ErrServer, version)
	}
}
