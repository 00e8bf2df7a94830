package frontend

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func frameOf(payload []byte, from, to string) []byte {
	dst := netip.MustParseAddrPort(to)
	o := &outgoing{
		data: payload, to: dst, hw: broadcastHW, from: netip.MustParseAddrPort(from).Addr(),
		in: &packet{dst: netip.AddrPortFrom(netip.IPv4Unspecified(), netip.MustParseAddrPort(from).Port())},
	}
	return buildFrame(net.HardwareAddr{2, 0, 0x5e, 0, 0, 1}, o)
}

func TestFrameBytes(t *testing.T) {
	t.Parallel()
	got := frameOf([]byte("abc"), "192.0.2.1:67", "192.0.2.10:68")
	// The checksums were worked out by another program (RFC 791 section 3.1, RFC 768).
	want := "ffffffffffff 02005e000001 0800" +
		"4510001f 00000000 4011f6b2 c0000201 c000020a" +
		"00430044 000bb6e2 616263"
	require.Equal(t, strings.ReplaceAll(want, " ", ""), hex.EncodeToString(got))
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	for n := range 70 {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(i * n)
		}
		b := frameOf(payload, "192.0.2.1:67", "255.255.255.255:68")
		ip, udp := b[ethernetLen:ethernetLen+ipv4Len], b[ethernetLen+ipv4Len:]
		require.Zero(t, checksum(0, ip))
		require.Zero(t, checksum(pseudo([4]byte(ip[12:]), [4]byte(ip[16:]), uint16(len(udp))), udp))
		got, src, dst, err := parseFrame(append(b, 0, 0, 0)) // Ethernet pads short frames
		require.NoError(t, err)
		require.Equal(t, payload, append([]byte{}, got...))
		require.Equal(t, "192.0.2.1:67", src.String())
		require.Equal(t, "255.255.255.255:68", dst.String())
	}
}

func TestBadFramesAreRefused(t *testing.T) {
	t.Parallel()
	good := func() []byte { return frameOf([]byte("payload"), "192.0.2.1:67", "255.255.255.255:68") }
	fix := func(b []byte) []byte {
		binary.BigEndian.PutUint16(b[24:], 0)
		binary.BigEndian.PutUint16(b[24:], checksum(0, b[14:34]))
		return b
	}
	for name, edit := range map[string]func(b []byte) []byte{
		"short":              func(b []byte) []byte { return b[:41] },
		"type":               func(b []byte) []byte { b[12] = 0x86; return b },
		"version":            func(b []byte) []byte { b[14] = 0x65; return fix(b) },
		"header length":      func(b []byte) []byte { b[14] = 0x44; return fix(b) },
		"header beyond":      func(b []byte) []byte { b[14] = 0x4f; return b },
		"total beyond":       func(b []byte) []byte { b[17]++; return fix(b) },
		"total too small":    func(b []byte) []byte { b[17] = 27; return fix(b) },
		"protocol":           func(b []byte) []byte { b[23] = 6; return fix(b) },
		"header checksum":    func(b []byte) []byte { b[24]++; return b },
		"udp length beyond":  func(b []byte) []byte { b[39]++; return b },
		"udp length too few": func(b []byte) []byte { b[39] = 7; return b },
	} {
		_, _, _, err := parseFrame(edit(good()))
		require.Error(t, err, name)
	}
	_, _, _, err := parseFrame(good())
	require.NoError(t, err)
}
