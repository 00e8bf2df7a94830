package sqlite

import (
	"database/sql/driver"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// infinite is expires_at of a lease without end: 9000-01-01 00:00:00 UTC.
const infinite = 221845392000000000

const second = 1000000 // microseconds

// row is a lease row as it was read: the lease, and what only SQL needs.
type row struct {
	sqlstore.Lease
	rowid   int64
	expires int64 // microseconds since 1970
	reclaim int64 // 0: NULL
}

// live tells whether the row is an active lease that has not run out.
func (r *row) live(now int64) bool { return r.State == sqlstore.Active && r.expires > now }

// rowOf reads the columns of lease_get and lease_list.
func rowOf(f sqlstore.Family, v []driver.Value, now int64) row {
	r := row{rowid: integer(v[0])}
	r.Lease = sqlstore.Lease{
		Family: f, Key: sqlstore.Key(blob(v[1])), ParkedKey: sqlstore.Key(blob(v[2])), VRF: uint32(integer(v[3])), Addr: address(v[4]),
		SubnetID: uint32(integer(v[5])), PoolID: uint32(integer(v[6])), PoolGen: uint32(integer(v[7])),
		State: sqlstore.State(integer(v[8])), ValidLft: uint32(integer(v[9])), Since: moment(integer(v[10])), Rev: integer(v[13]),
		Client: sqlstore.Client{
			HWAddr: blob(v[14]), HWType: uint16(integer(v[15])), HWSource: uint8(integer(v[16])), ClientID: blob(v[17]),
			RelayAddr: address(v[18]), CircuitID: blob(v[19]), RemoteID: blob(v[20]), SubscriberID: blob(v[21]), RelayID: blob(v[22]),
			Hostname: text(v[23]), FQDNFlags: uint8(integer(v[24])), Classes: text(v[25]), IAID: uint32(integer(v[29])),
		},
		Frontend: text(v[26]), PrefixLen: uint8(integer(v[27])), PreferredLft: uint32(integer(v[28])),
	}
	r.setExpires(integer(v[11]), now)
	r.setReclaim(integer(v[12]))
	return r
}

func (r *row) setExpires(at, now int64) {
	r.expires = at
	r.Expires = moment(at)
	r.Remaining = remaining(at, now)
}

func (r *row) setReclaim(at int64) {
	r.reclaim, r.ReclaimAt = at, time.Time{}
	if at != 0 {
		r.ReclaimAt = moment(at)
	}
}

// remaining is the time left; a lease without end has a century left, because
// a Duration cannot hold what it has.
func remaining(at, now int64) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	left := at - now
	if left > int64(century/time.Microsecond) {
		return century
	}
	return time.Duration(left) * time.Microsecond
}

// until is expires_at of a lifetime in seconds that begins now.
func until(now int64, lifetime uint32) int64 {
	if lifetime == sqlstore.Infinite {
		return infinite
	}
	return now + int64(lifetime)*second
}

func moment(us int64) time.Time { return time.UnixMicro(us).UTC() }

func address(v any) netip.Addr {
	a, _ := netip.AddrFromSlice(blob(v))
	return a
}

// The values of nullable columns: nothing is NULL.

func addrValue(a netip.Addr) driver.Value {
	switch {
	case a.Is4():
		b := a.As4()
		return b[:]
	case a.IsValid():
		b := a.As16()
		return b[:]
	}
	return nil
}

func blobValue(b []byte) driver.Value {
	if len(b) == 0 {
		return nil
	}
	return b
}

func keyValue(k sqlstore.Key) driver.Value { return blobValue([]byte(k)) }

func timeValue(us int64) driver.Value {
	if us == 0 {
		return nil
	}
	return us
}
