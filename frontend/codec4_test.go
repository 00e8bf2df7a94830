package frontend

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// header4 is the fixed part of a message, with the magic cookie.
func header4(hlen byte, file, sname string) []byte {
	b := make([]byte, headerLen4)
	copy(b, []byte{1, 1, hlen, 0, 1, 2, 3, 4, 0, 0, 0x80, 0, 192, 0, 2, 1, 192, 0, 2, 2, 192, 0, 2, 3, 192, 0, 2, 4, 2, 0, 0, 0, 0, 1})
	copy(b[snameAt4:fileAt4], sname)
	copy(b[fileAt4:cookieAt4], file)
	binary.BigEndian.PutUint32(b[cookieAt4:], magicCookie)
	return b
}

// FuzzCodec4 reads any bytes with our codec and with that of a library, and
// writes what was read with both: they agree on what is a message, on each value,
// and on each byte of an answer.
func FuzzCodec4(f *testing.F) {
	add := func(hlen byte, file, sname string, options ...byte) {
		f.Add(append(header4(hlen, file, sname), options...))
	}
	add(6, "", "", 53, 1, 1, 255)
	add(16, "", "", 0, 0, 53, 1, 1, 55, 0, 255, 7)
	add(0, "\x0c\x01a\xff", "\x0c\x01b\xff", 52, 1, 3, 53, 1, 3, 12, 1, 'c', 255)
	add(6, "\x0c", "\x52\x03\x01\x01x", 82, 3, 1, 1, 'y', 52, 1, 3, 53, 1, 3, 82, 2, 2, 0, 255)
	add(6, "", "", 53, 1)
	add(6, "", "", 53, 1, 1, 12)
	add(6, "", "", 53, 1, 1, 12, 2, 'a')
	add(6, "", "")
	long := bytes.Repeat([]byte("x"), 255)
	add(6, "", "", bytes.Join([][]byte{{53, 1, 1, 61, 255}, long, {61, 255}, long, {61, 1, 1, 255}}, nil)...)
	f.Fuzz(func(t *testing.T, data []byte) { sameCodec4(t, data) })
}

// TestCodec4 does the same with messages made up of options.
func TestCodec4(t *testing.T) {
	t.Parallel()
	code := rapid.SampledFrom([]byte{0, 1, 12, 52, 53, 54, 55, 61, 82, 254, 255})
	value := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 3, 4, 82, 255}), 0, 255)
	options := func(t *rapid.T, most int) (b []byte) {
		for range rapid.IntRange(0, most).Draw(t, "options") {
			switch c := code.Draw(t, "code"); c {
			case 0, 255:
				b = append(b, c)
			default:
				v := value.Draw(t, "value")
				b = append(append(b, c, byte(len(v))), v...)
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "cut off") == 0 {
			b = b[:rapid.IntRange(0, len(b)).Draw(t, "length")]
		}
		return b
	}
	rapid.Check(t, func(t *rapid.T) {
		data := header4(byte(rapid.IntRange(0, 16).Draw(t, "hlen")), string(options(t, 4)), string(options(t, 2)))
		copy(data[8:44], rapid.SliceOfN(rapid.Byte(), 36, 36).Draw(t, "addresses"))
		if rapid.Bool().Draw(t, "overloaded") {
			data = append(data, 52, 1, byte(rapid.IntRange(0, 4).Draw(t, "fields")))
		}
		data = append(data, options(t, 12)...)
		if rapid.Bool().Draw(t, "ended") {
			data = append(data, 255)
		}
		sameCodec4(t, data)
	})
}

