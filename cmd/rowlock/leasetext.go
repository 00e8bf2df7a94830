package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"rowlock/sqlstore"
)

// leaseView is a lease as printed; the JSON names are public.
type leaseView struct {
	Family       string     `json:"family"`
	VRF          uint32     `json:"vrf"`
	Addr         string     `json:"addr"`
	PrefixLen    uint8      `json:"prefix_len"`
	Kind         string     `json:"kind"`
	State        string     `json:"state"`
	SubnetID     uint32     `json:"subnet_id"`
	PoolID       uint32     `json:"pool_id,omitempty"`
	HWAddr       string     `json:"hwaddr,omitempty"`
	ClientID     string     `json:"client_id,omitempty"`
	DUID         string     `json:"duid,omitempty"`
	IAID         *uint32    `json:"iaid,omitempty"`
	Hostname     string     `json:"hostname,omitempty"`
	Relay        string     `json:"relay,omitempty"`
	CircuitID    string     `json:"circuit_id,omitempty"`
	InterfaceID  string     `json:"interface_id,omitempty"`
	RemoteID     string     `json:"remote_id,omitempty"`
	SubscriberID string     `json:"subscriber_id,omitempty"`
	RelayID      string     `json:"relay_id,omitempty"`
	Classes      string     `json:"classes,omitempty"`
	ValidLft     uint32     `json:"valid_lifetime"`
	PreferredLft uint32     `json:"preferred_lifetime,omitempty"`
	Since        *time.Time `json:"since,omitempty"`
	Expires      *time.Time `json:"expires"` // null: never
	Remaining    int64      `json:"remaining"`
	ReclaimAt    *time.Time `json:"reclaim_at,omitempty"`
	Frontend     string     `json:"frontend,omitempty"`
	Rev          int64      `json:"rev"`
}

func leaseJSON(l *sqlstore.Lease) leaseView {
	c := &l.Client
	v := leaseView{
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
	} else {
		v.IAID = &c.IAID
		v.DUID, v.InterfaceID = hex.EncodeToString(c.ClientID), hex.EncodeToString(c.CircuitID)
	}
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

// leaseName returns the address, or the prefix with its length, and the vrf
// when it is not the default one.
func leaseName(l *sqlstore.Lease) string {
	name := l.Addr.String()
	if l.Kind() == sqlstore.PD {
		name = l.Prefix().String()
	}
	if l.VRF != 0 {
		name += fmt.Sprintf(" vrf %d", l.VRF)
	}
	return name
}

func clientName(l *sqlstore.Lease) string {
	c := &l.Client
	switch {
	case l.Family == sqlstore.IPv6 && len(c.ClientID) > 0:
		return fmt.Sprintf("%s iaid %d", hex.EncodeToString(c.ClientID), c.IAID)
	case len(c.HWAddr) > 0:
		return net.HardwareAddr(c.HWAddr).String()
	}
	return hex.EncodeToString(c.ClientID)
}

func expiryText(l *sqlstore.Lease) string {
	if t := utc(l.Expires); t != nil {
		return t.Format(time.RFC3339)
	}
	return "never"
}

// showLease prints one lease, as JSON or with one line for each field that has
// a value.
func (p *program) showLease(l *sqlstore.Lease, asJSON bool) error {
	line, err := json.Marshal(leaseJSON(l))
	if err != nil {
		return err
	}
	if asJSON {
		_, err = fmt.Fprintln(p.stdout, string(line))
		return err
	}
	// the fields, their order and which of them are empty are those of JSON
	fields := json.NewDecoder(strings.NewReader(string(line)))
	fields.UseNumber()
	table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	if _, err := fields.Token(); err != nil {
		return err
	}
	for fields.More() {
		key, err := fields.Token()
		if err != nil {
			return err
		}
		value, err := fields.Token()
		if err != nil {
			return err
		}
		if value == nil {
			value = "never"
		}
		fmt.Fprintf(table, "%v\t%v\n", key, value)
	}
	return table.Flush()
}
