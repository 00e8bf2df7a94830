package frontend

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// inbound4 is a DHCPv4 message as it came in (RFC 2131 section 2). Everything that
// is read from it lies within its bytes, which must not be changed: nothing is
// copied, and one allocation is made for the whole of it.
type inbound4 struct {
	data    []byte // at least headerLen4
	options options4
}

func (m *inbound4) hwType() uint16           { return uint16(m.data[1]) }
func (m *inbound4) xid() []byte              { return m.data[4:8] }
func (m *inbound4) flags() uint16            { return binary.BigEndian.Uint16(m.data[10:]) }
func (m *inbound4) ciaddr() netip.Addr       { return fromIP(m.data[12:16]) }
func (m *inbound4) giaddr() netip.Addr       { return fromIP(m.data[24:28]) }
func (m *inbound4) chaddr() net.HardwareAddr { return m.data[28 : 28+min(m.data[2], 16)] }

// broadcastFlag asks for an answer to everybody (RFC 2131 section 2, figure 2).
const broadcastFlag = 0x8000

// magicCookie begins the options (RFC 2131 section 3).
const magicCookie = 0x63825363

var (
	errCookie = errors.New("the magic cookie is wrong")
	errCutOff = errors.New("an option ends behind the message")
	errNoEnd  = errors.New("there is no end option")
)

// read takes the message that is in data.
func (m *inbound4) read(data []byte) error {
	m.data = data
	if binary.BigEndian.Uint32(data[cookieAt4:]) != magicCookie {
		return errCookie
	}
	ended, err := m.options.read(data[headerLen4:])
	if err == nil && !ended && len(data) > headerLen4 {
		err = errNoEnd
	}
	return err
}

// options4 are options by code. What comes in several parts is one value
// (RFC 3396 section 5).
type options4 struct {
	list []coded4
	at   [256]uint8  // by code: place in list, plus 1
	room [16]coded4 // for the list of nearly every message
}

type coded4 struct {
	code uint8
	data []byte
}

// read adds the options in b. It tells whether they were closed by an end option.
func (o *options4) read(b []byte) (ended bool, err error) {
	if o.list == nil {
		o.list = o.room[:0]
	}
	for len(b) > 1 {
		code, n := b[0], int(b[1])
		switch {
		case code == dhcpv4.OptionPad.Code():
			b = b[1:]
		case code == dhcpv4.OptionEnd.Code():
			return true, nil
		case len(b) < 2+n:
			return false, errCutOff
		default:
			o.add(code, b[2:2+n:2+n])
			b = b[2+n:]
		}
	}
	return len(b) == 1 && b[0] == dhcpv4.OptionEnd.Code(), nil
}

func (o *options4) add(code uint8, v []byte) {
	if i := o.at[code]; i > 0 {
		was := &o.list[i-1]
		was.data = append(was.data, v...) // the capacity of the first part is its length
		return
	}
	o.list = append(o.list, coded4{code, v})
	o.at[code] = uint8(len(o.list))
}

// get returns the value of an option; ok tells whether it is there, as it may be
// with no bytes.
func (o *options4) get(code dhcpv4.OptionCode) (v []byte, ok bool) {
	i := o.at[code.Code()]
	if i == 0 {
		return nil, false
	}
	return o.list[i-1].data, true
}

// address reads an option that is one address. Absent or 0.0.0.0, it is the
// zero Addr.
func (o *options4) address(code dhcpv4.OptionCode) (netip.Addr, error) {
	v, ok := o.get(code)
	if ok && len(v) != 4 {
		return netip.Addr{}, drop(ReasonMalformed, "option %d has %d bytes", code.Code(), len(v))
	}
	return fromIP(v), nil
}

// fromIP returns the zero Addr for 0.0.0.0, and for what is no address.
func fromIP(ip []byte) netip.Addr {
	if len(ip) != 4 {
		return netip.Addr{}
	}
	a := netip.AddrFrom4([4]byte(ip))
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
