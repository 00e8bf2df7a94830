package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"rowlock/sqlstore"
)

// The first byte of an encoded value.
const (
	tagNull  = 0
	tagInt   = 1
	tagText  = 2
	tagBytes = 3
)

// encode appends the values of a row so that no two different rows look the
// same, and decode gets them back.
func encode(b []byte, r sqlstore.Row) []byte {
	for _, v := range r {
		switch v := v.(type) {
		case nil:
			b = append(b, tagNull)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, tagInt), uint64(v))
		case string:
			b = append(binary.AppendUvarint(append(b, tagText), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, tagBytes), uint64(len(v))), v...)
		default:
			panic(fmt.Sprintf("transfer: a row has a value of type %T", v))
		}
	}
	return b
}

var errPosition = errors.New("position in move_progress cannot be read")

// decode is the inverse of encode.
func decode(b []byte) (r sqlstore.Row, err error) {
	for len(b) > 0 {
		tag := b[0]
		b = b[1:]
		switch {
		case tag == tagNull:
			r = append(r, nil)
		case tag == tagInt && len(b) >= 8:
			r = append(r, int64(binary.BigEndian.Uint64(b)))
			b = b[8:]
		case tag == tagText || tag == tagBytes:
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return nil, errPosition
			}
			value := b[size : size+int(n)]
			b = b[size+int(n):]
			if tag == tagText {
				r = append(r, string(value))
			} else {
				r = append(r, append([]byte{}, value...))
			}
		default:
			return nil, errPosition
		}
	}
	return r, nil
}

// Sum is a count and a checksum of rows: the sum, in four parts of 64 bits, of
// the SHA-256 of each. It is the same in whatever order the rows come, because
// each engine sorts text in its own way.
type Sum struct {
	Rows  int64
	parts [4]uint64
}

// summer adds rows to a Sum.
type summer struct {
	Sum
	hash hash.Hash
	buf  []byte
	out  [sha256.Size]byte
}

func newSummer() *summer { return &summer{hash: sha256.New()} }

func (s *summer) add(r sqlstore.Row) {
	s.buf = encode(s.buf[:0], r)
	s.hash.Reset()
	s.hash.Write(s.buf)
	digest := s.hash.Sum(s.out[:0])
	for i := range s.parts {
		s.parts[i] += binary.BigEndian.Uint64(digest[8*i:])
	}
	s.Rows++
}

// String returns the checksum in hex.
func (s Sum) String() string {
	var b []byte
	for _, p := range s.parts {
		b = binary.BigEndian.AppendUint64(b, p)
	}
	return hex.EncodeToString(b)
}

// keyText names a row for people by its primary key.
func keyText(t *sqlstore.CopyTable, r sqlstore.Row) string {
	words := make([]string, len(t.Key))
	for i, c := range t.Key {
		switch v := r[c].(type) {
		case []byte:
			words[i] = fmt.Sprintf("%s %x", t.Columns[c].Name, v)
		case string:
			words[i] = fmt.Sprintf("%s %q", t.Columns[c].Name, v)
		default:
			words[i] = fmt.Sprintf("%s %v", t.Columns[c].Name, v)
		}
	}
	return strings.Join(words, ", ")
}
