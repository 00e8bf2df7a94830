package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

type zoneQueue struct {
	Zone      string  `json:"zone" doc:"Empty: names that are in no zone of ours."`
	Pending   int64   `json:"pending" doc:"Names that wait for their update."`
	Oldest    float64 `json:"oldest" doc:"Seconds that the longest waiting one has waited."`
	Conflicts int64   `json:"conflicts" doc:"Names that somebody else owns (RFC 4703)."`
	Failed    int64   `json:"failed" doc:"Names that the DNS server refuses for good."`
}

type queueAnswer struct {
	Body struct {
		Zones []zoneQueue `json:"zones" nullable:"false" doc:"Zones where something waits or is wrong."`
	}
}

type nameView struct {
	Name      string     `json:"name"`
	Zone      string     `json:"zone"`
	State     string     `json:"state" enum:"pending,published,conflict,failed,no zone"`
	Published []string   `json:"published" nullable:"false" doc:"Records that the DNS server has confirmed: TTL, type, data."`
	Attempted []string   `json:"attempted,omitempty" doc:"Records of an update whose outcome is not known."`
	Attempts  int        `json:"attempts"`
	LastError string     `json:"last_error,omitempty"`
	MarkedAt  time.Time  `json:"marked_at" doc:"Since when it waits."`
	DueAt     *time.Time `json:"due_at" doc:"When it is looked at next; null: nothing to do."`
}

type nameFilter struct {
	Paging
	Name  string `query:"name" maxLength:"255" doc:"Only this name."`
	Zone  string `query:"zone" maxLength:"255" doc:"Only names of this zone."`
	State string `query:"state" enum:"pending,published,conflict,failed,no zone" doc:"Only names in this state."`
}

type namePage struct {
	Link string `header:"Link"`
	Body struct {
		Names []nameView `json:"names" nullable:"false"`
		Next  string     `json:"next,omitempty" doc:"Path of the next page; absent on the last one."`
	}
}

func (s *Server) nameOperations(api huma.API) {
	register(s, api, operation("get-dns-queue", http.MethodGet, "/v1/dns/queue", "dns", "Get the DNS queue",
		"How many names wait, and are in trouble, by zone."), s.getQueue)
	register(s, api, operation("list-dns-names", http.MethodGet, "/v1/dns/names", "dns", "List names in DNS", "In order of name."), s.listNames)
	retry := operation("retry-dns-name", http.MethodPost, "/v1/dns/names/{name}/retry", "dns", "Retry a name",
		"Has the name looked at once more now, whatever its state.")
	retry.DefaultStatus = http.StatusAccepted
	register(s, api, retry, s.retryName)
}

func noNames() error { return problem("not-implemented", "this process keeps no names in DNS") }

func (s *Server) zoneQueues(ctx context.Context) ([]zoneQueue, error) {
	list, err := s.names.NameQueue(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]zoneQueue, 0, len(list))
	for _, z := range list {
		out = append(out, zoneQueue{z.Zone, z.Pending, seconds(z.Oldest), z.Conflicts, z.Failed})
	}
	return out, nil
}

func (s *Server) getQueue(ctx context.Context, _ *struct{}) (*queueAnswer, error) {
	if s.names == nil {
		return nil, noNames()
	}
	list, err := s.queue.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("count names: %w", err)
	}
	out := &queueAnswer{}
	out.Body.Zones = list
	return out, nil
}

// nameStates are the states of names by their text.
var nameStates = []sqlstore.NameState{sqlstore.NamePending, sqlstore.NamePublished, sqlstore.NameConflict, sqlstore.NameFailed, sqlstore.NameNoZone}

func (s *Server) listNames(ctx context.Context, in *nameFilter) (*namePage, error) {
	if s.names == nil {
		return nil, noNames()
	}
	f := sqlstore.NameFilter{Name: canonical(in.Name), Zone: canonical(in.Zone), Limit: in.Limit + 1}
	if err := in.readCursor(&f.After); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(nameStates, func(n sqlstore.NameState) bool { return n.String() == in.State }); i >= 0 {
		f.State = nameStates[i]
	}
	list, err := s.names.DNSNames(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list names: %w", err)
	}
	out := &namePage{}
	out.Body.Names = []nameView{}
	for i := range list[:min(len(list), in.Limit)] {
		out.Body.Names = append(out.Body.Names, viewName(&list[i]))
	}
	if len(list) > in.Limit {
		filters := url.Values{"name": {in.Name}, "zone": {in.Zone}, "state": {in.State}}
		out.Body.Next = in.link("/v1/dns/names", filters, list[in.Limit-1].Name)
		out.Link = linkHeader(out.Body.Next)
	}
	return out, nil
}

func (s *Server) retryName(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"255"`
},
) (*struct{ Body nameView }, error) {
	if s.names == nil {
		return nil, noNames()
	}
	name := canonical(in.Name)
	err := s.names.RetryName(ctx, name)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, problem("not-found", "no such name is kept")
	}
	if err != nil {
		return nil, fmt.Errorf("mark name: %w", err)
	}
	s.metrics.changed("name_retried")
	s.log.Info("name will be looked at again", "event", "admin.name_retried", "name", name, "by", identity(ctx).Name)
	list, err := s.names.DNSNames(ctx, sqlstore.NameFilter{Name: name, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("find name: %w", err)
	}
	if len(list) == 0 { // nothing was wanted of it any more
		return nil, problem("not-found", "the name is gone")
	}
	return &struct{ Body nameView }{viewName(&list[0])}, nil
}

// canonical is a name as it is stored.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func viewName(n *sqlstore.DNSName) nameView {
	lines := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	}
	v := nameView{
		Name: n.Name, Zone: n.Zone, State: n.State.String(), Published: append([]string{}, lines(n.Published)...), Attempted: lines(n.Attempted),
		Attempts: n.Attempts, LastError: n.LastError, MarkedAt: n.MarkedAt.UTC(),
	}
	v.DueAt = utc(n.DueAt)
	return v
}
