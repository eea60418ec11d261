package foreign

import (
	"errors"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxNodes bounds what aliases may unfold to.
const maxNodes = 100_000

// parseYAML reads a YAML file, with anchors and merged maps.
func parseYAML(data []byte) (*value, *lineError) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var se yaml.Error
		if !errors.As(err, &se) {
			return nil, &lineError{0, strings.TrimSpace(err.Error())}
		}
		line := 0
		if t := se.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		return nil, &lineError{line, se.GetMessage()}
	}
	y := &yamlReader{anchors: map[string]ast.Node{}}
	root := &value{}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0 && root.kind != null:
			return nil, &lineError{doc.Body.GetToken().Position.Line, "this is a second document, and one is read"}
		default:
			root = y.value(doc.Body, 0)
		}
	}
	if y.err != nil {
		return nil, y.err
	}
	return root, nil
}

type yamlReader struct {
	anchors map[string]ast.Node
	nodes   int
	err     *lineError
}

func (y *yamlReader) fail(line int, what string) *value {
	if y.err == nil {
		y.err = &lineError{line, what}
	}
	return &value{line: line}
}

func (y *yamlReader) value(n ast.Node, depth int) *value {
	line := 0
	if t := n.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	if y.nodes++; y.nodes > maxNodes || depth > maxDepth {
		return y.fail(line, "aliases unfold to too much")
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &value{line: line}
	case *ast.BoolNode:
		return &value{kind: boolean, text: strconv.FormatBool(n.Value), line: line}
	case *ast.IntegerNode:
		return yamlNumber(n.GetToken().Value, line)
	case *ast.FloatNode:
		return yamlNumber(n.GetToken().Value, line)
	case *ast.InfinityNode, *ast.NanNode:
		return y.fail(line, "no finite number")
	case *ast.StringNode:
		return &value{kind: text, text: n.Value, line: line}
	case *ast.LiteralNode:
		return &value{kind: text, text: n.Value.Value, line: line}
	case *ast.TagNode:
		return y.value(n.Value, depth+1)
	case *ast.AnchorNode:
		y.anchors[n.Name.GetToken().Value] = n.Value
		return y.value(n.Value, depth+1)
	case *ast.AliasNode:
		to := y.anchors[n.Value.GetToken().Value]
		if to == nil {
			return y.fail(line, "no such anchor: "+shown(n.Value.GetToken().Value))
		}
		return y.value(to, depth+1)
	case *ast.SequenceNode:
		v := &value{kind: list, line: line}
		for _, c := range n.Values {
			v.items = append(v.items, y.value(c, depth+1))
		}
		return v
	case *ast.MappingNode:
		return y.mapping(n.Values, line, depth)
	case *ast.MappingValueNode:
		return y.mapping([]*ast.MappingValueNode{n}, line, depth)
	}
	return y.fail(line, "this is no value: "+shown(n.String()))
}

// yamlNumber keeps a number as JavaScript would show it.
func yamlNumber(s string, line int) *value {
	s = strings.ReplaceAll(s, "_", "")
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		s = strconv.FormatInt(n, 10)
	}
	return &value{kind: number, text: s, line: line}
}

func (y *yamlReader) mapping(pairs []*ast.MappingValueNode, line, depth int) *value {
	v := &value{kind: object, line: line}
	for _, pair := range pairs {
		item := y.value(pair.Value, depth+1)
		if _, merge := pair.Key.(*ast.MergeKeyNode); merge {
			y.merge(v, item)
			continue
		}
		key := y.value(pair.Key, depth+1)
		name, ok := key.scalar()
		if !ok {
			return y.fail(key.line, "a key must be a word, not "+key.what())
		}
		item.line = key.line
		v.put(name, item)
	}
	return v
}

// merge adds what << names: what the map says itself wins.
func (y *yamlReader) merge(v, from *value) {
	sources := []*value{from}
	if from.kind == list {
		sources = from.items
	}
	for _, s := range sources {
		if s.kind != object {
			y.fail(s.line, "<< needs a map, not "+s.what())
			return
		}
		for i, k := range s.keys {
			if v.get(k) == nil {
				v.put(k, s.items[i])
			}
		}
	}
}
