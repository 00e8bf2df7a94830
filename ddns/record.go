package ddns

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rowlock/ddns/name"
)

// The types of records that are published.
const (
	typeA     = "A"
	typeAAAA  = "AAAA"
	typeDHCID = "DHCID"
	typePTR   = "PTR"
)

// maxTTL is the longest TTL (RFC 2181 section 8).
const maxTTL = 1<<31 - 1

// record is one record of a name, with its data in the one form that it has
// in columns published and attempted of dns_name.
type record struct {
	ttl  uint32
	typ  string
	data string
}

// same tells whether two records differ in their TTL at most: the DNS has only
// one of them (RFC 2136 section 3.4.2.2).
func (r record) same(o record) bool { return r.typ == o.typ && r.data == o.data }

func (r record) String() string {
	return strconv.FormatUint(uint64(r.ttl), 10) + " " + r.typ + " " + r.data
}

// records are those of one name, in order of type and data, none twice.
type records []record

// parseRecords reads what String wrote: one record a line. It takes nothing
// that String would write in another way.
func parseRecords(text string) (records, error) {
	if text == "" {
		return nil, nil
	}
	var out records
	for line := range strings.SplitSeq(text, "\n") {
		r, err := parseRecord(line)
		if err != nil {
			return nil, fmt.Errorf("read record %.100q: %w", line, err)
		}
		out = append(out, r)
	}
	return out.sorted(), nil
}

func parseRecord(line string) (record, error) {
	f := strings.Split(line, " ")
	if len(f) != 3 {
		return record{}, fmt.Errorf("%d fields instead of 3", len(f))
	}
	ttl, err := strconv.ParseUint(f[0], 10, 31)
	if err != nil {
		return record{}, fmt.Errorf("not a TTL: %w", err)
	}
	r := record{ttl: uint32(ttl), typ: f[1], data: f[2]}
	if r.String() != line {
		return record{}, fmt.Errorf("not a TTL: %q", f[0])
	}
	return r, r.check()
}

// check refuses data that the type does not have, or has in another form.
func (r record) check() error {
	ok := false
	switch r.typ {
	case typeA, typeAAAA:
		a, err := netip.ParseAddr(r.data)
		ok = err == nil && a.Is4() == (r.typ == typeA) && !a.Is4In6() && a.Zone() == "" && a.String() == r.data
	case typeDHCID:
		b, err := base64.StdEncoding.Strict().DecodeString(r.data)
		ok = err == nil && len(b) > 3 && base64.StdEncoding.EncodeToString(b) == r.data
	case typePTR:
		ok = name.Check(r.data) == nil && name.Canonical(r.data) == r.data
	default:
		return fmt.Errorf("no type of ours: %q", r.typ)
	}
	if !ok {
		return fmt.Errorf("not the data of a record of type %s", r.typ)
	}
	return nil
}

// String is the text form: one record a line.
func (rs records) String() string {
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the records in order; of those that are the same the first
// one stays.
func (rs records) sorted() records {
	out := slices.Clone(rs)
	slices.SortStableFunc(out, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.data, b.data))
	})
	return slices.CompactFunc(out, record.same)
}

// union returns the records of both; the TTL is that of the first one that has
// the record.
func (rs records) union(more records) records { return slices.Concat(rs, more).sorted() }

// has tells whether the record is there, with whatever TTL.
func (rs records) has(r record) bool { return slices.ContainsFunc(rs, r.same) }

// without returns the records that the other list has not, with whatever TTL.
func (rs records) without(other records) records {
	return slices.DeleteFunc(slices.Clone(rs), other.has)
}

// changed returns the records that the other list has not or has with another
// TTL.
func (rs records) changed(from records) records {
	return slices.DeleteFunc(slices.Clone(rs), func(r record) bool { return slices.Contains(from, r) })
}

// of returns the records of some types.
func (rs records) of(types ...string) records {
	return slices.DeleteFunc(slices.Clone(rs), func(r record) bool { return !slices.Contains(types, r.typ) })
}

// addrs returns the addresses of the A and AAAA records.
func (rs records) addrs() []netip.Addr {
	var out []netip.Addr
	for _, r := range rs.of(typeA, typeAAAA) {
		out = append(out, netip.MustParseAddr(r.data))
	}
	return out
}
