package site

import (
	"bytes"
	"encoding/json"
	"strings"
)

// ToJSON turns a document into JSON that means the same. Numbers and truth
// values that stand in quotes stay text. Comments become the key comment of their
// object; the value of a parameter that has one becomes an object for it.
func ToJSON(document []byte) ([]byte, error) {
	t, err := readTree("document", document)
	if err != nil {
		return nil, err
	}
	if len(t.twice) > 0 {
		r := &reader{file: "document"}
		r.remarked(nil, t.twice, nil)
		return nil, join(r.problems)
	}
	var out, pretty bytes.Buffer
	writeJSON(&out, t.root)
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, n *node) {
	if n.comment != "" && n.kind != mapping {
		value := *n
		value.comment = ""
		n = &node{kind: mapping, comment: n.comment, entries: []entry{{&node{text: "value"}, &value}}}
	}
	switch n.kind {
	case nothing:
		out.WriteString("null")
	case scalar:
		if n.literal && json.Valid([]byte(n.text)) {
			out.WriteString(n.text)
		} else {
			out.Write(jsonText(n.text))
		}
	case list:
		out.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				out.WriteByte(',')
			}
			writeJSON(out, item)
		}
		out.WriteByte(']')
	case mapping:
		out.WriteByte('{')
		if n.comment != "" {
			out.WriteString(`"comment":`)
			out.Write(jsonText(n.comment))
		}
		for i, e := range n.entries {
			if i > 0 || n.comment != "" {
				out.WriteByte(',')
			}
			out.Write(jsonText(e.key.text))
			out.WriteByte(':')
			writeJSON(out, e.value)
		}
		out.WriteByte('}')
	}
}

// jsonText writes text as JSON; what is no Unicode in it is replaced.
func jsonText(text string) []byte {
	b, err := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil { // it is text
		return []byte(`""`)
	}
	return b
}
