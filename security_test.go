package velos_test

// This file holds docs/SECURITY.md to the tests that it names, and every HTTP
// listener to the guard.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// testsThatAreThere are the names of all tests and fuzz targets, as the page
// writes them: the last part of their directory, and their name.
func testsThatAreThere(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	found := map[string]bool{}
	for _, p := range files() {
		if !strings.HasSuffix(p, "_test.go") {
			continue
		}
		room := path.Base(path.Dir(p))
		if room == "." {
			room = "root"
		}
		for _, m := range declared.FindAllStringSubmatch(page(t, p), -1) {
			found[room+"."+m[1]] = true
		}
	}
	return found
}

func TestEveryThreatIsHeldByTestsThatAreThere(t *testing.T) {
	there := testsThatAreThere(t)
	named := regexp.MustCompile("`([a-z-]+\\.(?:Test|Fuzz)\\w+)`")
	next := 1
	for line := range strings.SplitSeq(page(t, "docs/SECURITY.md"), "\n") {
		if !strings.HasPrefix(line, "| T") {
			continue
		}
		columns := strings.Split(strings.Trim(line, "|"), "|")
		if len(columns) != 4 || strings.TrimSpace(columns[0]) != "T"+strconv.Itoa(next) {
			t.Fatalf("row %d is %q", next, line)
		}
		next++
		tests := named.FindAllStringSubmatch(columns[3], -1)
		if len(tests) == 0 {
			t.Errorf("%s is held by nothing", columns[0])
		}
		for _, m := range tests {
			if !there[m[1]] {
				t.Errorf("%s: there is no test %s", columns[0], m[1])
			}
		}
	}
	if next <= 23 {
		t.Errorf("there are %d threats", next-1)
	}
}

// TestEveryListenerStandsBehindTheGuard: serving HTTP is guard's alone, and who
// has it served hands over a guard's handler. So no door, and no route of one,
// can be without what the guard checks. What velos serve runs is no door: it
// shows a directory that somebody has named, and knows no daemon.
func TestEveryListenerStandsBehindTheGuard(t *testing.T) {
	served := map[string]string{}
	for _, p := range files() {
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || !strings.HasPrefix(p, "internal/") && !strings.HasPrefix(p, "cmd/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok || x.Name != "http" {
					return true
				}
				switch n.Sel.Name {
				case "Server", "Serve", "ServeTLS", "ListenAndServe", "ListenAndServeTLS", "DefaultServeMux", "Handle", "HandleFunc":
					if path.Dir(p) != "internal/guard" {
						t.Errorf("%s: http.%s is for internal/guard alone", p, n.Sel.Name)
					}
				}
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				if x, is := ownerOf(ok, s); is && x == "guard" && s.Sel.Name == "Serve" && len(n.Args) == 3 {
					served[p] = written(n.Args[2])
				}
			}
			return true
		})
	}
	const site = "files"
	for p, want := range map[string]string{"internal/cli/door.go": "d.Handler", "internal/mcp/http.go": "s.Handler", "internal/cli/serve.go": site} {
		if served[p] != want {
			t.Errorf("%s serves %q; want the handler of a guard.Door or the directory, %s", p, served[p], want)
		}
		delete(served, p)
	}
	for p, what := range served {
		t.Errorf("%s serves %s: look whether it is a guard.Door, and name it here", p, what)
	}
	if text := page(t, "internal/mcp/http.go"); strings.Count(text, "return guard.Door{") != 1 {
		t.Error("the handler of internal/mcp is no guard.Door")
	}
}

// ownerOf is the name before the dot.
func ownerOf(ok bool, s *ast.SelectorExpr) (string, bool) {
	if !ok {
		return "", false
	}
	x, is := s.X.(*ast.Ident)
	if !is {
		return "", false
	}
	return x.Name, true
}

// written is a call as far as its name.
func written(e ast.Expr) string {
	if c, ok := e.(*ast.CallExpr); ok {
		if s, ok := c.Fun.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				return x.Name + "." + s.Sel.Name
			}
		}
	}
	if x, ok := e.(*ast.Ident); ok {
		return x.Name
	}
	return "something else"
}
