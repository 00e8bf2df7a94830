package option

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Type is the type of one part of an option's value.
type Type uint8

// The types. All numbers are in network byte order.
const (
	Binary     Type = iota + 1 // the rest of the value, as hex digits
	Boolean                    // true or false; one byte
	Empty                      // no bytes
	FQDN                       // domain name as labels (RFC 1035 section 3.1), never compressed
	Compressed                 // list of domain names that may be compressed (RFC 3397)
	DomainText                 // domain name as plain text (RFC 2132 section 3.17)
	IPv4
	IPv6
	IPv6Prefix // length byte and as many bytes as the length needs
	String     // the rest of the value; printable UTF-8
	Uint8
	Uint16
	Uint32
	Int8
	Int16
	Int32
	Tuple     // two length bytes and a string
	Route     // "prefix - router" (RFC 3442)
	NTPSource // IPv6 address, multicast address or name (RFC 5908)
)

// String returns the name of the type in messages.
func (t Type) String() string {
	if c, ok := codecs[t]; ok {
		return c.name
	}
	return "type " + strconv.Itoa(int(t))
}

// codec turns one part of a value from text to bytes and back. encode appends
// to wire; decode returns how many bytes it used.
type codec struct {
	name   string
	encode func(wire []byte, text string) ([]byte, error)
	decode func(wire []byte) (text string, n int, err error)
}

var codecs = map[Type]codec{
	Binary:     {"binary", encodeBinary, decodeBinary},
	Boolean:    {"boolean", encodeBoolean, decodeBoolean},
	Empty:      {"empty", encodeEmpty, func([]byte) (string, int, error) { return "", 0, nil }},
	FQDN:       {"fqdn", encodeFQDN, decodeFQDN},
	Compressed: {name: "list of fqdn"}, // whole values only: see encodeCompressed
	DomainText: {"domain name", encodeDomainText, decodeDomainText},
	IPv4:       {"ipv4-address", encodeIPv4, decodeIPv4},
	IPv6:       {"ipv6-address", encodeIPv6, decodeIPv6},
	IPv6Prefix: {"ipv6-prefix", encodePrefix6, decodePrefix6},
	String:     {"string", encodeString, decodeString},
	Uint8:      unsigned("uint8", 1),
	Uint16:     unsigned("uint16", 2),
	Uint32:     unsigned("uint32", 4),
	Int8:       signed("int8", 1),
	Int16:      signed("int16", 2),
	Int32:      signed("int32", 4),
	Tuple:      {"tuple", encodeTuple, decodeTuple},
	Route:      {"route", encodeRoute, decodeRoute},
	NTPSource:  {"ntp source", encodeNTP, decodeNTP},
}

var errShort = errors.New("value is too short")

func encodeBinary(wire []byte, text string) ([]byte, error) {
	b, err := fromHex(text)
	if err == nil && len(b) == 0 {
		err = errors.New("value is empty")
	}
	return append(wire, b...), err
}

func decodeBinary(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	return hex.EncodeToString(wire), len(wire), nil
}

func encodeBoolean(wire []byte, text string) ([]byte, error) {
	switch strings.ToLower(text) {
	case "true", "1":
		return append(wire, 1), nil
	case "false", "0":
		return append(wire, 0), nil
	}
	return nil, errors.New("use true or false")
}

func decodeBoolean(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	if wire[0] > 1 {
		return "", 0, fmt.Errorf("byte %d is neither 0 nor 1", wire[0])
	}
	return strconv.FormatBool(wire[0] == 1), 1, nil
}

func encodeEmpty(wire []byte, text string) ([]byte, error) {
	if text != "" {
		return nil, errors.New("this option has no value")
	}
	return wire, nil
}

func encodeIPv4(wire []byte, text string) ([]byte, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return nil, errors.New("use four decimal numbers with dots")
	}
	return append(wire, a.AsSlice()...), nil
}

func decodeIPv4(wire []byte) (string, int, error) {
	if len(wire) < 4 {
		return "", 0, errShort
	}
	return netip.AddrFrom4([4]byte(wire)).String(), 4, nil
}

func encodeIPv6(wire []byte, text string) ([]byte, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return nil, errors.New("use an IPv6 address without a zone")
	}
	return append(wire, a.AsSlice()...), nil
}

func decodeIPv6(wire []byte) (string, int, error) {
	if len(wire) < 16 {
		return "", 0, errShort
	}
	return netip.AddrFrom16([16]byte(wire)).String(), 16, nil
}

func encodePrefix6(wire []byte, text string) ([]byte, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is6() {
		return nil, errors.New("use an IPv6 address, a slash and a length")
	}
	if p != p.Masked() {
		return nil, fmt.Errorf("bits beyond the length are set; did you mean %s", p.Masked())
	}
	wire = append(wire, byte(p.Bits()))
	return append(wire, p.Addr().AsSlice()[:(p.Bits()+7)/8]...), nil
}

func decodePrefix6(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	bits := int(wire[0])
	n := (bits + 7) / 8
	if bits > 128 {
		return "", 0, fmt.Errorf("prefix length %d is over 128", bits)
	}
	if len(wire) < 1+n {
		return "", 0, errShort
	}
	var b [16]byte
	copy(b[:], wire[1:1+n])
	p := netip.PrefixFrom(netip.AddrFrom16(b), bits)
	if p != p.Masked() {
		return "", 0, fmt.Errorf("prefix %s has bits beyond its length", p)
	}
	return p.String(), 1 + n, nil
}

func encodeString(wire []byte, text string) ([]byte, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	return append(wire, text...), nil
}

func decodeString(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	if err := checkText(string(wire)); err != nil {
		return "", len(wire), fmt.Errorf("%w: %w", ErrNoText, err)
	}
	return string(wire), len(wire), nil
}

// checkText allows what survives a trip through a comma-separated line.
func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("string is empty")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("string has characters that cannot be printed")
	case strings.TrimSpace(s) != s:
		return errors.New("string begins or ends with a blank")
	}
	return nil
}

func encodeTuple(wire []byte, text string) ([]byte, error) {
	if len(text) > MaxLen {
		return nil, fmt.Errorf("string is longer than %d bytes", MaxLen)
	}
	return encodeString(binary.BigEndian.AppendUint16(wire, uint16(len(text))), text)
}

func decodeTuple(wire []byte) (string, int, error) {
	if len(wire) < 2 {
		return "", 0, errShort
	}
	n := 2 + int(binary.BigEndian.Uint16(wire))
	if len(wire) < n {
		return "", 0, errShort
	}
	if n == 2 {
		return "", n, fmt.Errorf("%w: string is empty", ErrNoText)
	}
	text, _, err := decodeString(wire[2:n])
	return text, n, err
}
