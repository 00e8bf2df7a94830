package frontend

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Interfaces are served on Linux; the message says what is possible elsewhere.
func TestDirectLinks(t *testing.T) {
	require.NoError(t, DirectLinks("linux"))
	for _, goos := range []string{"freebsd", "darwin"} {
		err := DirectLinks(goos)
		require.ErrorContains(t, err, goos)
		require.ErrorContains(t, err, "relayed mode only")
		require.ErrorContains(t, err, "listen on an address")
	}
}
