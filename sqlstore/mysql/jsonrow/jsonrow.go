// Package jsonrow builds the JSON parameter of statements: an array of rows,
// each an array of values. It is apart from the dialect so that it can be fuzzed
// without the drivers.
package jsonrow

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"unicode/utf8"
)

// List is an array of rows under construction. What is empty at the end of a
// row is left out.
type List struct {
	buf  []byte
	full int // length of buf up to the last value of the row that is not NULL
}

// Text returns the array.
func (b *List) Text() string {
	if len(b.buf) == 0 {
		return "[]"
	}
	return string(append(b.buf, ']'))
}

// Begin starts a row. Values without a row before them are elements of the
// array themselves.
func (b *List) Begin() {
	if len(b.buf) == 0 {
		b.buf = append(b.buf, '[')
	} else {
		b.buf = append(b.buf, ',')
	}
	b.buf = append(b.buf, '[')
	b.full = len(b.buf)
}

// Empty tells whether no row was begun.
func (b *List) Empty() bool { return len(b.buf) == 0 }

// End finishes the row.
func (b *List) End() { b.buf = append(b.buf[:b.full], ']') }

func (b *List) next() {
	if len(b.buf) == 0 {
		b.buf = append(b.buf, '[')
	}
	if b.buf[len(b.buf)-1] != '[' {
		b.buf = append(b.buf, ',')
	}
}

// Null is no value.
func (b *List) Null() {
	b.next()
	b.buf = append(b.buf, "null"...)
}

// Number is an integer.
func (b *List) Number(n int64) {
	b.next()
	b.buf = strconv.AppendInt(b.buf, n, 10)
	b.full = len(b.buf)
}

// Optional is a number that is NULL when it is 0.
func (b *List) Optional(n int64) {
	if n == 0 {
		b.Null()
		return
	}
	b.Number(n)
}

// Boolean is 1 or 0.
func (b *List) Boolean(v bool) {
	if v {
		b.Number(1)
		return
	}
	b.Number(0)
}

// Bytes is a binary value in hex, NULL when it is empty.
func (b *List) Bytes(v []byte) {
	if len(v) == 0 {
		b.Null()
		return
	}
	b.next()
	b.buf = append(b.buf, '"')
	b.buf = hex.AppendEncode(b.buf, v)
	b.buf = append(b.buf, '"')
	b.full = len(b.buf)
}

// Addr is an address as Bytes are.
func (b *List) Addr(a netip.Addr) {
	if !a.IsValid() {
		b.Null()
		return
	}
	b.Bytes(a.AsSlice())
}

// Words is text, NULL when it is empty.
func (b *List) Words(s string) {
	if s == "" {
		b.Null()
		return
	}
	b.String(s)
}

// String is text. Bytes that are no UTF-8 are replaced: such text is refused
// long before.
func (b *List) String(s string) {
	b.next()
	b.buf = append(b.buf, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.buf = append(b.buf, '\\', byte(r))
		case r < ' ':
			b.buf = append(b.buf, '\\', 'u', '0', '0')
			b.buf = hex.AppendEncode(b.buf, []byte{byte(r)})
		default:
			b.buf = utf8.AppendRune(b.buf, r)
		}
	}
	b.buf = append(b.buf, '"')
	b.full = len(b.buf)
}
