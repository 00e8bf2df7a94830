package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
)

// Paging are the parameters of a listing. It is exported because only then the
// framework sees it in others.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many."`
	Cursor string `query:"cursor" maxLength:"512" doc:"Where to go on: from next of the page before; it says nothing else."`
}

// cursorText packs a position so that nobody builds on its parts.
func cursorText(position any) string {
	text, err := json.Marshal(position)
	if err != nil {
		panic("admin: " + err.Error()) // positions are texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// readCursor unpacks a position; without a cursor it stays as it is.
func (p Paging) readCursor(position any) error {
	if p.Cursor == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err == nil {
		err = json.Unmarshal(text, position)
	}
	if err != nil {
		return badCursor()
	}
	return nil
}

func badCursor() error {
	return problem("invalid-request", "the cursor is none that this API gave out")
}

// link is the path of the next page, with the same filters.
func (p Paging) link(path string, filters url.Values, position any) string {
	q := url.Values{}
	for name, values := range filters {
		if len(values) > 0 && values[0] != "" && values[0] != "0" {
			q[name] = values
		}
	}
	q.Set("limit", strconv.Itoa(p.Limit))
	q.Set("cursor", cursorText(position))
	return path + "?" + q.Encode()
}

// linkHeader is the link of RFC 8288 to a path.
func linkHeader(path string) string {
	if path == "" {
		return ""
	}
	return "<" + path + `>; rel="next"`
}
