package frontend

import (
	"encoding/binary"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/sqlstore"
)

// ia6 is one IA_NA or IA_PD of a client's message.
type ia6 struct {
	kind  sqlstore.Kind
	iaid  uint32
	named []named6 // what the client names in it, in order
	// hintLen is the prefix length of a hint without a prefix, 0 if none.
	hintLen uint8
}

// named6 is an address or prefix in an IA, with the valid lifetime that the
// client would like; 0 means it has no wish.
type named6 struct {
	prefix netip.Prefix // of length 128 for an address
	valid  uint32
}

// takeIA reads an IA. The first of several with the same type and IAID counts:
// they would be one binding (RFC 9915 section 12).
func (q *query6) takeIA(code dhcpv6.OptionCode, v []byte) error {
	head := 12
	if code == dhcpv6.OptionIATA {
		head = 4
	}
	if len(v) < head {
		return drop(ReasonMalformed, "option %d has %d bytes", code, len(v))
	}
	ia := ia6{iaid: binary.BigEndian.Uint32(v), kind: sqlstore.NA}
	switch code {
	case dhcpv6.OptionIATA:
		if len(q.tas)+len(q.ias) >= maxIAs6 {
			return drop(ReasonOversize, "more than %d identity associations", maxIAs6)
		}
		q.tas = append(q.tas, ia.iaid)
		return nil
	case dhcpv6.OptionIAPD:
		ia.kind = sqlstore.PD
	}
	for _, other := range q.ias {
		if other.kind == ia.kind && other.iaid == ia.iaid {
			return nil
		}
	}
	if len(q.tas)+len(q.ias) >= maxIAs6 {
		return drop(ReasonOversize, "more than %d identity associations", maxIAs6)
	}
	opts, err := options6(v[head:])
	if err != nil {
		return err
	}
	for _, o := range opts {
		switch {
		case o.Code() == dhcpv6.OptionIAAddr && ia.kind == sqlstore.NA:
			err = ia.takeAddr(o.ToBytes())
		case o.Code() == dhcpv6.OptionIAPrefix && ia.kind == sqlstore.PD:
			err = ia.takePrefix(o.ToBytes())
		}
		if err != nil {
			return err
		}
	}
	q.ias = append(q.ias, ia)
	return nil
}

// takeAddr reads an IA Address option (RFC 9915 section 21.6): address,
// preferred and valid lifetime.
func (ia *ia6) takeAddr(v []byte) error {
	if len(v) < 24 {
		return drop(ReasonMalformed, "ia address has %d bytes", len(v))
	}
	if _, err := options6(v[24:]); err != nil {
		return err
	}
	a := addr6(v)
	if a.IsUnspecified() {
		return nil // no wish for a certain address
	}
	ia.name(netip.PrefixFrom(a, 128), binary.BigEndian.Uint32(v[20:]))
	return nil
}

// takePrefix reads an IA Prefix option (RFC 9915 section 21.22): preferred and
// valid lifetime, length, prefix.
func (ia *ia6) takePrefix(v []byte) error {
	if len(v) < 25 {
		return drop(ReasonMalformed, "ia prefix has %d bytes", len(v))
	}
	if _, err := options6(v[25:]); err != nil {
		return err
	}
	bits := v[8]
	if bits > 128 {
		return drop(ReasonMalformed, "prefix length is %d", bits)
	}
	p := netip.PrefixFrom(addr6(v[9:]), int(bits)).Masked()
	if p.Addr().IsUnspecified() || bits == 0 {
		if ia.hintLen == 0 { // a wish for a length only (RFC 9915 section 18.2.1)
			ia.hintLen = bits
		}
		return nil
	}
	ia.name(p, binary.BigEndian.Uint32(v[4:]))
	return nil
}

func (ia *ia6) name(p netip.Prefix, valid uint32) {
	for _, n := range ia.named {
		if n.prefix == p {
			return
		}
	}
	ia.named = append(ia.named, named6{p, valid})
}
