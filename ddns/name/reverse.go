package name

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Reverse returns the name of an address's PTR record: below in-addr.arpa (RFC
// 1035 section 3.5) or ip6.arpa (RFC 3596 section 2.5). It is "" for the zero
// Addr. An IPv4 address in IPv6 form is an IPv4 address; a zone is left out.
func Reverse(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	addr = addr.Unmap()
	var out strings.Builder
	for _, b := range slices.Backward(addr.AsSlice()) {
		if addr.Is4() {
			out.WriteString(strconv.Itoa(int(b)) + ".")
			continue
		}
		const digits = "0123456789abcdef"
		out.Write([]byte{digits[b&15], '.', digits[b>>4], '.'})
	}
	if addr.Is4() {
		return out.String() + "in-addr.arpa"
	}
	return out.String() + "ip6.arpa"
}
