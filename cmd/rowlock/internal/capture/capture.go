// Package capture finds DHCP messages in what a capturing program wrote: files of
// pcap and pcapng, and single frames.
package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Datagram is a UDP datagram to or from a DHCP port.
type Datagram struct {
	Number   int // of the packet in its file, from 1
	From, To netip.AddrPort
	Payload  []byte
}

// ErrNone is wrapped where no DHCP message is found.
var ErrNone = errors.New("no DHCP message")

// Read returns the DHCP message in the packet with that number, counted from 1 as
// Wireshark does; 0 is the first one that has any. It reads no further.
func Read(r io.Reader, number int) (Datagram, error) {
	next, err := open(r)
	if err != nil {
		return Datagram{}, err
	}
	for at := 1; ; at++ {
		data, link, err := next()
		if errors.Is(err, io.EOF) {
			if number > 0 {
				return Datagram{}, fmt.Errorf("there are %d packets only: %w", at-1, ErrNone)
			}
			return Datagram{}, fmt.Errorf("in %d packets: %w", at-1, ErrNone)
		}
		if err != nil {
			return Datagram{}, fmt.Errorf("read packet %d: %w", at, err)
		}
		if number != 0 && at != number {
			continue
		}
		d, ok := parse(data, link)
		switch d.Number = at; {
		case ok:
			return d, nil
		case number != 0:
			return Datagram{}, fmt.Errorf("in packet %d: %w", number, ErrNone)
		}
	}
}

// open tells the format of a file by its first bytes. The function that it returns
// gives one packet after the other, and how they begin.
func open(r io.Reader) (next func() ([]byte, layers.LinkType, error), err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	magic, err := in.Peek(4)
	if err != nil {
		return nil, errors.New("this is neither pcap nor pcapng: it has less than four bytes")
	}
	if binary.BigEndian.Uint32(magic) == 0x0a0d0d0a { // the first block of a section
		ng, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, fmt.Errorf("read pcapng: %w", err)
		}
		return func() ([]byte, layers.LinkType, error) {
			data, info, err := ng.ReadPacketData()
			link := layers.LinkTypeNull
			if len(info.AncillaryData) > 0 {
				link, _ = info.AncillaryData[0].(layers.LinkType)
			}
			return data, link, err
		}, nil
	}
	file, err := pcapgo.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("this is neither pcap nor pcapng: %w", err)
	}
	return func() ([]byte, layers.LinkType, error) {
		data, _, err := file.ReadPacketData()
		return data, file.LinkType(), err
	}, nil
}

// Frame returns the DHCP message in an Ethernet frame, or in an IP packet.
func Frame(data []byte) (d Datagram, ok bool) {
	for _, link := range []layers.LinkType{layers.LinkTypeEthernet, layers.LinkTypeRaw} {
		if d, ok = parse(data, link); ok {
			return d, true
		}
	}
	return d, false
}

// parse takes a packet apart down to UDP.
func parse(data []byte, link layers.LinkType) (d Datagram, ok bool) {
	p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	udp, _ := p.TransportLayer().(*layers.UDP)
	network := p.NetworkLayer()
	if udp == nil || network == nil || !dhcpPort(udp.SrcPort) && !dhcpPort(udp.DstPort) {
		return d, false
	}
	src, dst := network.NetworkFlow().Endpoints()
	from, okFrom := netip.AddrFromSlice(src.Raw())
	to, okTo := netip.AddrFromSlice(dst.Raw())
	if !okFrom || !okTo {
		return d, false
	}
	d.From, d.To = netip.AddrPortFrom(from, uint16(udp.SrcPort)), netip.AddrPortFrom(to, uint16(udp.DstPort))
	d.Payload = bytes.Clone(udp.Payload)
	return d, true
}

func dhcpPort(p layers.UDPPort) bool { return p == 67 || p == 68 || p == 546 || p == 547 }
