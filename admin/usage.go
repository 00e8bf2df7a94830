package admin

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"rowlock/sqlstore"
)

// usageCounts are the rows of the lease tables by subnet and state.
type usageCounts map[uint32]map[sqlstore.State]int64

// countUsage reads both lease tables.
func (s *Server) countUsage(ctx context.Context) (usageCounts, error) {
	all := usageCounts{}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		part, err := s.store.CountLeases(ctx, f)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, part) // a subnet has one family
	}
	return all, nil
}

// usageView is how full a subnet is.
type usageView struct {
	Size        uint64   `json:"size" doc:"Addresses, or prefixes, of the pools; at most 2^62 each. It may be more than a double can hold."`
	Offered     int64    `json:"offered"`
	Active      int64    `json:"active"`
	Ended       int64    `json:"ended" doc:"Expired and released: kept for their clients, given to others when needed."`
	Blocked     int64    `json:"blocked" doc:"Declined and parked."`
	Reserved    int64    `json:"reserved"`
	Utilisation *float64 `json:"utilisation" doc:"Part of the pools that cannot be given to somebody new now, 0 to 1; null where there is no pool, or pools of addresses and of prefixes."`
}

func usageOf(n *sqlstore.Subnet, states map[sqlstore.State]int64) usageView {
	u := usageView{
		Offered: states[sqlstore.Offered], Active: states[sqlstore.Active], Ended: states[sqlstore.Expired] + states[sqlstore.Released],
		Blocked: states[sqlstore.Declined] + states[sqlstore.Parked], Reserved: states[sqlstore.Reserved],
	}
	kinds := map[sqlstore.Kind]bool{}
	for _, p := range n.Pools {
		if p.Closing {
			continue
		}
		kinds[p.Kind] = true
		if u.Size+p.Size() < u.Size {
			u.Size = ^uint64(0)
			break
		}
		u.Size += p.Size()
	}
	if len(kinds) == 1 {
		part := min(1, float64(u.taken())/float64(u.Size))
		u.Utilisation = &part
	}
	return u
}

// taken is what nobody new can get now.
func (u *usageView) taken() int64 { return u.Offered + u.Active + u.Blocked + u.Reserved }

// placedSubnet is a subnet with the link that it is on.
type placedSubnet struct {
	*sqlstore.Subnet
	link *sqlstore.Link
}

// subnetsByID lists all subnets.
func subnetsByID(c *sqlstore.Config) []placedSubnet {
	var all []placedSubnet
	for _, l := range c.Links {
		for _, n := range l.Subnets {
			all = append(all, placedSubnet{n, l})
		}
	}
	slices.SortFunc(all, func(a, b placedSubnet) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
