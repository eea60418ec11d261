package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

func TestTheGlobalTablesAreReadAndOthersPass(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("tok-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := globalFile(t, `[agents]
anything = 1
[[notify]]
url = "x"
[otel]
endpoint = "https://collector:4318"
interval = "30s"
compression = "gzip"
logs = false
apps = ["api", "worker"]
[otel.headers]
Authorization = "Bearer ${TOKEN}"
x-key = "file:`+filepath.ToSlash(secret)+`"
[otel.resource]
"deployment.environment.name" = "production"
[history]
interval = "5s"
keep_minutes = "3d"
`)
	got, err := ReadOTel(path, map[string]string{"TOKEN": "s3"})
	if err != nil {
		t.Fatal(err)
	}
	want := OTel{Endpoint: "https://collector:4318", Interval: 30 * time.Second, Compression: "gzip", Traces: true, Metrics: true,
		Apps: []string{"api", "worker"}, Headers: map[string]string{"Authorization": "Bearer s3", "x-key": "tok-from-file"},
		Resource: map[string]string{"deployment.environment.name": "production"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	h, err := ReadHistory(path)
	if d := cmp.Diff(History{Interval: 5 * time.Second, Minutes: 72 * time.Hour}, h); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestNoGlobalFileSaysNothing(t *testing.T) {
	got, err := ReadOTel(filepath.Join(t.TempDir(), "none.toml"), nil)
	if err != nil || !got.Logs || !got.Traces || !got.Metrics || got.Endpoint != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAMistakeInAGlobalTableHasItsPlace(t *testing.T) {
	for text, want := range map[string][2]string{
		"[otel]\nendpont = \"http://x\"\n":               {":2:1: otel.endpont: unknown key", `did you mean "endpoint"?`},
		"[otel]\nendpoint = \"x:4318\"\n":                {"otel.endpoint: is no address", "http://HOST:4318"},
		"[otel]\nendpoint = \"http://u:p@x\"\n":          {"holds a password", "headers"},
		"[otel]\nlogs = \"no\"\n":                        {"otel.logs: must be true or false", ""},
		"[otel]\ninterval = \"1ms\"\n":                   {"otel.interval: must be between 1s and", ""},
		"[otel]\ncompression = \"gz\"\n":                 {"must be gzip or none", ""},
		"[otel]\napps = \"api\"\n":                       {"otel.apps: must be a list", ""},
		"[otel]\nheaders = { a = \"${MISSING_ONE}\" }\n": {"MISSING_ONE", ""},
		"[otel]\nheaders = { a = \"file:relative\" }\n":  {"absolute path", ""},
		"otel = 1\n":                        {"otel: must be a table", ""},
		"[history]\nkeep_sample = \"1h\"\n": {":2:1: history.keep_sample: unknown key", `did you mean "keep_samples"?`},
		"[otel]\nendpoint = \"http://a\"\nendpoint = \"http://b\"\n": {":3:1:", ""},
	} {
		path := globalFile(t, text)
		_, err := ReadOTel(path, nil)
		if err == nil {
			_, err = ReadHistory(path)
		}
		if velos.CodeOf(err) != velos.Invalid || err == nil || !strings.Contains(err.Error(), want[0]) || !strings.Contains(velos.HintOf(err), want[1]) {
			t.Errorf("%q: %v (%s)", text, err, velos.HintOf(err))
		}
	}
}
