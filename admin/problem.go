package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

// problemPath is below which each type of problem is explained.
const problemPath = "/problems/"

// kind is a type of problem (RFC 9457 section 3.1.1). Its name is part of the
// API and stays.
type kind struct {
	name, title string
	status      int
	about       string
}

// kinds are all problems that the API answers with; the first one of a status
// is that of answers that come from the framework.
var kinds = []kind{
	{"invalid-request", "Invalid request", http.StatusUnprocessableEntity, "A parameter or the body is not as the API description has it; errors says which."},
	{"invalid-document", "Invalid network document", http.StatusUnprocessableEntity, "The document breaks rules; errors has each with its line and column. Nothing was changed."},
	{"refused-data", "Refused by the database", http.StatusUnprocessableEntity, "The database does not take a value. Nothing was changed."},
	{"bad-request", "Bad request", http.StatusBadRequest, "The request cannot be read."},
	{"unauthorized", "Not logged in", http.StatusUnauthorized, "The request has no token, or one that is unknown or has run out: Authorization: Bearer TOKEN."},
	{"forbidden", "Not allowed", http.StatusForbidden, "A session of the console may only look; changes need a token."},
	{"not-found", "Not found", http.StatusNotFound, "There is nothing of that name."},
	{"method-not-allowed", "Method not allowed", http.StatusMethodNotAllowed, "The resource has no such method; the header Allow says which it has."},
	{"not-acceptable", "Not acceptable", http.StatusNotAcceptable, "The resource has no such form."},
	{"timeout", "Request too slow", http.StatusRequestTimeout, "The body did not arrive in time."},
	{"conflict", "Conflict", http.StatusConflict, "The request does not fit what is there now, or somebody else was faster. Nothing was changed."},
	{"precondition-failed", "Precondition failed", http.StatusPreconditionFailed, "The configuration has another revision than If-Match says. Nothing was changed."},
	{"too-large", "Request too large", http.StatusRequestEntityTooLarge, "The body is larger than the resource takes."},
	{"unsupported-media-type", "Unsupported media type", http.StatusUnsupportedMediaType, "The body is not of a kind that the resource takes."},
	{"too-many-failures", "Too many failed logins", http.StatusTooManyRequests, "The address has shown too many wrong tokens; Retry-After says how long to wait."},
	{"internal", "Internal error", http.StatusInternalServerError, "A fault of the program; its log has more."},
	{"not-implemented", "Not there", http.StatusNotImplemented, "This process cannot do it."},
	{"unavailable", "Unavailable", http.StatusServiceUnavailable, "The database cannot be reached, is too slow, or refuses; or too many requests are under way. Try again."},
}

// kindOf returns the type with a name, or the first one of a status.
func kindOf(name string, status int) kind {
	for _, k := range kinds {
		if k.name == name || name == "" && k.status == status {
			return k
		}
	}
	return kind{"error", http.StatusText(status), status, ""}
}

// problem makes an error that is answered as a problem of that type.
func problem(name, detail string, errs ...*huma.ErrorDetail) *huma.ErrorModel {
	k := kindOf(name, 0)
	return &huma.ErrorModel{Type: problemPath + k.name, Title: k.title, Status: k.status, Detail: detail, Errors: errs}
}

// completeProblem gives type and title to the problems of the framework, and
// takes out what they repeat of a body: there may be a secret in it.
func completeProblem(_ huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*huma.ErrorModel); ok && p.Type == "" {
		k := kindOf("", p.Status)
		p.Type, p.Title = problemPath+k.name, k.title
		for _, e := range p.Errors {
			if strings.HasPrefix(e.Location, "body") {
				e.Value = nil
			}
		}
	}
	return v, nil
}

// problemOf turns an error of the store into one that may be answered: it says
// what happened and nothing of how. Whatever it does not know is internal.
func problemOf(err error) *huma.ErrorModel {
	if p := (*huma.ErrorModel)(nil); errors.As(err, &p) {
		return p
	}
	switch {
	case errors.Is(err, sqlstore.ErrNotFound):
		return problem("not-found", "")
	case errors.Is(err, sqlstore.ErrDenied):
		return problem("unavailable", "the database user of this process lacks a privilege (see `rowlock migrate grants --role admin`)")
	case errors.Is(err, sqlstore.ErrSchema):
		return problem("unavailable", "the schema of the database is not the one this program works with (see `rowlock migrate`)")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem("unavailable", "the database did not answer in time")
	case errors.Is(err, sqlstore.ErrUnavailable), errors.Is(err, sqlstore.ErrRetry), errors.Is(err, sqlstore.ErrBusy):
		return problem("unavailable", "the database cannot be reached, or is busy")
	case errors.Is(err, sqlstore.ErrConflict):
		return problem("conflict", "somebody else changed it meanwhile")
	case errors.Is(err, sqlstore.ErrData):
		return problem("refused-data", "the database does not take a value")
	}
	return problem("internal", "")
}

// writeProblem answers with a problem, outside of the framework.
func writeProblem(w http.ResponseWriter, p *huma.ErrorModel) {
	body, err := json.Marshal(p)
	if err != nil { // it has texts and numbers only
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// explainProblem tells what a type of problem means.
func explainProblem(w http.ResponseWriter, r *http.Request) {
	k := kindOf(r.PathValue("name"), 0)
	if k.about == "" {
		writeProblem(w, problem("not-found", ""))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strconv.Itoa(k.status) + " " + k.title + "\n\n" + k.about + "\n"))
}
