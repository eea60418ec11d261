package page

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A source is where the server's words are: files, and what in them is shown to
// people. The words are read from the sources, so that a new one fails a test.
type source struct {
	files    string   // a pattern below the module
	returns  []string // functions whose results are sentences, "*": all
	calls    []string // functions that are given sentences
	fields   []string // of literals, and variables that hold sentences
	literals []string // types whose values without field names begin with a sentence
}

var sources = []source{
	{files: "exit.go", returns: []string{"String", "ending", "Meaning", "meaningOfSignal", "meaningOfCode", "meaningOfRuntime", "meaningOfShellCode", "meaningOfSysexit"}, fields: []string{"s"}},
	{files: "internal/crash/next.go", returns: []string{"next", "nextOfEnd"}},
	{files: "internal/crash/crash.go", returns: []string{"momentOf"}},
	{files: "internal/view/why.go", returns: []string{"advice"}},
	{files: "internal/supervise/*.go", returns: []string{"ended", "gaveUp", "awaits"}, calls: []string{"enter", "onReady", "fail", "lower", "condemn", "dismiss", "warn", "ordered", "retire", "again", "record"},
		fields: []string{"Cause", "cause", "why", "reason", "failed", "wait", "before"}},
	{files: "internal/daemon/*.go", calls: []string{"about"}, fields: []string{"Cause", "cause"}, returns: []string{"leaseCause"}},
	{files: "internal/api/order.go", calls: []string{"settled"}, literals: []string{"outcome"}},
}

// template is a concatenation with {} for what is not a literal; empty when
// nothing in it is for people.
func template(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			return strings.ReplaceAll(template(x.X)+template(x.Y), "{}{}", "{}")
		}
	case *ast.ParenExpr:
		return template(x.X)
	}
	return "{}"
}

// said are the templates of a source, with where each is.
func said(t *testing.T, s source) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(s.files)))
	if err != nil || len(names) == 0 {
		t.Fatal(s.files, err)
	}
	found := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		take := func(e ast.Expr) {
			if lit, ok := e.(*ast.CompositeLit); ok {
				for _, x := range lit.Elts {
					found[template(x)] = set.Position(x.Pos()).String()
				}
				return
			}
			found[template(e)] = set.Position(e.Pos()).String()
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.ReturnStmt:
					if ok && slices.Contains(s.returns, fn.Name.Name) {
						for _, e := range x.Results {
							take(e)
						}
					}
				case *ast.CallExpr:
					if slices.Contains(s.calls, last(x.Fun)) {
						for _, e := range x.Args {
							take(e)
						}
					}
				case *ast.CompositeLit:
					if slices.Contains(s.literals, last(x.Type)) && len(x.Elts) > 0 {
						take(x.Elts[0])
					}
				case *ast.KeyValueExpr:
					if slices.Contains(s.fields, last(x.Key)) {
						take(x.Value)
					}
				case *ast.AssignStmt:
					for i, e := range x.Lhs {
						if i < len(x.Rhs) && slices.Contains(s.fields, last(e)) {
							take(x.Rhs[i])
						}
					}
				}
				return true
			})
		}
	}
	for text := range found {
		if !regexp.MustCompile(`[a-z]{2}`).MatchString(strings.ReplaceAll(text, "{}", "")) {
			delete(found, text)
		}
	}
	return found
}

func last(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// russian are the sentences that the page can say in Russian.
func russian(t *testing.T) map[string]string {
	t.Helper()
	text := texts(t)["assets/said.ru.js"]
	body := strings.TrimSuffix(strings.TrimSpace(text[strings.Index(text, "export default ")+len("export default "):]), ";")
	var list [][2]string
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) < 100 {
		t.Fatal(len(list), err)
	}
	all := map[string]string{}
	for _, x := range list {
		if all[x[0]] != "" {
			t.Errorf("%q is there twice", x[0])
		}
		if strings.Count(x[0], "{}") != strings.Count(x[1], "{}") {
			t.Errorf("%q and %q differ in what is filled in", x[0], x[1])
		}
		all[x[0]] = x[1]
	}
	return all
}

