package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos/internal/home"
)

var pageLink = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/#ticket=([\w-]{32})`)

// signedIn uses a link, and returns what the token is good for: the status of
// a look and that of an order.
func signedIn(t *testing.T, link []string) (look, order int) {
	t.Helper()
	status, text := get(t, "POST", link[1]+"/v1/session", "", `{"ticket":"`+link[2]+`"}`)
	var a struct{ Token string }
	if json.Unmarshal([]byte(text), &a) != nil || status != 200 || a.Token == "" {
		t.Fatalf("%d %s", status, text)
	}
	look, _ = get(t, "GET", link[1]+"/v1/apps", a.Token, "")
	order, _ = get(t, "POST", link[1]+"/v1/apps/api/stop", a.Token, "{}")
	return look, order
}

// opened runs velos web on a terminal, and returns what it has printed and what
// ends it.
func opened(t *testing.T, d *fake, vars map[string]string, args ...string) (out, errs *locked, end func() int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, errs = &locked{}, &locked{}
	code := make(chan int, 1)
	all := map[string]string{"VELOS_HOME": d.home}
	for k, v := range vars {
		all[k] = v
	}
	w := World{Out: out, Err: errs, OutTTY: true, Dir: d.home, Vars: all, Now: time.Now, Loc: time.UTC}
	go func() { code <- Run(ctx, w, append([]string{"web"}, args...)) }()
	return out, errs, func() int {
		stop()
		return <-code
	}
}

func (l *locked) come(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if m := re.FindStringSubmatch(l.String()); m != nil {
			return m
		}
	}
	t.Fatalf("%s does not come: %s", re, l.String())
	return nil
}

func TestWebOpensThePageThatIsServedOrServesIt(t *testing.T) {
	d := newFake(t, "api")
	recorded(t, "api")
	out, errs, end := opened(t, d, nil)
	if look, order := signedIn(t, out.come(t, pageLink)); look != 200 || order != 200 {
		t.Errorf("%d and %d: %s", look, order, errs.String())
	}
	// Another one finds the first, and ends at once.
	out2, errs2, end2 := opened(t, d, nil, "--link", "read", "--json")
	out2.come(t, pageLink)
	code, o, e := end2(), out2.String(), errs2.String()
	var a struct{ URL, Scope string }
	m := pageLink.FindStringSubmatch(o)
	if code != 0 || json.Unmarshal([]byte(o), &a) != nil || m == nil || a.Scope != "read" || !strings.Contains(o, `"serves":false`) || !strings.HasPrefix(a.URL, pageLink.FindStringSubmatch(out.String())[1]) {
		t.Fatalf("%d %s%s", code, o, e)
	}
	if look, order := signedIn(t, m); look != 200 || order != 403 {
		t.Errorf("a link to read: %d and %d", look, order)
	}
	if code := end(); code != 0 {
		t.Errorf("%d %s", code, errs.String())
	}
	if _, err := os.Stat(home.Home{Dir: d.home}.PageFile()); !os.IsNotExist(err) {
		t.Error("it is said to be served still:", err)
	}
}

func TestWebFindsTheDoorOfVelosAPIUnlessThatLetsNobodyIn(t *testing.T) {
	for kind, found := range map[string]bool{"read": true, "none": false} {
		t.Run(kind, func(t *testing.T) {
			d := newFake(t, "api")
			recorded(t, "api")
			url := strings.TrimSuffix(behind(t, d, "api", "--port", "0", "--link", kind), "/v1")
			out, errs, end := opened(t, d, nil)
			m := out.come(t, pageLink)
			if (m[1] == url) != found {
				t.Errorf("%s, and the api is at %s", m[1], url)
			}
			if _, order := signedIn(t, m); (order == 403) != found {
				t.Errorf("an order: %d", order)
			}
			if code := end(); code != 0 {
				t.Error(code, errs.String())
			}
		})
	}
}

func TestAPlaceOfTheDeadIsNoPage(t *testing.T) {
	d := newFake(t, "api")
	recorded(t, "api")
	h := home.Home{Dir: d.home}
	if err := os.WriteFile(h.PageFile(), []byte(`{"origin":"http://127.0.0.1:9","pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if at, ok := standing(h); ok {
		t.Errorf("nobody holds the lock: %v", at)
	}
	lock, err := h.Own(pageLock)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if at, ok := standing(h); ok {
		t.Errorf("somebody else has written it: %v", at)
	}
}

func TestTheLinkThatABrowserGetsIsInNoCommandLine(t *testing.T) {
	d := newFake(t, "api")
	recorded(t, "api")
	bin := t.TempDir()
	got := filepath.Join(bin, "got")
	script := "#!/bin/sh\necho \"$*\" >" + got + ".args\nwhile read -r l; do echo \"$l\"; done <\"$1\" >" + got + ".new\nmv " + got + ".new " + got + "\n"
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	_, errs, end := opened(t, d, map[string]string{"DISPLAY": ":1"})
	defer end()
	var text, args string
	for limit := time.Now().Add(time.Minute); text == "" && time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		b, _ := os.ReadFile(got)
		text = string(b)
	}
	b, _ := os.ReadFile(got + ".args")
	args = strings.TrimSpace(string(b))
	m := pageLink.FindStringSubmatch(text)
	info, err := os.Stat(args)
	if m == nil || strings.Contains(args, "ticket") || strings.Contains(args, " ") || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%q opened %q (%v): %s%s", args, text, err, errs.String(), "")
	}
	if look, order := signedIn(t, m); look != 200 || order != 200 {
		t.Errorf("%d and %d", look, order)
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(args); os.IsNotExist(err) {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the file is left behind")
		}
	}
}

func TestOnlyADesktopHasABrowser(t *testing.T) {
	all := func(string) bool { return true }
	for _, c := range []struct {
		system string
		vars   map[string]string
		want   string
	}{
		{"linux", map[string]string{"DISPLAY": ":0"}, "xdg-open"},
		{"freebsd", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, "xdg-open"},
		{"linux", nil, ""},
		{"linux", map[string]string{"DISPLAY": ":0", "SSH_CONNECTION": "1"}, ""},
		{"darwin", nil, "open"},
		{"darwin", map[string]string{"SSH_CONNECTION": "1"}, ""},
		{"windows", nil, "rundll32 url.dll,FileProtocolHandler"},
		{"windows", map[string]string{"CI": "true"}, ""},
	} {
		if got := strings.Join(desktop(c.system, c.vars, all), " "); got != c.want {
			t.Errorf("%s %v: %q", c.system, c.vars, got)
		}
	}
	if desktop("linux", map[string]string{"DISPLAY": ":0"}, func(string) bool { return false }) != nil {
		t.Error("a program that is not there")
	}
}

func TestWebPrintsNoLinkIntoAPipeUnlessTold(t *testing.T) {
	d := newFake(t, "api")
	for args, want := range map[string]string{"web": "there is no terminal", "web --link all": "control or read", "plus": "velos web", "open": "velos web"} {
		if o, e, code := d.run(t, strings.Fields(args)...); code != 2 || !strings.Contains(e, want) || o != "" {
			t.Errorf("%s: %d %s%s", args, code, o, e)
		}
	}
}
