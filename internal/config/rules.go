package config

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// A ruleKey is a key of a rule of levels.
var ruleKeys = []string{"pattern", "match", "level", "priority"}

// readRules reads the rules of levels and compiles their expressions for the
// daemon, which has no package for that.
func readRules(d *draft, n *node) *problem {
	list := n.items
	if n.kind == isTable {
		list = []*node{n}
	} else if n.kind != isList {
		return wrong("must be a list of tables, not "+n.kind.String(), ruleForm)
	}
	d.spec.Rules = nil
	for _, c := range list {
		r, p := readRule(d, c)
		if p != nil {
			if p.at == nil && c.width > 0 {
				c.key, p.at = n.key, c
			}
			return p
		}
		d.spec.Rules = append(d.spec.Rules, r)
	}
	return nil
}

const ruleForm = `such as { pattern = "quota exceeded", level = "error" }`

func readRule(d *draft, n *node) (r velos.LevelRule, p *problem) {
	if n.kind != isTable {
		return r, wrong("must hold tables, not "+n.kind.String(), ruleForm)
	}
	r.Priority = velos.Overriding
	for _, c := range n.items {
		switch c.key {
		case "pattern", "match":
			p = text(func(*draft) *string { return &r.Pattern }).read(d, c)
		case "level":
			p = text(func(*draft) *string { return &r.Level }).read(d, c)
			if l, ok := velos.ParseLevel(r.Level); ok {
				r.Level = l.String()
			} else if p == nil {
				p = wrong("unknown level "+shown(r.Level), didYouMean(r.Level, levelWords, "levels are debug, info, warn, error and fatal"))
			}
		case "priority":
			p = whole(func(*draft) *int { return &r.Priority }).read(d, c)
			if p == nil && (r.Priority < 0 || r.Priority > 255) {
				p = wrong("must be between 0 and 255", "from 100 on it overrides what the line says itself")
			}
		default:
			p = wrong("unknown key", didYouMean(c.key, ruleKeys, "there are pattern, level and priority"))
		}
		if p != nil {
			if p.at == nil && c.width > 0 {
				p.at = c
			}
			p.below = "." + bare(c.key)
			return r, p
		}
	}
	switch {
	case r.Pattern == "":
		return r, wrong("a rule has no pattern", ruleForm)
	case r.Level == "":
		return r, wrong("a rule has no level", ruleForm)
	}
	if r.Literal, r.Program, p = compileRule(r.Pattern); p != nil {
		p.below = ".pattern"
	}
	return r, p
}

var levelWords = []string{"debug", "info", "warn", "error", "fatal"}

func rulesSchema() schema {
	return listOf(schema{"type": "object", "additionalProperties": false, "required": []string{"level"}, "properties": schema{
		"pattern": schema{"type": "string", "description": "text, or an expression of RE2, that the line contains"},
		"match":   schema{"type": "string", "description": "the same"},
		"level":   oneWord("debug", "info", "warn", "error", "fatal"),
		"priority": schema{"type": "integer", "minimum": 0, "maximum": 255,
			"description": "higher ones are asked first; from 100 on, which is the default, before anything else, below where the line does not say its level"},
	}})
}

// expression reads an expression of RE2.
func expression(pattern string) (*syntax.Regexp, *problem) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, wrong(strings.TrimPrefix(err.Error(), "error parsing regexp: "), "the expression is RE2: no look-around, no back references; \\ makes a character plain")
	}
	return re.Simplify(), nil
}

// compileRule makes of an expression what level.NewRules reads.
func compileRule(pattern string) (literal string, code []int64, p *problem) {
	re, p := expression(pattern)
	if p != nil {
		return "", nil, p
	}
	literal = required(re)
	if re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 {
		return literal, nil, nil
	}
	prog, err := syntax.Compile(re)
	if err != nil || len(prog.Inst) > level.MostSteps {
		return "", nil, wrong("is too large an expression", "make two rules of it, or a simpler one")
	}
	code = []int64{int64(prog.Start), int64(len(prog.Inst))}
	for i := range prog.Inst {
		code = appendStep(code, &prog.Inst[i])
	}
	if _, err := level.NewRules([]velos.LevelRule{{Program: code}}); err != nil {
		return "", nil, wrong("is too large an expression", "name fewer characters")
	}
	return literal, code, nil
}

// appendStep writes a step as level reads it.
func appendStep(code []int64, in *syntax.Inst) []int64 {
	op, arg := level.OpFail, int64(0)
	var runes []rune
	switch in.Op {
	case syntax.InstMatch:
		return append(code, level.OpMatch, 0, 0, 0)
	case syntax.InstNop, syntax.InstCapture:
		op = level.OpJump
	case syntax.InstAlt, syntax.InstAltMatch:
		op, arg = level.OpSplit, int64(in.Arg)
	case syntax.InstEmptyWidth:
		op, arg = level.OpEmpty, int64(in.Arg)
	case syntax.InstRuneAny:
		op = level.OpAny
	case syntax.InstRuneAnyNotNL:
		op = level.OpLine
	case syntax.InstRune, syntax.InstRune1:
		op, runes = level.OpRune, ranges(in)
	default:
		return append(code, level.OpFail, 0, 0, 0)
	}
	code = append(code, int64(op), int64(in.Out), arg, int64(len(runes)))
	for _, r := range runes {
		code = append(code, int64(r))
	}
	return code
}

// ranges are the runes that a step takes, as pairs: one rune stands for its
// other cases, too, where case does not matter.
func ranges(in *syntax.Inst) []rune {
	if len(in.Rune) != 1 {
		return in.Rune
	}
	r := in.Rune[0]
	list := []rune{r, r}
	if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			list = append(list, f, f)
		}
	}
	return list
}

// required is the longest text that every match contains.
func required(re *syntax.Regexp) (best string) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(best) {
				best = s
			}
		}
	}
	return best
}

// readMultiline reads the expression that says which lines begin an event.
func readMultiline(d *draft, n *node) *problem {
	if p := text(func(d *draft) *string { return &d.spec.Multiline }).read(d, n); p != nil {
		return p
	}
	if _, err := regexp.Compile(n.text); err != nil {
		_, p := expression(n.text)
		return p
	}
	return nil
}

// fraction is a number that need not be whole.
func fraction(least, most float64, field func(*draft) *float64) form {
	return form{func(d *draft, n *node) *problem {
		v, ok := n.float()
		if i, whole := n.integer(); !ok && whole {
			v, ok = float64(i), true
		}
		switch {
		case n.kind != isFloat && n.kind != isInteger || !ok:
			return wrong("must be a number, not "+n.kind.String(), "write it without quotes")
		case !(v >= least && v <= most):
			return wrong("must be between "+strconv.FormatFloat(least, 'g', -1, 64)+" and "+strconv.FormatFloat(most, 'g', -1, 64), "see docs/LOGS.md for what it means")
		}
		*field(d) = v
		return nil
	}, "a number", schema{"type": "number", "minimum": least, "maximum": most}}
}
