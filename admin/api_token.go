package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

type tokenView struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind" enum:"token,session"`
	Name    string     `json:"name" doc:"Who has it."`
	Created *time.Time `json:"created,omitempty"`
	Expires *time.Time `json:"expires" doc:"Null: never."`
}

type tokenList struct {
	Body struct {
		Tokens []tokenView `json:"tokens" nullable:"false"`
	}
}

type newTokenRequest struct {
	Body struct {
		Name      string `json:"name" minLength:"1" maxLength:"255" doc:"Who will have it."`
		ExpiresIn int64  `json:"expires_in,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds from now; 0: never."`
	}
}

type newTokenAnswer struct {
	Body struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Token string `json:"token" doc:"Shown this once: only its hash is stored."`
	}
}

func (s *Server) tokenOperations(api huma.API) {
	register(s, api, operation("list-tokens", http.MethodGet, "/v1/tokens", "tokens", "List tokens",
		"Tokens and sessions of the console that have not run out, in order of creation. The tokens themselves are stored nowhere."), s.listTokens)
	add := operation("add-token", http.MethodPost, "/v1/tokens", "tokens", "Make a token", "Makes a token that may do everything.")
	add.DefaultStatus = http.StatusCreated
	register(s, api, add, s.addToken)
	remove := operation("remove-token", http.MethodDelete, "/v1/tokens/{id}", "tokens", "Remove a token",
		"At once, together with the sessions that were begun with it.")
	remove.DefaultStatus = http.StatusNoContent
	register(s, api, remove, s.removeToken)
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*tokenList, error) {
	list, err := s.store.Tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	out := &tokenList{}
	out.Body.Tokens = make([]tokenView, 0, len(list))
	for i := range list {
		t := &list[i]
		v := tokenView{ID: t.ID, Kind: "token", Name: t.Name, Created: utc(t.Created), Expires: utc(t.Expires)}
		if t.Kind == sqlstore.SessionToken {
			v.Kind = "session"
		}
		out.Body.Tokens = append(out.Body.Tokens, v)
	}
	return out, nil
}

func (s *Server) addToken(ctx context.Context, in *newTokenRequest) (*newTokenAnswer, error) {
	if err := checkTokenName(in.Body.Name); err != nil {
		return nil, problem("invalid-request", err.Error())
	}
	text, row, err := AddToken(ctx, s.store, in.Body.Name, time.Duration(in.Body.ExpiresIn)*time.Second)
	if err != nil {
		return nil, err
	}
	s.metrics.changed("token_added")
	s.log.Info("token added", "event", "admin.token_added", "id", row.ID, "name", row.Name, "by", identity(ctx).Name)
	out := &newTokenAnswer{}
	out.Body.ID, out.Body.Name, out.Body.Token = row.ID, row.Name, text
	return out, nil
}

func (s *Server) removeToken(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
},
) (*struct{}, error) {
	err := RemoveToken(ctx, s.store, in.ID)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, problem("not-found", "no token "+strings.ToValidUTF8(in.ID, "?"))
	}
	if err != nil {
		return nil, err
	}
	s.metrics.changed("token_removed")
	s.log.Info("token removed", "event", "admin.token_removed", "id", in.ID, "by", identity(ctx).Name)
	return nil, nil
}
