package view

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
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

// maskOf is the mask of an app with these variables.
func maskOf(env map[string]string) Mask {
	return MaskOf(&velos.App{Spec: velos.Spec{Name: "a", Env: env}})
}

func TestASecretIsHiddenInEveryFormThatProgramsWrite(t *testing.T) {
	const secret = "sk/li+ve \"0123\\456&789~!'()*<x>é"
	m := maskOf(map[string]string{"API_KEY": secret})
	lower := regexp.MustCompile("%[0-9A-F]{2}").ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower)
	plainJSON := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret)
	goJSON, _ := json.Marshal(secret)
	for name, form := range map[string]string{
		"as it is": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "lower case": lower, "JSON": plainJSON, "JSON of Go": strings.Trim(string(goJSON), `"`),
		"JSON of Python":     strings.ReplaceAll(plainJSON, "é", `\u00e9`),
		"JSON in JSON":       strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plainJSON),
		"encodeURIComponent": "sk%2Fli%2Bve%20%220123%5C456%26789~!'()*%3Cx%3E%C3%A9",
		"encodeURI":          "sk/li+ve%20%220123%5C456&789~!'()*%3Cx%3E%C3%A9",
		"quote of Python":    "sk/li%2Bve%20%220123%5C456%26789~%21%27%28%29%2A%3Cx%3E%C3%A9",
	} {
		got := m.String("x=" + form + "&y")
		if got != "x="+Masked+"&y" {
			t.Errorf("%s: %s is %s", name, form, got)
		}
	}
}

func TestASecretInsideOfWhatIsEncodedIsHidden(t *testing.T) {
	const secret = "hunter2hunter2-0123456789"
	m := maskOf(map[string]string{"API_KEY": secret})
	for _, before := range []string{"", "u:", "admin:", "a", "ab", "abc"} {
		for _, after := range []string{"", "x", "yz", "@host", "\n"} {
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				text := e.EncodeToString([]byte(before + secret + after))
				got := m.String("Authorization: Basic " + text)
				i := strings.Index(got, Masked)
				if i < 0 {
					t.Errorf("%q, %q: %s", before, after, got)
					continue
				}
				// What is left says nothing of the secret but a character at its ends.
				whole := len(e.EncodeToString([]byte(before)))
				if left := i - len("Authorization: Basic "); left > whole+2 {
					t.Errorf("%q, %q: %s", before, after, got)
				}
				if rest := got[i+len(Masked):]; len(rest) > base64.StdEncoding.EncodedLen(len(after))+4 {
					t.Errorf("%q, %q: %s", before, after, got)
				}
			}
		}
	}
}

func TestEachLineOfASecretOfManyIsHidden(t *testing.T) {
	pem := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7VJTUt9Us8cKj\nshort==\n-----END PRIVATE KEY-----\n"
	m := maskOf(map[string]string{"TLS_PRIVATE": pem})
	for _, line := range strings.Split(pem, "\n") {
		got := m.String("> " + line)
		if hide := len(line) >= 16 && line[0] != '-'; hide != (got == "> "+Masked) {
			t.Errorf("%q is %q", line, got)
		}
	}
	if got := m.String(strings.ReplaceAll(pem, "\n", `\n`)); strings.Contains(got, "MIIE") || strings.Contains(got, "AgEAA") {
		t.Error(got)
	}
	if got := m.String(strings.ReplaceAll(pem, "\n", "\r\n")); strings.Contains(got, "MIIE") || strings.Contains(got, "AgEAA") {
		t.Error(got)
	}
	if got := m.String("-----BEGIN PRIVATE KEY-----"); got != "-----BEGIN PRIVATE KEY-----" {
		t.Errorf("what every key says is hidden: %s", got)
	}
}

func TestAPasswordOfAnAddressIsHiddenAsAProgramReadsIt(t *testing.T) {
	m := maskOf(map[string]string{"DATABASE_URL": "postgres://app:p%40ss%2Fword%21@db:5432/x"})
	for _, text := range []string{"password p@ss/word! refused", "password p%40ss%2Fword%21 refused"} {
		if got := m.String(text); got != "password "+Masked+" refused" {
			t.Error(got)
		}
	}
}

