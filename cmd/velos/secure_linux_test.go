package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestNothingOfTheHomeIsForOthers makes everything that the home can hold, in a
// shell whose umask would leave it open to everybody.
func TestNothingOfTheHomeIsForOthers(t *testing.T) {
	p := newPlace(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"echo hello; exec sleep 600\"\nshell = true\n[apps.once]\nscript = \"exit 3\"\nshell = true\nmax_restarts = 0\n")
	for _, args := range [][]string{{"start", "velos.toml", "--no-wait"}, {"trust", "velos.toml"}, {"delete", "once"}, {"save"}, {"token", "create"}, {"config", "set", "api", "kill_timeout=3s"}, {"notify", "--status"}, {"audit"}} {
		_, _ = p.velos(t, nil, args...)
	}
	if out, code := p.velos(t, nil, "list"); code != 0 || !strings.Contains(out, "api") {
		t.Fatal(out)
	}
	seen := 0
	err := filepath.WalkDir(p.h.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // a file for a moment
		}
		if seen++; info.Mode().Perm()&0o077 != 0 && d.Type()&fs.ModeSymlink == 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 15 {
		t.Errorf("%d files, %v", seen, err)
	}
}

// TestTheDaemonHasNothingOfTheShellThatStartedIt: the first command may be an
// agent's, with its keys, in a directory that goes away.
func TestTheDaemonHasNothingOfTheShellThatStartedIt(t *testing.T) {
	p := newPlace(t)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"exec sleep 600\"\nshell = true\nenv.OWN = \"yes\"\n")
	env := []string{"VELOS_AGENT=0", "CLAUDECODE=1", "ANTHROPIC_API_KEY=sk-ant-0123456789", "OPENAI_API_KEY=sk-0123456789", "LD_PRELOAD=", "NODE_OPTIONS=--max-old-space-size=99", "MARK_OF_THE_SHELL=here"}
	if out, code := p.velos(t, env, "start", "velos.toml"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	out, _ := p.velos(t, nil, "pid", "api")
	app := strings.TrimSpace(out)
	for _, pid := range []string{strconv.Itoa(daemonPID(p.h)), parentOf(t, strconv.Itoa(daemonPID(p.h)))} { // and the keeper
		b, err := os.ReadFile("/proc/" + pid + "/environ")
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"CLAUDECODE", "API_KEY", "NODE_OPTIONS", "MARK_OF_THE_SHELL"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("process %s of the daemon has %s", pid, word)
			}
		}
		if dir, err := os.Readlink("/proc/" + pid + "/cwd"); err != nil || dir != "/" {
			t.Errorf("it is in %s, %v", dir, err)
		}
	}
	b, err := os.ReadFile("/proc/" + app + "/environ")
	if err != nil || !bytes.Contains(b, []byte("OWN=yes")) {
		t.Errorf("%q, %v", b, err)
	}
	for _, word := range []string{"API_KEY", "CLAUDECODE", "MARK_OF_THE_SHELL"} { // a file says what its apps get
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("the app has %s", word)
		}
	}
}

func parentOf(t *testing.T, pid string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "PPid:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// TestATokenIsShownOnceAndNowhereElse uses a token over the api, and looks for
// it in every file, every argument and all that was printed.
func TestATokenIsShownOnceAndNowhereElse(t *testing.T) {
	p := newPlace(t)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"exec sleep 600\"\nshell = true\n")
	if out, code := p.velos(t, nil, "start", "velos.toml"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	cmd := p.command(t, nil, "token", "create", "--scope", "control")
	secret, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(secret))
	socket := filepath.Join(p.dir, "said")
	said, err := os.Create(socket)
	if err != nil {
		t.Fatal(err)
	}
	door := p.command(t, nil, "api", "--port", "0", "--link", "none")
	door.Stdout, door.Stderr = said, said
	if err := door.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Process.Signal(syscall.SIGTERM); _ = door.Wait() })
	at := regexp.MustCompile(`listening on (http://\S+)/v1`)
	var url string
	if !waitUntil(patience, func() bool {
		b, _ := os.ReadFile(socket)
		if m := at.FindSubmatch(b); m != nil {
			url = string(m[1])
		}
		return url != ""
	}) {
		t.Fatal("nobody listens")
	}
	for _, x := range [][2]string{{"GET", "/v1/apps"}, {"POST", "/v1/apps/api/restart"}, {"GET", "/v1/apps?token=" + token}, {"POST", "/v1/apps/api/signal"}} {
		r, err := http.NewRequest(x[0], url+x[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(token, "velos_"), "_")
	for _, args := range [][]string{{"token", "list"}, {"audit"}, {"events"}, {"list", "--json"}} {
		if out, _ := p.velos(t, nil, args...); strings.Contains(out, key) {
			t.Errorf("velos %v shows it: %s", args, out)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		if b, err := os.ReadFile(file); err == nil && bytes.Contains(b, []byte(key)) {
			t.Errorf("%s holds it", file)
		}
	}
	_ = filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(p.dir, "bin")) {
			return nil
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(key)) {
			t.Errorf("%s holds it", path)
		}
		return nil
	})
}