// parts are templates that never stand alone: what they become is what counts.
var parts = map[string][]string{
	"ended{}, code unknown":          {"ended, code unknown", "ended after {}, code unknown"},
	": {} of {} addresses":           {"it did not {} within {} (listen_timeout): {} of {} addresses"},
	"; rolling back instance {}: {}": {}, // of an error, which is not translated
	"it opens its ports itself, and two runs cannot hold the same port": {}, // of an error
	"granted to ":         {"granted to {}"},
	"granted no more to ": {"granted no more to {}"},
	"{}ms":                {}, // lengths of time have a rule of their own
}

func TestEverySentenceOfTheServerHasATranslation(t *testing.T) {
	known := russian(t)
	found := 0
	for _, s := range sources {
		here := said(t, s)
		if len(here) == 0 {
			t.Errorf("%s says nothing that is looked for: the test looks in the wrong place", s.files)
		}
		for text, at := range here {
			found++
			list, part := parts[text]
			for _, whole := range list {
				if known[whole] == "" {
					t.Errorf("%s: %q is not translated in %q", at, text, whole)
				}
			}
			if known[text] == "" && !part && !strings.HasPrefix(text, "velos ") {
				t.Errorf("%s: %q has no translation in said.ru.js", at, text)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d sentences were found", found)
	}
}

// TestSentencesAreTranslatedWithWhatIsInThem runs the page's own code in Node.
func TestSentencesAreTranslatedWithWhatIsInThem(t *testing.T) {
	pairs := [][2]string{
		{"exited with code 1 after 1m 30s", "завершилось с кодом 1, проработав 1\u00a0мин 30\u00a0с"},
		{"gave up: ended 3 times in a row before min_uptime; last: killed by SIGKILL after 349ms (out of memory killer, or kill -9)",
			"больше не запускается: 3 завершений подряд раньше, чем min_uptime; последнее: убито сигналом SIGKILL, проработав 349\u00a0мс (нехватка памяти или kill -9)"},
		{"order: start", "указание: запуск"},
		{"start bad: exited with code 1 after 327ms, before min_uptime (1s)", "запуск bad: завершилось с кодом 1, проработав 327\u00a0мс, раньше min_uptime (1\u00a0с)"},
		{"velos logs bad --err -n 50", "velos logs bad --err -n 50"},
		{"<b>hello</b> (never heard of)", "<b>hello</b> (never heard of)"},
		{"could not be started: fork/exec /x: permission denied", "не удалось запустить: fork/exec /x: permission denied"},
		{strings.Repeat("exited with code ", 200), strings.Repeat("exited with code ", 200)},
	}
	runInPage(t, "ru", pairs, "const { said } = await import('./said.js');\nfor (const [from, to] of pairs) if (said(from) !== to) console.log(JSON.stringify([from, said(from)]));\n")
}

func TestAnErrorIsSaidInTheReadersLanguageWithTheServersWordsBesideIt(t *testing.T) {
	type trouble struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Method  string   `json:"method"`
		Path    string   `json:"path"`
		Hints   []string `json:"hints"`
		Says    string   `json:"says"`
		Hint    string   `json:"hint"`
	}
	list := []trouble{
		{"crashed", "start bad: exited with code 1 after 327ms, before min_uptime (1s)", "POST", "/v1/apps/bad/start", []string{"velos logs bad"}, "Запуск bad: завершилось с кодом 1, проработав 327\u00a0мс, раньше min_uptime (1\u00a0с)", "velos logs bad"},
		{"timeout", "restart api: not settled within 1m", "POST", "/v1/apps/api/restart", []string{"the order stands; ask again for the app"}, "Перезапуск api: не закончено за отведённое время", ""},
		{"denied", "why web: agents may not look", "GET", "/v1/apps/we%62/why", nil, "Причины состояния web: нет доступа", ""},
		{"failed", "could not be started: fork/exec /x: no such thing", "DELETE", "/v1/apps/a%20b", nil, "Удаление a b: не получилось", ""},
		{"invalid", "error parsing regexp: missing closing ]: `[`", "GET", "/v1/logs/search?q=%5B&app=api", nil, "Поиск в журнале api: запрос составлен неверно", ""},
		{"no_server", "", "GET", "/v1/apps/api/history/figures?span=1h", nil, "Показатели api: сервер не отвечает", ""},
		{"busy", "<b>x y</b>", "GET", "/v1/nobody/knows", nil, "Слишком много запросов, повторите немного позже", ""},
		{"not_found", "no such thing", "GET", "/v1/apps/%zz", nil, "Сведения о: такого здесь нет", ""},
	}
	runInPage(t, "ru", list, "const { wrongText, hintsFor } = await import('./wrong.js');\nfor (const e of pairs) if (wrongText(e) !== e.says || hintsFor(e).join() !== e.hint) console.log(JSON.stringify([wrongText(e), hintsFor(e), e]));\n")
	for i := range list {
		if list[i].Says = list[i].Message; list[i].Says == "" {
			list[i].Says = "Figures of api: the server does not answer"
		}
		list[i].Hint = strings.Join(list[i].Hints, "")
	}
	runInPage(t, "en", list, "const { wrongText, hintsFor } = await import('./wrong.js');\nfor (const e of pairs) if (wrongText(e) !== e.says || hintsFor(e).join() !== e.hint) console.log(JSON.stringify([wrongText(e), hintsFor(e), e]));\n")
}

// runInPage runs a script with the page's own code in Node; what it prints is
// wrong. It has pairs.
func runInPage(t *testing.T, language string, pairs any, script string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not there")
	}
	dir := t.TempDir()
	files := map[string]string{"package.json": `{"type":"module"}`}
	for name, text := range texts(t) {
		if path.Ext(name) == ".js" {
			files[path.Base(name)] = text
		}
	}
	asked, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	files["ask.mjs"] = "globalThis.localStorage = { getItem: () => '" + language + "', setItem() {} };\nglobalThis.sessionStorage = localStorage;\n" +
		"Object.defineProperty(globalThis, 'navigator', { value: { languages: ['" + language + "'] } });\nconst pairs = " + string(asked) + ";\n" + script
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, node, "ask.mjs")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// constants are the texts of the constants of a type, or of a variable that
// lists words.
func constants(t *testing.T, file, name string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(f, func(n ast.Node) bool {
		x, ok := n.(*ast.ValueSpec)
		if !ok || last(x.Type) != name && x.Names[0].Name != name {
			return true
		}
		for _, v := range x.Values {
			ast.Inspect(v, func(n ast.Node) bool {
				if kv, ok := n.(*ast.KeyValueExpr); ok {
					n = kv.Value
				}
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s := template(lit); s != "" && !slices.Contains(list, s) {
						list = append(list, s)
					}
				}
				return true
			})
		}
		return true
	})
	if len(list) < 3 {
		t.Fatalf("%s has only %q of %s", file, list, name)
	}
	return list
}

func TestEveryWordOfTheServerIsInEveryLanguage(t *testing.T) {
	all := texts(t)
	en, ru, known := words(all["assets/en.js"]), words(all["assets/ru.js"]), russian(t)
	for _, w := range []struct{ file, name, prefix string }{
		{"status.go", "Status", "state."}, {"event.go", "Kind", "kind."}, {"probe.go", "Health", "health."}, {"entry.go", "levelNames", "level."},
		{"internal/crash/cause.go", "Cause", "cause."}, {"error.go", "codeNames", ""}, {"error.go", "codeNames", "wrong."}, {"internal/supervise/orders.go", "verbNames", ""},
		{"internal/supervise/gate.go", "conditionWords", ""},
	} {
		for _, word := range constants(t, w.file, w.name) {
			_, inEnglish := en[w.prefix+word]
			_, inRussian := ru[w.prefix+word]
			if w.prefix == "" {
				inEnglish, inRussian = true, known[word] != ""
			}
			if !inEnglish || !inRussian {
				t.Errorf("%s: %s%s, in English: %v, in Russian: %v", w.file, w.prefix, word, inEnglish, inRussian)
			}
		}
	}
}
