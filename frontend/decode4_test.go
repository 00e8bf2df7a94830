package frontend

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMalformedMessagesAreDropped(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	edit := func(text string, f func(b []byte) []byte) []byte { return f(encode4(t, text)) }
	for name, tc := range map[string]struct {
		data []byte
		want Reason
	}{
		"empty":                 {nil, ReasonMalformed},
		"short":                 {make([]byte, 239), ReasonMalformed},
		"magic":                 {edit("DISCOVER", func(b []byte) []byte { b[236]++; return b }), ReasonMalformed},
		"reply":                 {edit("DISCOVER", func(b []byte) []byte { b[0] = 2; return b }), ReasonWrongType},
		"hlen":                  {edit("DISCOVER", func(b []byte) []byte { b[2] = 17; return b }), ReasonMalformed},
		"no end":                {edit("DISCOVER", func(b []byte) []byte { return b[:len(b)-1] }), ReasonMalformed},
		"option cut off":        {edit("DISCOVER", func(b []byte) []byte { return append(b[:len(b)-1], 12, 9, 'a') }), ReasonMalformed},
		"bootp":                 {encode4(t, ""), ReasonWrongType},
		"two types":             {encode4(t, "DISCOVER\n 53 03"), ReasonWrongType},
		"type of servers":       {encode4(t, "OFFER"), ReasonWrongType},
		"unknown type":          {encode4(t, "53 63"), ReasonWrongType},
		"requested address":     {encode4(t, "DISCOVER\n 50 c00002"), ReasonMalformed},
		"server identifier":     {encode4(t, "REQUEST\n 54 c0000201c0000202"), ReasonMalformed},
		"subnet selection":      {encode4(t, "DISCOVER\n 118"), ReasonMalformed},
		"lease time":            {encode4(t, "DISCOVER\n 51 0e10"), ReasonMalformed},
		"message size":          {encode4(t, "DISCOVER\n 57 00"), ReasonMalformed},
		"overload":              {encode4(t, "DISCOVER\n 52 04"), ReasonMalformed},
		"relay information":     {encode4(t, "DISCOVER\n 82 0109aa"), ReasonMalformed},
		"link selection":        {encode4(t, "DISCOVER\n 82.5 c000"), ReasonMalformed},
		"server override":       {encode4(t, "DISCOVER\n 82.11 c000"), ReasonMalformed},
		"multicast giaddr":      {encode4(t, "DISCOVER\n giaddr 224.0.0.1"), ReasonMalformed},
		"broadcast ciaddr":      {encode4(t, "REQUEST\n ciaddr 255.255.255.255"), ReasonMalformed},
		"long client id":        {encode4(t, "DISCOVER\n 61 "+strings.Repeat("ab", 256)), ReasonOversize},
		"nothing to know it by": {encode4(t, "DISCOVER\n hw"), ReasonNoIdentity},
	} {
		_, err := b.run(b.packet(tc.data, "0.0.0.0:68", "255.255.255.255:67"))
		require.Error(t, err, name)
		require.Equal(t, tc.want, reasonOf(err), "%s: %v", name, err)
	}
	require.Empty(t, b.model.requests)
}

func TestHostname(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"": "", "Alice-PC": "alice-pc", "alice.example.org.": "alice.example.org", "a b\x00c\xff": "abc",
		"-.-": "", "\r\n": "", "under_score": "under_score", strings.Repeat("x", 300): strings.Repeat("x", 255),
	} {
		require.Equal(t, want, hostname(raw), "%q", raw)
	}
	b := newBench4(t, lan4, onLink4)
	for text, want := range map[string]string{
		"12 text Host":                          "host",
		"12 text host\n 81 000000" + "4e616d65": "name",
		"12 text host\n 81 040000" + "044e616d65076578616d706c65" + "00": "name.example",
		"12 text host\n 81 040000" + "ff4e":                              "host", // RFC 4702 section 2.1: no such label
		"12 text host\n 81 0400":                                         "host",
	} {
		_, _, err := b.ask(t, "DISCOVER\n "+text)
		require.NoError(t, err)
		require.Equal(t, want, b.model.last().Client.Hostname, text)
	}
}

func TestPeek4(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"DISCOVER": "discover", "REQUEST": "request", "DECLINE": "decline", "RELEASE": "release",
		"INFORM": "inform", "OFFER": "unknown", "": "unknown", "12 text x\n REQUEST": "request",
	} {
		kind, fresh := peek4(encode4(t, text))
		require.Equal(t, want, kind)
		require.Equal(t, want == "discover", fresh)
	}
	for _, data := range [][]byte{nil, make([]byte, 240), append(make([]byte, 240), 53), append(make([]byte, 240), 53, 1), append(make([]byte, 240), 53, 0, 255)} {
		kind, fresh := peek4(data)
		require.Equal(t, "unknown", kind)
		require.False(t, fresh)
	}
}
