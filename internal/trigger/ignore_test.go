package trigger

import (
	"strings"
	"testing"
	"time"
)

func TestPatternsAreThoseOfGitignore(t *testing.T) {
	for _, c := range [...]struct {
		patterns, name string
		want           bool
	}{
		{"", "src/app.js", false},
		{"", "app.log", true},
		{"", "deep/er/app.log", true},
		{"", "node_modules/", true},
		{"", "packages/a/node_modules/", true},
		{"", ".git/", true},
		{"", ".gitignore", false},
		{"", ".app.js.swp", true},
		{"", "app.js~", true},
		{"!*.log", "app.log", false},
		{"!*.log *.log", "app.log", true},
		{"tmp", "tmp/", true},
		{"tmp", "a/tmp", true},
		{"tmp/", "a/tmp/", true},
		{"tmp/", "a/tmp", false},
		{"/tmp", "tmp/", true},
		{"/tmp", "a/tmp/", false},
		{"./tmp", "tmp/", true},
		{"./tmp", "a/tmp/", false},
		{"/srv/api/tmp", "tmp/", true},
		{"/srv/api/tmp", "a/tmp/", false},
		{"a/tmp", "a/tmp/", true},
		{"a/tmp", "b/a/tmp/", false},
		{"**/tmp", "b/a/tmp/", true},
		{"**/tmp", "tmp/", true},
		{"a/**", "a/", false},
		{"a/**", "a/b", true},
		{"a/**", "a/b/c", true},
		{"a/**/z", "a/z", true},
		{"a/**/z", "a/b/c/z", true},
		{"a/**/z", "a/b/c/zz", false},
		{"a/**/b/**/c", "a/x/b/y/b/z/c", true},
		{"a/**/b/**/c", "a/x/b/y/b/z/d", false},
		{"**/**/a/**", "x/a/y", true},
		{"*.json", "data/x.json", true},
		{"data/*.json", "data/x.json", true},
		{"data/*.json", "data/x/y.json", false},
		{"?.js", "a.js", true},
		{"?.js", "ab.js", false},
		{"?.js", "ä.js", true},
		{"[a-c]*.ts", "beta.ts", true},
		{"[!a-c]*.ts", "beta.ts", false},
		{"[^a-c]*.ts", "delta.ts", true},
		{"[]x]", "]", true},
		{"[ab", "[ab", true},
		{`\!keep`, "!keep", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
		{"a*b*c*d", "axxbxxcxxd", true},
		{"a*b*c*d", "axxbxxcxx", false},
		{"build !build", "build/", false},
		{"/", "x", false},
	} {
		r := compile("/srv/api", strings.Fields(c.patterns))
		name := strings.TrimSuffix(c.name, "/")
		if got := r.ignore(name, name != c.name); got != c.want {
			t.Errorf("%q ignores %q: %v; want %v", c.patterns, c.name, got, c.want)
		}
	}
}

func TestAPatternOfManyStarsIsQuick(t *testing.T) {
	r := compile("/", []string{strings.Repeat("*a", 500) + "b", strings.Repeat("**/a/", 500) + "b"})
	begin := time.Now()
	if r.ignore(strings.Repeat("a", 4000), false) || r.ignore(strings.Repeat("a/", 2000)+"a", false) {
		t.Error("it matches")
	}
	if d := time.Since(begin); d > time.Minute { // what is not quick takes years
		t.Errorf("it took %s", d)
	}
}

func FuzzPatternsAreMatchedWithoutTrouble(f *testing.F) {
	f.Add("a/**/[b-d]*", "a/x/c", true)
	f.Add("!**", "x", false)
	f.Fuzz(func(t *testing.T, pattern, name string, dir bool) {
		r := compile("/srv", []string{pattern})
		if got := r.ignore(name, dir); got != r.ignore(name, dir) {
			t.Error("it cannot decide")
		}
	})
}

func TestAReportNamesTheFirstFileAndCountsTheOthers(t *testing.T) {
	now := time.Now()
	for want, f := range map[string]func(g *gather){
		"a.js changed":                  func(g *gather) { g.change("a.js", false, now); g.change("a.js", false, now) },
		"a.js and 1 more file changed":  func(g *gather) { g.change("a.js", false, now); g.change("b.js", true, now) },
		"a.js and 2 more files changed": func(g *gather) { g.change("a.js", false, now); g.change("b.js", true, now); g.vanish("c.js", now) },
		"b.js changed": func(g *gather) {
			g.change("4f2.tmp", true, now)
			g.vanish("4f2.tmp", now)
			g.change("b.js", false, now)
		},
		"a.js and many more files changed":            func(g *gather) { g.change("a.js", false, now); g.lose(now) },
		"files changed, too many at once to name one": func(g *gather) { g.lose(now) },
		"a file changed":                              func(g *gather) { g.vanished(7, now) },
		"2 files changed":                             func(g *gather) { g.vanished(7, now); g.vanished(8, now) },
		`"a\nb" changed`:                              func(g *gather) { g.change("a\nb", false, now) },
		"":                                            func(g *gather) { g.change("x.tmp", true, now); g.vanish("x.tmp", now) },
		"f0 and over 65535 more files changed": func(g *gather) {
			for i := range 70_000 {
				g.change("f"+number(i), true, now)
			}
			for i := range 70_000 {
				g.change("g"+number(i), true, now)
			}
		},
	} {
		var g gather
		f(&g)
		c, ok := g.take()
		if got := c.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q, %v; want %q", got, ok, want)
		}
		if !g.first.IsZero() || g.files != nil {
			t.Errorf("%q: something is left", want)
		}
	}
}

func TestAReportWaitsForQuietButNotForEver(t *testing.T) {
	var g gather
	now := time.Now()
	begin := now
	for g.change("a", false, now); now.Before(g.due(time.Second)); g.change("a", false, now) {
		if now = now.Add(500 * time.Millisecond); now.Sub(begin) > time.Hour {
			t.Fatal("a storm without an end is never reported")
		}
	}
	if d := now.Sub(begin); d != patience {
		t.Errorf("it is reported after %s; want %s", d, patience)
	}
}
