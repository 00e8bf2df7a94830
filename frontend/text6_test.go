package frontend

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"
)

var types6 = map[string]dhcpv6.MessageType{
	"SOLICIT": dhcpv6.MessageTypeSolicit, "REQUEST": dhcpv6.MessageTypeRequest, "CONFIRM": dhcpv6.MessageTypeConfirm,
	"RENEW": dhcpv6.MessageTypeRenew, "REBIND": dhcpv6.MessageTypeRebind, "RELEASE": dhcpv6.MessageTypeRelease,
	"DECLINE": dhcpv6.MessageTypeDecline, "INFORMATION-REQUEST": dhcpv6.MessageTypeInformationRequest,
	"ADVERTISE": dhcpv6.MessageTypeAdvertise,
}

// encode6 makes a message from text. First come its relays, outermost first,
// as "relay HOPS LINK PEER"; then the type; options of either follow as
// "client" and "server" (the identifiers of the tests), "ia_na IAID ADDR...",
// "ia_pd IAID PREFIX...", "oro CODE...", "CODE text WORDS", or "CODE HEX".
func encode6(t testing.TB, text string) []byte {
	t.Helper()
	var heads [][]byte     // relay headers; the last is the message's
	var options [][][]byte // options of each
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		require.NotEmpty(t, f)
		kind, isType := types6[f[0]]
		switch {
		case f[0] == "relay":
			hops, err := strconv.ParseUint(f[1], 10, 8)
			require.NoError(t, err)
			heads = append(heads, slices.Concat([]byte{12, byte(hops)}, addr16(f[2]), addr16(f[3])))
			options = append(options, nil)
		case isType:
			heads = append(heads, msg6(kind))
			options = append(options, nil)
		default:
			last := len(options) - 1
			options[last] = append(options[last], textOption6(t, f))
		}
	}
	last := len(heads) - 1
	data := slices.Concat(heads[last], slices.Concat(options[last]...))
	for i := last - 1; i >= 0; i-- {
		data = slices.Concat(heads[i], slices.Concat(options[i]...), opt6(dhcpv6.OptionRelayMsg, data))
	}
	return data
}

func textOption6(t testing.TB, f []string) []byte {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.ParseUint(s, 10, 32)
		require.NoError(t, err)
		return int(n)
	}
	switch f[0] {
	case "client":
		return clientID6()
	case "server":
		return serverID6()
	case "ia_na":
		return na6(uint32(number(f[1])), f[2:]...)
	case "ia_pd":
		return pd6(uint32(number(f[1])), f[2:]...)
	case "oro":
		var codes []byte
		for _, c := range f[1:] {
			codes = append(codes, u16(number(c))...)
		}
		return opt6(dhcpv6.OptionORO, codes)
	}
	code := dhcpv6.OptionCode(number(f[0]))
	if len(f) > 1 && f[1] == "text" {
		return opt6(code, []byte(strings.Join(f[2:], " ")))
	}
	value, err := hex.DecodeString(strings.Join(f[1:], ""))
	require.NoError(t, err)
	return opt6(code, value)
}

// describe6 writes a reply as the codec's full decoder reads it.
func describe6(s *strings.Builder, indent string, msg dhcpv6.DHCPv6) {
	switch m := msg.(type) {
	case *dhcpv6.RelayMessage:
		fmt.Fprintf(s, "%s%s hops %d link %s peer %s\n", indent, m.MessageType, m.HopCount, m.LinkAddr, m.PeerAddr)
		for _, o := range m.Options.Options {
			if o.Code() != dhcpv6.OptionRelayMsg {
				fmt.Fprintf(s, "%s  %d %x\n", indent, o.Code(), o.ToBytes())
			}
		}
		describe6(s, indent+"  ", m.Options.RelayMessage())
	case *dhcpv6.Message:
		fmt.Fprintf(s, "%s%s xid %x\n", indent, m.MessageType, m.TransactionID[:])
		describeOptions6(s, indent+"  ", m.Options.Options)
	}
}

func describeOptions6(s *strings.Builder, indent string, options dhcpv6.Options) {
	lifetimes := func(preferred, valid time.Duration) string {
		return fmt.Sprintf("preferred %d valid %d", int64(preferred/time.Second), int64(valid/time.Second))
	}
	timers := func(t1, t2 time.Duration) string {
		return fmt.Sprintf("t1 %d t2 %d", int64(t1/time.Second), int64(t2/time.Second))
	}
	for _, o := range options {
		s.WriteString(indent)
		switch v := o.(type) {
		case *dhcpv6.OptIANA:
			fmt.Fprintf(s, "ia_na %x %s\n", v.IaId, timers(v.T1, v.T2))
			describeOptions6(s, indent+"  ", v.Options.Options)
		case *dhcpv6.OptIAPD:
			fmt.Fprintf(s, "ia_pd %x %s\n", v.IaId, timers(v.T1, v.T2))
			describeOptions6(s, indent+"  ", v.Options.Options)
		case *dhcpv6.OptIATA:
			fmt.Fprintf(s, "ia_ta %x\n", v.IaId)
			describeOptions6(s, indent+"  ", v.Options.Options)
		case *dhcpv6.OptIAAddress:
			a, _ := netip.AddrFromSlice(v.IPv6Addr)
			fmt.Fprintf(s, "%s %s\n", a, lifetimes(v.PreferredLifetime, v.ValidLifetime))
		case *dhcpv6.OptIAPrefix:
			fmt.Fprintf(s, "%s %s\n", v.Prefix, lifetimes(v.PreferredLifetime, v.ValidLifetime))
		case *dhcpv6.OptStatusCode:
			fmt.Fprintf(s, "status %s %q\n", v.StatusCode, v.StatusMessage)
		default:
			fmt.Fprintf(s, "%d %x\n", o.Code(), o.ToBytes())
		}
	}
}
