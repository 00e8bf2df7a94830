package torture

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// Span is a holding as the database tells it: a row of lease_history, or an
// active lease.
type Span struct {
	Key        sqlstore.Key
	VRF        uint32
	Prefix     netip.Prefix // of full length for an address
	HWAddr     [6]byte      // with which the identifier that the client sent ends
	Since, End time.Time
	Live       bool           // it has not been ended; End is its expiry
	EndedBy    sqlstore.State // the state that followed; Active where the same client began a new holding
}

func (s *Span) String() string {
	how := fmt.Sprintf("ended by %s", s.EndedBy)
	if s.Live {
		how = "a lease still"
	}
	return fmt.Sprintf("row: %s held by %x from %s to %s, %s", s.Prefix, s.HWAddr, clock(s.Since), clock(s.End), how)
}

// LogEvent is one row of event_log.
type LogEvent struct {
	Seq    int64
	Kind   sqlstore.EventKind
	Key    sqlstore.Key
	VRF    uint32
	Prefix netip.Prefix
	Rev    int64
}

func (e *LogEvent) String() string {
	return fmt.Sprintf("event %d: kind %d of %s, key %x, rev %d", e.Seq, e.Kind, e.Prefix, string(e.Key), e.Rev)
}

// Tables is what a database holds.
type Tables struct {
	Spans []Span
	Log   []LogEvent // in order of Seq
	Rows  int        // of the lease tables, in whatever state
}

// Read takes the tables from a store, as they are at one moment.
func Read(ctx context.Context, s sqlstore.Store) (*Tables, error) {
	t := &Tables{}
	err := s.CopySnapshot(ctx, func(r sqlstore.CopyReader) error {
		for _, c := range sqlstore.CopyTables() {
			do := map[string]func(columns) error{
				"lease4": t.lease, "lease6": t.lease, "lease_history": t.history, "event_log": t.event,
			}[c.Name]
			if do == nil {
				continue
			}
			err := r.ReadRows(ctx, c, nil, func(row sqlstore.Row) error { return do(columns{c, row}) })
			if err != nil {
				return fmt.Errorf("read %s: %w", c.Name, err)
			}
		}
		return nil
	})
	return t, err
}

func (t *Tables) lease(c columns) error {
	t.Rows++
	if c.number("state") != int64(sqlstore.Active) {
		return nil
	}
	s, err := c.span("expires_at")
	s.Live = true
	t.Spans = append(t.Spans, s)
	return err
}

func (t *Tables) history(c columns) error {
	s, err := c.span("ended_at")
	s.EndedBy = sqlstore.State(c.number("ended_by"))
	t.Spans = append(t.Spans, s)
	return err
}

func (t *Tables) event(c columns) error {
	p, err := c.prefix()
	t.Log = append(t.Log, LogEvent{
		Seq: c.number("seq"), Kind: sqlstore.EventKind(c.number("kind")), Key: sqlstore.Key(c.bytes("binding_key")),
		VRF: uint32(c.number("vrf")), Prefix: p, Rev: c.number("rev"),
	})
	return err
}

// columns are the values of a row by the names of their columns; what a table
// does not have is 0 or empty.
type columns struct {
	table *sqlstore.CopyTable
	row   sqlstore.Row
}

func (c columns) value(name string) any {
	i := slices.IndexFunc(c.table.Columns, func(col sqlstore.Column) bool { return col.Name == name })
	if i < 0 {
		return nil
	}
	return c.row[i]
}

func (c columns) number(name string) int64 {
	n, _ := c.value(name).(int64)
	return n
}

func (c columns) bytes(name string) []byte {
	b, _ := c.value(name).([]byte)
	return b
}

func (c columns) prefix() (netip.Prefix, error) {
	a, ok := netip.AddrFromSlice(c.bytes("addr"))
	if !ok {
		return netip.Prefix{}, fmt.Errorf("address %x has %d bytes", c.bytes("addr"), len(c.bytes("addr")))
	}
	bits := a.BitLen() // lease4 has no prefix_len
	if n := int(c.number("prefix_len")); n > 0 {
		bits = n
	}
	return netip.PrefixFrom(a, bits), nil
}

func (c columns) span(end string) (Span, error) {
	p, err := c.prefix()
	s := Span{
		Key: sqlstore.Key(c.bytes("binding_key")), VRF: uint32(c.number("vrf")), Prefix: p,
		Since: time.UnixMicro(c.number("since")), End: time.UnixMicro(c.number(end)),
	}
	id := append(c.bytes("client_id"), c.bytes("duid")...)
	if len(id) >= len(s.HWAddr) {
		copy(s.HWAddr[:], id[len(id)-len(s.HWAddr):])
	}
	return s, err
}
