package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// login begins a session of the console and returns its cookie.
func (b *bench) login(t *testing.T) string { return b.loginWith(t, b.token) }

func (b *bench) loginWith(t *testing.T, token string) string {
	t.Helper()
	a := b.form(t, loginPath, token)
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	require.Equal(t, "/", a.header.Get("Location"))
	cookies, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	require.NoError(t, err)
	require.Equal(t, cookieName, cookies.Name)
	return cookies.Value
}

// form sends the form of the login.
func (b *bench) form(t *testing.T, path, token string, header ...string) answer {
	t.Helper()
	header = append([]string{"Authorization", "", "Content-Type", "application/x-www-form-urlencoded"}, header...)
	return b.do(t, http.MethodPost, path, url.Values{"token": {token}}.Encode(), header...)
}

// visit reads a path with the cookie of a session.
func (b *bench) visit(t *testing.T, path, session string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, path, "", "Authorization", "", "Cookie", cookieName+"="+session)
}

func TestLogin(t *testing.T) {
	b := newBench(t)
	a := b.do(t, http.MethodGet, "/", "", "Authorization", "")
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Equal(t, loginPath, a.header.Get("Location"))
	require.Equal(t, http.StatusSeeOther, b.do(t, http.MethodGet, "/", "").status, "a token is not for the page")
	a = b.do(t, http.MethodGet, loginPath, "", "Authorization", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, `name="token"`)
	for _, wrong := range []string{"", "x", Prefix + strings.Repeat("A", 43), strings.Repeat("x", 2*maxForm)} {
		a = b.form(t, loginPath, wrong)
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusBadRequest}, a.status)
		require.Contains(t, a.body, wrongToken)
		require.Empty(t, a.header.Get("Set-Cookie"))
	}
	a = b.form(t, loginPath, b.token)
	for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		require.Contains(t, a.header.Get("Set-Cookie"), attribute)
	}
	session := b.login(t)
	require.NotEqual(t, b.token, session)
	require.Equal(t, http.StatusOK, b.visit(t, "/", session).status)
	require.Equal(t, http.StatusUnauthorized, b.form(t, loginPath, session).status, "a session begins none")
}

func TestLogout(t *testing.T) {
	b := newBench(t)
	session := b.login(t)
	for _, from := range []string{"cross-site", "same-site"} {
		requireProblem(t, b.form(t, logoutPath, "", "Cookie", cookieName+"="+session, "Sec-Fetch-Site", from), http.StatusForbidden, "forbidden")
		requireProblem(t, b.form(t, loginPath, b.token, "Sec-Fetch-Site", from), http.StatusForbidden, "forbidden")
	}
	a := b.form(t, logoutPath, "", "Cookie", cookieName+"="+session, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Contains(t, a.header.Get("Set-Cookie"), "Max-Age=0")
	require.Equal(t, http.StatusSeeOther, b.visit(t, "/", session).status, "the session is gone, not only the cookie")
	a = b.visit(t, "/console/summary", session)
	requireProblem(t, a, http.StatusUnauthorized, "unauthorized")
	require.Equal(t, loginPath, a.header.Get("HX-Redirect"))
	require.Equal(t, http.StatusSeeOther, b.form(t, logoutPath, "").status, "without a session as well")
}

// A session ends when its token runs out, by the clock of the database.
func TestSessionEndsWithItsToken(t *testing.T) {
	b := newBench(t)
	const life = 10 * time.Minute
	text, row, err := AddToken(t.Context(), b.store, "visitor", life)
	require.NoError(t, err)
	a := b.form(t, loginPath, text)
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	require.NoError(t, err)
	require.LessOrEqual(t, cookie.MaxAge, int(life.Seconds()))
	require.Equal(t, http.StatusOK, b.visit(t, "/", cookie.Value).status)
	list, err := b.store.Tokens(t.Context())
	require.NoError(t, err)
	expires := map[string]time.Time{}
	for _, one := range list {
		expires[strings.Split(one.ID, ".")[0]+" "+strconv.Itoa(int(one.Kind))] = one.Expires
	}
	require.Len(t, list, 3, "the tester's token, the visitor's, and one session")
	parent, session := expires[row.ID+" 1"], expires[row.ID+" 2"]
	require.Less(t, session.Sub(parent), time.Second)
	require.Less(t, parent.Sub(session), life)
}

// Whoever sends a form slowly keeps nobody else waiting.
func TestSlowLoginHoldsNoSlot(t *testing.T) {
	b := newBench(t)
	body, sender := io.Pipe()
	r := httptest.NewRequest(http.MethodPost, loginPath, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.ServeHTTP(w, r)
	}()
	_, err := io.WriteString(sender, "token=") // returns when it was read
	require.NoError(t, err)
	require.Empty(t, b.slots)
	for range maxRequests {
		b.slots <- struct{}{}
	}
	require.Equal(t, http.StatusOK, b.do(t, http.MethodGet, loginPath, "").status, "what asks no database is served all the same")
	_, err = io.WriteString(sender, b.token)
	require.NoError(t, err)
	require.NoError(t, sender.Close())
	<-done
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), notPossible)
	require.Equal(t, http.StatusServiceUnavailable, b.form(t, logoutPath, "").status)
}
