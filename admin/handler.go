package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Bounds of a request.
const (
	maxRequests = 64 // under way at once
	requestTime = 15 * time.Second
	applyTime   = time.Minute
	maxBody     = 64 << 10 // where a document is not what is sent
)

// Whoever asks must be known for all but these.
const (
	apiPath    = "/v1/"
	schemaPath = "/openapi.json"
	// documentSchemaPath has the JSON Schema of documents, for editors.
	documentSchemaPath = "/schema.json"
	assetPath          = "/assets/"
	loginPath          = "/login"
	logoutPath         = "/logout"
)

// ServeHTTP is the way of every request: headers that hold for all answers, a
// bound, a route, the sender, the work. A fault of the work is answered, logged
// and counted, and the next request is served.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	began := time.Now()
	handler, pattern := s.mux.Handler(r)
	defer func() {
		if fault := recover(); fault != nil {
			s.metrics.panics.Inc()
			s.log.Error("request failed", "event", "admin.panic", "route", pattern, "reason", fault, "stack", string(debug.Stack()))
			if rec.status == 0 {
				writeProblem(rec, problem("internal", ""))
			}
		}
		s.metrics.served(pattern, cmp.Or(rec.status, http.StatusOK), time.Since(began))
	}()
	setHeaders(w.Header(), r.URL.Path)
	if !isPublic(r.URL.Path) {
		if !s.enter() {
			writeBusy(rec)
			return
		}
		defer s.leave()
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeFor(r))
	defer cancel()
	s.route(rec, r.WithContext(ctx), handler, pattern)
}

// enter takes one of the slots of those who ask the database; leave gives it
// back. What anybody may send, who may be slow about it, is read before.
func (s *Server) enter() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *Server) leave() { <-s.slots }

func writeBusy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	writeProblem(w, problem("unavailable", "too many requests are under way"))
}

// timeFor is how long a request may take.
func timeFor(r *http.Request) time.Duration {
	if r.URL.Path == applyPath || strings.HasPrefix(r.URL.Path, revisionsPath+"/") {
		return applyTime
	}
	return requestTime
}

// route lets those in who are known, and serves.
func (s *Server) route(w *recorder, r *http.Request, handler http.Handler, pattern string) {
	api := strings.HasPrefix(r.URL.Path, apiPath) || r.URL.Path == strings.TrimSuffix(apiPath, "/")
	switch {
	case api:
		who, no := s.authenticate(r)
		if no != nil {
			no.write(w)
			return
		}
		if wrong := checkQuery(r.URL.RawQuery); wrong != nil {
			writeProblem(w, wrong)
			return
		}
		r = withIdentity(r, who)
	case isPublic(r.URL.Path):
	default:
		who, no := s.session(r)
		if no != nil {
			s.console.refuse(w, r, no)
			return
		}
		r = withIdentity(r, who)
	}
	if pattern == "" {
		s.noRoute(w, r, handler)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// checkQuery refuses what the framework takes for a parameter that is not
// there, or for its first value: who says dry_run in any way does not want to
// apply.
func checkQuery(query string) *huma.ErrorModel {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, given := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			_, err = url.QueryUnescape(value)
		}
		switch {
		case err != nil:
			return problem("bad-request", "the query cannot be read: % stands before two hex digits")
		case given && value == "":
			return problem("invalid-request", "a parameter has no value", &huma.ErrorDetail{Message: "expected a value", Location: "query." + name})
		case seen[name]:
			return problem("invalid-request", "a parameter is there twice", &huma.ErrorDetail{Message: "expected once", Location: "query." + name})
		}
		seen[name] = name != ""
	}
	return nil
}

func isPublic(path string) bool {
	return path == loginPath || path == logoutPath || path == schemaPath || path == documentSchemaPath || strings.HasPrefix(path, assetPath) || strings.HasPrefix(path, problemPath)
}

// noRoute makes a problem of what the mux says when it has no pattern.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	answer := &discard{header: http.Header{}}
	handler.ServeHTTP(answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = answer.header["Allow"]
		writeProblem(w, problem("method-not-allowed", ""))
		return
	}
	writeProblem(w, problem("not-found", ""))
}

// setHeaders are those of every answer. Nothing but our own files is loaded or
// run, nobody frames the page, and only files with a hash in their name are
// kept.
func setHeaders(h http.Header, path string) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !strings.HasPrefix(path, assetPath) {
		h.Set("Cache-Control", "no-store")
	}
}

// failed logs an error that the answer says little of. That somebody went away
// is none.
func (s *Server) failed(r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	s.log.Warn("request could not be answered", "event", "admin.request_failed", "route", r.Pattern, "err", err)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader sends the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// discard takes an answer that is not sent.
type discard struct {
	header http.Header
	status int
}

// Header returns the headers.
func (d *discard) Header() http.Header { return d.header }

// Write takes the body.
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader takes the status.
func (d *discard) WriteHeader(status int) { d.status = status }
