package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/search"
	"github.com/velospm/velos/internal/wire"
)

// stored gives app 1 of a fake 30 lines: a compressed file, a rotated one and
// the live one, of ten each. The seventh of each ten is an error.
func stored(t *testing.T, d *fake) {
	t.Helper()
	d.files = &wire.Files{Seq: 30}
	for number := 2; number >= 0; number-- {
		var b []byte
		for i := range 10 {
			n := (2-number)*10 + i + 1
			level := "info"
			if i == 6 {
				level = "error"
			}
			b = fmt.Appendf(b, `{"ts":%d,"lvl":"%s","pid":7,"msg":"line %d of key sk-live-0123456789","src":"stdout","seq":%d,"inst":0}`+"\n",
				velos.TimeOf(now.Add(time.Duration(n)*time.Second)), level, n, n)
		}
		f := wire.File{Path: filepath.Join(t.TempDir(), "api-out.log"), Src: velos.Stdout, Number: number}
		if number == 2 {
			var z bytes.Buffer
			if err := search.Pack(&z, bytes.NewReader(b)); err != nil {
				t.Fatal(err)
			}
			b, f.Packed, f.Path = z.Bytes(), true, f.Path+".2.zst"
		}
		f.Size = int64(len(b))
		if err := os.WriteFile(f.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		d.files.Files = append(d.files.Files, f)
	}
	d.apps[0].Log.Seq = 30
	d.apps[0].Spec.Env = map[string]string{"API_TOKEN": "sk-live-0123456789"}
}

// seqs are the numbers of the lines of an answer.
func seqs(t *testing.T, text string) (list []uint64, next string) {
	t.Helper()
	var answer struct {
		Lines []struct{ Seq uint64 }
		Next  string
	}
	into := any(&answer)
	if strings.HasPrefix(text, "[") {
		into = &answer.Lines
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, l := range answer.Lines {
		list = append(list, l.Seq)
	}
	return list, answer.Next
}

func TestASearchLooksThroughRotatedFiles(t *testing.T) {
	d := newFake(t, "api", "db")
	stored(t, d)
	c := served(t, d, "read")
	moment := func(n int) string {
		return url.QueryEscape(now.Add(time.Duration(n) * time.Second).Format(time.RFC3339))
	}
	for query, want := range map[string]string{
		"q=line&app=api&lines=3":                                     "[28 29 30]",
		"q=line+[23]+of&app=api":                                     "[2 3]",
		"q=line&app=api&level=error":                                 "[7 17 27]",
		"q=line&app=api&since=" + moment(9) + "&until=" + moment(12): "[9 10 11]",
		"q=line&app=api:0&level=error&limit=2":                       "[7 17]",
		"q=line&app=api&level=error&limit=2&newest=true":             "[27 17]",
		"q=sk-live&app=api":                                          "[]", // what is hidden cannot be asked for
		"q=live-0&app=api&limit=5":                                   "[]",
		"q=masked&app=api&lines=1":                                   "[]",
		"q=line&app=api&src=stderr":                                  "[]",
		"q=line&app=api&lines=0&level=fatal":                         "[]",
	} {
		status, text := c.ask(t, "GET", "/v1/logs/search?"+query, "")
		if status != 200 {
			t.Errorf("%s: %d %s", query, status, text)
			continue
		}
		if got, _ := seqs(t, text); fmt.Sprint(got) != want {
			t.Errorf("%s found %v, not %s", query, got, want)
		}
	}
	for query, part := range map[string]string{
		"q=a&lines=3&limit=3":        "does not go with limit",
		"q=a&newest=true":            "newest:",
		"q=a&limit=0":                "limit:",
		"q=a&limit=10001":            "limit:",
		"q=a&cursor=x":               "is no cursor",
		"q=a&cursor=other%233.0.9":   "which is not looked at",
		"q=a&newest=perhaps&limit=1": "newest: must be true or false",
		"q=a&since=" + moment(9) + "&until=" + moment(9): "not before",
	} {
		if status, text := c.ask(t, "GET", "/v1/logs/search?"+query, ""); status != 400 || !strings.Contains(text, part) {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
}

func TestASearchGoesOnWithItsCursor(t *testing.T) {
	d := newFake(t, "api")
	stored(t, d)
	c := served(t, d, "read")
	for _, order := range []string{"false", "true"} {
		var all []uint64
		cursor, rounds := "", 0
		for ; rounds < 10; rounds++ {
			_, text := c.ask(t, "GET", "/v1/logs/search?q=line&app=api&limit=7&newest="+order+"&cursor="+url.QueryEscape(cursor), "")
			got, next := seqs(t, text)
			if all = append(all, got...); next == "" {
				break
			}
			cursor = next
		}
		if len(all) != 30 || rounds != 4 || all[0] != map[string]uint64{"false": 1, "true": 30}[order] {
			t.Errorf("newest=%s: %v in %d rounds", order, all, rounds)
		}
	}
}

func TestSecretsThatAnAppHadAreHidden(t *testing.T) {
	d := newFake(t, "api")
	stored(t, d)
	was := d.apps[0].Spec
	d.formers = []velos.Former{{ID: 1, Generation: 1, Spec: was}}
	d.apps[0].Generation, d.apps[0].Spec.Env = 2, map[string]string{"API_TOKEN": "another-0123456789"}
	d.lines = []velos.Entry{{Seq: 1, App: 1, Time: velos.TimeOf(now), Msg: []byte("line 1 of key sk-live-0123456789")}}
	c := served(t, d, "read")
	for path, want := range map[string]string{
		"/v1/apps/api/logs":                        "of key [masked]",
		"/v1/apps/api/logs?grep=sk-live":           "[]",
		"/v1/logs/search?app=api&q=of+key&lines=1": "of key [masked]",
		"/v1/logs/search?app=api&q=sk-live":        "[]",
	} {
		if status, text := c.ask(t, "GET", path, ""); status != 200 || !strings.Contains(text, want) || strings.Contains(text, "sk-live") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"],"lines":5}`)
	if w := k.until("entry"); len(w.Lines) != 1 || w.Lines[0].Msg != "line 1 of key [masked]" {
		t.Errorf("%+v", w.Lines)
	}
}
