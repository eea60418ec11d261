package site

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// directory is what a build for browsers leaves.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"public/index.html": "home", "public/other.html": "other", "public/404.html": "gone", "public/app.js": "code",
		"public/.env": "SECRET=1", `public/docs\.env`: "SECRET=1", "public/.well-known/security.txt": "mail us", "public/docs/index.html": "docs", "public/empty/x.bin": "x", "outside.txt": "not yours",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "outside.txt"), filepath.Join(dir, "public", "link.txt")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "public")
}

func site(t *testing.T, vars map[string]string) *Site {
	t.Helper()
	s, err := FromVars(vars)
	if err == nil {
		err = s.Open()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ask(s *Site, method, path string, set func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if set != nil {
		set(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestASiteShowsItsFilesAndNothingElse(t *testing.T) {
	s := site(t, map[string]string{PathVar: directory(t)})
	for _, c := range []struct {
		path string
		code int
		body string
	}{
		{"/", 200, "home"}, {"/index.html", 200, "home"}, {"/other.html", 200, "other"}, {"/app.js", 200, "code"},
		{"/docs/", 200, "docs"}, {"/.well-known/security.txt", 200, "mail us"}, {"//other.html", 200, "other"}, {"/a/../other.html", 200, "other"},
		{"/nothing", 404, "gone"}, {"/.env", 404, "gone"}, {"/docs/../.env", 404, "gone"}, {"/empty", 404, "gone"}, {"/empty/", 404, "gone"},
		{"/link.txt", 404, "gone"}, {`/docs\.env`, 404, "gone"}, {"/../outside.txt", 404, "gone"}, {"/%2e%2e/outside.txt", 404, "gone"}, {"/other.html/", 404, "gone"},
	} {
		if w := ask(s, "GET", c.path, nil); w.Code != c.code || w.Body.String() != c.body {
			t.Errorf("%s: %d %q; want %d %q", c.path, w.Code, w.Body, c.code, c.body)
		}
	}
	if w := ask(s, "GET", "/docs?v=1", nil); w.Code != 301 || w.Header().Get("Location") != "/docs/?v=1" {
		t.Errorf("a directory without its slash: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := ask(s, "HEAD", "/nothing", nil); w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("HEAD of what is not there: %d %q", w.Code, w.Body)
	}
	if w := ask(s, "POST", "/", nil); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestASinglePageApplicationShowsItselfForEveryPath(t *testing.T) {
	s := site(t, map[string]string{PathVar: directory(t), SPAVar: "true"})
	html := func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*") }
	for path, want := range map[string]string{"/": "home", "/users/7": "home", "/users/7/other.html": "other", "/users/app.js": "code", "/empty/": "home", "/v1.2": "home"} {
		if w := ask(s, "GET", path, html); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q; want %q", path, w.Code, w.Body, want)
		}
	}
	if w := ask(s, "GET", "/lost.png", nil); w.Code != 404 {
		t.Errorf("a picture that is not there: %d; want 404 and no page", w.Code)
	}
	if w := ask(s, "GET", "/.env", html); strings.Contains(w.Body.String(), "SECRET") {
		t.Errorf("/.env: %q", w.Body)
	}
}

func TestASiteAsksForItsPassword(t *testing.T) {
	s := site(t, map[string]string{PathVar: directory(t), AuthVar: "true", UserVar: "me", PasswordVar: "let me in"})
	for _, c := range []struct {
		user, password string
		code           int
	}{{"", "", 401}, {"me", "", 401}, {"me", "let me", 401}, {"you", "let me in", 401}, {"me", "let me in", 200}} {
		w := ask(s, "GET", "/", func(r *http.Request) {
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
		})
		if w.Code != c.code {
			t.Errorf("%s, %q: %d; want %d", c.user, c.password, w.Code, c.code)
		}
	}
}

func TestVariablesThatMeanNothingAreRefused(t *testing.T) {
	for _, vars := range []map[string]string{
		{PortVar: "http"}, {PortVar: "0"}, {PortVar: "65536"}, {AuthVar: "true"}, {UserVar: "me"}, {AuthVar: "true", UserVar: "me"},
	} {
		if s, err := FromVars(vars); err == nil {
			t.Errorf("%v: %+v; want an error", vars, s)
		}
	}
	if s, err := FromVars(nil); err != nil || s.Dir != "." || s.Port != DefaultPort || s.Host != "127.0.0.1" || s.Homepage != "index.html" {
		t.Errorf("without variables: %+v, %v", s, err)
	}
}
