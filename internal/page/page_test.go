package page

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// texts are the files, by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(Files(), name)
		all[name] = string(b)
		return err
	})
	if err != nil || len(all) < 10 {
		t.Fatal(len(all), err)
	}
	return all
}

var (
	reference = regexp.MustCompile(`(?:src|href)="(/[^"]+)"|src: '(/[^']+)'|from '\./([^']+)'`)
	// acting is what could make markup or code from text, or what the policy
	// would refuse.
	acting = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function|\.cookie|javascript:`)
	inline = regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=`)
	abroad = regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
)

func TestEveryFileThatIsNamedIsThereAndEveryFileIsNamed(t *testing.T) {
	all := texts(t)
	named := map[string]bool{"index.html": true}
	for name, text := range all {
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			target := strings.TrimPrefix(m[1]+m[2], "/")
			if m[3] != "" {
				target = path.Join(path.Dir(name), m[3])
			}
			if named[target] = true; all[target] == "" {
				t.Errorf("%s names %s, which is not there", name, target)
			}
		}
	}
	for name := range all {
		if !named[name] {
			t.Errorf("nobody names %s", name)
		}
	}
}

func TestNothingMakesMarkupOfTextAndNothingIsInlineOrElsewhere(t *testing.T) {
	for name, text := range texts(t) {
		for what, re := range map[string]*regexp.Regexp{"could act": acting, "is elsewhere": abroad} {
			for _, m := range re.FindAllString(text, -1) {
				if m != "http://www.w3.org" { // a name, which nobody asks for
					t.Errorf("%s: %s %s", name, m, what)
				}
			}
		}
		if m := inline.FindString(text); m != "" && strings.HasSuffix(name, ".html") {
			t.Errorf("%s: %q is inline", name, m)
		}
		if n := strings.Count(text, "\n"); n > 350 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
}

var entry = regexp.MustCompile(`(?:^|[{,]\s*|\n\s*)(?:'([a-z_0-9.A-Z]+)'|([a-z_0-9]+)): '((?:[^'\\]|\\.)*)'`)

// words are the keys of a language, with what is filled into each.
func words(text string) map[string]string {
	all := map[string]string{}
	for _, m := range entry.FindAllStringSubmatch(text, -1) {
		holes := regexp.MustCompile(`\{\w+\}`).FindAllString(m[3], -1)
		slices.Sort(holes)
		all[m[1]+m[2]] = strings.Join(holes, " ")
	}
	return all
}

func TestEveryLanguageHasTheSameKeysAndTheyAreAllThatIsAskedFor(t *testing.T) {
	all := texts(t)
	en, ru := words(all["assets/en.js"]), words(all["assets/ru.js"])
	if len(en) < 150 {
		t.Fatalf("only %d keys", len(en))
	}
	for k, holes := range en {
		if other, ok := ru[k]; !ok || other != holes {
			t.Errorf("%s: %q in English, %q in Russian (%v)", k, holes, other, ok)
		}
	}
	for k := range ru {
		if _, ok := en[k]; !ok {
			t.Errorf("%s is Russian only", k)
		}
	}
	asked := regexp.MustCompile(`\bt\('([a-z_0-9.A-Z]+)'(\s*\+)?`)
	for name, text := range all {
		for _, m := range asked.FindAllStringSubmatch(text, -1) {
			if _, ok := en[m[1]]; !ok && m[2] == "" {
				t.Errorf("%s asks for %s, which no language has", name, m[1])
			}
		}
	}
}
