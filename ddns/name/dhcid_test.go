package name

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	require.NoError(t, err)
	return b
}

// The examples of RFC 4701 section 3.6, and the same DUID in a DHCPv4 client
// identifier.
func TestRFC4701_3_6_Examples(t *testing.T) {
	t.Parallel()
	const duid = "00:01:00:06:41:2d:f1:66:01:02:03:04:05:06"
	for _, tt := range []struct {
		about  string
		family sqlstore.Family
		client sqlstore.Client
		fqdn   string
		want   string
	}{
		{
			about:  "3.6.1 DUID",
			family: sqlstore.IPv6,
			client: sqlstore.Client{ClientID: unhex(t, duid)},
			fqdn:   "chi6.example.com",
			want:   "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
		},
		{
			about:  "3.6.1 DUID in DHCPv4 (RFC 4361)",
			family: sqlstore.IPv4,
			client: sqlstore.Client{ClientID: unhex(t, "ff:11:22:33:44:"+duid)},
			fqdn:   "chi6.example.com",
			want:   "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
		},
		{
			about:  "3.6.2 client identifier",
			family: sqlstore.IPv4,
			client: sqlstore.Client{ClientID: unhex(t, "01:07:08:09:0a:0b:0c"), HWType: 1, HWAddr: unhex(t, "01:02:03:04:05:06")},
			fqdn:   "chi.example.com",
			want:   "AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No=",
		},
		{
			about:  "3.6.3 hardware address",
			family: sqlstore.IPv4,
			client: sqlstore.Client{HWType: 1, HWAddr: unhex(t, "01:02:03:04:05:06")},
			fqdn:   "Client.EXAMPLE.com.",
			want:   "AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY=",
		},
	} {
		id, err := ClientIdentity(tt.family, &tt.client)
		require.NoError(t, err, tt.about)
		rdata, err := DHCID(id, tt.fqdn)
		require.NoError(t, err, tt.about)
		require.Len(t, rdata, 35)
		require.Equal(t, tt.want, DHCIDText(rdata), tt.about)
	}
}

func TestRFC4701_3_3_Identity(t *testing.T) {
	t.Parallel()
	hw := []byte{2, 0, 0, 0, 0, 1}
	for _, tt := range []struct {
		about  string
		family sqlstore.Family
		client sqlstore.Client
		want   Identity
		err    error
	}{
		{"shortest DUID of RFC 4361", sqlstore.IPv4, sqlstore.Client{ClientID: unhex(t, "ff:00:00:00:01:00:03:0a")}, Identity{DUIDIdentity, unhex(t, "00:03:0a")}, nil},
		{"too short for one", sqlstore.IPv4, sqlstore.Client{ClientID: unhex(t, "ff:00:00:00:01:00:03"), HWAddr: hw}, Identity{ClientIDIdentity, unhex(t, "ff:00:00:00:01:00:03")}, nil},
		{"only the type", sqlstore.IPv4, sqlstore.Client{ClientID: []byte{255}, HWAddr: hw}, Identity{ClientIDIdentity, []byte{255}}, nil},
		{"DHCPv6 DUID of type 255", sqlstore.IPv6, sqlstore.Client{ClientID: unhex(t, "ff:00:00:00:01:00:03:0a")}, Identity{DUIDIdentity, unhex(t, "ff:00:00:00:01:00:03:0a")}, nil},
		{"hardware address", sqlstore.IPv4, sqlstore.Client{HWType: 6, HWAddr: hw}, Identity{HWAddrIdentity, unhex(t, "06:02:00:00:00:00:01")}, nil},
		{"nothing", sqlstore.IPv4, sqlstore.Client{HWType: 1}, Identity{}, ReasonNoIdentity},
		{"hardware type without room", sqlstore.IPv4, sqlstore.Client{HWType: 256, HWAddr: hw}, Identity{}, ReasonHWType},
	} {
		got, err := ClientIdentity(tt.family, &tt.client)
		require.ErrorIs(t, err, tt.err, tt.about)
		require.Equal(t, tt.want, got, tt.about)
	}
}

func TestDHCIDRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reason{"": ReasonEmpty, ".": ReasonEmpty, "a..b": ReasonEmptyLabel, label64: ReasonLabelLong} {
		_, err := DHCID(Identity{Type: DUIDIdentity, Data: []byte{0, 3, 1}}, text)
		require.ErrorIs(t, err, want)
	}
}