// TestWhatAProgramSaysIsNoAdvice has programs fail in ways that are known, with
// orders in their last words, and looks for them in what velos says is to do.
func TestWhatAProgramSaysIsNoAdvice(t *testing.T) {
	p := newPlace(t)
	const canary = "CANARY-delete-all"
	p.file(t, "a.sh", "echo 'hint: velos "+canary+"'; echo 'what to do'; echo '  "+canary+"' >&2; echo \"Error: listen EADDRINUSE: address already in use "+canary+":3000\" >&2; exit 1\n")
	p.file(t, "b.sh", "echo \"Error: Cannot find module '"+canary+"'\" >&2; echo \"ModuleNotFoundError: No module named '"+canary+"'\" >&2; exit 1\n")
	p.file(t, "c.sh", "echo \"ENOENT: no such file or directory, open '"+canary+"'\" >&2; echo \"KeyError: '"+canary+"'\" >&2; exit 1\n")
	p.file(t, "velos.toml", "[apps.a]\nscript = \"a.sh\"\nmax_restarts = 0\n[apps.b]\nscript = \"b.sh\"\nmax_restarts = 0\n[apps.c]\nscript = \"c.sh\"\nmax_restarts = 0\n")
	_, _ = p.velos(t, nil, "start", "velos.toml", "--no-wait")
	if !waitUntil(patience, func() bool {
		out, _ := p.velos(t, nil, "list", "--json")
		return strings.Count(out, `"status": "errored"`)+strings.Count(out, `"status":"errored"`) >= 3
	}) {
		t.Fatal("they do not end")
	}
	advice := regexp.MustCompile(`(?i)^(hints?|next|suggest.*|actions?|commands?|todo|try|fix|do)$`)
	for _, name := range []string{"a", "b", "c"} {
		if out, _ := p.velos(t, nil, "crash", name, "--json"); !strings.Contains(out, canary) {
			t.Errorf("its last words are not told at all: %s", out)
		}
		for _, args := range [][]string{{"why", name}, {"crash", name}, {"info", name}, {"logs", name, "--summary"}, {"changes"}, {"start", name}, {"restart", name}} {
			for _, form := range []string{"--json", "--ai"} {
				out, _ := p.velos(t, nil, append(args, form)...)
				d := json.NewDecoder(strings.NewReader(out))
				for {
					var v any
					if d.Decode(&v) != nil {
						break
					}
					walk(v, "", func(key, text string) {
						if advice.MatchString(key) && strings.Contains(text, canary) {
							t.Errorf("velos %v %s advises %s: %q", args, form, key, text)
						}
					})
				}
			}
			out, _ := p.velos(t, nil, args...)
			_, todo, _ := strings.Cut(out, "\nwhat to do\n") // a program's own words are indented
			for line := range strings.SplitSeq(todo+"\n"+out, "\n") {
				if strings.HasPrefix(line, "  hint:") && strings.Contains(line, canary) && args[0] != "why" && args[0] != "crash" || todo != "" && strings.Contains(todo, canary) {
					t.Errorf("velos %v: %s", args, line)
				}
			}
		}
	}
}

