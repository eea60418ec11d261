package cli

import (
	"context"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos/internal/page"
)

func TestThePageIsServedWholeStrictlyAndOnlyByOurName(t *testing.T) {
	d := newFake(t, "api")
	url := strings.TrimSuffix(behind(t, d, "api", "--port", "0"), "/v1")
	ask := func(at, host, tag string) *http.Response {
		t.Helper()
		r, _ := http.NewRequest(http.MethodGet, url+at, nil)
		r.Host = host
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a
	}
	kinds := map[string]string{".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	err := fs.WalkDir(page.Files(), ".", func(name string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		at := "/" + strings.TrimPrefix(name, "index.html")
		a := ask(at, "", "")
		kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
		policy := a.Header.Get("Content-Security-Policy")
		if a.StatusCode != 200 || kind != kinds[path.Ext(name)] || !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			a.Header.Get("Cache-Control") != "no-cache" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", at, a.StatusCode, a.Header)
		}
		tag := a.Header.Get("ETag")
		if again := ask(at, "", tag); tag == "" || again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d, %q", at, again.StatusCode, tag)
		}
		if foreign := ask(at, "evil.example", ""); foreign.StatusCode != http.StatusForbidden {
			t.Errorf("%s by another name: %d", at, foreign.StatusCode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestALinkSignsOneBrowserInAndTheNextIsPrinted(t *testing.T) {
	d := newFake(t, "api")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs locked
	code := make(chan int, 1)
	w := World{Out: &out, Err: &errs, Dir: d.home, Vars: map[string]string{"VELOS_HOME": d.home}, Now: time.Now, Loc: time.UTC}
	go func() { code <- Run(ctx, w, []string{"api", "--port", "0", "--link", "read"}) }()
	link := regexp.MustCompile(`(http://[^/]+)/#ticket=(\S+)`)
	links := func(n int) [][]string {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if all := link.FindAllStringSubmatch(errs.String(), -1); len(all) >= n {
				return all
			}
		}
		t.Fatalf("there are no %d links: %s", n, errs.String())
		return nil
	}
	first := links(1)[0]
	status, text := get(t, "POST", first[1]+"/v1/session", "", `{"ticket":"`+first[2]+`"}`)
	var a struct{ Token string }
	if json.Unmarshal([]byte(text), &a) != nil || status != 200 || a.Token == "" {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := get(t, "GET", first[1]+"/v1/apps", a.Token, ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if status, text := get(t, "POST", first[1]+"/v1/apps/api/stop", a.Token, "{}"); status != 403 {
		t.Errorf("a token of a link to read: %d %s", status, text)
	}
	if status, text := get(t, "POST", first[1]+"/v1/session", "", `{"ticket":"`+first[2]+`"}`); status != 403 || !strings.Contains(text, "was used") {
		t.Errorf("again: %d %s", status, text)
	}
	if second := links(2)[1]; second[2] == first[2] {
		t.Error("the next link is the same")
	}
	stop()
	if c := <-code; c != 0 {
		t.Errorf("it ended with %d: %s", c, errs.String())
	}
}

func TestWithoutATerminalNoLinkIsPrintedAndAnUnknownKindIsAMistake(t *testing.T) {
	d := newFake(t, "api")
	url := strings.TrimSuffix(behind(t, d, "api", "--port", "0"), "/v1")
	if status, text := get(t, "POST", url+"/v1/session", "", `{"ticket":""}`); status != 403 {
		t.Errorf("%d %s", status, text)
	}
	if _, e, code := d.run(t, "api", "--link", "all"); code != 2 || !strings.Contains(e, "control, read or none") {
		t.Errorf("%d %s", code, e)
	}
}
