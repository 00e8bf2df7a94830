package site

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/scanner"
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
	if p := costly(file, text); p != nil {
		return nil, p
	}
	if tokens, err = scan(file, text); err != nil {
		return nil, err
	}
	if p := structure(file, tokens); p != nil {
		return nil, p
	}
	return tokens, nil
}

// scan returns the tokens of a text up to the first that is none.
func scan(file, text string) (tokens token.Tokens, err error) {
	var s scanner.Scanner
	s.Init(text)
	for {
		some, err := s.Scan()
		tokens.Add(some...)
		if len(tokens) > maxTokens {
			return nil, tooMany(file)
		}
		if err != nil { // io.EOF, or of a token that is none, which is the last one
			break
		}
	}
	if t := tokens.InvalidToken(); t != nil {
		return nil, tokenProblem(file, t, t.Error, "")
	}
	return tokens, nil
}

func tokenProblem(file string, t *token.Token, rule, value string) *Problem {
	return &Problem{File: file, Line: t.Position.Line, Column: t.Position.Column, Rule: rule, Value: value}
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
