package view

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestSecretsAreKnownByName(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       bool
	}{
		{"API_KEY", "x", true}, {"apiKey", "x", true}, {"GITHUB_TOKEN", "x", true}, {"DB_PASSWORD", "x", true}, {"DB_PWD", "x", true},
		{"BASIC_AUTH", "x", true}, {"SENTRY_DSN", "x", true}, {"GOOGLE_CREDENTIALS", "x", true}, {"PRIVATE_PEM", "x", true}, {"PASSPHRASE", "x", true},
		{"DATABASE_URL", "postgres://u:hunter22@db/x", true}, {"REDIS", "redis://:hunter22@r", true}, {"HOME_URL", "https://example.org/a:b@c", false},
		{"PWD", "/srv", false}, {"OLDPWD", "/srv", false}, {"SSH_AUTH_SOCK", "/tmp/x", false}, {"GIT_AUTHOR_NAME", "A", false}, {"NODE_ENV", "production", false}, {"PATH", "/bin", false},
	} {
		if got := Secret(c.key, c.value); got != c.want {
			t.Errorf("Secret(%s, %s) = %v, want %v", c.key, c.value, got, c.want)
		}
	}
}

func TestNoAnswerHoldsASecret(t *testing.T) {
	const secret, pass, file = "sk-live-0123/456+789", "hunter2hunter2", "file-token-99887766"
	app := fixtures()[0]
	app.Spec.Env = map[string]string{"API_KEY": secret, "DATABASE_URL": "postgres://u:" + pass + "@db/x", "COPY": "x" + secret}
	app.Spec.FileEnv = map[string]string{"FILE_TOKEN": file}
	app.Spec.Args = []string{"--key", secret, "--file=" + file}
	app.Spec.Command = "node app.js --key " + secret
	const coming = "that-a-reload-brings-1"
	app.Coming = &velos.Spec{Env: map[string]string{"API_KEY": coming}}
	for i := range app.Instances {
		app.Instances[i].Reason = "said " + secret
		app.Instances[i].LastExit = &velos.Exit{Error: "no " + pass}
	}
	ev := velos.Event{Kind: velos.KindDaemon, App: "api", Inst: -1, Cause: "with " + secret}
	en := velos.Entry{App: app.ID, Src: velos.Stderr, Msg: []byte("E " + coming + " " + secret + " " + pass + " " + base64.StdEncoding.EncodeToString([]byte(secret)) + " " + url.QueryEscape(secret))}
	for _, f := range []Format{Human, JSON, AI} {
		o := Options{Format: f, Now: fixtureNow, All: true}
		var b bytes.Buffer
		List(&b, []velos.App{app}, o)
		Info(&b, &app, o)
		Why(&b, Report{App: app, Inst: -1, Events: []velos.Event{ev}, Stderr: []velos.Entry{en}}, o)
		v := NewEvents(&b, []velos.App{app}, false, o)
		v.Add(ev)
		v.Close()
		e := NewEntries(&b, []velos.App{app}, LogOptions{Options: o})
		e.Add(&en)
		e.Close()
		for _, s := range []string{secret, pass, file, coming, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret)} {
			if strings.Contains(b.String(), s) {
				t.Errorf("format %d shows %q:\n%s", f, s, b.String())
			}
		}
	}
}

func TestShortValuesAreHiddenByNameOnly(t *testing.T) {
	app := velos.App{Spec: velos.Spec{Name: "a", Env: map[string]string{"API_KEY": "on"}, Args: []string{"one"}}}
	m := MaskOf(&app).App(&app)
	if m.Spec.Args[0] != "one" || m.Spec.Env["API_KEY"] != Masked {
		t.Errorf("got %v, %v", m.Spec.Args, m.Spec.Env)
	}
}

func TestAnAppSaysWhichVariablesAreSecret(t *testing.T) {
	const value, other = "sk live/0123?456", "plain-value-1"
	app := fixtures()[0]
	app.Spec.Secret = []string{"STRIPE_ID", "SHORT", "FROM_FILE"}
	app.Spec.Env = map[string]string{"STRIPE_ID": value, "SHORT": "on", "NAME": other, "COPY": "x" + value}
	app.Spec.FileEnv = map[string]string{"FROM_FILE": "of-a-file-77"}
	m := MaskOf(&app)
	shown := m.App(&app)
	if got := shown.Spec.Env; got["STRIPE_ID"] != Masked || got["SHORT"] != Masked || got["NAME"] != other || got["COPY"] != "x"+Masked {
		t.Errorf("got %v", got)
	}
	if got := m.Hide("env.STRIPE_ID", `"new-one"`); got != Masked {
		t.Errorf("got %s", got)
	}
	said := "of-a-file-77 " + value + " " + url.QueryEscape(value) + " " + url.PathEscape(value)
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		said += " " + e.EncodeToString([]byte(value))
	}
	if got := m.String(said); strings.Trim(strings.ReplaceAll(got, Masked, ""), " =") != "" {
		t.Errorf("got %s", got)
	}
}

func TestPasswordsOfAddressesAreHiddenWhoeverTheyBelongTo(t *testing.T) {
	for in, want := range map[string]string{
		"cannot reach postgres://app:tr0ub4dor@db:5432/x":        "cannot reach postgres://app:[masked]@db:5432/x",
		`"redis://:s3cret@cache" and amqp://u:p@w@h/`:            `"redis://:[masked]@cache" and amqp://u:[masked]@h/`,
		"http://localhost:3000/a?b=c:d@e":                        "http://localhost:3000/a?b=c:d@e",
		"https://user@host, mail a:b@c, ://:@, http://u:@h x://": "https://user@host, mail a:b@c, ://:@, http://u:@h x://",
		"ftp://a:[masked]@b":                                     "ftp://a:[masked]@b",
		"no address at all":                                      "no address at all",
	} {
		if got := (Mask{}).String(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
		if got := string((Mask{}).Bytes([]byte(in))); got != want {
			t.Errorf("%q as bytes: %q", in, got)
		}
	}
}
