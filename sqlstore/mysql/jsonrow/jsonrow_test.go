package jsonrow_test

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/mysql/jsonrow"
)

func TestList(t *testing.T) {
	for _, test := range []struct {
		name  string
		build func(*jsonrow.List)
		want  string
	}{
		{"nothing", func(*jsonrow.List) {}, `[]`},
		{"an empty row", func(b *jsonrow.List) { b.Begin(); b.End() }, `[[]]`},
		{"numbers", func(b *jsonrow.List) {
			b.Begin()
			b.Number(4294967295)
			b.Boolean(true)
			b.Boolean(false)
			b.End()
			b.Begin()
			b.Number(-1)
			b.End()
		}, `[[4294967295,1,0],[-1]]`},
		{"NULL at the end is left out", func(b *jsonrow.List) {
			b.Begin()
			b.Null()
			b.Number(1)
			b.Null()
			b.Bytes(nil)
			b.Words("")
			b.Optional(0)
			b.Addr(netip.Addr{})
			b.End()
		}, `[[null,1]]`},
		{"nothing but NULL", func(b *jsonrow.List) {
			b.Begin()
			b.Null()
			b.Null()
			b.End()
			b.Begin()
			b.Number(2)
			b.End()
		}, `[[],[2]]`},
		{"0 is not NULL", func(b *jsonrow.List) { b.Begin(); b.Optional(3); b.Number(0); b.End() }, `[[3,0]]`},
		{"empty text is not NULL", func(b *jsonrow.List) { b.Begin(); b.String(""); b.End() }, `[[""]]`},
		{"bytes", func(b *jsonrow.List) { b.Begin(); b.Bytes([]byte{0, 0xff, '"'}); b.Bytes([]byte("\x00\\")); b.End() }, `[["00ff22","005c"]]`},
		{"addresses", func(b *jsonrow.List) {
			b.Begin()
			b.Addr(netip.MustParseAddr("192.0.2.1"))
			b.Addr(netip.MustParseAddr("2001:db8::1"))
			b.End()
		}, `[["c0000201","20010db8000000000000000000000001"]]`},
		{"quotes", func(b *jsonrow.List) { b.Begin(); b.String(`a"b\c'd`); b.End() }, `[["a\"b\\c'd"]]`},
		{"control characters", func(b *jsonrow.List) { b.Begin(); b.String("\x00\n\t\x1f\x7f"); b.End() }, "[[\"\\u0000\\u000a\\u0009\\u001f\x7f\"]]"},
		{"more than ASCII", func(b *jsonrow.List) { b.Begin(); b.String("h\u00f6st-\u2028\U0001f600"); b.End() }, "[[\"h\u00f6st-\u2028\U0001f600\"]]"},
		{"no UTF-8", func(b *jsonrow.List) { b.Begin(); b.String("a\xffb\xc3"); b.End() }, "[[\"a\ufffdb\ufffd\"]]"},
	} {
		b := &jsonrow.List{}
		test.build(b)
		require.Equal(t, test.want, b.Text(), test.name)
		require.Equal(t, test.want, b.Text(), "%s: reading it changes nothing", test.name)
		require.True(t, json.Valid([]byte(b.Text())), test.name)
	}
}

// Values without rows are the elements of the array.
func TestPlainValues(t *testing.T) {
	b := &jsonrow.List{}
	require.Equal(t, "[]", b.Text())
	b.Bytes([]byte{1, 2})
	b.Bytes([]byte{3})
	require.Equal(t, `["0102","03"]`, b.Text())
}

// A row reads back as what was put in, by a decoder that is not ours.
func FuzzItems(f *testing.F) {
	f.Add("", []byte(nil), int64(0), false)
	f.Add("cpe-1", []byte{1, 2, 3}, int64(-1), true)
	f.Add("quote \" back \\ end", []byte{0xff, 0}, int64(1<<62), true)
	f.Add("\x00\x1f\x7f\u2028\ufffd", []byte("x"), int64(7), false)
	f.Add("a\xffb\xc3(\xed\xa0\x80", []byte{}, int64(5), true)
	f.Fuzz(func(t *testing.T, text string, value []byte, number int64, yes bool) {
		b := &jsonrow.List{}
		for range 2 {
			b.Begin()
			b.String(text)
			b.Bytes(value)
			b.Optional(number)
			b.Words(text)
			b.Boolean(yes)
			b.Null()
			b.End()
		}
		var rows [][]any
		d := json.NewDecoder(strings.NewReader(b.Text()))
		d.UseNumber()
		require.NoError(t, d.Decode(&rows), b.Text())
		text = string([]rune(text)) // bytes that are no UTF-8 are replaced
		want := []any{text, nil, nil, nil, json.Number("0")}
		if len(value) > 0 {
			want[1] = hex.EncodeToString(value)
		}
		if number != 0 {
			want[2] = jsonNumber(t, number)
		}
		if text != "" {
			want[3] = text
		}
		if yes {
			want[4] = json.Number("1")
		}
		require.Equal(t, [][]any{want, want}, rows, b.Text())
	})
}

func jsonNumber(t *testing.T, n int64) json.Number {
	t.Helper()
	text, err := json.Marshal(n)
	require.NoError(t, err)
	return json.Number(text)
}
