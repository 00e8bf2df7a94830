// Package option knows the DHCPv4 and DHCPv6 options that a site may
// configure: their names, codes and types, and how their text is turned into
// the bytes on the wire and back.
//
// Names and types are Kea's where Kea has them; the text is Kea's
// comma-separated form. The formats are those of RFC 2132, RFC 3397, RFC 3442,
// RFC 9915 and of the RFC that the table names beside an option.
//
// Options that the server computes itself (message type, lease time,
// identifiers, identity associations) have no definition and are refused.
// The package keeps no state and does no input or output; everything in it is
// safe for concurrent use.
package option

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

// MaxLen is the largest value that Encode produces, in bytes. A DHCPv4 value
// above 255 bytes has to be split over several options (RFC 3396).
const MaxLen = 65535

// ErrNoText is wrapped by the error of Decode when a value is well-formed but
// has no text that Encode would turn into it again: control characters in a
// string, say. Such a value is shown as hex.
var ErrNoText = errors.New("value has no text form")

// Def defines one option.
type Def struct {
	Family sqlstore.Family
	Code   uint16
	Name   string
	// Fields are the types of the value's parts: one, or several for a record.
	Fields []Type
	// Array says that the last field may stand several times; at least once.
	Array bool
	// Pairs says that an array has an even number of elements.
	Pairs bool
	// Min is the least value of an unsigned integer.
	Min uint32
}

// Lookup returns the definition with the given name.
func Lookup(family sqlstore.Family, name string) (Def, bool) {
	return find(family, func(d Def) bool { return d.Name == name })
}

// ByCode returns the definition with the given code.
func ByCode(family sqlstore.Family, code uint16) (Def, bool) {
	return find(family, func(d Def) bool { return d.Code == code })
}

func find(family sqlstore.Family, match func(Def) bool) (Def, bool) {
	defs := defs4
	if family == sqlstore.IPv6 {
		defs = defs6
	}
	i := slices.IndexFunc(defs, match)
	if i < 0 {
		return Def{}, false
	}
	d := defs[i]
	d.Family = family
	return d, true
}

// Encode returns the code and the wire form of a configured option. An option
// without a definition may be given by code and hex. The error names the
// option and the value that is wrong.
func Encode(o sqlstore.OptionData) (code uint16, wire []byte, err error) {
	d, known, err := define(o)
	if err != nil {
		return 0, nil, err
	}
	if o.Hex {
		wire, err = fromHex(o.Data)
		if err == nil && known {
			err = d.check(wire)
		}
	} else if known {
		wire, err = d.Encode(o.Data)
	} else {
		err = errors.New("no definition, so its value must be given as hex")
	}
	if err == nil && len(wire) > MaxLen {
		err = fmt.Errorf("value has %d bytes, more than %d", len(wire), MaxLen)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("option %s: %w", label(o, d), err)
	}
	return d.Code, wire, nil
}

// Decode returns the text of a value in the form that Encode reads. For an
// option without a definition the text is hex digits, which Encode reads when
// told so.
func Decode(family sqlstore.Family, code uint16, wire []byte) (text string, err error) {
	d, known := ByCode(family, code)
	if !known {
		return hex.EncodeToString(wire), nil
	}
	text, err = d.Decode(wire)
	if err != nil {
		return "", fmt.Errorf("option %s (%d): %w", d.Name, d.Code, err)
	}
	return text, nil
}

// define finds what o is about; known is false for a code without definition.
func define(o sqlstore.OptionData) (d Def, known bool, err error) {
	if o.Family != sqlstore.IPv4 && o.Family != sqlstore.IPv6 {
		return d, false, fmt.Errorf("option %s: address family is missing", label(o, d))
	}
	if o.Code == 0 {
		if o.Name == "" {
			return d, false, errors.New("option has neither a name nor a code")
		}
		if d, known = Lookup(o.Family, o.Name); !known {
			return d, false, fmt.Errorf("option %q: unknown %s option name", o.Name, o.Family)
		}
		return d, true, nil
	}
	if o.Family == sqlstore.IPv4 && o.Code >= 255 {
		return d, false, fmt.Errorf("option %s: code %d is outside 1 to 254", label(o, d), o.Code)
	}
	if reason, own := serverOwned(o.Family, o.Code); own {
		return d, false, fmt.Errorf("option %s: %s", label(o, d), reason)
	}
	if d, known = ByCode(o.Family, o.Code); known && o.Name != "" && o.Name != d.Name {
		return d, false, fmt.Errorf("option %q: code %d is %s", o.Name, o.Code, d.Name)
	}
	if named, ok := Lookup(o.Family, o.Name); ok && named.Code != o.Code {
		return d, false, fmt.Errorf("option %q: its code is %d, not %d", o.Name, named.Code, o.Code)
	}
	d.Family, d.Code = o.Family, o.Code
	return d, known, nil
}

func label(o sqlstore.OptionData, d Def) string {
	name, code := o.Name, o.Code
	if name == "" {
		name = d.Name
	}
	if code == 0 {
		code = d.Code
	}
	if name == "" {
		return fmt.Sprint(code)
	}
	return fmt.Sprintf("%s (%d)", name, code)
}

// fromHex reads hex digits with an optional 0x in front; bytes may be
// separated by colons or blanks.
func fromHex(text string) ([]byte, error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(text))
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "0x"), "0X")
	wire, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%q is not an even number of hex digits", text)
	}
	return wire, nil
}
