// Package doctor looks at everything a serving process depends on and says
// what it found: the database, the schema, the network configuration, the other
// frontends, and this host. It changes nothing and sends no packet; each
// finding that is not good says why it matters and what to do.
//
// What belongs to a database server is found by its dialect
// (sqlstore.Diagnoser); the rest is here. Every id is in the manual of the
// command.
package doctor

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// Config says what to look at: the process file, as far as it is of interest.
type Config struct {
	FrontendID   string
	Hostname     string
	Listen       []Listen
	Health       string               // address:port, "off" for none
	Admin        string               // likewise; "" where there is no such role
	Database     string               // URL fit for people: without a password
	Needs        []sqlstore.Privilege // what the database user must be allowed
	Deep         bool                 // also what reads the whole database
	ReadBuffer   int                  // bytes that a socket asks for
	Open         func(context.Context) (sqlstore.Store, error)
	LinksRefused error  // why no interface can be served on this system, nil where it can
	OpenRefused  string // why the database must not be opened; the finding says so
	Host         Host
}

// Listen is one entry of the process file, or the default of a role.
type Listen struct {
	Key       string // where it stands, as listen.dhcp4[0]
	Family    sqlstore.Family
	Address   netip.Addr // of relayed traffic; unset for an interface
	Interface string
	Port      uint16
}

// doctor is one examination.
type doctor struct {
	Config
	found  sqlstore.Findings
	server int // process of our own server on this host, 0 if none was seen
}

// Examine looks at everything. What cannot be looked at is a finding too.
func Examine(ctx context.Context, c Config) sqlstore.Findings {
	d := &doctor{Config: c}
	relays := d.database(ctx)
	d.interfaces()
	d.ports()
	d.health(ctx)
	d.capabilities()
	d.kernel()
	d.relays(relays)
	return d.found
}

// id fills the names in upper case of an id, as the manual has it, in order.
func id(pattern string, values ...string) string {
	parts := strings.Split(pattern, ".")
	for i, part := range parts {
		if part == strings.ToUpper(part) && len(values) > 0 {
			parts[i], values = values[0], values[1:]
		}
	}
	return strings.Join(parts, ".")
}

// patience bounds what is asked of the database, each.
const patience = 10 * time.Second
