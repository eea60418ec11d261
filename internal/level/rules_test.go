package level

import (
	"testing"

	"github.com/velospm/velos"
)

func literal(text, level string, priority int) velos.LevelRule {
	return velos.LevelRule{Pattern: text, Literal: text, Level: level, Priority: priority}
}

func TestUsersRulesAreAskedByPriority(t *testing.T) {
	rules, err := NewRules([]velos.LevelRule{literal("quota", "warn", 10), literal("quota exceeded", "fatal", 20), literal("known bug", "debug", 100)})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]velos.Level{
		"quota at 80 %":                         velos.Warn,
		"quota exceeded":                        velos.Fatal,
		"ERROR quota exceeded":                  velos.Err, // it says so itself
		"ERROR known bug 7":                     velos.Debug,
		"ERROR known\x1b[1m bug 7\x1b[0m":       velos.Debug,
		"ok":                                    velos.Info,
		"connection refused by quota":           velos.Warn, // before its words
		`{"level":"error","msg":"known bug 7"}`: velos.Debug,
	} {
		if got := rules.Classify([]byte(line), velos.AnyStream); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	var none *Rules
	if none.Classify([]byte("ERROR x"), velos.AnyStream) != velos.Err || none.Clone() != nil {
		t.Error("no rules change something")
	}
}

// starts is the program of ^[a-c].
var starts = []int64{1, 4, OpFail, 0, 0, 0, OpEmpty, 2, beginText, 0, OpRune, 3, 0, 2, 'a', 'c', OpMatch, 0, 0, 0}

func TestAProgramIsRun(t *testing.T) {
	rules, err := NewRules([]velos.LevelRule{{Pattern: "^[a-c]", Level: "warn", Priority: 100, Program: starts}})
	if err != nil {
		t.Fatal(err)
	}
	other := rules.Clone()
	for line, want := range map[string]velos.Level{"a": velos.Warn, "cd": velos.Warn, "da": velos.Info, "": velos.Info} {
		if got := rules.Classify([]byte(line), velos.AnyStream); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
		if got := other.Classify([]byte(line), velos.AnyStream); got != want {
			t.Errorf("%q, cloned: %s, want %s", line, got, want)
		}
	}
	line := []byte("dd is no such line, and long enough for all that a line may have")
	if n := testing.AllocsPerRun(100, func() { rules.Classify(line, velos.AnyStream) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAProgramThatIsNoneIsRefused(t *testing.T) {
	for _, code := range [][]int64{
		{0}, {0, 0}, {0, 1}, {1, 1, OpMatch, 0, 0, 0}, {-1, 1, OpMatch, 0, 0, 0}, {0, 1, 99, 0, 0, 0}, {0, 1, OpJump, 1, 0, 0}, {0, 1, OpSplit, 0, 7, 0},
		{0, 1, OpRune, 0, 0, 1, 'a'}, {0, 1, OpRune, 0, 0, 2, 'a'}, {0, 1, OpRune, 0, 0, 2, 'a', 1 << 40}, {0, 1, OpMatch, 0, 0, 0, 0}, {0, 1 << 40}, {0, 1, OpRune, 0, 0, -2},
	} {
		if _, err := NewRules([]velos.LevelRule{{Pattern: "x", Level: "warn", Program: code}}); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("%v: %v", code, err)
		}
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte{1, 4, 0, 0, 0, 0, 4, 2, 4, 0, 5, 3, 0, 2, 97, 99, 1, 0, 0, 0}, "abc")
	f.Fuzz(func(t *testing.T, b []byte, line string) {
		code := make([]int64, len(b))
		for i := range b {
			code[i] = int64(int8(b[i]))
		}
		if p, ok := parse(code); ok {
			p.match([]byte(line)) // comes to an end, and touches nothing else
		}
	})
}
