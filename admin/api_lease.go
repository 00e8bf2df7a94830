package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"rowlock/sqlstore"
)

type leaseFilter struct {
	Paging
	Family   string `query:"family" enum:"v4,v6" doc:"Only this family."`
	SubnetID uint32 `query:"subnet_id" maximum:"2147483647" doc:"Only leases of this subnet."`
	State    string `query:"state" enum:"offered,active,expired,released,declined,parked,reserved" doc:"Only leases in this state; an active one that has run out counts as expired."`
	Addr     string `query:"addr" maxLength:"64" doc:"Only this address, or the delegated prefix that begins with it."`
	HWAddr   string `query:"hwaddr" maxLength:"128" doc:"Only clients with this hardware address."`
}

type leasePage struct {
	Link string `header:"Link"`
	Body struct {
		Leases []LeaseView `json:"leases" nullable:"false"`
		Next   string      `json:"next,omitempty" doc:"Path of the next page; absent on the last one."`
	}
}

type oneLease struct {
	Addr string `path:"addr" maxLength:"64" doc:"Address, or the first of a delegated prefix."`
	VRF  int64  `query:"vrf" minimum:"-1" maximum:"2147483647" default:"-1" doc:"Number of the address plan; needed where several have the address."`
}

type leaseAnswer struct {
	Body LeaseView
}

func (s *Server) leaseOperations(api huma.API) {
	register(s, api, operation("list-leases", http.MethodGet, "/v1/leases", "leases", "List leases",
		"In order of vrf and address, IPv4 before IPv6."), s.listLeases)
	register(s, api, operation("get-lease", http.MethodGet, "/v1/leases/{addr}", "leases", "Get a lease",
		"Everything that is known of one address."), s.getLease)
	register(s, api, operation("release-lease", http.MethodDelete, "/v1/leases/{addr}", "leases", "Release a lease",
		"Ends an active lease as if its client had released it. The client is not told: it goes on using the address until it renews."), s.releaseLease)
}

// leaseCursor is the last lease of a page.
type leaseCursor struct {
	Family sqlstore.Family `json:"f"`
	VRF    uint32          `json:"v"`
	Addr   netip.Addr      `json:"a"`
}

// filters makes one filter for each family that is asked for, from where the
// cursor is.
func (f *leaseFilter) filters() ([]sqlstore.LeaseFilter, error) {
	base := sqlstore.LeaseFilter{SubnetID: f.SubnetID, Limit: f.Limit + 1}
	families := []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6}
	var err error
	if f.State != "" {
		if base.State, err = sqlstore.ParseState(f.State); err != nil {
			return nil, problem("invalid-request", "state: "+err.Error())
		}
	}
	if f.Addr != "" {
		if base.Addr, err = parseAddr(f.Addr); err != nil {
			return nil, problem("invalid-request", "addr is no address")
		}
		families = []sqlstore.Family{familyOf(base.Addr)}
	}
	if f.HWAddr != "" {
		hw, err := net.ParseMAC(f.HWAddr)
		if err != nil {
			return nil, problem("invalid-request", "hwaddr is no hardware address")
		}
		base.HWAddr = hw
	}
	var at leaseCursor
	if err := f.readCursor(&at); err != nil {
		return nil, err
	}
	if f.Cursor != "" && (!at.Addr.IsValid() || familyOf(at.Addr) != at.Family || at.VRF > sqlstore.MaxID) {
		return nil, badCursor()
	}
	var out []sqlstore.LeaseFilter
	for _, family := range families {
		if f.Family != "" && f.Family != family.String() || family < at.Family {
			continue
		}
		one := base
		one.Family = family
		if family == at.Family {
			one.AfterVRF, one.AfterAddr = at.VRF, at.Addr
		}
		out = append(out, one)
	}
	return out, nil
}

func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err == nil && a.Zone() != "" {
		err = errors.New("an address here has no zone")
	}
	return a.Unmap(), err
}

func familyOf(a netip.Addr) sqlstore.Family {
	if a.Is4() {
		return sqlstore.IPv4
	}
	return sqlstore.IPv6
}

