package option

import "rowlock/sqlstore"

func one(t Type) []Type { return []Type{t} }

// defs4 are the DHCPv4 options that may be configured: RFC 2132 unless noted.
var defs4 = []Def{
	{Code: 1, Name: "subnet-mask", Fields: one(IPv4)},
	{Code: 2, Name: "time-offset", Fields: one(Int32)},
	{Code: 3, Name: "routers", Fields: one(IPv4), Array: true},
	{Code: 4, Name: "time-servers", Fields: one(IPv4), Array: true},
	{Code: 5, Name: "name-servers", Fields: one(IPv4), Array: true},
	{Code: 6, Name: "domain-name-servers", Fields: one(IPv4), Array: true},
	{Code: 7, Name: "log-servers", Fields: one(IPv4), Array: true},
	{Code: 8, Name: "cookie-servers", Fields: one(IPv4), Array: true},
	{Code: 9, Name: "lpr-servers", Fields: one(IPv4), Array: true},
	{Code: 10, Name: "impress-servers", Fields: one(IPv4), Array: true},
	{Code: 11, Name: "resource-location-servers", Fields: one(IPv4), Array: true},
	{Code: 12, Name: "host-name", Fields: one(String)},
	{Code: 13, Name: "boot-size", Fields: one(Uint16)},
	{Code: 14, Name: "merit-dump", Fields: one(String)},
	{Code: 15, Name: "domain-name", Fields: one(DomainText)},
	{Code: 16, Name: "swap-server", Fields: one(IPv4)},
	{Code: 17, Name: "root-path", Fields: one(String)},
	{Code: 18, Name: "extensions-path", Fields: one(String)},
	{Code: 19, Name: "ip-forwarding", Fields: one(Boolean)},
	{Code: 20, Name: "non-local-source-routing", Fields: one(Boolean)},
	{Code: 21, Name: "policy-filter", Fields: one(IPv4), Array: true, Pairs: true},
	{Code: 22, Name: "max-dgram-reassembly", Fields: one(Uint16), Min: 576},
	{Code: 23, Name: "default-ip-ttl", Fields: one(Uint8), Min: 1},
	{Code: 24, Name: "path-mtu-aging-timeout", Fields: one(Uint32)},
	{Code: 25, Name: "path-mtu-plateau-table", Fields: one(Uint16), Array: true, Min: 68},
	{Code: 26, Name: "interface-mtu", Fields: one(Uint16), Min: 68},
	{Code: 27, Name: "all-subnets-local", Fields: one(Boolean)},
	{Code: 28, Name: "broadcast-address", Fields: one(IPv4)},
	{Code: 29, Name: "perform-mask-discovery", Fields: one(Boolean)},
	{Code: 30, Name: "mask-supplier", Fields: one(Boolean)},
	{Code: 31, Name: "router-discovery", Fields: one(Boolean)},
	{Code: 32, Name: "router-solicitation-address", Fields: one(IPv4)},
	{Code: 33, Name: "static-routes", Fields: one(IPv4), Array: true, Pairs: true},
	{Code: 34, Name: "trailer-encapsulation", Fields: one(Boolean)},
	{Code: 35, Name: "arp-cache-timeout", Fields: one(Uint32)},
	{Code: 36, Name: "ieee802-3-encapsulation", Fields: one(Boolean)},
	{Code: 37, Name: "default-tcp-ttl", Fields: one(Uint8), Min: 1},
	{Code: 38, Name: "tcp-keepalive-interval", Fields: one(Uint32)},
	{Code: 39, Name: "tcp-keepalive-garbage", Fields: one(Boolean)},
	{Code: 40, Name: "nis-domain", Fields: one(String)},
	{Code: 41, Name: "nis-servers", Fields: one(IPv4), Array: true},
	{Code: 42, Name: "ntp-servers", Fields: one(IPv4), Array: true},
	{Code: 43, Name: "vendor-encapsulated-options", Fields: one(Binary)},
	{Code: 44, Name: "netbios-name-servers", Fields: one(IPv4), Array: true},
	{Code: 45, Name: "netbios-dd-server", Fields: one(IPv4), Array: true},
	{Code: 46, Name: "netbios-node-type", Fields: one(Uint8)},
	{Code: 47, Name: "netbios-scope", Fields: one(String)},
	{Code: 48, Name: "font-servers", Fields: one(IPv4), Array: true},
	{Code: 49, Name: "x-display-manager", Fields: one(IPv4), Array: true},
	{Code: 60, Name: "vendor-class-identifier", Fields: one(String)},
	{Code: 64, Name: "nisplus-domain-name", Fields: one(String)},
	{Code: 65, Name: "nisplus-servers", Fields: one(IPv4), Array: true},
	{Code: 66, Name: "tftp-server-name", Fields: one(String)},
	{Code: 67, Name: "boot-file-name", Fields: one(String)},
	{Code: 68, Name: "mobile-ip-home-agent", Fields: one(IPv4), Array: true},
	{Code: 69, Name: "smtp-server", Fields: one(IPv4), Array: true},
	{Code: 70, Name: "pop-server", Fields: one(IPv4), Array: true},
	{Code: 71, Name: "nntp-server", Fields: one(IPv4), Array: true},
	{Code: 72, Name: "www-server", Fields: one(IPv4), Array: true},
	{Code: 73, Name: "finger-server", Fields: one(IPv4), Array: true},
	{Code: 74, Name: "irc-server", Fields: one(IPv4), Array: true},
	{Code: 78, Name: "slp-directory-agent", Fields: []Type{Boolean, IPv4}, Array: true},        // RFC 2610
	{Code: 79, Name: "slp-service-scope", Fields: []Type{Boolean, String}},                     // RFC 2610
	{Code: 88, Name: "bcms-controller-names", Fields: one(FQDN), Array: true},                  // RFC 4280
	{Code: 89, Name: "bcms-controller-address", Fields: one(IPv4), Array: true},                // RFC 4280
	{Code: 100, Name: "pcode", Fields: one(String)},                                            // RFC 4833
	{Code: 101, Name: "tcode", Fields: one(String)},                                            // RFC 4833
	{Code: 108, Name: "v6-only-preferred", Fields: one(Uint32)},                                // RFC 8925
	{Code: 114, Name: "v4-captive-portal", Fields: one(String)},                                // RFC 8910
	{Code: 116, Name: "auto-config", Fields: one(Uint8)},                                       // RFC 2563
	{Code: 117, Name: "name-service-search", Fields: one(Uint16), Array: true},                 // RFC 2937
	{Code: 119, Name: "domain-search", Fields: one(Compressed), Array: true},                   // RFC 3397
	{Code: 121, Name: "classless-static-route", Fields: one(Route), Array: true},               // RFC 3442
	{Code: 136, Name: "pana-agent", Fields: one(IPv4), Array: true},                            // RFC 5192
	{Code: 137, Name: "v4-lost", Fields: one(FQDN)},                                            // RFC 5223
	{Code: 138, Name: "capwap-ac-v4", Fields: one(IPv4), Array: true},                          // RFC 5417
	{Code: 141, Name: "sip-ua-cs-domains", Fields: one(FQDN), Array: true},                     // RFC 6011
	{Code: 143, Name: "v4-sztp-redirect", Fields: one(Tuple), Array: true},                     // RFC 8572
	{Code: 146, Name: "rdnss-selection", Fields: []Type{Uint8, IPv4, IPv4, FQDN}, Array: true}, // RFC 6731
	{Code: 150, Name: "tftp-server-address", Fields: one(IPv4), Array: true},                   // RFC 5859
	{Code: 212, Name: "option-6rd", Fields: []Type{Uint8, Uint8, IPv6, IPv4}, Array: true},     // RFC 5969
	{Code: 213, Name: "v4-access-domain", Fields: one(FQDN)},                                   // RFC 5986
}

// serverOwned tells why an option may not be configured.
func serverOwned(family sqlstore.Family, code uint16) (reason string, own bool) {
	if family == sqlstore.IPv6 {
		reason, own = owned6[code]
	} else {
		reason, own = owned4[code]
	}
	return reason, own
}

const (
	setByServer = "the server sets this option itself"
	sentByPeer  = "this option is sent by clients and relays, not configured"
)

var owned4 = map[uint16]string{
	0: "this code is padding", 50: sentByPeer, 51: setByServer, 52: setByServer, 53: setByServer,
	54: setByServer, 55: sentByPeer, 57: sentByPeer, 58: setByServer, 59: setByServer,
	61: setByServer, 82: setByServer,
}
