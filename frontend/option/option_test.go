package option

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	const v4, v6 = sqlstore.IPv4, sqlstore.IPv6
	for _, tt := range []struct {
		family sqlstore.Family
		name   string
		data   string
		code   uint16
		wire   string
		text   string // as decoded; empty: same as data
	}{
		{v4, "routers", "192.0.2.1,192.0.2.2", 3, "c0000201c0000202", "192.0.2.1, 192.0.2.2"},
		{v4, "time-offset", "-18000", 2, "ffffb9b0", ""},
		{v4, "domain-name", "example.org", 15, hex.EncodeToString([]byte("example.org")), ""},
		{v4, "ip-forwarding", "1", 19, "01", "true"},
		{v4, "interface-mtu", "1500", 26, "05dc", ""},
		{v4, "vendor-encapsulated-options", "0x01:04:c0 00 02 01", 43, "0104c0000201", "0104c0000201"},
		{v4, "boot-file-name", `a,b\\c`, 67, hex.EncodeToString([]byte(`a,b\c`)), `a\,b\\c`},
		{v4, "boot-file-name", `a\,b`, 67, hex.EncodeToString([]byte(`a,b`)), ""},
		{v4, "slp-directory-agent", "true, 192.0.2.1", 78, "01c0000201", ""},
		{v4, "slp-service-scope", `false, one\, two`, 79, "00" + hex.EncodeToString([]byte("one, two")), ""},
		{v4, "v6-only-preferred", "1800", 108, "00000708", ""},
		{v4, "v4-sztp-redirect", "https://a, https://b", 143, "0009" + hex.EncodeToString([]byte("https://a")) + "0009" + hex.EncodeToString([]byte("https://b")), ""},
		{v4, "classless-static-route", "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0-192.0.2.2", 121, "080ac000020100c0000202", "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0 - 192.0.2.2"},
		{v4, "option-6rd", "0, 32, 2001:db8::, 192.0.2.1", 212, "002020010db8000000000000000000000000c0000201", ""},
		{v6, "dns-servers", "2001:db8::1", 23, "20010db8000000000000000000000001", ""},
		{v6, "domain-search", "a.example.org., example.org", 24, "016107" + "6578616d706c65036f7267" + "00" + "07" + "6578616d706c65036f7267" + "00", "a.example.org, example.org"},
		{v6, "information-refresh-time", "86400", 32, "00015180", ""},
		{v6, "geoconf-civic", "1, 2, 0abc", 36, "0100020abc", ""},
		{v6, "ntp-server", "2001:db8::7b", 56, "00010010" + "20010db800000000000000000000007b", ""},
		{v6, "ntp-server", "ff02::101", 56, "00020010" + "ff020000000000000000000000000101", ""},
		{v6, "ntp-server", "ntp.example", 56, "0003000d" + "036e7470076578616d706c65" + "00", ""},
		{v6, "aftr-name", "aftr.example.org", 64, "0461667472" + "076578616d706c65" + "036f7267" + "00", ""},
		{v6, "bootfile-param", "x, yz", 60, "000178" + "0002797a", ""},
		{v6, "v6-captive-portal", "https://example.org/a?b=c", 103, hex.EncodeToString([]byte("https://example.org/a?b=c")), ""},
	} {
		t.Run(tt.name+" "+tt.data, func(t *testing.T) {
			t.Parallel()
			code, wire, err := Encode(sqlstore.OptionData{Family: tt.family, Name: tt.name, Data: tt.data})
			require.NoError(t, err)
			require.Equal(t, tt.code, code)
			require.Equal(t, tt.wire, hex.EncodeToString(wire))
			text, err := Decode(tt.family, code, wire)
			require.NoError(t, err)
			if tt.text == "" {
				tt.text = tt.data
			}
			require.Equal(t, tt.text, text)
			_, fromHex, err := Encode(sqlstore.OptionData{Family: tt.family, Code: tt.code, Data: tt.wire, Hex: true})
			require.NoError(t, err)
			require.Equal(t, wire, fromHex)
		})
	}
}

func TestTypesWithoutStandardOption(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		def        Def
		text, wire string
	}{
		{Def{Fields: []Type{IPv6Prefix}, Array: true}, "2001:db8::/33, ::/0, ::1/128", "2120010db800" + "00" + "80" + strings.Repeat("00", 15) + "01"},
		{Def{Fields: []Type{Int8}}, "-128", "80"},
		{Def{Fields: []Type{Int16}}, "-2", "fffe"},
		{Def{Fields: []Type{Empty}}, "", ""},
	} {
		wire, err := tt.def.Encode(tt.text)
		require.NoError(t, err)
		require.Equal(t, tt.wire, hex.EncodeToString(wire))
		text, err := tt.def.Decode(wire)
		require.NoError(t, err)
		require.Equal(t, tt.text, text)
	}
	_, err := Def{Fields: []Type{Empty}, Array: true}.Decode([]byte{1})
	require.EqualError(t, err, "1 bytes too many")
}

