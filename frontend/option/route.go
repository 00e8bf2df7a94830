package option

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// encodeRoute reads "destination prefix - router" (RFC 3442: one byte of
// prefix length, its significant bytes, the router).
func encodeRoute(wire []byte, text string) ([]byte, error) {
	dest, router, found := strings.Cut(text, "-")
	p, err := netip.ParsePrefix(strings.TrimSpace(dest))
	if !found || err != nil || !p.Addr().Is4() {
		return nil, errors.New(`use "prefix - router", such as "10.0.0.0/8 - 192.0.2.1"`)
	}
	if p != p.Masked() {
		return nil, fmt.Errorf("bits beyond the length are set; did you mean %s", p.Masked())
	}
	wire = append(wire, byte(p.Bits()))
	wire = append(wire, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	return encodeIPv4(wire, strings.TrimSpace(router))
}

func decodeRoute(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	bits := int(wire[0])
	n := 1 + (bits+7)/8
	if bits > 32 {
		return "", 0, fmt.Errorf("prefix length %d is over 32", bits)
	}
	if len(wire) < n+4 {
		return "", 0, errShort
	}
	var b [4]byte
	copy(b[:], wire[1:n])
	p := netip.PrefixFrom(netip.AddrFrom4(b), bits)
	if p != p.Masked() {
		return "", 0, fmt.Errorf("prefix %s has bits beyond its length", p)
	}
	return fmt.Sprintf("%s - %s", p, netip.AddrFrom4([4]byte(wire[n:]))), n + 4, nil
}

// The suboptions of OPTION_NTP_SERVER (RFC 5908 section 4).
const (
	ntpServer    = 1
	ntpMulticast = 2
	ntpName      = 3
)

// encodeNTP writes the one time source that an instance of the option may
// have (RFC 5908 section 4).
func encodeNTP(wire []byte, text string) ([]byte, error) {
	sub, encode := uint16(ntpServer), encodeIPv6
	if a, err := netip.ParseAddr(strings.TrimSuffix(text, ".")); err != nil {
		sub, encode = ntpName, encodeFQDN
	} else if a.IsMulticast() {
		sub = ntpMulticast
	}
	value, err := encode(nil, text)
	if err != nil {
		return nil, err
	}
	wire = binary.BigEndian.AppendUint16(wire, sub)
	wire = binary.BigEndian.AppendUint16(wire, uint16(len(value)))
	return append(wire, value...), nil
}

func decodeNTP(wire []byte) (string, int, error) {
	if len(wire) < 4 {
		return "", 0, errShort
	}
	sub, n := binary.BigEndian.Uint16(wire), int(binary.BigEndian.Uint16(wire[2:]))
	if len(wire) < 4+n {
		return "", 0, errShort
	}
	decode := decodeIPv6
	switch sub {
	case ntpServer, ntpMulticast:
	case ntpName:
		decode = decodeFQDN
	default:
		return "", 0, fmt.Errorf("suboption %d is unknown", sub)
	}
	text, used, err := decode(wire[4 : 4+n])
	if err == nil && used != n {
		err = fmt.Errorf("suboption %d has %d bytes too many", sub, n-used)
	}
	if _, address := netip.ParseAddr(text); err == nil && sub == ntpName && address == nil {
		err = fmt.Errorf("%w: the name %s reads as an address", ErrNoText, text)
	}
	if err == nil && sub != ntpName {
		a := netip.AddrFrom16([16]byte(wire[4:]))
		if a.IsMulticast() != (sub == ntpMulticast) {
			err = fmt.Errorf("%w: %s in suboption %d", ErrNoText, a, sub)
		}
	}
	return text, 4 + n, err
}
