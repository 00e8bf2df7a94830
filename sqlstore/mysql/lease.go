package mysql

import (
	"bytes"
	"database/sql/driver"
	"net/netip"
	"strconv"
	"time"

	"rowlock/sqlstore"
)

// leaseOf reads the columns of the fragment columns.
func leaseOf(f sqlstore.Family, v []driver.Value) sqlstore.Lease {
	l := sqlstore.Lease{
		Family: f, Key: sqlstore.Key(raw(v[0])), ParkedKey: sqlstore.Key(raw(v[1])), VRF: uint32(integer(v[2])), Addr: address(v[3]), PrefixLen: 32,
		SubnetID: uint32(integer(v[4])), PoolID: uint32(integer(v[5])), PoolGen: uint32(integer(v[6])),
		State: sqlstore.State(integer(v[7])), ValidLft: uint32(integer(v[8])), Rev: integer(v[9]),
		Remaining: microseconds(integer(v[10])), Since: moment(v[11]), Expires: moment(v[12]), ReclaimAt: moment(v[13]), Frontend: text(v[14]),
		Client: sqlstore.Client{
			HWAddr: binary(v[15]), HWType: uint16(integer(v[16])), HWSource: uint8(integer(v[17])), ClientID: binary(v[18]),
			RelayAddr: address(v[19]), CircuitID: binary(v[20]), RemoteID: binary(v[21]), SubscriberID: binary(v[22]), RelayID: binary(v[23]),
			Hostname: text(v[24]), FQDNFlags: uint8(integer(v[25])), Classes: text(v[26]),
		},
	}
	if f == sqlstore.IPv6 {
		l.PrefixLen, l.PreferredLft, l.Client.IAID = uint8(integer(v[27])), uint32(integer(v[28])), uint32(integer(v[29]))
	}
	return l
}

// The values of a row as the driver gives them: integers as such, times as
// time.Time, everything else as bytes that it uses again.

func raw(v driver.Value) []byte {
	b, _ := v.([]byte)
	return b
}

func text(v driver.Value) string { return string(raw(v)) }

// binary copies a value; what is empty is nil.
func binary(v driver.Value) []byte {
	if b := raw(v); len(b) > 0 {
		return bytes.Clone(b)
	}
	return nil
}

func integer(v driver.Value) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case uint64:
		return int64(n)
	case []byte: // DECIMAL, or a user variable
		i, _ := strconv.ParseInt(string(n), 10, 64)
		return i
	}
	return 0
}

func boolean(v driver.Value) bool { return integer(v) != 0 }

func address(v driver.Value) netip.Addr {
	a, _ := netip.AddrFromSlice(raw(v))
	return a
}

func moment(v driver.Value) time.Time {
	t, _ := v.(time.Time)
	return t
}

// microseconds converts a time left; a lease that never ends has centuries,
// more than a Duration can hold.
func microseconds(us int64) time.Duration {
	const century = 100 * 365 * 24 * 3600 * 1_000_000
	return time.Duration(min(us, century)) * time.Microsecond
}
