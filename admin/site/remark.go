package site

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// remark is one comment of the document: lines that begin with # and follow each
// other, or the end of a line.
type remark struct {
	line, column int // of its first line
	last         int // its last line
	lines        []string
	own          bool         // nothing else is on its lines
	head         bool         // the document begins after it
	below        int          // the line of what comes after it, 0 at the end
	next         *token.Token // the same, but for list dashes; nil at the end
}

// remarks returns the comments of a document in order, without the lines that are
// none, and the numbers of lines that seem to have a secret.
func remarks(tokens token.Tokens) (all []*remark, secrets []int) {
	all = allRemarks(tokens)
	for _, m := range all {
		for i, text := range m.lines {
			if hasSecret(text) {
				secrets = append(secrets, m.line+i)
			}
		}
		m.lines = slices.DeleteFunc(m.lines, func(text string) bool { return hasSecret(text) || forEditor(text) })
	}
	return slices.DeleteFunc(all, func(m *remark) bool { return len(m.lines) == 0 }), secrets
}

// forEditor tells of a line that says an editor which schema a document has.
func forEditor(line string) bool {
	return strings.HasPrefix(strings.TrimLeft(line, " "), "yaml-language-server:")
}

// commentedSecret is the key secret with what may be one, also in the way of
// named.conf.
var commentedSecret = regexp.MustCompile(`(?i)\bsecret["']?(\s*[:=]\s*["']?|\s+["'])[A-Za-z0-9+/]{16}`)

// hasSecret tells of a line that seems to have a secret which was taken out of use:
// that must not be shown as comments are.
func hasSecret(line string) bool { return commentedSecret.MatchString(line) }

func allRemarks(tokens token.Tokens) []*remark {
	var all, open []*remark // open wait for the next token
	line, begun, joined := 0, false, false
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			text := strings.TrimPrefix(t.Value, " ")
			at := t.Position
			if n := len(all); joined && all[n-1].continues(at, line) {
				all[n-1].lines = append(all[n-1].lines, text)
				all[n-1].last = at.Line
				continue
			}
			m := &remark{line: at.Line, column: at.Column, last: at.Line, lines: []string{text}, own: at.Line != line, head: !begun}
			all, open, joined = append(all, m), append(open, m), true
			continue
		case token.DocumentHeaderType:
		case token.SequenceEntryType:
			begun = true
		default:
			begun = true
			for _, m := range open {
				m.next = t
			}
			open = nil
		}
		if joined {
			all[len(all)-1].below = t.Position.Line
		}
		line, joined = t.Position.Line, false
	}
	return all
}

// continues tells whether a comment at that place is one more line of m; line is
// where the last token stands that is none. Below a comment at the end of a line
// goes on what has the same column.
func (m *remark) continues(at *token.Position, line int) bool {
	return at.Line == m.last+1 && at.Line != line && (m.own || at.Column == m.column)
}
