package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

// aliveAge is the age of a heartbeat from which on a frontend is taken for
// dead, as everywhere else.
const aliveAge = 5 * time.Second

// member is a frontend as it is shown.
type member struct {
	ID           string   `json:"id"`
	Host         string   `json:"host"`
	Version      string   `json:"version"`
	Roles        []string `json:"roles" nullable:"false"`
	Addrs        []string `json:"addrs" nullable:"false" doc:"Its DHCPv4 server identifiers."`
	Health       string   `json:"health" enum:"alive,draining,dead" doc:"Dead: no heartbeat for 5 seconds; others have taken over."`
	HeartbeatAge float64  `json:"heartbeat_age" doc:"Seconds since the last heartbeat, by the clock of the database."`
	Revision     int64    `json:"revision" doc:"Revision of the configuration in use; 0: none yet."`
	Behind       int64    `json:"behind" doc:"How many revisions that is behind the newest."`
	Exchanges    int64    `json:"exchanges" doc:"Leases acknowledged since the process began."`

	seen        time.Time // when the heartbeat was, by our clock
	incarnation int64
}

type memberList struct {
	Body struct {
		Revision  int64    `json:"revision" doc:"The newest one."`
		Frontends []member `json:"frontends" nullable:"false"`
	}
}

func (s *Server) frontendOperations(api huma.API) {
	register(s, api, operation("list-frontends", http.MethodGet, "/v1/frontends", "frontends", "List frontends",
		"Every process that serves DHCP and was seen within the last day, and whether it is alive."), s.listFrontends)
}

func (s *Server) listFrontends(ctx context.Context, _ *struct{}) (*memberList, error) {
	list, err := s.members.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("list frontends: %w", err)
	}
	revision, err := s.store.Revision(ctx)
	if err != nil {
		return nil, fmt.Errorf("read revision: %w", err)
	}
	out := &memberList{}
	out.Body.Revision, out.Body.Frontends = revision, list
	return out, nil
}

// readMembers reads the membership table.
func (s *Server) readMembers(ctx context.Context) ([]member, error) {
	list, err := s.store.Frontends(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	newest, err := s.store.Revision(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]member, 0, len(list))
	for i := range list {
		out = append(out, viewMember(&list[i], newest, now))
	}
	return out, nil
}

func viewMember(f *sqlstore.FrontendInfo, newest int64, now time.Time) member {
	m := member{
		ID: f.ID, Host: f.Host, Version: f.Version, Roles: append([]string{}, f.Roles...), Addrs: []string{}, Health: "alive",
		HeartbeatAge: seconds(f.Age), Revision: f.Revision, Behind: max(0, newest-f.Revision), Exchanges: f.Exchanges,
		seen: now.Add(-f.Age), incarnation: f.Incarnation,
	}
	for _, a := range f.Addrs {
		m.Addrs = append(m.Addrs, a.String())
	}
	switch {
	case f.Age > aliveAge:
		m.Health = "dead"
	case f.Draining:
		m.Health = "draining"
	}
	return m
}
