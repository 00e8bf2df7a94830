package site

import (
	"fmt"
	"math"

	"github.com/goccy/go-yaml/token"
)

// Rules that the tree of a document has as well.
const (
	notPlain = "YAML anchors, aliases, tags, directives, merge keys and keys with a question mark have no place in a document"
	oneOnly  = "a file must hold one document only"
)

const (
	maxKeyLength = 64
	maxKeys      = 1000 // of one mapping without braces
	// maxPaths bounds the memory that the parser takes for the paths of all values,
	// in bytes.
	maxPaths = 1 << 31
)

// outline follows the levels of a document token by token, before the parser does:
// that calls itself for each level and for each key of a mapping without braces,
// moves all tokens for each value that is not there, and keeps the path of each
// value.
type outline struct {
	file     string
	tokens   token.Tokens // without comments
	brackets []token.Type // those that are open
	blocks   []block      // lists with dashes and mappings without braces, outermost first

	documents, absent, deepest, longest int
}

type block struct {
	column int
	dashes bool // else keys
	keys   int
}

// structure refuses what the parser must not be given. Positions and rules are
// those of the first such token.
func structure(file string, tokens token.Tokens) *Problem {
	o := &outline{file: file}
	for _, t := range tokens {
		if t.Type != token.CommentType {
			o.tokens = append(o.tokens, t)
		}
	}
	for i := range o.tokens {
		if p := o.token(i); p != nil {
			return p
		}
	}
	return nil
}

// next returns the token after i, one that ends the document where there is none.
func (o *outline) next(i int) *token.Token {
	if i+1 < len(o.tokens) {
		return o.tokens[i+1]
	}
	return &token.Token{Type: token.DocumentEndType, Position: &token.Position{Line: math.MaxInt}}
}

func (o *outline) token(i int) (p *Problem) {
	t, next := o.tokens[i], o.next(i)
	switch t.Type {
	case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
		return tokenProblem(o.file, t, notPlain, t.Type.String())
	case token.DocumentHeaderType, token.DocumentEndType:
		if o.documents++; o.documents > MaxDepth {
			return tokenProblem(o.file, t, oneOnly, "")
		}
		o.blocks = nil
	case token.MappingStartType, token.SequenceStartType:
		o.brackets = append(o.brackets, t.Type)
	case token.MappingEndType, token.SequenceEndType:
		o.brackets = o.brackets[:max(0, len(o.brackets)-1)]
	case token.SequenceEntryType:
		p = o.dash(t, next)
	case token.MappingValueType:
		if i > 0 {
			p = o.key(i-1, t, next)
		}
	default:
		if o.within(token.MappingStartType) && separates(next) && i > 0 && opens(o.tokens[i-1]) {
			o.absent++
		}
	}
	if p != nil {
		return p
	}
	o.deepest = max(o.deepest, len(o.brackets)+len(o.blocks))
	switch {
	case o.deepest > MaxDepth:
		return tokenProblem(o.file, t, fmt.Sprintf("values must not be nested deeper than %d", MaxDepth), "")
	case o.absent*len(o.tokens) > 32*maxSteps:
		return tokenProblem(o.file, t, "a document of this size must not have so many keys and dashes without a value", "")
	case o.deepest*o.longest*len(o.tokens) > maxPaths:
		return tokenProblem(o.file, t, "a document of this size must have shorter keys, or fewer levels", "")
	}
	return nil
}

// within tells whether the innermost bracket that is open is of a type.
func (o *outline) within(bracket token.Type) bool {
	return len(o.brackets) > 0 && o.brackets[len(o.brackets)-1] == bracket
}

// opens tells of what stands before a key or value between brackets.
func opens(t *token.Token) bool {
	return t.Type == token.CollectEntryType || t.Type == token.MappingStartType || t.Type == token.SequenceStartType
}

// separates tells of what is no value.
func separates(t *token.Token) bool {
	return opens(t) || t.Type == token.MappingEndType || t.Type == token.SequenceEndType
}

// dash begins an item of a list. What stands below it in the same column is not
// its value, but the parser takes it for that.
func (o *outline) dash(t, next *token.Token) *Problem {
	at := t.Position
	if len(o.brackets) > 0 {
		return tokenProblem(o.file, t, "a list between brackets must have commas, not dashes", "")
	}
	o.leave(at.Column, false)
	if n := len(o.blocks); n == 0 || !o.blocks[n-1].dashes || o.blocks[n-1].column < at.Column {
		o.blocks = append(o.blocks, block{at.Column, true, 0})
	}
	switch to := next.Position; {
	case to.Line == at.Line || to.Column > at.Column:
	case to.Column == at.Column && next.Type != token.SequenceEntryType:
		return tokenProblem(o.file, next, "what belongs to a dash must be to the right of it", "")
	default:
		o.absent++
	}
	return nil
}

// key looks at the token before a colon.
func (o *outline) key(i int, colon, next *token.Token) *Problem {
	t := o.tokens[i]
	if t.Type == token.MappingValueType || t.Type == token.SequenceEntryType {
		return nil // which the parser refuses before it calls itself
	}
	o.longest = max(o.longest, len(t.Value))
	if len(t.Value) > maxKeyLength {
		return tokenProblem(o.file, t, fmt.Sprintf("a key must not be longer than %d bytes", maxKeyLength), fmt.Sprintf("%d bytes", len(t.Value)))
	}
	if i > 0 && (o.tokens[i-1].Type == token.LiteralType || o.tokens[i-1].Type == token.FoldedType) {
		return tokenProblem(o.file, colon, "a key must be on one line", "")
	}
	if len(o.brackets) > 0 {
		if i > 0 && !opens(o.tokens[i-1]) {
			return tokenProblem(o.file, t, "what is between brackets must have commas between", "")
		}
		if separates(next) && !opens(next) || next.Type == token.CollectEntryType {
			o.absent++
		}
		return nil
	}
	at := t.Position
	if i > 0 && o.tokens[i-1].Type == token.MappingValueType && o.tokens[i-1].Position.Line == at.Line {
		return tokenProblem(o.file, t, "mapping value is not allowed in this context", "")
	}
	o.leave(at.Column, true)
	if n := len(o.blocks); n == 0 || o.blocks[n-1].column < at.Column {
		o.blocks = append(o.blocks, block{at.Column, false, 0})
	}
	mapping := &o.blocks[len(o.blocks)-1]
	if mapping.keys++; mapping.keys > maxKeys {
		return tokenProblem(o.file, t, fmt.Sprintf("a mapping must not have more than %d keys", maxKeys), "")
	}
	to := next.Position
	if to.Line != at.Line && (to.Column < at.Column || to.Column == at.Column && next.Type != token.SequenceEntryType) {
		o.absent++
	}
	return nil
}

// leave closes the blocks that do not go on at a column, which is that of a key or
// of a dash.
func (o *outline) leave(column int, key bool) {
	n := len(o.blocks)
	for n > 0 && (o.blocks[n-1].column > column || key && o.blocks[n-1].dashes && o.blocks[n-1].column == column) {
		n--
	}
	o.blocks = o.blocks[:n]
}
