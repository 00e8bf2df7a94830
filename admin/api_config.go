package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// The forms of a document.
const (
	typeJSON = "application/json"
	typeYAML = "application/yaml"
)

type document struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"The revision, for If-Match."`
	Vary        string `header:"Vary"`
	Body        []byte
}

func (s *Server) configOperations(api huma.API) {
	get := operation("get-config", http.MethodGet, "/v1/config", "config", "Get the network document",
		"The whole configuration, as YAML where Accept asks for application/yaml, else as JSON. No secret is in it.")
	get.Responses = documentResponses()
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
	s.mux.HandleFunc("GET "+documentSchemaPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/schema+json")
		_, _ = w.Write(site.Schema())
	})
}

// documentResponses describes an answer that is a document.
func documentResponses() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The document.", Content: map[string]*huma.MediaType{
		typeJSON: {Schema: &huma.Schema{Type: huma.TypeObject}},
		typeYAML: {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
}

// Accepted is the form of a document that is asked for. It is exported as Paging
// is.
type Accepted struct {
	Accept string `header:"Accept" maxLength:"512"`
}

func (s *Server) getConfig(ctx context.Context, in *Accepted) (*document, error) {
	c, err := s.network.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	return in.document(c)
}

// document writes a configuration in that form.
func (in *Accepted) document(c *sqlstore.Config) (*document, error) {
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
