package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestNotificationsAreRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "velos.toml")
	write(t, file, `include = "more.toml"
[apps.api]
script = "sleep 9"
[apps.prod-web]
script = "sleep 9"
namespace = "web"

[[notify]]
type = "webhook"
url = "https://user:pw@hooks.example.com/x"
headers = { Authorization = "env:TOKEN" }
apps = "prod-*"
on = ["crash", "hook"]
group = "1m"
rate = 0

[[notify]]
type = "email"
smtp = "mail.example.com:587"
from = "velos@example.com"
to = "ops@example.com"
password = "file:mail.secret"
user = "${MAIL_USER:-velos}"
starttls = true
apps = ["api"]
`, 0o600)
	write(t, filepath.Join(dir, "more.toml"), "[apps.db]\nscript = \"sleep 9\"\n", 0o600)
	write(t, filepath.Join(dir, "mail.secret"), "of-a-file-1\nmore\n", 0o600)
	f, err := Load(file, Environ{Dir: dir, Vars: map[string]string{"PATH": os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for i := range f.Specs {
		if f.Specs[i].Notify {
			told = append(told, f.Specs[i].Name)
		}
	}
	if !slices.Equal(told, []string{"api", "prod-web"}) {
		t.Error(told)
	}
	list, err := Notices(file, Environ{Dir: dir})
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	a, b := list[0], list[1]
	if a.Group != 60_000 || a.Rate != 0 || !slices.Equal(a.On, []string{"crash", "hook"}) || a.Target() != "https://hooks.example.com" || !strings.HasSuffix(a.Place, "velos.toml:8") {
		t.Errorf("%+v %s", a, a.Target())
	}
	if b.Group != 10_000 || b.Rate != 20 || b.StartTLS != "always" || !slices.Equal(b.On, usualNews) || b.Target() != "ops@example.com by mail.example.com:587" {
		t.Errorf("%+v", b)
	}
	for _, c := range []struct {
		n    Notice
		app  string
		ns   string
		want bool
	}{{a, "prod-web", "web", true}, {a, "api", "", false}, {a, "prod-other", "", false}, {b, "api", "default", true}, {b, "db", "", false}} {
		if got := c.n.About(c.app, c.ns); got != c.want {
			t.Errorf("%s %s: %v", c.n.Type, c.app, got)
		}
	}
	none := func(string) (string, bool) { return "", false }
	if _, _, err := a.Resolve(none); velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), "velos.toml:8: notify.headers.Authorization: TOKEN is not set") {
		t.Error(err)
	}
	r, secrets, err := b.Resolve(none)
	if err != nil || r.Password != "of-a-file-1" || r.User != "velos" || !slices.Contains(secrets, "of-a-file-1") {
		t.Errorf("%+v %v %v", r, secrets, err)
	}
	r, secrets, err = a.Resolve(func(k string) (string, bool) { return "the-" + k, true })
	if err != nil || r.Headers["Authorization"] != "the-TOKEN" || !slices.Contains(secrets, "the-TOKEN") || !slices.Contains(secrets, a.URL) {
		t.Errorf("%+v %v %v", r, secrets, err)
	}
}

func TestBadNotificationsNameTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"[notify]\ntype = \"slack\"\n":                                                                       `4:2: notify: is a list of tables`,
		"[[notify]]\nurl = \"https://x\"\n":                                                                  `4:3: notify: type is missing`,
		"[[notify]]\ntype = \"slak\"\n":                                                                      `did you mean "slack"?`,
		"[[notify]]\ntype = \"slack\"\n":                                                                     `4:3: notify: url is missing`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\ntoken = \"x\"\n":                                 `7:1: notify.token: is for telegram, not for slack`,
		"[[notify]]\ntype = \"slack\"\nurl = \"x\"\n":                                                        `6:1: notify.url: must begin with https:// or http://`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\nchanel = 1\n":                                    `7:1: notify.chanel: unknown key`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\non = [\"crsh\"]\n":                               `did you mean "crash"?`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\napps = [\"apii\"]\n":                             `did you mean "api"?`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\ngroup = \"6m\"\n":                                `notify.group: must be between 0s and 5m`,
		"[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\nrate = -1\n":                                     `notify.rate: must be a whole number`,
		"[[notify]]\ntype = \"webhook\"\nurl = \"https://x\"\nheaders = { A = \"x\\ny\" }\n":                 `a header is a name and a text on one line`,
		"[[notify]]\ntype = \"email\"\nsmtp = \"mail\"\nfrom = \"a@b\"\nto = \"c@d\"\n":                      `notify.smtp: must be HOST:PORT`,
		"[[notify]]\ntype = \"email\"\nsmtp = \"m:1\"\nfrom = \"a@b\"\nto = \"c@d\"\nstarttls = \"maybe\"\n": `notify.starttls: must be true or false`,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "velos.toml"), "[apps.api]\nscript = \"sleep 9\"\n\n"+text, 0o600)
		_, err := Load("velos.toml", Environ{Dir: dir, Vars: map[string]string{"PATH": os.Getenv("PATH")}})
		if got := ""; err == nil || !strings.Contains(err.Error()+" "+velos.HintOf(err), want) {
			if err != nil {
				got = err.Error() + "\n" + velos.HintOf(err)
			}
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestTheConfigurationOfAHomeIsStrict(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	write(t, file, "[agents]\nmode = \"full\"\n[[notify]]\ntype = \"slack\"\nurl = \"file:slack.url\"\napps = [\"not-here\"]\n", 0o600)
	g, err := LoadGlobal(file, Environ{Dir: dir})
	if err != nil || len(g.Notices) != 1 || !g.Notices[0].About("not-here", "") || g.Notices[0].About("api", "") {
		t.Errorf("%+v %v", g, err)
	}
	write(t, file, "[[notfy]]\ntype = \"slack\"\n", 0o600)
	if _, err := LoadGlobal(file, Environ{Dir: dir}); err == nil || !strings.Contains(err.Error(), "config.toml:1:3: notfy: unknown key\n   1 | [[notfy]]\n     |   ^^^^^") || velos.HintOf(err) != `did you mean "notify"?` {
		t.Error(err, velos.HintOf(err))
	}
}
