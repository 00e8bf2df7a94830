package name

import "strings"

// appendWire adds the labels of a name in the form of DNS messages (RFC 1035
// section 3.1), and the root label where the name is fully qualified. An empty
// name is no label.
func appendWire(b []byte, name string, full bool) ([]byte, error) {
	if len(name) > maxText {
		return nil, refuse(name, ReasonNameLong)
	}
	if name != "" {
		for l := range strings.SplitSeq(name, ".") {
			switch {
			case l == "":
				return nil, refuse(name, ReasonEmptyLabel)
			case len(l) > maxLabel:
				return nil, refuse(name, ReasonLabelLong)
			}
			b = append(append(b, byte(len(l))), l...)
		}
	}
	if full {
		b = append(b, 0)
	}
	return b, nil
}

// parseWire reads labels up to the root label or the end. full tells whether
// the root label was there. Bytes other than zero after it are refused, and so
// are compression pointers (the option has none: RFC 4702 section 2.1, RFC 4704
// section 4.2) and labels that have a dot in them, which no text could show.
func parseWire(v []byte) (name string, full bool, err error) {
	var labels []string
	size := 0
	for len(v) > 0 && v[0] != 0 {
		n := int(v[0])
		if n > maxLabel || len(v) < 1+n {
			return "", false, refuse(strings.Join(labels, "."), ReasonMalformed)
		}
		l := string(v[1 : 1+n])
		if strings.Contains(l, ".") {
			return "", false, refuse(l, ReasonMalformed)
		}
		if size += 1 + n; size >= maxWire {
			return "", false, refuse(strings.Join(labels, "."), ReasonNameLong)
		}
		labels = append(labels, l)
		v = v[1+n:]
	}
	name = strings.Join(labels, ".")
	if trimZeros(string(v)) != "" {
		return "", false, refuse(name, ReasonMalformed)
	}
	return name, len(v) > 0, nil
}
