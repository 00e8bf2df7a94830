package site

import (
	"fmt"
	"strings"
)

const (
	// maxTokens bounds the memory that a document takes, which is some 500 bytes
	// for each token. Documents have one for each four or five bytes, so that MaxSize
	// is what they come to first.
	maxTokens = 5_500_000
	// maxSteps bounds what takes the lexer and the parser a time that grows faster
	// than the document: some seconds.
	maxSteps = 1 << 30
)

func tooMany(file string) *Problem {
	return &Problem{File: file, Rule: fmt.Sprintf("a document must not have more than %d words and signs", maxTokens)}
}

// costly looks at a text before the lexer does, for what takes that too long: it
// looks at the rest of the line for each tab in quotes, at the rest of a row of <
// for each of them, and copies a block of text for each empty line that ends it.
func costly(file, text string) *Problem {
	tabs, marks, empty, tokens, line := 0, 0, 0, 0, 0
	for one := range strings.SplitSeq(text, "\n") {
		line++
		refuse := func(rule string) *Problem { return &Problem{File: file, Line: line, Column: 1, Rule: rule} }
		if strings.Trim(one, " ") != "" {
			empty = 0
		} else if empty++; empty*len(text) > maxSteps {
			return refuse("a document of this size must not have so many empty lines in a row")
		}
		if tabs += strings.Count(one, "\t") * len(one); tabs > maxSteps {
			return refuse("a long line must not have many tabs")
		}
		if marks += squares(one, '<'); marks > maxSteps {
			return refuse("a line must not have a long row of <")
		}
		if tokens += estimate(one); tokens > maxTokens {
			return tooMany(file)
		}
	}
	return nil
}

// squares adds up the squares of the lengths of rows of one character.
func squares(text string, of byte) (sum int) {
	row := 0
	for i := range len(text) {
		if text[i] != of {
			row = 0
			continue
		}
		sum += 2*row + 1
		row++
	}
	return sum
}

// estimate tells how many tokens a line has: hardly less than half of them, and
// not many more.
func estimate(line string) (n int) {
	begun := false // a word
	quotes, gap := 0, true
	directive := strings.HasPrefix(line, "%")
	for i := range len(line) {
		c := line[i]
		switch c {
		case ',', '[', ']', '{', '}':
			n, begun, gap = n+1, false, true
			continue
		case ' ', '\t':
			begun, gap = begun && !directive, true
			continue
		case '"', '\'':
			quotes++
		case '!', '&', '*':
			if gap {
				n += 2
			}
		case ':', '-', '?':
			if i+1 == len(line) || line[i+1] == ' ' || line[i+1] == '\t' {
				n, begun, gap = n+1, false, true
				continue
			}
		}
		if gap = false; !begun {
			n, begun = n+1, true
		}
	}
	return n + quotes/2
}
