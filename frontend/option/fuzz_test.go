package option

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

// roundTrip checks that the text of a wire value encodes to a value with the
// same text. (Not always the same bytes: compression may differ.)
func roundTrip(t require.TestingT, family sqlstore.Family, code uint16, wire []byte) {
	text, err := Decode(family, code, wire)
	if err != nil {
		return
	}
	_, known := ByCode(family, code)
	o := sqlstore.OptionData{Family: family, Code: code, Data: text, Hex: !known}
	_, again, err := Encode(o)
	require.NoError(t, err, "option %d from %x as %q", code, wire, text)
	second, err := Decode(family, code, again)
	require.NoError(t, err)
	require.Equal(t, text, second)
	if code != 119 {
		require.Equal(t, wire, again)
	}
}

func TestDecodeEncodeRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		family, defs := sqlstore.IPv4, defs4
		if rapid.Bool().Draw(t, "v6") {
			family, defs = sqlstore.IPv6, defs6
		}
		d := rapid.SampledFrom(defs).Draw(t, "option")
		// Small bytes make labels, lengths and booleans that are often legal.
		b := rapid.OneOf(rapid.ByteRange(0, 4), rapid.ByteRange('a', 'c'), rapid.Byte())
		roundTrip(t, family, d.Code, rapid.SliceOfN(b, 0, 40).Draw(t, "wire"))
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(false, uint16(119), []byte("\x03eng\x07example\x03org\x00\x03mkt\xc0\x04"))
	f.Add(false, uint16(121), []byte("\x08\x0a\xc0\x00\x02\x01"))
	f.Add(false, uint16(67), []byte(`a,b\c`))
	f.Add(true, uint16(56), []byte("\x00\x03\x00\x03\x01a\x00"))
	f.Add(true, uint16(60), []byte("\x00\x01a\x00\x01b"))
	f.Add(true, uint16(24), []byte("\x01a\x00"))
	f.Fuzz(func(t *testing.T, v6 bool, code uint16, wire []byte) {
		family := sqlstore.IPv4
		if v6 {
			family = sqlstore.IPv6
		} else {
			code %= 255
		}
		if _, own := serverOwned(family, code); own || code == 0 || len(wire) > 4096 {
			return
		}
		roundTrip(t, family, code, wire)
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(false, "domain-search", "eng.example.org, example.org", false)
	f.Add(false, "classless-static-route", "10.0.0.0/8 - 192.0.2.1", false)
	f.Add(false, "root-path", `a\,b`, false)
	f.Add(true, "ntp-server", "ff02::101", false)
	f.Add(true, "ntp-server", "200.0.1.0.", false)
	f.Add(true, "ntp-server", "0003000b0332303001300131013000", true)
	f.Add(true, "bootfile-param", `a\, b, c`, false)
	f.Add(true, "dns-servers", "20010db8000000000000000000000001", true)
	f.Fuzz(func(t *testing.T, v6 bool, name, data string, hex bool) {
		family := sqlstore.IPv4
		if v6 {
			family = sqlstore.IPv6
		}
		code, wire, err := Encode(sqlstore.OptionData{Family: family, Name: name, Data: data, Hex: hex})
		if err != nil {
			require.Nil(t, wire)
			return
		}
		if _, err := Decode(family, code, wire); err != nil {
			require.True(t, hex && errors.Is(err, ErrNoText), "%q: %v", data, err)
		}
		roundTrip(t, family, code, wire)
	})
}
