package option

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of RFC 1035 section 2.3.4, in bytes on the wire.
const (
	maxLabel = 63
	maxName  = 255
)

// checkLabels cuts a domain name into its labels. A full stop at the end may
// be left out; the root is a single full stop.
func checkLabels(name string) ([]string, error) {
	if name == "." {
		return nil, nil
	}
	name = strings.TrimSuffix(name, ".")
	if len(name)+2 > maxName {
		return nil, fmt.Errorf("name is longer than %d bytes", maxName)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" {
			return nil, errors.New("a label is empty")
		}
		if len(l) > maxLabel {
			return nil, fmt.Errorf("a label is longer than %d bytes", maxLabel)
		}
		if i := strings.IndexFunc(l, func(r rune) bool { return !nameRune(r) }); i >= 0 {
			return nil, fmt.Errorf("label %q has a character that host names may not have", l)
		}
	}
	return labels, nil
}

func nameRune(r rune) bool {
	return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func encodeFQDN(wire []byte, text string) ([]byte, error) {
	labels, err := checkLabels(text)
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		wire = append(append(wire, byte(len(l))), l...)
	}
	return append(wire, 0), nil
}

func decodeFQDN(wire []byte) (string, int, error) { return readName(wire, 0, false) }

// readName reads the name at offset at and returns where the next one begins.
// Pointers are followed only backwards, so that it ends (RFC 3397 section 2
// allows no other).
func readName(wire []byte, at int, pointers bool) (name string, next int, err error) {
	var labels []string
	size, limit, odd := 1, at, false
	for {
		if at >= len(wire) {
			return "", 0, errShort
		}
		n := int(wire[at])
		switch {
		case n == 0:
			return joinName(labels, max(next, at+1), odd)
		case n <= maxLabel:
			if at+1+n > len(wire) {
				return "", 0, errShort
			}
			l := string(wire[at+1 : at+1+n])
			odd = odd || strings.ContainsFunc(l, func(r rune) bool { return !nameRune(r) })
			labels = append(labels, l)
			if size += 1 + n; size > maxName {
				return "", 0, fmt.Errorf("name is longer than %d bytes", maxName)
			}
			at += 1 + n
		case n >= 0xc0 && pointers:
			if at+1 >= len(wire) {
				return "", 0, errShort
			}
			target := n&0x3f<<8 | int(wire[at+1])
			if target >= limit {
				return "", 0, errors.New("compression pointer does not point backwards")
			}
			next = max(next, at+2)
			at, limit = target, target
		default:
			return "", 0, fmt.Errorf("label type %#x is not allowed", n&0xc0)
		}
	}
}

func joinName(labels []string, next int, odd bool) (string, int, error) {
	if odd {
		return "", next, fmt.Errorf("%w: a label has a character that host names may not have", ErrNoText)
	}
	if len(labels) == 0 {
		return ".", next, nil
	}
	return strings.Join(labels, "."), next, nil
}

// encodeCompressed writes a search list, names compressed against those
// before (RFC 3397 section 2, RFC 1035 section 4.1.4).
func encodeCompressed(names []string) ([]byte, error) {
	var wire []byte
	seen := map[string]int{}
	for _, name := range names {
		labels, err := checkLabels(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not %s: %w", name, FQDN, err)
		}
		pointed := false
		for i, l := range labels {
			// Case is kept, so only suffixes of the same spelling are shared.
			suffix := strings.Join(labels[i:], ".")
			if at, ok := seen[suffix]; ok {
				wire = append(wire, 0xc0|byte(at>>8), byte(at))
				pointed = true
				break
			}
			if len(wire) < 1<<14 {
				seen[suffix] = len(wire)
			}
			wire = append(append(wire, byte(len(l))), l...)
		}
		if !pointed {
			wire = append(wire, 0)
		}
	}
	return wire, nil
}

func decodeCompressed(wire []byte) (string, error) {
	if len(wire) == 0 {
		return "", errShort
	}
	var names []string
	var noText error
	for at := 0; at < len(wire); {
		name, next, err := readName(wire, at, true)
		switch {
		case errors.Is(err, ErrNoText):
			noText = err // the rest must still be well-formed
		case err != nil:
			return "", fmt.Errorf("decode name %d: %w", len(names)+1, err)
		}
		names = append(names, name)
		at = next
	}
	return strings.Join(names, ", "), noText
}

func encodeDomainText(wire []byte, text string) ([]byte, error) {
	if _, err := checkLabels(text); err != nil {
		return nil, err
	}
	return append(wire, text...), nil
}

func decodeDomainText(wire []byte) (string, int, error) {
	if len(wire) == 0 {
		return "", 0, errShort
	}
	if _, err := checkLabels(string(wire)); err != nil {
		return "", len(wire), fmt.Errorf("%w: %w", ErrNoText, err)
	}
	return string(wire), len(wire), nil
}
