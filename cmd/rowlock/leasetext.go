package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"rowlock/admin"
	"rowlock/sqlstore"
)

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
	if t := admin.NewLeaseView(l).Expires; t != nil {
		return t.Format(time.RFC3339)
	}
	return "never"
}

// showLease prints one lease, as JSON or with one line for each field that has
// a value.
func (p *program) showLease(l *sqlstore.Lease, asJSON bool) error {
	line, err := json.Marshal(admin.NewLeaseView(l))
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
