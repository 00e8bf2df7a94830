package site

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is one value of the document with its place. What YAML offers beyond
// JSON and comments (anchors, tags, merging, keys that are not text) is
// refused, so that a document means the same to every reader.
type node struct {
	kind         kind
	line, column int
	text         string // scalar
	literal      bool   // of a scalar: a number or truth value without quotes
	block        bool   // of a scalar: text below a | or >
	comment      string // what begins with # and is kept with the object, or the parameter of which this is the value
	entries      []entry
	items        []*node
}

type kind uint8

const (
	nothing kind = iota
	scalar
	mapping
	list
)

var kindNames = [...]string{"nothing", "a single value", "a mapping", "a list"}

type entry struct {
	key   *node
	value *node
}

// tree is a document with its comments in their places, but for some.
type tree struct {
	root        *node
	lost, twice []*remark
	secrets     []int // lines
}

// readTree parses YAML or JSON. The error is a *Problem.
func readTree(file string, data []byte) (t tree, err error) {
	tokens, err := readTokens(file, data)
	if err != nil {
		return tree{}, err
	}
	if t.root, err = readNodes(file, tokens); err != nil {
		return tree{}, err
	}
	all, secrets := remarks(tokens)
	t.secrets = secrets
	t.lost, t.twice = attach(t.root, all)
	return t, nil
}

func readNodes(file string, tokens token.Tokens) (root *node, err error) {
	defer fault(file, &err)
	parsed, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	t := &treeReader{file: file}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, t.problem(doc.Body, oneOnly, "")
		}
		if root, err = t.node(doc.Body, 0); err != nil {
			return nil, err
		}
	}
	if root == nil {
		root = &node{line: 1, column: 1}
	}
	return root, nil
}

func syntaxProblem(file string, err error) *Problem {
	var y yaml.Error
	if !errors.As(err, &y) {
		return &Problem{File: file, Rule: "the document cannot be read as YAML", Value: err.Error()}
	}
	p := &Problem{File: file, Rule: y.GetMessage()}
	if t := y.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	return p
}

type treeReader struct{ file string }

func (t *treeReader) problem(n ast.Node, rule, value string) error {
	at := place(n)
	return &Problem{File: t.file, Line: at.Line, Column: at.Column, Rule: rule, Value: value}
}

// place returns where the text of a node begins: a mapping without braces has
// the place of its first key.
func place(n ast.Node) token.Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	case *ast.LiteralNode:
		return *n.Start.Position
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return *t.Position
	}
	return token.Position{Line: 1, Column: 1}
}

func (t *treeReader) node(n ast.Node, depth int) (*node, error) {
	if depth > MaxDepth {
		return nil, t.problem(n, fmt.Sprintf("values must not be nested deeper than %d", MaxDepth), "")
	}
	at := place(n)
	out := &node{line: at.Line, column: at.Column}
	switch n := n.(type) {
	case *ast.NullNode:
		return out, nil
	case *ast.StringNode:
		out.kind, out.text = scalar, n.Value
	case *ast.LiteralNode:
		out.kind, out.text, out.block = scalar, n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.kind, out.text, out.literal = scalar, n.GetToken().Value, true
	case *ast.MappingNode:
		return out, t.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		return out, t.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			item, err := t.node(v, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
	default:
		return nil, t.problem(n, notPlain, n.Type().String())
	}
	return out, nil
}

func (t *treeReader) mapping(out *node, values []*ast.MappingValueNode, depth int) error {
	out.kind = mapping
	seen := map[string]bool{}
	for _, v := range values {
		key, err := t.node(v.Key, depth+1)
		if err != nil {
			return err
		}
		if key.kind != scalar {
			return t.problem(v.Key, "a key must be text", kindNames[key.kind])
		}
		if seen[key.text] {
			return t.problem(v.Key, "a key must be used once only", key.text)
		}
		seen[key.text] = true
		value, err := t.node(v.Value, depth+1)
		if err != nil {
			return err
		}
		out.entries = append(out.entries, entry{key, value})
	}
	return nil
}

// find returns the node at a path such as "subnets[3].pools[0].pool", or the
// nearest one around it.
func (n *node) find(path string) *node {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return n
	}
	if rest, ok := strings.CutPrefix(path, "["); ok {
		number, rest, _ := strings.Cut(rest, "]")
		if i, err := strconv.Atoi(number); err == nil && n.kind == list && i < len(n.items) {
			return n.items[i].find(rest)
		}
		return n
	}
	end := strings.IndexAny(path, ".[")
	for _, e := range n.entries {
		switch {
		case e.key.text == path:
			return e.value
		case end >= 0 && e.key.text == path[:end]:
			return e.value.find(path[end:])
		}
	}
	return n
}
