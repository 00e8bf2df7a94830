package frontend

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests have a DHCPv4 codec of their own, so that a fault of the one in
// use shows.

var types4 = []string{"", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"}

// encode4 makes a message from text. The first line is the type; "xid", "hw",
// "htype", "flags" and "secs" take hex, "giaddr" and "ciaddr" an address. Any
// other line is an option: its code, or 82.N for a sub-option, then hex,
// "addr A", "text T", "u32 N" or "bytes N ...". The xid is 00000001 and the
// hw 02005e100001 unless told.
func encode4(t testing.TB, text string) []byte {
	t.Helper()
	b := make([]byte, headerLen4)
	b[0], b[1] = 1, 1
	b[7] = 1
	b[2] = byte(copy(b[28:44], []byte{2, 0, 0x5e, 0x10, 0, 1}))
	copy(b[236:], []byte{99, 130, 83, 99})
	var agent []byte
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "xid":
			copy(b[4:], unhex4(t, f[1]))
		case "hw":
			hw := unhex4(t, strings.Join(f[1:], ""))
			clear(b[28:44])
			b[2] = byte(len(hw))
			copy(b[28:44], hw)
		case "htype":
			b[1] = unhex4(t, f[1])[0]
		case "secs":
			copy(b[8:], unhex4(t, f[1]))
		case "flags":
			copy(b[10:], unhex4(t, f[1]))
		case "ciaddr":
			copy(b[12:], netip.MustParseAddr(f[1]).AsSlice())
		case "giaddr":
			copy(b[24:], netip.MustParseAddr(f[1]).AsSlice())
		default:
			if i := slices.Index(types4, f[0]); i > 0 {
				b = append(b, 53, 1, byte(i))
				continue
			}
			v := value4(t, f[1:])
			if sub, ok := strings.CutPrefix(f[0], "82."); ok {
				agent = append(agent, option4(t, sub, v)...)
				continue
			}
			b = append(b, option4(t, f[0], v)...)
		}
	}
	if agent != nil {
		b = append(b, option4(t, "82", agent)...)
	}
	return append(b, 255)
}

func option4(t testing.TB, code string, v []byte) (out []byte) {
	t.Helper()
	n, err := strconv.ParseUint(code, 10, 8)
	require.NoError(t, err)
	for len(v) > 255 {
		out = append(append(out, byte(n), 255), v[:255]...)
		v = v[255:]
	}
	return append(append(out, byte(n), byte(len(v))), v...)
}

func value4(t testing.TB, f []string) []byte {
	t.Helper()
	if len(f) == 0 {
		return nil
	}
	switch f[0] {
	case "addr":
		return netip.MustParseAddr(f[1]).AsSlice()
	case "text":
		return []byte(strings.Join(f[1:], " "))
	case "u32":
		n, err := strconv.ParseUint(f[1], 10, 32)
		require.NoError(t, err)
		return binary.BigEndian.AppendUint32(nil, uint32(n))
	case "bytes":
		var b []byte
		for _, w := range f[1:] {
			n, err := strconv.ParseUint(w, 10, 8)
			require.NoError(t, err)
			b = append(b, byte(n))
		}
		return b
	}
	return unhex4(t, strings.Join(f, ""))
}

func unhex4(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	require.NoError(t, err)
	return b
}

// message4 is a reply as the tests read it.
type message4 struct {
	op, htype, hlen                byte
	kind                           string
	xid, flags, chaddr             string
	ciaddr, yiaddr, siaddr, giaddr string
	order                          []byte // codes as they come
	options                        map[byte][]byte
}

func decodeReply4(t testing.TB, b []byte) message4 {
	t.Helper()
	m, err := parseReply4(b)
	require.NoError(t, err)
	return m
}

func parseReply4(b []byte) (message4, error) {
	if len(b) < 300 || string(b[236:240]) != "\x63\x82\x53\x63" {
		return message4{}, fmt.Errorf("%d bytes without a cookie or too short for BOOTP", len(b))
	}
	addr := func(at int) string { return netip.AddrFrom4([4]byte(b[at : at+4])).String() }
	m := message4{
		op: b[0], htype: b[1], hlen: b[2], xid: hex.EncodeToString(b[4:8]), flags: hex.EncodeToString(b[10:12]),
		ciaddr: addr(12), yiaddr: addr(16), siaddr: addr(20), giaddr: addr(24),
		chaddr: hex.EncodeToString(b[28 : 28+min(16, int(b[2]))]), options: map[byte][]byte{},
	}
	for b = b[240:]; ; {
		switch {
		case len(b) == 0:
			return m, fmt.Errorf("options do not end")
		case b[0] == 0:
			b = b[1:]
			continue
		case b[0] == 255:
			if v := m.options[53]; len(v) == 1 && int(v[0]) < len(types4) {
				m.kind = types4[v[0]]
			}
			return m, nil
		case len(b) < 2 || len(b) < 2+int(b[1]):
			return m, fmt.Errorf("option %d is cut off", b[0])
		}
		if _, again := m.options[b[0]]; !again {
			m.order = append(m.order, b[0])
		}
		m.options[b[0]] = append(m.options[b[0]], b[2:2+int(b[1])]...)
		b = b[2+int(b[1]):]
	}
}

// addr reads an option that is an address, seconds one that is a number.
func (m message4) addr(code byte) string {
	a, ok := netip.AddrFromSlice(m.options[code])
	if !ok {
		return ""
	}
	return a.String()
}

func (m message4) seconds(code byte) uint32 {
	if v := m.options[code]; len(v) == 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// String is the text form of a reply in golden files.
func (m message4) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s op %d htype %d hlen %d xid %s flags %s\n", m.kind, m.op, m.htype, m.hlen, m.xid, m.flags)
	fmt.Fprintf(&b, "ciaddr %s yiaddr %s siaddr %s giaddr %s chaddr %s\n", m.ciaddr, m.yiaddr, m.siaddr, m.giaddr, m.chaddr)
	for _, code := range m.order {
		fmt.Fprintf(&b, "%d %x\n", code, m.options[code])
	}
	return b.String()
}
