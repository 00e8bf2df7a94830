package mysql

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"rowlock/sqlstore"
)

// items builds the JSON parameter of a statement: an array of rows, each an
// array of values. What is empty at the end of a row is left out.
type items struct {
	buf  []byte
	full int // length of buf up to the last value of the row that is not NULL
}

func (b *items) text() string {
	if len(b.buf) == 0 {
		return "[]"
	}
	return string(append(b.buf, ']'))
}

// begin starts a row.
func (b *items) begin() {
	if len(b.buf) == 0 {
		b.buf = append(b.buf, '[')
	} else {
		b.buf = append(b.buf, ',')
	}
	b.buf = append(b.buf, '[')
	b.full = len(b.buf)
}

// end finishes the row.
func (b *items) end() { b.buf = append(b.buf[:b.full], ']') }

func (b *items) next() {
	if b.buf[len(b.buf)-1] != '[' {
		b.buf = append(b.buf, ',')
	}
}

func (b *items) null() {
	b.next()
	b.buf = append(b.buf, "null"...)
}

func (b *items) number(n int64) {
	b.next()
	b.buf = strconv.AppendInt(b.buf, n, 10)
	b.full = len(b.buf)
}

// optional is a number that is NULL when it is 0.
func (b *items) optional(n int64) {
	if n == 0 {
		b.null()
		return
	}
	b.number(n)
}

func (b *items) boolean(v bool) {
	if v {
		b.number(1)
		return
	}
	b.number(0)
}

// bytes is a binary value in hex, NULL when it is empty.
func (b *items) bytes(v []byte) {
	if len(v) == 0 {
		b.null()
		return
	}
	b.next()
	b.buf = append(b.buf, '"')
	b.buf = hex.AppendEncode(b.buf, v)
	b.buf = append(b.buf, '"')
	b.full = len(b.buf)
}

func (b *items) key(k sqlstore.Key) { b.bytes([]byte(k)) }

func (b *items) addr(a netip.Addr) {
	if !a.IsValid() {
		b.null()
		return
	}
	b.bytes(a.AsSlice())
}

// words is text, NULL when it is empty.
func (b *items) words(s string) {
	if s == "" {
		b.null()
		return
	}
	b.string(s)
}

// string is text. Bytes that are no UTF-8 are replaced: such text is refused
// long before.
func (b *items) string(s string) {
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