// sameCodec4 requires that both codecs agree on a message.
func sameCodec4(t require.TestingT, data []byte) {
	if len(data) < headerLen4 || len(data) > maxPacket || data[2] > 16 {
		return
	}
	var m inbound4
	err := m.read(bytes.Clone(data))
	lib, libErr := dhcpv4.FromBytes(data)
	require.Equal(t, libErr == nil, err == nil, "ours: %v, the library's: %v", err, libErr)
	if err != nil {
		return
	}
	require.Equal(t, lib.TransactionID[:], m.xid())
	require.Equal(t, lib.Flags, m.flags())
	require.EqualValues(t, lib.HWType, m.hwType())
	require.True(t, bytes.Equal(lib.ClientHWAddr, m.chaddr()))
	require.Equal(t, fromIP(lib.ClientIPAddr.To4()), m.ciaddr())
	require.Equal(t, fromIP(lib.GatewayIPAddr.To4()), m.giaddr())
	sameOptions4(t, lib.Options, &m.options)
	sameReply4(t, &m)

	q := &query4{msg: m}
	if v := lib.Options[dhcpv4.OptionOptionOverload.Code()]; len(v) == 1 && v[0] >= 1 && v[0] <= 3 {
		err, libErr = q.readOverload(), nil
		if v[0]&1 != 0 {
			libErr = lib.Options.FromBytes(data[fileAt4:cookieAt4])
		}
		if v[0]&2 != 0 && libErr == nil {
			libErr = lib.Options.FromBytes(data[snameAt4:fileAt4])
		}
		require.Equal(t, libErr == nil, err == nil, "ours: %v, the library's: %v", err, libErr)
		if err == nil {
			sameOptions4(t, lib.Options, &q.msg.options)
			sameReply4(t, &q.msg)
		}
	}
	if v, ok := m.options.get(dhcpv4.OptionRelayAgentInformation); ok {
		var sub options4
		_, err := sub.read(v)
		libSub := dhcpv4.Options{}
		require.Equal(t, libSub.FromBytes(v) == nil, err == nil)
		if err == nil {
			sameOptions4(t, libSub, &sub)
		}
	}
}

// sameOptions4 requires that two readers found the same options. The library takes
// a code behind which a field ends for an option without a value.
func sameOptions4(t require.TestingT, want dhcpv4.Options, got *options4) {
	for _, o := range got.list {
		require.Contains(t, want, o.code)
	}
	for code, v := range want {
		own, ok := got.get(dhcpv4.GenericOptionCode(code))
		require.True(t, ok || len(v) == 0, "option %d", code)
		require.Equal(t, string(v), string(own), "option %d", code)
	}
}

// sameReply4 answers a message with all its options.
func sameReply4(t require.TestingT, m *inbound4) {
	yiaddr := netip.AddrFrom4([4]byte{192, 0, 2, 77})
	w := &writer4{q: &query4{msg: *m}, flags: m.flags(), ciaddr: m.ciaddr(), yiaddr: yiaddr}
	lib := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: iana.HWType(m.hwType()), TransactionID: dhcpv4.TransactionID(m.xid()), Flags: m.flags(),
		ClientIPAddr: net.IP(m.data[12:16]), YourIPAddr: yiaddr.AsSlice(), ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IP(m.data[24:28]),
		ClientHWAddr: m.chaddr(), Options: dhcpv4.Options{},
	}
	size := headerLen4 + 1
	for _, o := range m.options.list {
		w.put(dhcpv4.GenericOptionCode(o.code), o.data)
		lib.Options[o.code] = o.data
		size += optionSize4(o.data)
	}
	got := w.bytes()
	require.Equal(t, lib.ToBytes(), got)
	require.Len(t, got, max(size, minReply))
}

// A client that sends an empty parameter request list, which RFC 2132 section 9.8
// does not allow, is told what one without a list is told.
func TestEmptyParameterRequestList(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "option routers 192.0.2.1\n option domain-name example.org\n"+lan4, onLink4)
	_, without, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
	require.Contains(t, without.order, byte(15))
	_, empty, err := b.ask(t, "DISCOVER\n 55")
	require.NoError(t, err)
	require.Equal(t, without.order, empty.order)
}
