package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"rowlock/sqlstore"
)

const maxForm = 4 << 10

// What the login says. Whether a token is unknown or has run out is not told.
const (
	wrongToken  = "This token is unknown or has run out."
	tooMany     = "Too many wrong tokens came from your address. Wait a minute and try again."
	notPossible = "The database does not answer, or too many ask. Try again."
)

func (c *console) showLogin(w http.ResponseWriter, status int, message string) {
	c.render(w, status, "login", message)
}

// login makes a session for whoever shows a token.
func (c *console) login(w http.ResponseWriter, r *http.Request) {
	if err := c.s.origin.Check(r); err != nil {
		refuse("forbidden", "the form comes from another site").write(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.showLogin(w, http.StatusBadRequest, wrongToken)
		return
	}
	if !c.s.enter() {
		c.showLogin(w, http.StatusServiceUnavailable, notPossible)
		return
	}
	defer c.s.leave()
	by, no := c.s.check(r, strings.TrimSpace(r.PostForm.Get("token")), sqlstore.APIToken)
	if no != nil {
		message := notPossible
		switch no.Status {
		case http.StatusUnauthorized:
			message = wrongToken
		case http.StatusTooManyRequests:
			message = tooMany
		}
		c.showLogin(w, no.Status, message)
		return
	}
	text, life, err := c.s.beginSession(r.Context(), by)
	if errors.Is(err, sqlstore.ErrNotFound) {
		c.showLogin(w, http.StatusUnauthorized, wrongToken)
		return
	}
	if err != nil {
		c.s.failed(r, err)
		c.showLogin(w, problemOf(err).Status, notPossible)
		return
	}
	c.s.log.Info("logged in", "event", "admin.logged_in", "name", by.Name, "addr", sourceOf(r.RemoteAddr))
	http.SetCookie(w, sessionCookie(r, text, int(life.Seconds())))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// beginSession stores a session and tells how long it is good for: never longer
// than the token, by the clock of the database. The token is looked up once more
// afterwards: whoever removes it removes the sessions that are there by then.
func (s *Server) beginSession(ctx context.Context, by *sqlstore.Token) (text string, life time.Duration, err error) {
	for life = SessionLife; life > 0; {
		text, row := newSession(by, life)
		if err := s.store.AddToken(ctx, row, false); err != nil {
			return "", 0, err
		}
		over, err := s.outlives(ctx, row.ID, by.ID)
		if err == nil && over == 0 {
			return text, life, nil
		}
		if err := errors.Join(err, s.store.DeleteToken(ctx, row.ID)); err != nil {
			return "", 0, err
		}
		life -= over
	}
	return "", 0, sqlstore.ErrNotFound
}

// outlives tells by how much a session is good for longer than the token that
// it was begun with; what is less than a second does not count. ErrNotFound
// where the token is gone.
func (s *Server) outlives(ctx context.Context, session, token string) (over time.Duration, err error) {
	list, err := s.store.Tokens(ctx)
	if err != nil {
		return 0, err
	}
	find := func(id string) *sqlstore.Token {
		i := slices.IndexFunc(list, func(t sqlstore.Token) bool { return t.ID == id })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	parent, child := find(token), find(session)
	if parent == nil || child == nil {
		return 0, sqlstore.ErrNotFound
	}
	if over = child.Expires.Sub(parent.Expires); parent.Expires.IsZero() || over < time.Second {
		return 0, nil
	}
	return over, nil
}

// logout ends the session of the cookie. It is not there for others to call.
func (c *console) logout(w http.ResponseWriter, r *http.Request) {
	if err := c.s.origin.Check(r); err != nil {
		refuse("forbidden", "the form comes from another site").write(w)
		return
	}
	if !c.s.enter() {
		writeBusy(w)
		return
	}
	defer c.s.leave()
	if t, no := c.s.session(r); no == nil {
		if err := c.s.store.DeleteToken(r.Context(), t.ID); err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
			c.s.failed(r, err)
			(&refusal{ErrorModel: problemOf(err)}).write(w)
			return
		}
	}
	http.SetCookie(w, sessionCookie(r, "", -1))
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}

// sessionCookie is out of reach for scripts and goes to this server alone; with
// TLS, our own or that of a proxy, it never travels without. Whoever makes up
// the proxy's header only makes the cookie stricter.
func sessionCookie(r *http.Request, value string, age int) *http.Cookie {
	secure := r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}
