package config

import (
	"regexp"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

var expressions = []string{
	`quota`, `(?i)quota`, `^GET `, `timeout$`, `\bfail(ed|ure)?\b`, `a.c`, `(?s)a.c`, `x*`, `colou?r`, `[^a-z]{3}`, `é+`, `(?i)straße`, `\d{1,3}(\.\d{1,3}){3}`, `^$`,
	`\Bx`, `(?m)^b`, `a|b|`, `[[:upper:]]{2}`, `ERR-(4\d\d|5\d\d)`, `a+?b`, `(?i)[k-m]`, `.`, `\pL\pN`,
}

var ruleTexts = []string{
	"", "quota", "QUOTA", "GET /x", " GET /x", "read timeout", "timeouts", "it failed", "failures", "a failure", "abc", "a\nc", "x", "color colour", "a1!?b", "é", "STRASSE straße",
	"10.0.0.1:80", "a\nb", "ERR-404", "ERR-204", "aaab", "K", "Å1", "\xff\xfe", "ﬀ", "AB", "\u212a", "ſ",
}

// asCompiled tells how the daemon matches.
func asCompiled(t *testing.T, pattern string) func(string) bool {
	t.Helper()
	literal, code, p := compileRule(pattern)
	if p != nil {
		t.Fatalf("%s: %s", pattern, p.what)
	}
	rules, err := level.NewRules([]velos.LevelRule{{Pattern: pattern, Level: "debug", Priority: 100, Literal: literal, Program: code}})
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	return func(text string) bool { return rules.Classify([]byte(text), velos.AnyStream) == velos.Debug }
}

func TestTheDaemonMatchesAsRegexpDoes(t *testing.T) {
	for _, pattern := range expressions {
		re, match := regexp.MustCompile(pattern), asCompiled(t, pattern)
		for _, text := range ruleTexts {
			if got, want := match(text), re.MatchString(text); got != want {
				t.Errorf("%q in %q: %v, want %v", pattern, text, got, want)
			}
		}
	}
}

func FuzzCompileRule(f *testing.F) {
	for i, p := range expressions {
		f.Add(p, ruleTexts[i])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := regexp.Compile(pattern)
		if err != nil || pattern == "" || len(text) > 1000 || regexp.MustCompile("\x1b|debug|(?i)dbg").MatchString(text) {
			return
		}
		if _, _, p := compileRule(pattern); p != nil {
			return // too large
		}
		if level.Classify([]byte(text), velos.AnyStream) == velos.Debug {
			return
		}
		if got, want := asCompiled(t, pattern)(text), re.MatchString(text); got != want {
			t.Errorf("%q in %q: %v, want %v", pattern, text, got, want)
		}
	})
}
