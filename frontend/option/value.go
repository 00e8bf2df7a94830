package option

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Encode returns the wire form of the text of an option of this definition.
func (d Def) Encode(text string) ([]byte, error) {
	parts, err := d.split(text)
	if err != nil {
		return nil, err
	}
	if d.Fields[0] == Compressed {
		return encodeCompressed(parts)
	}
	var wire []byte
	for i, part := range parts {
		t := d.field(i)
		if wire, err = codecs[t].encode(wire, part); err != nil {
			return nil, fmt.Errorf("%q is not %s: %w", part, t, err)
		}
		if err := d.checkMin(part); err != nil {
			return nil, err
		}
	}
	return wire, nil
}

// Decode returns the text of a wire value of this definition. The error wraps
// ErrNoText for a legal value that has no text.
func (d Def) Decode(wire []byte) (string, error) {
	var parts []string
	var noText error // the rest must still be well-formed
	for i := 0; len(wire) > 0 || i < len(d.Fields); i++ {
		if i >= len(d.Fields) && !d.Array {
			return "", fmt.Errorf("%d bytes too many", len(wire))
		}
		t := d.field(i)
		if t == Compressed {
			return decodeCompressed(wire)
		}
		part, n, err := codecs[t].decode(wire)
		if errors.Is(err, ErrNoText) {
			noText = err
		} else if err != nil {
			return "", fmt.Errorf("decode %s at field %d: %w", t, i+1, err)
		}
		if err := d.checkMin(part); err != nil {
			return "", err
		}
		if n == 0 && len(wire) > 0 {
			return "", fmt.Errorf("%d bytes too many", len(wire))
		}
		parts = append(parts, escape(part))
		wire = wire[n:]
	}
	if d.Pairs && len(parts)%2 != 0 {
		return "", errors.New("number of elements is odd")
	}
	return strings.Join(parts, ", "), noText
}

// check tells whether wire is a legal value, with text or without.
func (d Def) check(wire []byte) error {
	if _, err := d.Decode(wire); err != nil && !errors.Is(err, ErrNoText) {
		return err
	}
	return nil
}

// field returns the type of part i; the last one repeats.
func (d Def) field(i int) Type { return d.Fields[min(i, len(d.Fields)-1)] }

// split cuts the text at its commas and checks the number of parts. The text
// of a single value is one part, with or without a backslash before its commas.
func (d Def) split(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	parts := splitEscaped(text)
	if len(d.Fields) == 1 && !d.Array {
		return []string{strings.NewReplacer(`\\`, `\`, `\,`, `,`).Replace(text)}, nil
	}
	switch {
	case text == "":
		return nil, errors.New("value is empty")
	case len(parts) < len(d.Fields):
		return nil, fmt.Errorf("%q has %d values, %d are needed", text, len(parts), len(d.Fields))
	case len(parts) > len(d.Fields) && !d.Array:
		return nil, fmt.Errorf("%q has %d values, only %d are allowed", text, len(parts), len(d.Fields))
	case d.Pairs && len(parts)%2 != 0:
		return nil, fmt.Errorf("%q has an odd number of values", text)
	}
	return parts, nil
}

func (d Def) checkMin(part string) error {
	if d.Min == 0 {
		return nil
	}
	if n, err := strconv.ParseUint(part, 10, 32); err == nil && n < uint64(d.Min) {
		return fmt.Errorf("%s is less than %d", part, d.Min)
	}
	return nil
}

// splitEscaped cuts at commas. A backslash takes the special meaning from a
// comma or a backslash behind it; before anything else it stands for itself.
func splitEscaped(text string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (text[i+1] == ',' || text[i+1] == '\\'):
			i++
			part.WriteByte(text[i])
		case c == ',':
			parts = append(parts, strings.TrimSpace(part.String()))
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, strings.TrimSpace(part.String()))
}

func escape(part string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(part)
}
