package admin

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// With TLS, also that of a proxy, the cookie does not travel without.
func TestSessionCookieSecure(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	require.False(t, sessionCookie(r, "x", 1).Secure)
	r.Header.Set("X-Forwarded-Proto", "HTTPS")
	require.True(t, sessionCookie(r, "x", 1).Secure)
	r.Header.Set("X-Forwarded-Proto", "http")
	r.TLS = &tls.ConnectionState{}
	require.True(t, sessionCookie(r, "x", 1).Secure)
}