// RFC 3397 section 2 and RFC 1035 section 4.1.4.
func TestRFC3397Section2Compression(t *testing.T) {
	t.Parallel()
	o := sqlstore.OptionData{Family: sqlstore.IPv4, Name: "domain-search", Data: "eng.example.org, mkt.example.org, example.org"}
	_, wire, err := Encode(o)
	require.NoError(t, err)
	require.Equal(t, "03656e67"+"076578616d706c65"+"036f7267"+"00"+"036d6b74"+"c004"+"c004", hex.EncodeToString(wire))
	text, err := Decode(sqlstore.IPv4, 119, wire)
	require.NoError(t, err)
	require.Equal(t, o.Data, text)

	for name, bad := range map[string]string{
		"pointer to itself":   "c000",
		"pointer forwards":    "c0020161" + "00",
		"pointer loop":        "0161c000",
		"cut pointer":         "016100c0",
		"cut label":           "0561",
		"no end":              "0161",
		"reserved label type": "8000",
	} {
		wire, err := hex.DecodeString(bad)
		require.NoError(t, err)
		_, err = Decode(sqlstore.IPv4, 119, wire)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, ErrNoText, name)
	}
}

// RFC 9915 section 10: names in DHCPv6 options are not compressed.
func TestRFC9915Section10NoCompression(t *testing.T) {
	t.Parallel()
	_, err := Decode(sqlstore.IPv6, 24, []byte{1, 'a', 0, 0xc0, 0})
	require.ErrorContains(t, err, "label type 0xc0 is not allowed")
}

func TestErrorsNameOptionAndValue(t *testing.T) {
	t.Parallel()
	const v4, v6 = sqlstore.IPv4, sqlstore.IPv6
	long := strings.Repeat("a", 64)
	for _, tt := range []struct {
		o    sqlstore.OptionData
		want string
	}{
		{sqlstore.OptionData{Family: v4, Name: "routers", Data: "192.0.2.256"}, `option routers (3): "192.0.2.256" is not ipv4-address`},
		{sqlstore.OptionData{Family: v4, Name: "routers", Data: "2001:db8::1"}, "four decimal numbers"},
		{sqlstore.OptionData{Family: v4, Name: "routers", Data: ""}, "value is empty"},
		{sqlstore.OptionData{Family: v4, Name: "routers", Data: "c0", Hex: true}, "value is too short"},
		{sqlstore.OptionData{Family: v4, Name: "routers", Data: "xyz", Hex: true}, `"xyz" is not an even number of hex digits`},
		{sqlstore.OptionData{Family: v4, Name: "swap-server", Data: "192.0.2.1, 192.0.2.2"}, `"192.0.2.1, 192.0.2.2" is not`},
		{sqlstore.OptionData{Family: v4, Name: "static-routes", Data: "192.0.2.1"}, "odd number of values"},
		{sqlstore.OptionData{Family: v4, Name: "interface-mtu", Data: "67"}, "67 is less than 68"},
		{sqlstore.OptionData{Family: v4, Name: "interface-mtu", Data: "70000"}, "outside 0 to 65535"},
		{sqlstore.OptionData{Family: v4, Name: "interface-mtu", Data: "big"}, "use a decimal number"},
		{sqlstore.OptionData{Family: v4, Name: "time-offset", Data: "2147483648"}, "outside -2147483648 to 2147483647"},
		{sqlstore.OptionData{Family: v4, Name: "ip-forwarding", Data: "yes"}, "use true or false"},
		{sqlstore.OptionData{Family: v4, Name: "domain-name", Data: "a b"}, `label "a b" has a character`},
		{sqlstore.OptionData{Family: v4, Name: "domain-search", Data: "a..b"}, "a label is empty"},
		{sqlstore.OptionData{Family: v4, Name: "domain-search", Data: long}, "longer than 63 bytes"},
		{sqlstore.OptionData{Family: v4, Name: "classless-static-route", Data: "10.0.0.1/8 - 192.0.2.1"}, "did you mean 10.0.0.0/8"},
		{sqlstore.OptionData{Family: v4, Name: "classless-static-route", Data: "10.0.0.0/8"}, "prefix - router"},
		{sqlstore.OptionData{Family: v4, Name: "slp-service-scope", Data: "true"}, "has 1 values, 2 are needed"},
		{sqlstore.OptionData{Family: v4, Name: "slp-service-scope", Data: "true,a,b"}, "only 2 are allowed"},
		{sqlstore.OptionData{Family: v4, Name: "root-path", Data: "a\x00b"}, "cannot be printed"},
		{sqlstore.OptionData{Family: v4, Name: "dns-servers", Data: "192.0.2.1"}, `option "dns-servers": unknown v4 option name`},
		{sqlstore.OptionData{Family: v4, Code: 224, Data: "abc"}, "option 224: no definition, so its value must be given as hex"},
		{sqlstore.OptionData{Family: v4, Code: 3, Name: "time-servers", Data: "192.0.2.1"}, "code 3 is routers"},
		{sqlstore.OptionData{Family: v4, Code: 224, Name: "routers", Data: "00", Hex: true}, "its code is 3, not 224"},
		{sqlstore.OptionData{Family: v4, Data: "1"}, "neither a name nor a code"},
		{sqlstore.OptionData{Name: "routers", Data: "192.0.2.1"}, "address family is missing"},
		{sqlstore.OptionData{Family: v4, Code: 255, Hex: true}, "outside 1 to 254"},
		{sqlstore.OptionData{Family: v6, Name: "dns-servers", Data: "fe80::1%eth0"}, "without a zone"},
		{sqlstore.OptionData{Family: v6, Name: "dns-servers", Data: "192.0.2.1"}, "is not ipv6-address"},
		{sqlstore.OptionData{Family: v6, Name: "information-refresh-time", Data: "599"}, "599 is less than 600"},
		{sqlstore.OptionData{Family: v6, Code: 65001, Data: strings.Repeat("00", MaxLen+1), Hex: true}, "more than 65535"},
	} {
		_, wire, err := Encode(tt.o)
		require.ErrorContains(t, err, tt.want)
		require.Nil(t, wire)
	}
}

