package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// The description of the API is made from the code; the file is for those who
// read it or make a client, and a test compares.
//go:generate go test -run ^TestOpenAPIFile$ -count 1 . -update

// apiVersion is that of the contract, not of the program.
const apiVersion = "1"

// applyPath takes a document, which is larger than any other request.
const applyPath = "/v1/config/apply"

// jsonFormat writes JSON in which no text can be taken for HTML.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal:   func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
		Unmarshal: json.Unmarshal,
	}
}

// buildAPI registers all operations.
func (s *Server) buildAPI() error {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Rowlock", Version: apiVersion,
				Description: "Leases, subnets, frontends, names in DNS and the network configuration of a Rowlock database.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "A token of `rowlock token add` or POST /v1/tokens."},
					"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "A session of the console; for GET only."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
		Transformers: []huma.Transformer{completeProblem},
	}
	api := humago.New(s.mux, config)
	s.leaseOperations(api)
	s.subnetOperations(api)
	s.frontendOperations(api)
	s.configOperations(api)
	s.revisionOperations(api)
	s.nameOperations(api)
	s.tokenOperations(api)
	return s.describe(api)
}

// describe finishes the description and serves it.
func (s *Server) describe(api huma.API) (err error) {
	s.openapi = api.OpenAPI()
	model := s.openapi.Components.Schemas.Map()["ErrorModel"]
	for _, field := range []string{"type", "instance"} {
		model.Properties[field].Format = "uri-reference"
		model.Properties[field].Examples = nil
	}
	model.Properties["type"].Examples = []any{problemPath + "conflict"}
	model.Properties["type"].Default = nil
	if s.schema, err = json.MarshalIndent(s.openapi, "", "  "); err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	s.schema = append(s.schema, '\n')
	s.mux.HandleFunc("GET "+schemaPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.schema)
	})
	s.mux.HandleFunc("GET "+problemPath+"{name}", explainProblem)
	return nil
}

// register adds an operation. What its handler returns as an error is turned
// into a problem here, so that none tells how the program works inside.
func register[I, O any](s *Server, api huma.API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	op.Security = []map[string][]string{{"token": {}}}
	if op.Method == http.MethodGet {
		op.Security = append(op.Security, map[string][]string{"session": {}})
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxBody
	}
	op.BodyReadTimeout = readTime
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err == nil {
			return out, nil
		}
		p := problemOf(err)
		if p.Status == http.StatusServiceUnavailable && ctx.Err() == nil || p.Status == http.StatusInternalServerError {
			s.log.Warn("request could not be answered", "event", "admin.request_failed", "route", op.Method+" "+op.Path, "err", err)
		}
		if p.Status == http.StatusServiceUnavailable {
			return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
		}
		return nil, p
	})
}

// operation is what all descriptions have.
func operation(id, method, path, tag, summary, description string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description}
}