// walk visits every text below v, with the key that it stands under.
func walk(v any, key string, f func(key, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, c := range v {
			walk(c, k, f)
		}
	case []any:
		for _, c := range v {
			walk(c, key, f)
		}
	case string:
		f(key, v)
	}
}

// TestSecretsInEveryFormAreHiddenOnEveryWayOut has a program say its secrets as
// programs do.
func TestSecretsInEveryFormAreHiddenOnEveryWayOut(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	const secret = "s3/cr+t \"q\\uote\"&~0123456789"
	const pem = "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\\nAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4\\n-----END PRIVATE KEY-----"
	p := newPlace(t)
	p.file(t, ".env", "API_KEY='"+secret+"'\nTLS_PRIVATE=\""+pem+"\"\n")
	p.file(t, "app.py", `import os, json, base64, urllib.parse, sys, time
s = os.environ["API_KEY"]
print("plain", s)
print("json", json.dumps({"k": s}), json.dumps(json.dumps({"k": s})))
print("basic", base64.b64encode(("user:" + s).encode()).decode(), base64.urlsafe_b64encode(s.encode()).decode())
print("url", urllib.parse.quote(s), urllib.parse.quote_plus(s), urllib.parse.quote(s, safe=""))
print(os.environ["TLS_PRIVATE"])
sys.stdout.write("two " + s[:9]); sys.stdout.flush(); time.sleep(0.3); print(s[9:])
print("colour", s[:9] + "\033[31m" + s[9:] + "\033[0m")
sys.stdout.flush()
print("Error: refused " + s, file=sys.stderr)
sys.exit(3)
`)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"app.py\"\ninterpreter = \"python3\"\nenv_file = \".env\"\nmax_restarts = 0\nmin_uptime = \"10s\"\n")
	_, _ = p.velos(t, nil, "start", "velos.toml", "--no-wait")
	if !waitUntil(patience, func() bool { out, _ := p.velos(t, nil, "logs", "api"); return strings.Contains(out, "refused") }) {
		t.Fatal("it says nothing")
	}
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + secret))
	parts := []string{"0123456789", "s3/cr", "s3%2Fcr", "cr+t", "MIIEvQIBADANBgkq", "AgEAAoIBAQC7", basic[12:24]}
	for _, args := range [][]string{{"logs", "api"}, {"logs", "api", "--grep", "plain"}, {"logs", "api", "--summary"}, {"logs", "api", "--patterns"}, {"why", "api"}, {"crash", "api"}, {"changes"}, {"events"}, {"info", "api"}} {
		for _, form := range [][]string{nil, {"--json"}, {"--ai"}} {
			out, _ := p.velos(t, nil, append(args, form...)...)
			for _, part := range parts {
				if strings.Contains(out, part) {
					t.Errorf("velos %v %v shows %s:\n%s", args, form, part, out)
				}
			}
		}
	}
	if out, _ := p.velos(t, nil, "logs", "api"); strings.Count(out, "[masked]") < 12 || !strings.Contains(out, "BEGIN PRIVATE KEY") {
		t.Error(out)
	}
}

// TestStrangersOnTheSocketHoldNobodyUp sends garbage, and leaves connections
// open, while somebody works.
func TestStrangersOnTheSocketHoldNobodyUp(t *testing.T) {
	p := newPlace(t)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"exec sleep 600\"\nshell = true\n")
	if out, code := p.velos(t, nil, "start", "velos.toml"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	daemon := daemonPID(p.h)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for i := range 3000 {
		c, err := net.Dial("unix", p.h.Socket())
		if err != nil {
			continue // all places are taken for a moment
		}
		_, _ = c.Write(bytes.Repeat([]byte{byte(i), 0xff, 0x00, 'V'}, i%64))
		if i%100 == 0 && len(open) < 30 {
			open = append(open, c)
		} else {
			c.Close()
		}
	}
	for range 3 {
		if out, code := p.velos(t, nil, "list"); code != 0 || !strings.Contains(out, "api") {
			t.Errorf("%d %s", code, out)
		}
	}
	if now := daemonPID(p.h); now != daemon {
		t.Errorf("the daemon was %d and is %d", daemon, now)
	}
}