func TestASecretIsHiddenHoweverItIsColoured(t *testing.T) {
	const secret = "hunter2hunter2-0123456789"
	app := fixtures()[0]
	app.Spec.Env = map[string]string{"API_KEY": secret}
	for name, said := range map[string]string{
		"a colour": "key hunter2\x1b[31mhunter2-0123\x1b[0m456789 x", "no width": "key hunter2\u200bhunter2-0123456789 x", "a link": "key hunter2\x1b]8;;x\x1b\\hunter2-0123456789 x",
		"a carriage return at its end": "key " + secret + "\r",
	} {
		if got := Clean(MaskOf(&app).Bytes([]byte(said)), true); !strings.HasPrefix(got, "key "+Masked) {
			t.Errorf("%s: %q", name, got)
		}
		for _, o := range []Options{{}, {Color: true}, {Format: AI}, {Format: JSON}} {
			var b bytes.Buffer
			e := NewEntries(&b, []velos.App{app}, LogOptions{Options: o})
			e.Add(&velos.Entry{App: app.ID, Msg: []byte(said)})
			e.Close()
			if strings.Contains(b.String(), "0123456789") || strings.Contains(b.String(), "456789") {
				t.Errorf("%s, %+v: %q", name, o, b.String())
			}
		}
	}
	if got := Clean(MaskOf(&app).Bytes([]byte("\x1b[32mfine\x1b[0m")), true); got != "\x1b[32mfine\x1b[0m" {
		t.Errorf("colours are gone where there is no secret: %q", got)
	}
}

func TestASecretThatIsCutAtTheLimitOfALineIsHidden(t *testing.T) {
	const secret = "hunter2hunter2-0123456789"
	app := fixtures()[0]
	app.Spec.Env = map[string]string{"API_KEY": secret}
	for cut := 1; cut < len(secret); cut++ {
		for _, f := range []Format{Human, JSON, AI} {
			var b bytes.Buffer
			e := NewEntries(&b, []velos.App{app}, LogOptions{Options: Options{Format: f}})
			e.Add(&velos.Entry{App: app.ID, Seq: 1, Msg: []byte("long " + secret[:cut]), More: true})
			e.Add(&velos.Entry{App: app.ID, Seq: 2, Msg: []byte(secret[cut:] + " rest")})
			e.Add(&velos.Entry{App: app.ID, Seq: 3, Msg: []byte("789 bottles")})
			e.Close()
			got := b.String()
			for _, part := range []string{secret[:cut], secret[cut:]} {
				if len(part) >= 4 && strings.Contains(got, part) {
					t.Errorf("cut at %d, format %d: %s", cut, f, got)
				}
			}
			if !strings.Contains(got, "789 bottles") || !strings.Contains(got, " rest") {
				t.Errorf("cut at %d: too much is hidden: %s", cut, got)
			}
		}
	}
}

func TestShortSecretsDoNotTurnTextToDust(t *testing.T) {
	m := maskOf(map[string]string{"API_KEY": "on", "DB_PASSWORD": "secret1", "A_TOKEN": "1", "B_TOKEN": "\n\n\n\n\n\n\n\n\n", "C_TOKEN": "        ", "D_TOKEN": "aaaaaaaa\nb\nc\n"})
	const text = "1 connection to the secret1 lion on b or c, 11         1"
	if got := m.String(text); strings.Count(got, Masked) > 0 {
		t.Errorf("%s", got)
	}
}

func TestWordsBehindASecretFlagAreHidden(t *testing.T) {
	app := fixtures()[0]
	app.Spec.Env = nil
	app.Spec.Args = []string{"--api-key", "abc-1", "--token=abc-2", "--port", "3000", "--db", "postgres://u:abc-3@h/x", "-H", "Authorization: Bearer abc-4"}
	app.Spec.Health = &velos.Probe{HTTP: "http://u:abc-5@127.0.0.1/", Exec: []string{"curl", "--password", "abc-6"}}
	app.Spec.Hooks = app.Spec.Hooks.With(velos.OnCrash, &velos.Hook{Command: []string{"curl", "http://u:abc-7@h"}})
	app.Spec.Command = "node x --token abc-8 postgres://u:abc-9@h"
	var b bytes.Buffer
	for _, f := range []Format{Human, JSON, AI} {
		o := Options{Format: f, Now: fixtureNow, All: true}
		List(&b, []velos.App{app}, o)
		Info(&b, &app, o)
		Why(&b, Report{App: app, Inst: -1}, o)
	}
	if i := strings.Index(b.String(), "abc-"); i >= 0 {
		t.Errorf("it shows %s", b.String()[max(0, i-60):i+20])
	}
	if !strings.Contains(b.String(), "3000") {
		t.Error("what is no secret is hidden")
	}
}
