package name

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRFC4702_2_Parse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		about, in string
		want      FQDN
	}{
		{"2.1 server shall update, qualified", "\x05\x00\x00\x02pc\x07example\x03org\x00", FQDN{Name: "pc.example.org", Full: true, S: true, E: true}},
		{"2.1 no update", "\x0c\x00\x00\x02pc\x00", FQDN{Name: "pc", Full: true, N: true, E: true}},
		{"2.1 flag O is for servers, but read", "\x06\x00\x00", FQDN{O: true, E: true}},
		{"2.1 other bits are ignored", "\xf4\x00\x00\x02pc", FQDN{Name: "pc", E: true}},
		{"2.1 N and S", "\x0d\x00\x00", FQDN{N: true, S: true, E: true}},
		{"2.2 RCODEs are ignored", "\x04\xab\xcd\x02pc", FQDN{Name: "pc", E: true}},
		{"2.3 partial", "\x04\x00\x00\x02pc\x03eng", FQDN{Name: "pc.eng", E: true}},
		{"2.3 empty", "\x04\x00\x00", FQDN{E: true}},
		{"2.3 root", "\x04\x00\x00\x00", FQDN{Full: true, E: true}},
		{"2.3 zeros at the end", "\x04\x00\x00\x02pc\x00\x00\x00", FQDN{Name: "pc", Full: true, E: true}},
		{"2.3 case is kept", "\x04\x00\x00\x02PC", FQDN{Name: "PC", E: true}},
		{"2.3 bytes are kept", "\x04\x00\x00\x02\xc3\xbc", FQDN{Name: "\u00fc", E: true}},
		{"2.3.1 single label", "\x01\x00\x00pc", FQDN{Name: "pc", S: true}},
		{"2.3.1 qualified", "\x01\x00\x00pc.example.org", FQDN{Name: "pc.example.org", Full: true, S: true}},
		{"2.3.1 final dot", "\x01\x00\x00pc.example.org.", FQDN{Name: "pc.example.org", Full: true, S: true}},
		{"2.3.1 zero at the end", "\x00\x00\x00pc\x00", FQDN{Name: "pc"}},
		{"2.3.1 empty", "\x00\x00\x00", FQDN{}},
		{"2.3.1 only a dot", "\x00\x00\x00.", FQDN{}},
	} {
		got, err := Parse4([]byte(tt.in))
		require.NoError(t, err, tt.about)
		require.Equal(t, tt.want, got, tt.about)
	}
}

func TestRFC4702_2_ParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x3f"+label63, 3)
	for _, tt := range []struct {
		about, in string
		want      Reason
	}{
		{"no value", "", ReasonMalformed},
		{"short of an RCODE", "\x04\x00", ReasonMalformed},
		{"label beyond the end", "\x04\x00\x00\x03pc", ReasonMalformed},
		{"length only", "\x04\x00\x00\x02pc\x01", ReasonMalformed},
		{"compression pointer", "\x04\x00\x00\x02pc\xc0\x00", ReasonMalformed},
		{"pointer to itself", "\x04\x00\x00\xc0\x03", ReasonMalformed},
		{"label type 01", "\x04\x00\x00\x41" + label64 + "a", ReasonMalformed},
		{"label type 10", "\x04\x00\x00\x80a", ReasonMalformed},
		{"bytes after the root label", "\x04\x00\x00\x02pc\x00\x02pc", ReasonMalformed},
		{"dot in a label", "\x04\x00\x00\x04pc.a", ReasonMalformed},
		{"256 bytes", "\x04\x00\x00" + long + "\x3e" + label63[1:] + "\x00", ReasonNameLong},
		{"256 bytes with the root label to come", "\x04\x00\x00" + long + "\x3e" + label63[1:], ReasonNameLong},
		{"254 characters", "\x00\x00\x00" + text253 + "a", ReasonNameLong},
	} {
		got, err := Parse4([]byte(tt.in))
		require.ErrorIs(t, err, tt.want, tt.about)
		require.Equal(t, FQDN{}, got, tt.about)
	}
	got, err := Parse4([]byte("\x04\x00\x00" + long + "\x3d" + label63[2:] + "\x00"))
	require.NoError(t, err)
	require.Len(t, got.Name, maxText)
}

func TestRFC4704_4_Parse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]FQDN{
		"\x00":                                 {},
		"\x01\x02pc":                           {Name: "pc", S: true},
		"\x04\x02pc\x00":                       {Name: "pc", Full: true, N: true},
		"\x02\x02pc\x07example\x03org\x00":     {Name: "pc.example.org", Full: true, O: true},
		"\xf8\x02pc":                           {Name: "pc"}, // 4.1: other bits are ignored
		"\x01\x02pc\x07example\x03org\x00\x00": {Name: "pc.example.org", Full: true, S: true},
	} {
		got, err := Parse6([]byte(in))
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", in)
	}
	for _, in := range []string{"", "\x01\x03pc", "\x01\xc0\x00", "\x01pc.example.org"} {
		got, err := Parse6([]byte(in))
		require.ErrorIs(t, err, ReasonMalformed, "%q", in)
		require.Equal(t, FQDN{}, got)
	}
}

func TestRFC4702_2_Append(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]FQDN{
		"\x05\xff\xff\x02pc\x07example\x03org\x00": {Name: "pc.example.org", Full: true, S: true, E: true},
		"\x0e\xff\xff\x02pc":                       {Name: "pc", O: true, N: true, E: true},
		"\x04\xff\xff":                             {E: true},
		"\x03\xff\xffpc.example.org":               {Name: "pc.example.org", Full: true, S: true, O: true},
	} {
		got, err := f.Append4(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	got, err := FQDN{Name: "pc"}.Append4([]byte("before"))
	require.NoError(t, err)
	require.Equal(t, "before\x00\xff\xffpc", string(got))
}

func TestRFC4704_4_Append(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]FQDN{
		"\x01\x02pc\x07example\x03org\x00": {Name: "pc.example.org", Full: true, S: true, E: true},
		"\x06\x02pc":                       {Name: "pc", O: true, N: true},
		"\x00":                             {},
	} {
		got, err := f.Append6(nil)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reason{
		"a..b":        ReasonEmptyLabel,
		label64:       ReasonLabelLong,
		text253 + "b": ReasonNameLong,
	} {
		_, err := FQDN{Name: text, E: true}.Append4(nil)
		require.ErrorIs(t, err, want)
		_, err = FQDN{Name: text}.Append6(nil)
		require.ErrorIs(t, err, want)
	}
	_, err := FQDN{Name: text253 + "b"}.Append4(nil)
	require.ErrorIs(t, err, ReasonNameLong)
}
