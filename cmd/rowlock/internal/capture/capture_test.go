package capture

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// frame is an Ethernet frame with a UDP datagram; vlan is none if 0.
func frame(t testing.TB, src, dst string, vlan uint16, payload string) []byte {
	t.Helper()
	from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	kind := layers.EthernetTypeIPv4
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	} = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
	if from.Addr().Is6() {
		kind = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
	}
	require.NoError(t, udp.SetNetworkLayerForChecksum(ip))
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 2}, EthernetType: kind}
	all := []gopacket.SerializableLayer{eth, ip, udp, gopacket.Payload(payload)}
	if vlan != 0 {
		eth.EthernetType = layers.EthernetTypeDot1Q
		all = append(all[:1:1], append([]gopacket.SerializableLayer{&layers.Dot1Q{VLANIdentifier: vlan, Type: kind}}, all[1:]...)...)
	}
	b := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...))
	return b.Bytes()
}

func info(data []byte) gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(data), Length: len(data)}
}

func frames(t testing.TB) [][]byte {
	return [][]byte{
		frame(t, "192.0.2.1:53", "192.0.2.2:53", 0, "dns"),
		frame(t, "0.0.0.0:68", "255.255.255.255:67", 0, "four"),
		frame(t, "[fe80::1]:546", "[ff02::1:2]:547", 0, "six"),
		frame(t, "192.0.2.1:67", "198.51.100.1:67", 100, "tagged"),
		[]byte("not a frame"),
	}
}

func pcap(t testing.TB, link layers.LinkType, packets ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	require.NoError(t, w.WriteFileHeader(65535, link))
	for _, p := range packets {
		require.NoError(t, w.WritePacket(info(p), p))
	}
	return b.Bytes()
}

func pcapng(t testing.TB, packets ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, layers.LinkTypeEthernet)
	require.NoError(t, err)
	for _, p := range packets {
		require.NoError(t, w.WritePacket(info(p), p))
	}
	require.NoError(t, w.Flush())
	return b.Bytes()
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{"pcap": pcap(t, layers.LinkTypeEthernet, frames(t)...), "pcapng": pcapng(t, frames(t)...)} {
		for number, want := range map[int]Datagram{
			0: {Number: 2, From: netip.MustParseAddrPort("0.0.0.0:68"), To: netip.MustParseAddrPort("255.255.255.255:67"), Payload: []byte("four")},
			2: {Number: 2, From: netip.MustParseAddrPort("0.0.0.0:68"), To: netip.MustParseAddrPort("255.255.255.255:67"), Payload: []byte("four")},
			3: {Number: 3, From: netip.MustParseAddrPort("[fe80::1]:546"), To: netip.MustParseAddrPort("[ff02::1:2]:547"), Payload: []byte("six")},
			4: {Number: 4, From: netip.MustParseAddrPort("192.0.2.1:67"), To: netip.MustParseAddrPort("198.51.100.1:67"), Payload: []byte("tagged")},
		} {
			d, err := Read(bytes.NewReader(file), number)
			require.NoError(t, err, "%s, packet %d", name, number)
			require.Equal(t, want, d, "%s, packet %d", name, number)
		}
		for number, want := range map[int]string{1: "in packet 1: no DHCP message", 5: "in packet 5", 6: "there are 5 packets only", -1: "there are 5 packets only"} {
			_, err := Read(bytes.NewReader(file), number)
			if number < 0 {
				require.Error(t, err)
				continue
			}
			require.ErrorIs(t, err, ErrNone)
			require.ErrorContains(t, err, want, name)
		}
	}
	ip := frames(t)[1][14:]
	d, err := Read(bytes.NewReader(pcap(t, layers.LinkTypeRaw, ip)), 0)
	require.NoError(t, err, "a capture without Ethernet")
	require.Equal(t, "four", string(d.Payload))
	_, err = Read(bytes.NewReader(pcap(t, layers.LinkTypeEthernet)), 0)
	require.ErrorIs(t, err, ErrNone)
}

func TestReadHostile(t *testing.T) {
	t.Parallel()
	whole := pcap(t, layers.LinkTypeEthernet, frames(t)...)
	long := bytes.Clone(whole)
	copy(long[24+8:], []byte{0xff, 0xff, 0xff, 0x7f}) // the first packet has 2 GB
	ng := pcapng(t, frames(t)...)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":        {nil, "less than four bytes"},
		"text":         {[]byte("this is no capture"), "neither pcap nor pcapng"},
		"cut header":   {whole[:10], "neither pcap nor pcapng"},
		"cut packet":   {whole[:len(whole)-3], "read packet 5"},
		"long packet":  {long, "read packet 1"},
		"cut pcapng":   {ng[:20], "read pcapng"},
		"cut in block": {ng[:len(ng)-3], "read packet"},
	} {
		_, err := Read(bytes.NewReader(c.data), 99)
		require.Error(t, err, name)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := Read(strings.NewReader("\x1f\x8b\x08 not gzip"), 0)
	require.Error(t, err)
}

func TestFrame(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"", "four", "six", "tagged", ""} {
		d, ok := Frame(frames(t)[i])
		require.Equal(t, want != "", ok)
		require.Equal(t, want, string(d.Payload))
	}
	d, ok := Frame(frames(t)[2][14:])
	require.True(t, ok, "an IP packet")
	require.Equal(t, "six", string(d.Payload))
	_, ok = Frame(nil)
	require.False(t, ok)
}

// FuzzRead reads any bytes as a file, and as a frame: a message or an error.
func FuzzRead(f *testing.F) {
	f.Add(pcap(f, layers.LinkTypeEthernet, frames(f)...), 0)
	f.Add(pcapng(f, frames(f)...), 3)
	for _, data := range frames(f) {
		f.Add(data, 1)
	}
	f.Fuzz(func(t *testing.T, data []byte, number int) {
		Frame(data)
		if d, err := Read(bytes.NewReader(data), number); err == nil && (!d.From.IsValid() || !d.To.IsValid() || d.Number < 1) {
			t.Fatal("a message from nowhere")
		}
	})
}
