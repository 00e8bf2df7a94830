package site

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// fault makes a *Problem of a fault of the parser, which is not ours: it must not
// end a server that is handed a document.
func fault(file string, err *error) {
	if r := recover(); r != nil {
		*err = &Problem{File: file, Rule: "the document cannot be read as YAML", Value: fmt.Sprint(r)}
	}
}

func readTokens(file string, data []byte) (tokens token.Tokens, err error) {
	if len(data) > MaxSize {
		return nil, &Problem{File: file, Rule: fmt.Sprintf("a document must not be larger than %d bytes", MaxSize), Value: fmt.Sprint(len(data))}
	}
	defer fault(file, &err)
	// the lexer counts the line ends of some systems twice
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(data), "\ufeff"))
	if p := notUTF8(file, text); p != nil {
		return nil, p
	}
	tokens = lexer.Tokenize(text)
	if p := tooDeep(file, tokens); p != nil {
		return nil, p
	}
	return tokens, nil
}

// notUTF8 finds the first byte that is no text.
func notUTF8(file, text string) *Problem {
	if utf8.ValidString(text) {
		return nil
	}
	line, start := 1, 0
	for at, r := range text {
		if r == '\n' {
			line, start = line+1, at+1
		}
		if _, size := utf8.DecodeRuneInString(text[at:]); r == utf8.RuneError && size == 1 {
			return &Problem{
				File: file, Line: line, Column: utf8.RuneCountInString(text[start:at]) + 1,
				Rule: "a document must be UTF-8", Value: fmt.Sprintf("byte 0x%02x", text[at]),
			}
		}
	}
	return nil
}

// tooDeep bounds the recursion of the parser before it begins: by counting
// brackets, and by the columns of block entries, because each level of blocks
// is further to the right or a list within a mapping.
func tooDeep(file string, tokens token.Tokens) *Problem {
	const maxColumn = 256
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Column > maxColumn {
				depth = MaxDepth + 1
			}
		}
		if depth > MaxDepth {
			return &Problem{
				File: file, Line: t.Position.Line, Column: t.Position.Column,
				Rule: fmt.Sprintf("values must not be nested deeper than %d", MaxDepth),
			}
		}
	}
	return nil
}