func TestServerOptionsAreRefused(t *testing.T) {
	t.Parallel()
	refused := map[sqlstore.Family][]uint16{
		sqlstore.IPv4: {50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 82, 255},
		sqlstore.IPv6: {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 18, 25, 26},
	}
	for family, codes := range refused {
		for _, code := range codes {
			_, _, err := Encode(sqlstore.OptionData{Family: family, Code: code, Data: "00", Hex: true})
			require.Error(t, err, "%s %d", family, code)
			_, known := ByCode(family, code)
			require.False(t, known, "%s %d", family, code)
		}
	}
}

func TestUnknownCodeAsHex(t *testing.T) {
	t.Parallel()
	code, wire, err := Encode(sqlstore.OptionData{Family: sqlstore.IPv4, Code: 224, Name: "site-thing", Data: "0xDEAD", Hex: true})
	require.NoError(t, err)
	require.Equal(t, uint16(224), code)
	require.Equal(t, []byte{0xde, 0xad}, wire)
	text, err := Decode(sqlstore.IPv4, 224, wire)
	require.NoError(t, err)
	require.Equal(t, "dead", text)
}

func TestHexIsCheckedBehindWhatHasNoText(t *testing.T) {
	t.Parallel()
	_, _, err := Encode(sqlstore.OptionData{Family: sqlstore.IPv6, Name: "bootfile-param", Data: "000100" + "0002", Hex: true})
	require.ErrorContains(t, err, "value is too short")
}

func TestHexMayHoldWhatTextCannot(t *testing.T) {
	t.Parallel()
	code, wire, err := Encode(sqlstore.OptionData{Family: sqlstore.IPv4, Name: "root-path", Data: "00ff", Hex: true})
	require.NoError(t, err)
	_, err = Decode(sqlstore.IPv4, code, wire)
	require.ErrorIs(t, err, ErrNoText)
}

// A table with a repeated code or name, or with a list of values that have no
// end of their own, could not be read back.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	for family, defs := range map[sqlstore.Family][]Def{sqlstore.IPv4: defs4, sqlstore.IPv6: defs6} {
		codes, names := map[uint16]bool{}, map[string]bool{}
		for _, d := range defs {
			require.False(t, codes[d.Code] || names[d.Name], d.Name)
			codes[d.Code], names[d.Name] = true, true
			byName, ok := Lookup(family, d.Name)
			require.True(t, ok)
			byCode, ok := ByCode(family, d.Code)
			require.True(t, ok)
			require.Equal(t, byName, byCode)
			require.Equal(t, family, byCode.Family)
			for i, f := range d.Fields {
				require.Contains(t, codecs, f, d.Name)
				endless := f == Binary || f == String || f == DomainText || f == Empty
				require.False(t, endless && (d.Array || i < len(d.Fields)-1), d.Name)
				require.False(t, f == Compressed && (!d.Array || len(d.Fields) > 1), d.Name)
			}
			_, own := serverOwned(family, d.Code)
			require.False(t, own, d.Name)
		}
	}
	require.GreaterOrEqual(t, len(defs4), 60)
	require.GreaterOrEqual(t, len(defs6), 30)
	require.Equal(t, "type 99", Type(99).String())
}
