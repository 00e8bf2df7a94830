package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

// cookieName is the cookie of a session.
const cookieName = "rowlock_session"

// challenge is the header of an answer to a request without a token.
const challenge = `Bearer realm="rowlock"`

type identityKey struct{}

// identity returns who asks: the row of the token or session.
func identity(ctx context.Context) *sqlstore.Token {
	t, _ := ctx.Value(identityKey{}).(*sqlstore.Token)
	return t
}

func withIdentity(r *http.Request, t *sqlstore.Token) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, t))
}

// refusal is why a request is not served, and how long its sender has to wait.
type refusal struct {
	*huma.ErrorModel
	wait time.Duration
}

func refuse(name, detail string) *refusal { return &refusal{ErrorModel: problem(name, detail)} }

// authenticate finds out who asks: by a token, or for reading by a session. A
// request that shows a token is judged by that alone.
func (s *Server) authenticate(r *http.Request) (*sqlstore.Token, *refusal) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, text, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, refuse("unauthorized", "the scheme of Authorization is Bearer")
		}
		return s.check(r, strings.TrimSpace(text), sqlstore.APIToken)
	}
	t, no := s.session(r)
	if no == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, refuse("forbidden", "a session of the console may only look")
	}
	return t, no
}

// session finds out who asks by the cookie of the console.
func (s *Server) session(r *http.Request) (*sqlstore.Token, *refusal) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, refuse("unauthorized", "a token is needed")
	}
	return s.check(r, cookie.Value, sqlstore.SessionToken)
}

// check looks a token up. Failures are counted by source, and whoever has too
// many waits, unless the token was right before.
func (s *Server) check(r *http.Request, text string, want sqlstore.TokenKind) (*sqlstore.Token, *refusal) {
	hash := hashToken(text)
	if wait := s.limiter.wait(sourceOf(r.RemoteAddr), hash); wait > 0 {
		s.metrics.refused("limited")
		return nil, &refusal{problem("too-many-failures", ""), wait}
	}
	if !looksLikeToken(text) {
		return nil, s.wrongToken(r, hash, "malformed")
	}
	t, err := s.store.TokenByHash(r.Context(), hash)
	switch {
	case errors.Is(err, sqlstore.ErrNotFound):
		return nil, s.wrongToken(r, hash, "unknown")
	case err != nil:
		s.failed(r, err)
		return nil, &refusal{ErrorModel: problemOf(err)}
	case t.Kind != want:
		return nil, s.wrongToken(r, hash, "kind")
	}
	s.limiter.passed(hash)
	return t, nil
}

// wrongToken counts a failure. What was shown is not logged: it may be a
// password for something else.
func (s *Server) wrongToken(r *http.Request, hash []byte, reason string) *refusal {
	s.metrics.refused(reason)
	source := sourceOf(r.RemoteAddr)
	s.limiter.failed(source, hash)
	s.log.Warn("token refused", "event", "admin.token_refused", "reason", reason, "addr", source)
	return refuse("unauthorized", "the token is unknown or has run out")
}

// write answers a request whose sender is not known, or may not.
func (no *refusal) write(w http.ResponseWriter) {
	if no.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if no.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(no.wait/time.Second)+1))
	}
	writeProblem(w, no.ErrorModel)
}
