package admin

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// LeaseView is a lease as the API and the command line show it; the names are
// public.
type LeaseView struct {
	Family       string     `json:"family" enum:"v4,v6"`
	VRF          uint32     `json:"vrf" doc:"Number of the address plan."`
	Addr         string     `json:"addr" doc:"Address, or the first of a delegated prefix."`
	PrefixLen    uint8      `json:"prefix_len" doc:"32 or 128, or the length of a delegated prefix."`
	Kind         string     `json:"kind" doc:"Address or delegated prefix."`
	State        string     `json:"state"`
	SubnetID     uint32     `json:"subnet_id"`
	PoolID       uint32     `json:"pool_id,omitempty"`
	HWAddr       string     `json:"hwaddr,omitempty"`
	ClientID     string     `json:"client_id,omitempty" doc:"DHCPv4 client identifier, in hex."`
	DUID         string     `json:"duid,omitempty" doc:"DHCPv6 client identifier, in hex."`
	IAID         *uint32    `json:"iaid,omitempty"`
	Hostname     string     `json:"hostname,omitempty" doc:"As the client has it: do not take it for safe text."`
	Relay        string     `json:"relay,omitempty"`
	CircuitID    string     `json:"circuit_id,omitempty" doc:"In hex."`
	InterfaceID  string     `json:"interface_id,omitempty" doc:"In hex."`
	RemoteID     string     `json:"remote_id,omitempty" doc:"In hex."`
	SubscriberID string     `json:"subscriber_id,omitempty" doc:"In hex."`
	RelayID      string     `json:"relay_id,omitempty" doc:"In hex."`
	Classes      string     `json:"classes,omitempty"`
	ValidLft     uint32     `json:"valid_lifetime" doc:"As granted, in seconds."`
	PreferredLft uint32     `json:"preferred_lifetime,omitempty"`
	Since        *time.Time `json:"since,omitempty" doc:"When this holding began."`
	Expires      *time.Time `json:"expires" doc:"Null: never."`
	Remaining    int64      `json:"remaining" doc:"Seconds left by the clock of the database."`
	ReclaimAt    *time.Time `json:"reclaim_at,omitempty" doc:"When somebody else may get it."`
	Frontend     string     `json:"frontend,omitempty" doc:"Which frontend wrote it last."`
	Rev          int64      `json:"rev" doc:"Changes with every change of the row."`
}

// NewLeaseView makes what is shown of a lease.
func NewLeaseView(l *sqlstore.Lease) LeaseView {
	c := &l.Client
	v := LeaseView{
		Family: l.Family.String(), VRF: l.VRF, Addr: l.Addr.String(), PrefixLen: l.PrefixLen, Kind: l.Kind().String(),
		State: l.State.String(), SubnetID: l.SubnetID, PoolID: l.PoolID,
		HWAddr: net.HardwareAddr(c.HWAddr).String(), Hostname: c.Hostname,
		RemoteID: hex.EncodeToString(c.RemoteID), SubscriberID: hex.EncodeToString(c.SubscriberID), RelayID: hex.EncodeToString(c.RelayID),
		Classes: c.Classes, ValidLft: l.ValidLft, PreferredLft: l.PreferredLft, Remaining: max(0, int64(l.Remaining/time.Second)),
		Since: utc(l.Since), Expires: utc(l.Expires), ReclaimAt: utc(l.ReclaimAt), Frontend: l.Frontend, Rev: l.Rev,
	}
	if c.RelayAddr.IsValid() {
		v.Relay = c.RelayAddr.String()
	}
	if l.Family == sqlstore.IPv4 {
		v.ClientID, v.CircuitID = hex.EncodeToString(c.ClientID), hex.EncodeToString(c.CircuitID)
		return v
	}
	v.IAID, v.DUID, v.InterfaceID = &c.IAID, hex.EncodeToString(c.ClientID), hex.EncodeToString(c.CircuitID)
	return v
}

// utc returns nil for a time that is not set or means never.
func utc(t time.Time) *time.Time {
	if t.IsZero() || t.Year() >= 9000 {
		return nil
	}
	t = t.UTC()
	return &t
}

// leaseRow is a lease in the console.
type leaseRow struct {
	Addr, Client, Hostname, Frontend string
	SubnetID                         uint32
	Since                            time.Time
	Remaining                        time.Duration
	Forever                          bool
}

// newestCount is how many leases the console shows.
const newestCount = 20

// newestLeases returns the leases that began last, of both families.
func (s *Server) newestLeases(ctx context.Context) ([]leaseRow, error) {
	var all []sqlstore.Lease
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		part, err := s.store.NewestLeases(ctx, f, newestCount)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	slices.SortStableFunc(all, func(a, b sqlstore.Lease) int { return b.Since.Compare(a.Since) })
	rows := make([]leaseRow, 0, newestCount)
	for i := range all[:min(len(all), newestCount)] {
		l := &all[i]
		row := leaseRow{
			Addr: l.Addr.String(), Client: clientText(l), Hostname: l.Client.Hostname, Frontend: l.Frontend,
			SubnetID: l.SubnetID, Since: l.Since.UTC(), Remaining: l.Remaining, Forever: utc(l.Expires) == nil,
		}
		if l.Kind() == sqlstore.PD {
			row.Addr = l.Prefix().String()
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// clientText is how people know a client: by its hardware address where there
// is one.
func clientText(l *sqlstore.Lease) string {
	if len(l.Client.HWAddr) > 0 {
		return net.HardwareAddr(l.Client.HWAddr).String()
	}
	return hex.EncodeToString(l.Client.ClientID)
}
