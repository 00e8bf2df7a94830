package site

import (
	"bytes"
	"encoding/json"
	"strings"
)

// ToJSON turns a document into JSON that means the same. Numbers and truth
// values that stand in quotes stay text.
func ToJSON(document []byte) ([]byte, error) {
	root, err := readTree("document", document)
	if err != nil {
		return nil, err
	}
	var out, pretty bytes.Buffer
	writeJSON(&out, root)
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, n *node) {
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
		for i, e := range n.entries {
			if i > 0 {
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
