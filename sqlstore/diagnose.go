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

// Privilege is a right that the database user needs.
type Privilege struct {
	Object string // table, or the procedure rowlock_make_partitions
	Action string // select, insert, update, delete, execute
	// Columns restricts it to these columns; nil is the whole object.
	Columns []string
}

// String names the privilege as in the ids of findings.
func (p Privilege) String() string { return p.Object + "." + p.Action }

// FrontendPrivileges are what a process that serves needs, and nothing more.
func FrontendPrivileges() []Privilege {
	var all []Privilege
	for _, n := range []struct {
		object  string
		actions []string
	}{
		{"goose_db_version", []string{"select"}},
		{"link", []string{"select"}},
		{"subnet", []string{"select"}},
		{"subnet_relay", []string{"select"}},
		{"pool", []string{"select"}},
		{"pool_gen", []string{"select"}},
		{"option_data", []string{"select"}},
		{"parameter", []string{"select"}},
		{"lease4", []string{"select", "insert", "update", "delete"}},
		{"lease6", []string{"select", "insert", "update", "delete"}},
		{"lease_history", []string{"insert"}},
		{"lease_event", []string{"insert"}},
		{"event_consumer", []string{"select"}},
		{"pool_cursor", []string{"select", "insert", "update"}},
		{"addr_chunk", []string{"select", "insert", "update", "delete"}},
		{"addr_free", []string{"select", "insert", "update", "delete"}},
		{"frontend", []string{"select", "insert", "update", "delete"}},
		{"leadership", []string{"select", "insert", "update"}},
		{"rowlock_make_partitions", []string{"execute"}},
	} {
		for _, action := range n.actions {
			all = append(all, Privilege{Object: n.object, Action: action})
		}
	}
	return append(all, Privilege{Object: "config_head", Action: "select", Columns: []string{"id", "revision", "server_duid", "secret"}})
}
