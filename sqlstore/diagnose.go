package sqlstore

import (
	"context"
	"net/netip"
	"time"
)

// Diagnoser is a store that can be looked at for an operator. It changes
// nothing, takes no lock that others wait for, and asks for no more than a
// frontend's database user may do: what that may not see is a note.
type Diagnoser interface {
	// Diagnose looks at the server and at what it keeps: its settings, who
	// holds it back, what the schema needs of it.
	Diagnose(ctx context.Context, opt DiagnoseOptions) (Findings, error)
	// Clock returns the database's time at this moment.
	Clock(ctx context.Context) (time.Time, error)
	// Missing returns those of the privileges that the database user lacks.
	// Objects that are not there are left out: the schema's version tells.
	Missing(ctx context.Context, needs []Privilege) ([]Privilege, error)
	// RecentRelays returns some relay addresses that lease rows name.
	RecentRelays(ctx context.Context, limit int) ([]netip.Addr, error)
}

// DiagnoseOptions say what the database has to carry.
type DiagnoseOptions struct {
	Frontends int  // processes that serve from it
	Deep      bool // also what reads all of it
}
