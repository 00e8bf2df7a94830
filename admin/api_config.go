package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/admin/site"
)

// The forms of a document.
const (
	typeJSON = "application/json"
	typeYAML = "application/yaml"
)

type revisionView struct {
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Author   string    `json:"author"`
	Comment  string    `json:"comment"`
}

type revisionPage struct {
	Link string `header:"Link"`
	Body struct {
		Revisions []revisionView `json:"revisions" nullable:"false"`
		Next      string         `json:"next,omitempty" doc:"Path of the next page; absent on the last one."`
	}
}

type document struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"The revision, for If-Match."`
	Vary        string `header:"Vary"`
	Body        []byte
}

func (s *Server) configOperations(api huma.API) {
	register(s, api, operation("list-revisions", http.MethodGet, "/v1/revisions", "config", "List revisions",
		"Changes of the configuration, newest first."), s.listRevisions)
	get := operation("get-config", http.MethodGet, "/v1/config", "config", "Get the network document",
		"The whole configuration, as YAML where Accept asks for application/yaml, else as JSON. No secret is in it.")
	get.Responses = map[string]*huma.Response{"200": {Description: "The document.", Content: map[string]*huma.MediaType{
		typeJSON: {Schema: &huma.Schema{Type: huma.TypeObject}},
		typeYAML: {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	register(s, api, get, s.getConfig)
	apply := operation("apply-config", http.MethodPost, applyPath, "config", "Apply a network document",
		"Makes the configuration what the document says, in one transaction: what is not in it is removed. Returns what changed.")
	apply.MaxBodyBytes = site.MaxSize + 1
	apply.SkipValidateBody = true // site.Parse does, and says where
	apply.Errors = []int{
		http.StatusUnauthorized, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
		http.StatusServiceUnavailable,
	}
	apply.RequestBody = &huma.RequestBody{Required: true, Description: "The document.", Content: map[string]*huma.MediaType{
		typeYAML: {Schema: &huma.Schema{Type: huma.TypeString}},
		typeJSON: {Schema: &huma.Schema{Type: huma.TypeObject}},
	}}
	register(s, api, apply, s.applyConfig)
}

func (s *Server) listRevisions(ctx context.Context, in *Paging) (*revisionPage, error) {
	var below int64
	if err := in.readCursor(&below); err != nil {
		return nil, err
	}
	list, err := s.store.Revisions(ctx, below, in.Limit+1)
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	out := &revisionPage{}
	out.Body.Revisions = []revisionView{}
	for _, r := range list[:min(len(list), in.Limit)] {
		out.Body.Revisions = append(out.Body.Revisions, revisionView{r.Number, r.At.UTC(), r.Author, r.Comment})
	}
	if len(list) > in.Limit {
		out.Body.Next = in.link("/v1/revisions", nil, list[in.Limit-1].Number)
		out.Link = linkHeader(out.Body.Next)
	}
	return out, nil
}

func (s *Server) getConfig(ctx context.Context, in *struct {
	Accept string `header:"Accept" maxLength:"512"`
},
) (*document, error) {
	c, err := s.network.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	text, err := site.Export(c)
	if err != nil {
		return nil, err
	}
	out := &document{ContentType: typeYAML, ETag: etag(c.Revision), Vary: "Accept", Body: text}
	if !prefersYAML(in.Accept) {
		if out.Body, err = site.ToJSON(text); err != nil {
			return nil, err
		}
		out.ContentType = typeJSON
	}
	return out, nil
}

// etag is the entity tag of a revision.
func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }
