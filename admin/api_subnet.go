package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

type subnetView struct {
	ID            uint32            `json:"id"`
	Subnet        string            `json:"subnet" doc:"Its prefix."`
	Family        string            `json:"family" enum:"v4,v6"`
	VRF           uint32            `json:"vrf"`
	LinkID        uint32            `json:"link_id"`
	SharedNetwork string            `json:"shared_network,omitempty" doc:"Name of the shared network it is in."`
	Relay         []string          `json:"relay,omitempty"`
	Interface     string            `json:"interface,omitempty"`
	Closing       bool              `json:"closing,omitempty" doc:"Removed from the configuration, while leases of it run out."`
	Parameters    map[string]string `json:"parameters,omitempty" doc:"Those set at the subnet itself."`
	Pools         []poolView        `json:"pools" nullable:"false"`
	Usage         usageView         `json:"usage" doc:"At most 15 seconds old."`
}

type poolView struct {
	ID           uint32 `json:"id"`
	Kind         string `json:"kind" doc:"Addresses or delegated prefixes."`
	First        string `json:"first"`
	Last         string `json:"last"`
	DelegatedLen uint8  `json:"delegated_len,omitempty"`
	Size         uint64 `json:"size"`
	Closing      bool   `json:"closing,omitempty"`
}

type subnetPage struct {
	Link string `header:"Link"`
	Body struct {
		Subnets []subnetView `json:"subnets" nullable:"false"`
		Next    string       `json:"next,omitempty" doc:"Path of the next page; absent on the last one."`
	}
}

type subnetAnswer struct {
	Body subnetView
}

func (s *Server) subnetOperations(api huma.API) {
	register(s, api, operation("list-subnets", http.MethodGet, "/v1/subnets", "subnets", "List subnets",
		"In order of id, with how full they are."), s.listSubnets)
	register(s, api, operation("get-subnet", http.MethodGet, "/v1/subnets/{id}", "subnets", "Get a subnet", "One subnet, with how full it is."), s.getSubnet)
}

// usageNow returns the configuration and what its subnets hold.
func (s *Server) usageNow(ctx context.Context) (*sqlstore.Config, usageCounts, error) {
	c, err := s.network.get(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("load configuration: %w", err)
	}
	counts, err := s.usage.get(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("count leases: %w", err)
	}
	return c, counts, nil
}

func (s *Server) listSubnets(ctx context.Context, in *Paging) (*subnetPage, error) {
	var after uint32
	if err := in.readCursor(&after); err != nil {
		return nil, err
	}
	c, counts, err := s.usageNow(ctx)
	if err != nil {
		return nil, err
	}
	out := &subnetPage{}
	out.Body.Subnets = []subnetView{}
	for _, n := range subnetsByID(c) {
		if n.ID <= after {
			continue
		}
		if have := out.Body.Subnets; len(have) == in.Limit {
			out.Body.Next = in.link("/v1/subnets", nil, have[len(have)-1].ID)
			out.Link = linkHeader(out.Body.Next)
			break
		}
		out.Body.Subnets = append(out.Body.Subnets, viewSubnet(n, counts[n.ID]))
	}
	return out, nil
}

func (s *Server) getSubnet(ctx context.Context, in *struct {
	ID uint32 `path:"id" minimum:"1" maximum:"2147483647"`
},
) (*subnetAnswer, error) {
	c, counts, err := s.usageNow(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range subnetsByID(c) {
		if n.ID == in.ID {
			return &subnetAnswer{Body: viewSubnet(n, counts[n.ID])}, nil
		}
	}
	return nil, problem("not-found", fmt.Sprintf("no subnet %d", in.ID))
}

func viewSubnet(n placedSubnet, states map[sqlstore.State]int64) subnetView {
	v := subnetView{
		ID: n.ID, Subnet: n.Prefix.String(), Family: n.Family().String(), VRF: n.link.VRF, LinkID: n.link.ID, SharedNetwork: n.link.Name,
		Interface: n.Interface, Closing: n.Closing, Parameters: n.Parameters, Pools: make([]poolView, 0, len(n.Pools)), Usage: usageOf(n.Subnet, states),
	}
	for _, a := range n.Relays {
		v.Relay = append(v.Relay, a.String())
	}
	for _, p := range n.Pools {
		pool := poolView{ID: p.ID, Kind: p.Kind.String(), First: p.First.String(), Last: p.Last.String(), Size: p.Size(), Closing: p.Closing}
		if p.Kind == sqlstore.PD {
			pool.DelegatedLen = p.DelegatedLen
		}
		v.Pools = append(v.Pools, pool)
	}
	return v
}
