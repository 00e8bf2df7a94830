package postgres

import (
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// leaseRow scans the columns of the query lease_columns, any of which may be
// NULL where a statement reports that there is no row.
type leaseRow struct {
	key, parked, addr, hwaddr, clientID, relay, circuit, remote, subscriber, relayID []byte
	vrf, subnet, pool, gen, hwtype, prefixLen                                        pgtype.Int4
	state, source, flags                                                             pgtype.Int2
	valid, preferred, rev, iaid                                                      pgtype.Int8
	remaining                                                                        pgtype.Float8
	since, expires, reclaim                                                          pgtype.Timestamptz
	frontend, hostname, classes                                                      pgtype.Text
}

// dest returns the scan targets in column order.
func (r *leaseRow) dest() []any {
	return []any{
		&r.key, &r.parked, &r.vrf, &r.addr, &r.subnet, &r.pool, &r.gen, &r.state, &r.valid, &r.rev,
		&r.remaining, &r.since, &r.expires, &r.reclaim, &r.frontend,
		&r.hwaddr, &r.hwtype, &r.source, &r.clientID, &r.relay, &r.circuit, &r.remote, &r.subscriber, &r.relayID,
		&r.hostname, &r.flags, &r.classes, &r.prefixLen, &r.preferred, &r.iaid,
	}
}

func (r *leaseRow) lease(f sqlstore.Family) sqlstore.Lease {
	return sqlstore.Lease{
		Family: f, Key: sqlstore.Key(r.key), ParkedKey: sqlstore.Key(r.parked), VRF: uint32(r.vrf.Int32),
		Addr: toAddr(r.addr), PrefixLen: uint8(r.prefixLen.Int32),
		SubnetID: uint32(r.subnet.Int32), PoolID: uint32(r.pool.Int32), PoolGen: uint32(r.gen.Int32),
		State: sqlstore.State(r.state.Int16), ValidLft: uint32(r.valid.Int64), PreferredLft: uint32(r.preferred.Int64),
		Rev: r.rev.Int64, Remaining: seconds(r.remaining.Float64),
		Since: r.since.Time.UTC(), Expires: r.expires.Time.UTC(), ReclaimAt: r.reclaim.Time.UTC(), Frontend: r.frontend.String,
		Client: sqlstore.Client{
			HWAddr: r.hwaddr, HWType: uint16(r.hwtype.Int32), HWSource: uint8(r.source.Int16), ClientID: r.clientID,
			IAID: uint32(r.iaid.Int64), RelayAddr: toAddr(r.relay), CircuitID: r.circuit, RemoteID: r.remote,
			SubscriberID: r.subscriber, RelayID: r.relayID, Hostname: r.hostname.String, FQDNFlags: uint8(r.flags.Int16),
			Classes: r.classes.String,
		},
	}
}

// seconds converts a time left; a lease that never ends has centuries, more
// than a Duration can hold.
func seconds(s float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	return time.Duration(min(s, century) * float64(time.Second))
}

func toAddr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func fromAddr(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	return a.AsSlice()
}

func fromKey(k sqlstore.Key) []byte {
	if k == "" {
		return nil
	}
	return []byte(k)
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// list is an array parameter. Its elements are handed to the driver by pointer
// and tell their values themselves: in any other form each is an allocation.
type list[T blob | integer | bigint | words] []T

// Dimensions tells that it is one list.
func (l list[T]) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(l)), LowerBound: 1}}
}

// Index returns a pointer to an element.
func (l list[T]) Index(i int) any { return &l[i] }

// IndexType returns such a pointer for its type.
func (l list[T]) IndexType() any { return new(T) }

// The elements of lists.
type (
	blob    []byte // bytea; nil is NULL
	integer int32
	bigint  int64
	words   string // text
)

// BytesValue returns the bytes.
func (b *blob) BytesValue() ([]byte, error) { return *b, nil }

// Int64Value returns the number.
func (n *integer) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: int64(*n), Valid: true}, nil
}

// Int64Value returns the number.
func (n *bigint) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: int64(*n), Valid: true}, nil
}

// TextValue returns the text.
func (w *words) TextValue() (pgtype.Text, error) {
	return pgtype.Text{String: string(*w), Valid: true}, nil
}

// clientArrays are the columns of many sqlstore.Client values.
type clientArrays struct {
	hwaddr                                                list[blob]
	hwtype, source                                        list[integer]
	clientID, relay, circuit, remote, subscriber, relayID list[blob]
	hostname                                              list[words]
	flags                                                 list[integer]
	classes                                               list[words]
}

// clientsOf makes room for n values.
func clientsOf(n int) clientArrays {
	var a clientArrays
	for _, l := range []*list[blob]{&a.hwaddr, &a.clientID, &a.relay, &a.circuit, &a.remote, &a.subscriber, &a.relayID} {
		*l = make(list[blob], n)
	}
	a.hwtype, a.source, a.flags = make(list[integer], n), make(list[integer], n), make(list[integer], n)
	a.hostname, a.classes = make(list[words], n), make(list[words], n)
	return a
}

func (a *clientArrays) set(i int, c *sqlstore.Client) {
	a.hwaddr[i], a.hwtype[i], a.source[i] = nonEmpty(c.HWAddr), integer(c.HWType), integer(c.HWSource)
	a.clientID[i], a.relay[i] = nonEmpty(c.ClientID), fromAddr(c.RelayAddr)
	a.circuit[i], a.remote[i], a.subscriber[i], a.relayID[i] = nonEmpty(c.CircuitID), nonEmpty(c.RemoteID), nonEmpty(c.SubscriberID), nonEmpty(c.RelayID)
	a.hostname[i], a.flags[i], a.classes[i] = words(c.Hostname), integer(c.FQDNFlags), words(c.Classes)
}

func (a *clientArrays) args() []any {
	return []any{
		a.hwaddr, a.hwtype, a.source, a.clientID, a.relay, a.circuit, a.remote, a.subscriber, a.relayID,
		a.hostname, a.flags, a.classes,
	}
}
