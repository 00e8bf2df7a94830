package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// ChangeRequest are the parameters of what makes a new revision. It is exported as
// Paging is.
type ChangeRequest struct {
	DryRun  bool   `query:"dry_run" doc:"Only tell what would change."`
	Base    int64  `query:"base" minimum:"0" doc:"Apply only while this is the newest revision; 409 otherwise. 0: whatever it is."`
	Comment string `query:"comment" maxLength:"4000" doc:"Kept with the revision. At most 4000 bytes of UTF-8, no control characters but tabs and ends of lines."`
	IfMatch string `header:"If-Match" maxLength:"64" doc:"As base, by entity tag; 412 otherwise."`
}

type applyRequest struct {
	ChangeRequest
	RawBody []byte
}

type changeView struct {
	Kind   string `json:"kind" enum:"added,changed,removed"`
	Object string `json:"object"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Text   string `json:"text" doc:"The change on one line, as the command line prints it."`
	Effect string `json:"effect,omitempty" doc:"What the change means for leases that live now, a line for each range."`
}

type applyAnswer struct {
	ETag string `header:"ETag"`
	Body struct {
		Revision int64        `json:"revision" doc:"The newest one now."`
		Applied  bool         `json:"applied" doc:"False: nothing was to be changed, or it was a dry run."`
		Changes  []changeView `json:"changes" nullable:"false"`
		Notes    []string     `json:"notes,omitempty" doc:"What cannot be done: places of the document with a comment that is not kept or a selector that selects nothing, keys that keep their secret at a revert."`
	}
}

// check looks at the parameters before anything is done, and returns base.
func (in *ChangeRequest) check() (base int64, err error) {
	if err := sqlstore.CheckComment(in.Comment); err != nil {
		return 0, problem("invalid-request", "comment "+err.Error())
	}
	return in.base()
}

// applyConfig makes the configuration what a document says.
func (s *Server) applyConfig(ctx context.Context, in *applyRequest) (*applyAnswer, error) {
	base, err := in.check()
	if err != nil {
		return nil, err
	}
	done, err := s.oneDocument(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var notes []site.Note
	next, err := site.Parse("document", in.RawBody, site.Notes(&notes))
	if err != nil {
		return nil, documentProblem(err)
	}
	old, err := s.store.LoadConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	if base != anyRevision && base != old.Revision {
		return nil, in.outdated(old.Revision)
	}
	if err := sqlstore.KeepSecrets(old, next); err != nil {
		return nil, keyProblem(err)
	}
	out, err := s.change(ctx, in.ChangeRequest, old, next)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		out.Body.Notes = append(out.Body.Notes, n.String())
	}
	return out, nil
}

// oneDocument waits for its turn: a large document takes many times its size
// while it is read. The caller must call done.
func (s *Server) oneDocument(ctx context.Context) (done func(), err error) {
	select {
	case s.applying <- struct{}{}:
		return func() { <-s.applying }, nil
	case <-ctx.Done():
		return nil, problem("unavailable", "other documents are applied just now")
	}
}

// change compares next with old and applies it to that one only: what is answered
// is what was done.
func (s *Server) change(ctx context.Context, in ChangeRequest, old, next *sqlstore.Config) (*applyAnswer, error) {
	changes, err := sqlstore.Plan(ctx, s.store, old, next)
	if err != nil {
		return nil, err
	}
	out := &applyAnswer{}
	out.Body.Changes = viewChanges(changes)
	out.Body.Revision, out.ETag = old.Revision, etag(old.Revision)
	if in.DryRun || len(changes) == 0 {
		return out, nil
	}
	who := identity(ctx).Name
	revision, err := s.store.ApplyConfig(ctx, old.Revision, next, who, in.Comment)
	switch {
	case errors.Is(err, sqlstore.ErrHeld):
		return nil, problem("conflict", strings.TrimSuffix(err.Error(), ": "+sqlstore.ErrHeld.Error()))
	case errors.Is(err, sqlstore.ErrConflict):
		return nil, in.outdated(0)
	}
	if err != nil {
		return nil, fmt.Errorf("apply configuration: %w", err)
	}
	s.metrics.changed("config_applied")
	s.log.Info("configuration applied", "event", "admin.config_applied", "revision", revision, "changes", len(changes), "by", who)
	out.Body.Revision, out.ETag, out.Body.Applied = revision, etag(revision), true
	return out, nil
}

// keyProblem tells of a key without a secret that none is stored for, or
// another one.
func keyProblem(err error) error {
	for cause, name := range map[error]string{sqlstore.ErrNotFound: "invalid-document", sqlstore.ErrConflict: "conflict"} {
		if errors.Is(err, cause) {
			return problem(name, strings.TrimSuffix(err.Error(), ": "+cause.Error()))
		}
	}
	return err
}

// anyRevision is the base of a document that replaces whatever there is.
const anyRevision = -1

// base is the revision that the document was made for. That of a database
// without a configuration is 0, which only the entity tag can name.
func (in *ChangeRequest) base() (int64, error) {
	switch {
	case in.IfMatch != "" && in.IfMatch != "*":
	case in.Base == 0:
		return anyRevision, nil
	default:
		return in.Base, nil
	}
	text, err := strconv.Unquote(in.IfMatch)
	if err == nil {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			if in.Base != 0 && in.Base != n {
				return 0, problem("invalid-request", "base and If-Match name two revisions")
			}
			return n, nil
		}
	}
	return 0, problem("precondition-failed", "If-Match is no entity tag of a revision")
}

// outdated tells that the configuration is another one than the document was
// made for; newest is 0 where somebody changes it just now.
func (in *ChangeRequest) outdated(newest int64) error {
	detail := "the configuration was changed by somebody else meanwhile, or an id is taken"
	if newest > 0 {
		detail = fmt.Sprintf("the newest revision is %d", newest)
	}
	if in.IfMatch != "" {
		return problem("precondition-failed", detail)
	}
	return problem("conflict", detail)
}

// documentProblem lists what is wrong with a document, each with its place.
func documentProblem(err error) error {
	found := site.Problems(err)
	if len(found) == 0 {
		return problem("invalid-document", "the document cannot be read")
	}
	const most = 100
	p := problem("invalid-document", fmt.Sprintf("%d mistakes, nothing was changed", len(found)))
	switch {
	case len(found) == 1:
		p.Detail = "one mistake, nothing was changed"
	case len(found) > site.MaxProblems:
		p.Detail = fmt.Sprintf("more than %d mistakes, nothing was changed", site.MaxProblems)
	}
	for _, f := range found[:min(len(found), most)] {
		detail := &huma.ErrorDetail{Message: strings.TrimPrefix(f.Object+": "+f.Rule, ": "), Location: "document"}
		if f.Line > 0 {
			detail.Location = fmt.Sprintf("document:%d:%d", f.Line, f.Column)
		}
		if f.Value != "" {
			detail.Value = f.Value
		}
		p.Errors = append(p.Errors, detail)
	}
	return p
}

func viewChanges(changes []sqlstore.Change) []changeView {
	names := map[sqlstore.ChangeKind]string{sqlstore.Added: "added", sqlstore.Changed: "changed", sqlstore.Removed: "removed"}
	out := make([]changeView, 0, len(changes))
	for _, c := range changes {
		effects := make([]string, len(c.Effects))
		for i, e := range c.Effects {
			effects[i] = e.String()
		}
		out = append(out, changeView{names[c.Kind], c.Object, c.Old, c.New, c.String(), strings.Join(effects, "\n")})
	}
	return out
}

// prefersYAML tells whether Accept names YAML before JSON; weights are not
// looked at.
func prefersYAML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(kind) {
		case typeYAML, "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain":
			return true
		case typeJSON, "*/*", "application/*":
			return false
		}
	}
	return false
}