func (s *Server) listLeases(ctx context.Context, in *leaseFilter) (*leasePage, error) {
	filters, err := in.filters()
	if err != nil {
		return nil, err
	}
	var list []sqlstore.Lease
	for _, f := range filters {
		if f.Limit = in.Limit + 1 - len(list); f.Limit <= 0 {
			break
		}
		part, err := s.store.Leases(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("list leases: %w", err)
		}
		list = append(list, part...)
	}
	out := &leasePage{}
	out.Body.Leases = make([]LeaseView, 0, min(len(list), in.Limit))
	for i := range list[:min(len(list), in.Limit)] {
		out.Body.Leases = append(out.Body.Leases, NewLeaseView(&list[i]))
	}
	if len(list) > in.Limit {
		last := &list[in.Limit-1]
		filters := url.Values{
			"family": {in.Family}, "subnet_id": {strconv.FormatUint(uint64(in.SubnetID), 10)}, "state": {in.State}, "addr": {in.Addr}, "hwaddr": {in.HWAddr},
		}
		out.Body.Next = in.link("/v1/leases", filters, leaseCursor{last.Family, last.VRF, last.Addr})
		out.Link = linkHeader(out.Body.Next)
	}
	return out, nil
}

// find returns the one lease that is meant.
func (s *Server) find(ctx context.Context, in *oneLease) (*sqlstore.Lease, error) {
	addr, err := parseAddr(in.Addr)
	if err != nil {
		return nil, problem("invalid-request", "the path does not end in an address")
	}
	list, err := s.store.Leases(ctx, sqlstore.LeaseFilter{Family: familyOf(addr), Addr: addr})
	if err != nil {
		return nil, fmt.Errorf("find lease of %s: %w", addr, err)
	}
	if in.VRF < 0 && len(list) > 1 {
		return nil, problem("conflict", fmt.Sprintf("%d address plans have a lease of %s: name one with vrf", len(list), addr))
	}
	for i := range list {
		if in.VRF < 0 || int64(list[i].VRF) == in.VRF {
			return &list[i], nil
		}
	}
	return nil, problem("not-found", "no lease of "+addr.String())
}

func (s *Server) getLease(ctx context.Context, in *oneLease) (*leaseAnswer, error) {
	l, err := s.find(ctx, in)
	if err != nil {
		return nil, err
	}
	return &leaseAnswer{Body: NewLeaseView(l)}, nil
}

// releaseLease changes the row only as it was found: when a frontend renews the
// lease at the same moment, that wins.
func (s *Server) releaseLease(ctx context.Context, in *oneLease) (*leaseAnswer, error) {
	l, err := s.find(ctx, in)
	if err != nil {
		return nil, err
	}
	if l.State != sqlstore.Active {
		return nil, problem("conflict", fmt.Sprintf("the lease of %s is %s, not active", l.Addr, l.State))
	}
	c, err := s.network.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	grace, err := strconv.ParseUint(sqlstore.Lookup("reclaim_grace", c.Parameters), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read parameter reclaim_grace: %w", err)
	}
	result, err := s.store.Apply(ctx, &sqlstore.Batch{Updates: []sqlstore.Update{{
		Family: l.Family, Action: sqlstore.Release, Key: l.Key, Addr: l.Addr, Rev: l.Rev, Count: 1, Grace: uint32(grace),
	}}})
	if err != nil {
		return nil, fmt.Errorf("release lease of %s: %w", l.Addr, err)
	}
	u := &result.Updates[0]
	switch u.Status {
	case sqlstore.Updated:
		s.metrics.changed("lease_released")
		s.log.Info("lease released", "event", "admin.lease_released", "addr", l.Addr, "by", identity(ctx).Name)
		return &leaseAnswer{Body: NewLeaseView(&u.Lease)}, nil
	case sqlstore.NoRow:
		return nil, problem("not-found", "no lease of "+l.Addr.String())
	}
	return nil, problem("conflict", fmt.Sprintf("the lease of %s was changed meanwhile, nothing was done", l.Addr))
}
