package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

const revisionsPath = "/v1/revisions"

// RevisionView is a revision for people and tools: of the API and of the command
// line alike.
type RevisionView struct {
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Author   string    `json:"author" doc:"Who applied it: a token's name or a user of the command line; users of the database where rows were changed by hand."`
	Comment  string    `json:"comment"`
}

// NewRevisionView makes the view of a revision.
func NewRevisionView(r sqlstore.Revision) RevisionView {
	return RevisionView{r.Number, r.At.UTC(), r.Author, r.Comment}
}

type revisionPage struct {
	Link string `header:"Link"`
	Body struct {
		Revisions []RevisionView `json:"revisions" nullable:"false"`
		Next      string         `json:"next,omitempty" doc:"Path of the next page; absent on the last one."`
	}
}

// RevisionNumber is the parameter of a path. It is exported as Paging is.
type RevisionNumber struct {
	Revision int64 `path:"revision" minimum:"1"`
}

type oneRevision struct {
	Body struct {
		RevisionView
		Diff []string `json:"diff" nullable:"false" doc:"What changed, a line for each change; none where that is not known any more."`
	}
}

func (s *Server) revisionOperations(api huma.API) {
	register(s, api, operation("list-revisions", http.MethodGet, revisionsPath, "config", "List revisions",
		"Changes of the configuration, newest first; those that were made to rows by hand as well."), s.listRevisions)
	register(s, api, operation("get-revision", http.MethodGet, revisionsPath+"/{revision}", "config", "Get a revision",
		"Who changed what."), s.getRevision)
	get := operation("get-revision-config", http.MethodGet, revisionsPath+"/{revision}/config", "config", "Get the network document of a revision",
		"The configuration as it was, in the forms of get-config.")
	get.Responses = documentResponses()
	register(s, api, get, s.getRevisionConfig)
	register(s, api, operation("revert-config", http.MethodPost, revisionsPath+"/{revision}/revert", "config", "Go back to a revision",
		"Makes the configuration what it was, in one transaction, as a new revision. Keys keep the secrets that they have now. Returns what changed."), s.revertConfig)
}

// gather describes what was changed by hand, so that it is among the revisions.
func (s *Server) gather(ctx context.Context) error {
	if _, err := s.store.GatherConfig(ctx, nil); err != nil {
		return fmt.Errorf("describe changes by hand: %w", err)
	}
	return nil
}

func (s *Server) listRevisions(ctx context.Context, in *Paging) (*revisionPage, error) {
	var below int64
	if err := in.readCursor(&below); err != nil {
		return nil, err
	}
	if err := s.gather(ctx); err != nil {
		return nil, err
	}
	list, err := s.store.Revisions(ctx, below, in.Limit+1)
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	out := &revisionPage{}
	out.Body.Revisions = []RevisionView{}
	for _, r := range list[:min(len(list), in.Limit)] {
		out.Body.Revisions = append(out.Body.Revisions, NewRevisionView(r))
	}
	if len(list) > in.Limit {
		out.Body.Next = in.link(revisionsPath, nil, list[in.Limit-1].Number)
		out.Link = linkHeader(out.Body.Next)
	}
	return out, nil
}

func (s *Server) getRevision(ctx context.Context, in *RevisionNumber) (*oneRevision, error) {
	r, err := s.getRevisionRow(ctx, in.Revision)
	if err != nil {
		return nil, err
	}
	out := &oneRevision{}
	out.Body.RevisionView, out.Body.Diff = NewRevisionView(*r), diffLines(r.Diff)
	return out, nil
}

func (s *Server) getRevisionRow(ctx context.Context, number int64) (*sqlstore.Revision, error) {
	if err := s.gather(ctx); err != nil {
		return nil, err
	}
	list, err := s.store.Revisions(ctx, number+1, 1)
	if err != nil {
		return nil, fmt.Errorf("get revision: %w", err)
	}
	if len(list) == 0 || list[0].Number != number {
		return nil, problem("not-found", fmt.Sprintf("there is no revision %d", number))
	}
	return &list[0], nil
}

// diffLines are the lines of a diff.
func diffLines(diff string) []string {
	if diff == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(diff, "\n"), "\n")
}

func (s *Server) getRevisionConfig(ctx context.Context, in *struct {
	RevisionNumber
	Accepted
},
) (*document, error) {
	c, err := s.configAt(ctx, in.Revision)
	if err != nil {
		return nil, err
	}
	return in.document(c)
}

// configAt returns the configuration as it was; the caller may change it.
func (s *Server) configAt(ctx context.Context, revision int64) (*sqlstore.Config, error) {
	if err := s.gather(ctx); err != nil {
		return nil, err
	}
	c, err := s.store.ConfigAt(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("load revision: %w", err)
	}
	return c, nil
}

func (s *Server) revertConfig(ctx context.Context, in *struct {
	RevisionNumber
	ChangeRequest
},
) (*applyAnswer, error) {
	base, err := in.check()
	if err != nil {
		return nil, err
	}
	done, err := s.oneDocument(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	then, err := s.configAt(ctx, in.Revision)
	if err != nil {
		return nil, err
	}
	now, err := s.store.LoadConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	if base != anyRevision && base != now.Revision {
		return nil, in.outdated(now.Revision)
	}
	rotated, err := sqlstore.PrepareRevert(now, then)
	if err != nil {
		return nil, keyProblem(err)
	}
	if err := site.Valid(fmt.Sprintf("revision %d", in.Revision), then); err != nil {
		return nil, documentProblem(err)
	}
	if in.Comment == "" {
		in.Comment = fmt.Sprintf("revert to %d", in.Revision)
	}
	out, err := s.change(ctx, in.ChangeRequest, now, then)
	if err != nil {
		return nil, err
	}
	for _, name := range rotated {
		out.Body.Notes = append(out.Body.Notes, fmt.Sprintf("tsig_key %s keeps the secret and algorithm that it has now", name))
	}
	return out, nil
}
