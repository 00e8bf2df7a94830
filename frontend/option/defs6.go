package option

// defs6 are the DHCPv6 options that may be configured.
var defs6 = []Def{
	{Code: 17, Name: "vendor-opts", Fields: one(Binary)},                                // RFC 9915
	{Code: 21, Name: "sip-server-dns", Fields: one(FQDN), Array: true},                  // RFC 3319
	{Code: 22, Name: "sip-server-addr", Fields: one(IPv6), Array: true},                 // RFC 3319
	{Code: 23, Name: "dns-servers", Fields: one(IPv6), Array: true},                     // RFC 3646
	{Code: 24, Name: "domain-search", Fields: one(FQDN), Array: true},                   // RFC 3646; RFC 9915 section 10: not compressed
	{Code: 27, Name: "nis-servers", Fields: one(IPv6), Array: true},                     // RFC 3898
	{Code: 28, Name: "nisp-servers", Fields: one(IPv6), Array: true},                    // RFC 3898
	{Code: 29, Name: "nis-domain-name", Fields: one(FQDN)},                              // RFC 3898
	{Code: 30, Name: "nisp-domain-name", Fields: one(FQDN)},                             // RFC 3898
	{Code: 31, Name: "sntp-servers", Fields: one(IPv6), Array: true},                    // RFC 4075
	{Code: 32, Name: "information-refresh-time", Fields: one(Uint32), Min: 600},         // RFC 9915 section 21.23
	{Code: 33, Name: "bcmcs-server-dns", Fields: one(FQDN), Array: true},                // RFC 4280
	{Code: 34, Name: "bcmcs-server-addr", Fields: one(IPv6), Array: true},               // RFC 4280
	{Code: 36, Name: "geoconf-civic", Fields: []Type{Uint8, Uint16, Binary}},            // RFC 4776
	{Code: 40, Name: "pana-agent", Fields: one(IPv6), Array: true},                      // RFC 5192
	{Code: 41, Name: "new-posix-timezone", Fields: one(String)},                         // RFC 4833
	{Code: 42, Name: "new-tzdb-timezone", Fields: one(String)},                          // RFC 4833
	{Code: 51, Name: "v6-lost", Fields: one(FQDN)},                                      // RFC 5223
	{Code: 52, Name: "capwap-ac-v6", Fields: one(IPv6), Array: true},                    // RFC 5417
	{Code: 56, Name: "ntp-server", Fields: one(NTPSource)},                              // RFC 5908
	{Code: 57, Name: "v6-access-domain", Fields: one(FQDN)},                             // RFC 5986
	{Code: 58, Name: "sip-ua-cs-list", Fields: one(FQDN), Array: true},                  // RFC 6011
	{Code: 59, Name: "bootfile-url", Fields: one(String)},                               // RFC 5970
	{Code: 60, Name: "bootfile-param", Fields: one(Tuple), Array: true},                 // RFC 5970
	{Code: 64, Name: "aftr-name", Fields: one(FQDN)},                                    // RFC 6334
	{Code: 65, Name: "erp-local-domain-name", Fields: one(FQDN)},                        // RFC 6440
	{Code: 74, Name: "rdnss-selection", Fields: []Type{IPv6, Uint8, FQDN}, Array: true}, // RFC 6731
	{Code: 82, Name: "solmax-rt", Fields: one(Uint32), Min: 60},                         // RFC 9915 section 21.24
	{Code: 83, Name: "inf-max-rt", Fields: one(Uint32), Min: 60},                        // RFC 9915 section 21.25
	{Code: 88, Name: "dhcp4o6-server-addr", Fields: one(IPv6), Array: true},             // RFC 7341
	{Code: 103, Name: "v6-captive-portal", Fields: one(String)},                         // RFC 8910
	{Code: 136, Name: "v6-sztp-redirect", Fields: one(Tuple), Array: true},              // RFC 8572
	{Code: 143, Name: "ipv6-address-andsf", Fields: one(IPv6), Array: true},             // RFC 6153
}

const unicastObsolete = "server unicast is obsolete (RFC 9915)"

var owned6 = map[uint16]string{
	1: setByServer, 2: setByServer, 3: setByServer, 4: setByServer, 5: setByServer, 6: sentByPeer,
	7: "use the parameter preference", 8: sentByPeer, 9: setByServer, 12: unicastObsolete, 13: setByServer,
	14: "use the parameter rapid_commit", 18: setByServer, 25: setByServer, 26: setByServer,
}
