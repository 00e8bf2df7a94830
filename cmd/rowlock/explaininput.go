package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"rowlock/cmd/rowlock/internal/capture"
	"rowlock/frontend"
	"rowlock/sqlstore"
)

// input makes the message.
func (f *explainFlags) input(stdin io.Reader, c *sqlstore.Config) (frontend.ExplainInput, error) {
	switch {
	case f.pcap != "":
		return f.fromCapture()
	case f.hex != "":
		return f.fromHex(stdin)
	}
	s, err := f.sample(c)
	if err != nil {
		return frontend.ExplainInput{}, err
	}
	in, err := s.Input()
	if err != nil {
		return in, usagef("make message: %w", err)
	}
	return in, nil
}

func (f *explainFlags) fromCapture() (in frontend.ExplainInput, err error) {
	file, err := os.Open(f.pcap)
	if err != nil {
		return in, fmt.Errorf("read capture: %w", err)
	}
	defer file.Close()
	d, err := capture.Read(file, f.packet)
	if err != nil {
		return in, fmt.Errorf("read capture %s: %w", f.pcap, err)
	}
	return ofDatagram(d), nil
}

func ofDatagram(d capture.Datagram) frontend.ExplainInput {
	return frontend.ExplainInput{Message: d.Payload, From: d.From, To: d.To}
}

// maxHex is the longest text of a message.
const maxHex = 1 << 16

func (f *explainFlags) fromHex(stdin io.Reader) (in frontend.ExplainInput, err error) {
	text := f.hex
	if text == "-" {
		all, err := io.ReadAll(io.LimitReader(stdin, maxHex+1))
		if err != nil {
			return in, fmt.Errorf("read message: %w", err)
		}
		text = string(all)
	}
	if len(text) > maxHex {
		return in, errors.New("read message: it is too long")
	}
	data, err := unhex(text)
	if err != nil {
		return in, usagef("--hex: %w", err)
	}
	// a message of DHCPv4 has its magic cookie; anything else may be a frame
	if frontend.FamilyOf(data) != sqlstore.IPv4 {
		if d, ok := capture.Frame(data); ok {
			return ofDatagram(d), nil
		}
	}
	in.Message = data
	return in, nil
}

// unhex reads hex digits; blanks, colons and hyphens may stand between bytes, and
// 0x in front of what they part.
func unhex(text string) ([]byte, error) {
	var digits strings.Builder
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(":- \n\r\t", r) }) {
		digits.WriteString(strings.TrimPrefix(part, "0x"))
	}
	b, err := hex.DecodeString(digits.String())
	switch {
	case err != nil:
		return nil, errors.New("use an even number of hex digits")
	case len(b) == 0:
		return nil, errors.New("there are no digits")
	}
	return b, nil
}

// sample makes the flags up to a message.
func (f *explainFlags) sample(c *sqlstore.Config) (*frontend.Sample, error) {
	s := &frontend.Sample{IAID: f.iaid, Prefix: f.pd, Hostname: f.hostname, ServerID: c.ServerDUID}
	if err := f.identities(s); err != nil {
		return nil, err
	}
	if err := f.addresses(s); err != nil {
		return nil, err
	}
	s.Type = f.typeOf(s)
	if !slices.Contains(frontend.SampleTypes(), s.Type) {
		return nil, usagef("--type: %q is none of %s", s.Type, strings.Join(frontend.SampleTypes(), ", "))
	}
	if err := f.asks(s); err != nil {
		return nil, usagef("--ask: %w", err)
	}
	return s, nil
}

// identities reads the flags that are bytes.
func (f *explainFlags) identities(s *frontend.Sample) error {
	for _, v := range []struct {
		name, text string
		to         *[]byte
		read       func(string) ([]byte, error)
	}{
		{"mac", f.mac, &s.HWAddr, func(t string) ([]byte, error) { return net.ParseMAC(t) }},
		{"client-id", f.clientID, &s.ClientID, unhex},
		{"duid", f.duid, &s.ClientID, unhex},
		{"circuit-id", f.circuitID, &s.CircuitID, textOrHex},
		{"interface-id", f.interfaceID, &s.CircuitID, textOrHex},
		{"remote-id", f.remoteID, &s.RemoteID, textOrHex},
	} {
		if v.text == "" {
			continue
		}
		var err error
		if *v.to, err = v.read(v.text); err != nil {
			return usagef("--%s: %w", v.name, err)
		}
	}
	return nil
}

// addresses reads the flags that are addresses.
func (f *explainFlags) addresses(s *frontend.Sample) (err error) {
	for _, v := range []struct {
		name, text string
		to         *netip.Addr
	}{
		{"relay", f.relay, &s.Relay},
		{"link-address", f.linkAddress, &s.LinkAddress},
		{"link-selection", f.linkSelection, &s.LinkSelection},
		{"subnet-selection", f.subnetSelection, &s.SubnetSelection},
	} {
		if v.text == "" {
			continue
		}
		if *v.to, err = netip.ParseAddr(v.text); err != nil {
			return usagef("--%s: %w", v.name, err)
		}
	}
	if f.requests == "" {
		return nil
	}
	if s.Requested, err = prefixOrAddr(f.requests); err != nil {
		return usagef("--requested: %w", err)
	}
	return nil
}

// typeOf returns the type of message: the one that begins a conversation, unless
// told.
func (f *explainFlags) typeOf(s *frontend.Sample) string {
	switch {
	case f.kind != "":
		return f.kind
	case f.duid != "", f.interfaceID != "", f.pd, s.LinkAddress.IsValid(), s.Relay.Is6(), s.Requested.Addr().Is6():
		return "solicit"
	}
	return "discover"
}

func (f *explainFlags) asks(s *frontend.Sample) error {
	list := f.ask
	most := uint64(254)
	if frontend.SampleFamily(s.Type) == sqlstore.IPv6 {
		if most = 65535; len(list) == 0 {
			list = []string{"23", "24"}
		}
	}
	for _, text := range list {
		code, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil || code < 1 || code > most {
			return fmt.Errorf("%q is not a code from 1 to %d", text, most)
		}
		s.Asks = append(s.Asks, uint16(code))
	}
	return nil
}

func textOrHex(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		return unhex(digits)
	}
	return []byte(text), nil
}

func prefixOrAddr(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p, err
	}
	a, err := netip.ParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen()), err
}
