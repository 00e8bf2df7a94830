package main

import "github.com/spf13/pflag"

// explainFlags say where the message comes from, and which configuration counts.
type explainFlags struct {
	hex, pcap string
	packet    int

	kind, mac, clientID, duid, hostname      string
	relay, linkAddress                       string
	circuitID, remoteID, interfaceID         string
	linkSelection, subnetSelection, requests string
	ask                                      []string
	iaid                                     uint32
	pd                                       bool

	iface, file string
	revision    int64
	json        bool

	set *pflag.FlagSet
}

// made are the flags that make up a message.
var made = []string{
	"type", "mac", "client-id", "duid", "iaid", "pd", "hostname", "relay", "link-address", "circuit-id", "remote-id", "interface-id",
	"link-selection", "subnet-selection", "requested", "ask",
}

func (f *explainFlags) register(flags *pflag.FlagSet) {
	f.set = flags
	flags.StringVar(&f.hex, "hex", "", "the message in `HEX`: of DHCP alone, of an IP packet or of an Ethernet frame; - reads it from standard input")
	flags.StringVar(&f.pcap, "pcap", "", "take the message from a capture `FILE`, pcap or pcapng")
	flags.IntVar(&f.packet, "packet", 0, "`NUMBER` of the packet in the capture, from 1 (default the first with a DHCP message)")

	flags.StringVar(&f.kind, "type", "", "make up a message of this `TYPE` (default discover, or solicit with --duid, --interface-id, --link-address or an IPv6 relay)")
	flags.StringVar(&f.mac, "mac", "", "hardware `ADDRESS` of the client")
	flags.StringVar(&f.clientID, "client-id", "", "DHCPv4 client identifier in `HEX`")
	flags.StringVar(&f.duid, "duid", "", "DHCPv6 client identifier in `HEX` (default one of --mac)")
	flags.Uint32Var(&f.iaid, "iaid", 1, "`NUMBER` of the identity association")
	flags.BoolVar(&f.pd, "pd", false, "ask for a delegated prefix too")
	flags.StringVar(&f.hostname, "hostname", "", "`NAME` that the client sends")
	flags.StringVar(&f.relay, "relay", "", "giaddr; DHCPv6: `ADDRESS` that the relay sends from")
	flags.StringVar(&f.linkAddress, "link-address", "", "DHCPv6 link-`ADDRESS` (default that of --relay)")
	flags.StringVar(&f.circuitID, "circuit-id", "", "what the relay says: `TEXT`, or 0x and hex")
	flags.StringVar(&f.remoteID, "remote-id", "", "likewise: `TEXT`, or 0x and hex")
	flags.StringVar(&f.interfaceID, "interface-id", "", "likewise, DHCPv6: `TEXT`, or 0x and hex")
	flags.StringVar(&f.linkSelection, "link-selection", "", "`ADDRESS` in option 82 (RFC 3527)")
	flags.StringVar(&f.subnetSelection, "subnet-selection", "", "`ADDRESS` in option 118 (RFC 3011)")
	flags.StringVar(&f.requests, "requested", "", "`ADDRESS` that the client names, or a prefix with its length")
	flags.StringSliceVar(&f.ask, "ask", nil, "`CODES` of the options that the client asks for (default all; DHCPv6: 23,24)")

	flags.StringVar(&f.iface, "interface", "", "`NAME` of the interface that it comes in by, where its clients are served directly")
	flags.StringVar(&f.file, "file", "", "use the network of a `DOCUMENT` (- for standard input) and no database")
	flags.Int64Var(&f.revision, "revision", 0, "use the configuration of that `NUMBER` (default the newest)")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// check refuses flags that do not go together.
func (f *explainFlags) check() error {
	sources := 0
	for _, v := range []string{f.hex, f.pcap} {
		if v != "" {
			sources++
		}
	}
	making := ""
	for _, name := range made {
		if making == "" && f.set.Changed(name) {
			making = "--" + name
		}
	}
	switch {
	case sources == 2:
		return usagef("--hex and --pcap exclude each other")
	case sources == 1 && making != "":
		return usagef("%s makes up a message, which --hex and --pcap have already", making)
	case sources == 0 && making == "":
		return usagef("there is no message: give --hex, --pcap, or what to make it of, such as --mac and --relay")
	case f.packet < 0:
		return usagef("--packet: %d is negative", f.packet)
	case f.packet > 0 && f.pcap == "":
		return usagef("--packet goes with --pcap")
	case f.revision < 0:
		return usagef("--revision: %d is negative", f.revision)
	case f.file != "" && f.revision != 0:
		return usagef("--file and --revision exclude each other")
	case f.file == "-" && f.hex == "-":
		return usagef("standard input cannot be both the document and the message")
	}
	return nil
}
