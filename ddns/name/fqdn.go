package name

import "strings"

// FQDN is the Client FQDN option: DHCPv4 option 81 (RFC 4702) or DHCPv6 option
// 39 (RFC 4704).
type FQDN struct {
	Name string // without a final dot; as sent, not cleaned; may be empty
	Full bool   // fully qualified; partial otherwise
	S    bool   // the server does, or shall do, the forward update
	O    bool   // the server overrode the client's S
	N    bool   // the server does, or shall do, no update
	E    bool   // DHCPv4: the name is in the form of DNS messages, not in ASCII
}

// Flags of option 81 (RFC 4702 section 2.1) and of option 39 (RFC 4704 section
// 4.1). The other bits must be zero and are not looked at.
const (
	flagS  = 0x01
	flagO  = 0x02
	flagE4 = 0x04
	flagN4 = 0x08
	flagN6 = 0x04
)

// notUpdated fills the two RCODE fields of option 81. Servers send 255 and
// clients send 0; nobody looks at them (RFC 4702 section 2.2).
const notUpdated = 255

// Parse4 reads the value of option 81. A value that it refuses is treated as
// if the option was not sent.
func Parse4(v []byte) (FQDN, error) {
	if len(v) < 3 {
		return FQDN{}, refuse("", ReasonMalformed)
	}
	f := FQDN{S: v[0]&flagS != 0, O: v[0]&flagO != 0, N: v[0]&flagN4 != 0, E: v[0]&flagE4 != 0}
	var err error
	if f.E {
		f.Name, f.Full, err = parseWire(v[3:])
	} else {
		f.Name, f.Full, err = parseText(string(v[3:]))
	}
	if err != nil {
		return FQDN{}, err
	}
	return f, nil
}

// Parse6 reads the value of option 39, whose name is always in the form of DNS
// messages. E is not set.
func Parse6(v []byte) (FQDN, error) {
	if len(v) < 1 {
		return FQDN{}, refuse("", ReasonMalformed)
	}
	f := FQDN{S: v[0]&flagS != 0, O: v[0]&flagO != 0, N: v[0]&flagN6 != 0}
	var err error
	if f.Name, f.Full, err = parseWire(v[1:]); err != nil {
		return FQDN{}, err
	}
	return f, nil
}

// parseText reads the deprecated ASCII form (RFC 4702 section 2.3.1): a client
// that knows no domain sends a single label, any other name is qualified.
func parseText(s string) (name string, full bool, err error) {
	s = trimZeros(s)
	name = strings.TrimSuffix(s, ".")
	if len(name) > maxText {
		return "", false, refuse(name, ReasonNameLong)
	}
	return name, name != "" && Dotted(s), nil
}

// Append4 adds the value of option 81 as a server sends it. The ASCII form has
// no final dot.
func (f FQDN) Append4(b []byte) ([]byte, error) {
	b = append(b, f.flags(flagN4, flagE4), notUpdated, notUpdated)
	if !f.E {
		if len(f.Name) > maxText {
			return nil, refuse(f.Name, ReasonNameLong)
		}
		return append(b, f.Name...), nil
	}
	return appendWire(b, f.Name, f.Full)
}

// Append6 adds the value of option 39.
func (f FQDN) Append6(b []byte) ([]byte, error) {
	return appendWire(append(b, f.flags(flagN6, 0)), f.Name, f.Full)
}

func (f FQDN) flags(n, e byte) byte {
	var v byte
	for _, x := range []struct {
		on  bool
		bit byte
	}{{f.S, flagS}, {f.O, flagO}, {f.N, n}, {f.E, e}} {
		if x.on {
			v |= x.bit
		}
	}
	return v
}
