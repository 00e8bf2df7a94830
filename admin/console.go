package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

// revisionPagePath is before the number of a revision that has a page.
const revisionPagePath = "/revisions/"

// console is the page for people. Its parts are renewed by htmx, the chart by
// the script of the page; without scripts it shows what was when it was loaded.
type console struct {
	s      *Server
	pages  *template.Template
	assets *assets
}

// part is a piece of the page that is renewed for itself.
type part struct {
	name string
	view func(context.Context) any
}

func newConsole(s *Server) (*console, error) {
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("load console: %w", err)
	}
	pages, err := template.New("").Funcs(template.FuncMap{"asset": files.url, "soft": soft}).ParseFS(webFiles, "web/pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("load console: %w", err)
	}
	c := &console{s: s, pages: pages, assets: files}
	s.mux.HandleFunc("GET "+assetPath+"{name}", files.serve)
	s.mux.HandleFunc("GET "+loginPath, func(w http.ResponseWriter, r *http.Request) { c.showLogin(w, http.StatusOK, "") })
	s.mux.HandleFunc("POST "+loginPath, c.login)
	s.mux.HandleFunc("POST "+logoutPath, c.logout)
	s.mux.HandleFunc("GET /{$}", c.page)
	s.mux.HandleFunc("GET "+revisionPagePath+"{revision}", c.revision)
	s.mux.HandleFunc("GET /console/rates", c.rates)
	for _, p := range c.parts() {
		s.mux.HandleFunc("GET /console/"+p.name, func(w http.ResponseWriter, r *http.Request) {
			c.render(w, http.StatusOK, p.name, p.view(r.Context()))
		})
	}
	return c, nil
}

func (c *console) parts() []part {
	s := c.s
	return []part{
		{"summary", func(ctx context.Context) any { return s.viewSummary(ctx) }},
		{"frontends", func(ctx context.Context) any { return s.viewFrontends(ctx) }},
		{"dns", func(ctx context.Context) any { return s.viewDNS(ctx) }},
		{"subnets", func(ctx context.Context) any { return s.viewSubnets(ctx) }},
		{"leases", func(ctx context.Context) any { return s.viewLeases(ctx) }},
		{"revisions", func(ctx context.Context) any { return s.viewRevisions(ctx) }},
	}
}

// page is the whole page, with everything in it.
func (c *console) page(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	c.s.rates.look()
	c.render(w, http.StatusOK, "console", struct {
		Who, Version                                        string
		Summary, Frontends, DNS, Subnets, Leases, Revisions any
	}{
		identity(ctx).Name, c.s.cfg.Version,
		c.s.viewSummary(ctx), c.s.viewFrontends(ctx), c.s.viewDNS(ctx), c.s.viewSubnets(ctx), c.s.viewLeases(ctx), c.s.viewRevisions(ctx),
	})
}

// render answers with a template, or not at all with half of one.
func (c *console) render(w http.ResponseWriter, status int, name string, view any) {
	var out bytes.Buffer
	if err := c.pages.ExecuteTemplate(&out, name, view); err != nil {
		c.s.log.Error("page could not be made", "event", "admin.page_failed", "name", name, "err", err)
		writeProblem(w, problem("internal", ""))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// rates is what the chart shows; whoever asks keeps the sampler awake.
func (c *console) rates(w http.ResponseWriter, _ *http.Request) {
	c.s.rates.look()
	body, err := json.Marshal(c.s.rates.chart())
	if err != nil {
		c.s.log.Error("page could not be made", "event", "admin.page_failed", "name", "rates", "err", err)
		writeProblem(w, problem("internal", ""))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// refuse sends somebody who is not logged in to the login; a part of the page
// cannot be one, so it tells the page to go there.
func (c *console) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	page := r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, revisionPagePath)
	switch {
	case no.Status == http.StatusUnauthorized && page:
		http.Redirect(w, r, loginPath, http.StatusSeeOther)
	case no.Status == http.StatusUnauthorized:
		w.Header().Set("HX-Redirect", loginPath)
		no.write(w)
	case page:
		c.showLogin(w, no.Status, no.Title)
	default:
		no.write(w)
	}
}
