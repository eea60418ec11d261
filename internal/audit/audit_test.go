package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// written is a log with so many records.
func written(t *testing.T, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	add(t, &Log{Path: path}, n)
	return path
}

func add(t *testing.T, l *Log, n int) {
	t.Helper()
	for i := range n {
		r := &Record{Op: "stop", App: "api" + strconv.Itoa(i), Inst: -1, Actor: velos.Actor{Kind: "user", UID: 7, Agent: "claude-code"}, Result: "ok", Args: map[string]string{"signal": "15"}}
		if err := l.Add(r, i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
}

func change(t *testing.T, path string, f func(lines [][]byte) [][]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	if err := os.WriteFile(path, bytes.Join(f(lines[:len(lines)-1]), nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func verdict(t *testing.T, path string) Verdict {
	t.Helper()
	v, err := Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestARecordComesBackAsItWasWritten(t *testing.T) {
	path := written(t, 3)
	list, err := Read(path, Query{})
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	r := list[1]
	if r.Seq != 2 || r.App != "api1" || r.Actor.Agent != "claude-code" || r.Args["signal"] != "15" || r.Time == 0 || r.Prev != list[0].Hash || r.Inst != -1 {
		t.Errorf("%+v", r)
	}
	if v := verdict(t, path); !v.OK || v.Records != 3 || v.First != 1 || v.Last != 3 {
		t.Errorf("%+v", v)
	}
	if st, err := os.Stat(path); runtime.GOOS != "windows" && (err != nil || st.Mode().Perm() != 0o600) {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestWhateverIsDoneToTheChainIsTold(t *testing.T) {
	for _, c := range []struct {
		name, problem string
		line          int
		f             func([][]byte) [][]byte
	}{
		{"a word is changed", Changed, 2, func(l [][]byte) [][]byte {
			l[1] = bytes.Replace(l[1], []byte("api1"), []byte("apiX"), 1)
			return l
		}},
		{"a hash is changed", Changed, 2, func(l [][]byte) [][]byte {
			l[1] = append(l[1][:len(l[1])-5], "00\"}\n"...)
			return l
		}},
		{"a line is taken out", Broken, 2, func(l [][]byte) [][]byte { return append(l[:1], l[2:]...) }},
		{"the first line is taken out and the next one made the first", Changed, 1, func(l [][]byte) [][]byte {
			l[1] = bytes.Replace(l[1], []byte(`"seq":2`), []byte(`"seq":1`), 1)
			return l[1:]
		}},
		{"lines change places", Broken, 2, func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }},
		{"a line is put in twice", Broken, 3, func(l [][]byte) [][]byte { return append(l[:2:2], l[1:]...) }},
		{"a line is put in that is none", Changed, 3, func(l [][]byte) [][]byte { return append(append(l[:2:2], []byte("{}\n")), l[2:]...) }},
		{"the end is cut off", Truncated, 0, func(l [][]byte) [][]byte { return l[:2] }},
		{"all is gone", Truncated, 0, func(l [][]byte) [][]byte { return nil }},
		{"the last line is not finished", Torn, 4, func(l [][]byte) [][]byte { return append(l, []byte(`{"seq":5,"op":"st`)) }},
	} {
		path := written(t, 4)
		if c.problem == Torn {
			path = written(t, 3)
		}
		change(t, path, c.f)
		if v := verdict(t, path); v.OK || v.Problem != c.problem || v.Line != c.line {
			t.Errorf("%s: %+v, want %s in line %d", c.name, v, c.problem, c.line)
		}
	}
}

func TestATornLineIsCutOffAndSaidToBe(t *testing.T) {
	path := written(t, 2)
	change(t, path, func(l [][]byte) [][]byte { return append(l, []byte(`{"seq":3,"op"`)) })
	add(t, &Log{Path: path}, 1) // the next daemon
	list, err := Read(path, Query{})
	if err != nil || len(list) != 4 || list[2].Op != "mend" || list[2].Args["torn_bytes"] != "13" || list[3].Seq != 4 {
		t.Errorf("%+v, %v", list, err)
	}
	if v := verdict(t, path); !v.OK {
		t.Errorf("%+v", v)
	}
}

func TestLinesThatSomebodyCutOffAreMissedForGood(t *testing.T) {
	path := written(t, 4)
	change(t, path, func(l [][]byte) [][]byte { return l[:2] })
	add(t, &Log{Path: path}, 1)
	list, _ := Read(path, Query{})
	if len(list) != 4 || list[2].Op != "mend" || list[2].Args["missing_before"] != "5" {
		t.Errorf("%+v", list)
	}
	if v := verdict(t, path); v.OK || v.Problem != Broken || v.Line != 3 {
		t.Errorf("%+v", v)
	}
}

func TestAFileThatIsRemovedMeanwhileBreaksTheChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := &Log{Path: path}
	add(t, l, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	add(t, l, 1)
	if v := verdict(t, path); v.First != 4 {
		t.Errorf("%+v", v)
	}
}

func TestTheChainGoesOnOverFilesAndTheirTotalIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := &Log{Path: path}
	big := map[string]string{"command": strings.Repeat("x", 60<<10)}
	for range (maxFiles + 3) * maxFile / (60 << 10) {
		if err := l.Add(&Record{Op: "start", Inst: -1, Result: "ok", Args: big}, false); err != nil {
			t.Fatal(err)
		}
	}
	v := verdict(t, path)
	if !v.OK || v.First == 1 || v.Records < 60 {
		t.Errorf("%+v", v)
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != maxFiles+2 { // and the head
		t.Errorf("%q", files)
	}
	if err := os.Remove(older(path, 2)); err != nil {
		t.Fatal(err)
	}
	if v := verdict(t, path); v.OK || v.Problem != Broken || v.File != older(path, 1) || v.Line != 1 {
		t.Errorf("a file is missing: %+v", v)
	}
}

func TestAnOrderTooLongForALineIsRecordedWithoutItsArguments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := &Log{Path: path}
	if err := l.Add(&Record{Op: "start", Result: "ok", Args: map[string]string{"command": strings.Repeat("x", 2*maxLine)}}, true); err != nil {
		t.Fatal(err)
	}
	if list, err := Read(path, Query{}); err != nil || len(list) != 1 || list[0].Args["left_out"] == "" || !verdict(t, path).OK {
		t.Errorf("%v, %v", list, err)
	}
}

func TestWhereNothingCanBeWrittenReadySaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	l := &Log{Path: path}
	if l.Ready() == nil || l.Add(&Record{Op: "stop"}, false) == nil {
		t.Error("a directory was written to")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	if _, err := Read(path+"x", Query{}); err != nil {
		t.Errorf("no file is no records: %v", err)
	}
}

func TestAQueryFindsByWhoAndWhatAndWhen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := &Log{Path: path}
	for _, r := range []Record{
		{Op: "stop", App: "a", Actor: velos.Actor{UID: 7, User: "ann", Exe: "velos"}},
		{Op: "stop", App: "b", Actor: velos.Actor{UID: 7, User: "ann", Agent: "cursor", Client: "cursor 1.2"}},
		{Op: "start", App: "b", Actor: velos.Actor{UID: 0, User: "root", Agent: "codex"}},
	} {
		if err := l.Add(&r, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		Query
		want string
	}{
		{Query{}, "1 2 3"}, {Query{App: "b"}, "2 3"}, {Query{Agent: "any"}, "2 3"}, {Query{Agent: "none"}, "1"}, {Query{Agent: "codex"}, "3"}, {Query{Actor: "ann"}, "1 2"},
		{Query{Actor: "7"}, "1 2"}, {Query{Actor: "cursor 1.2"}, "2"}, {Query{Op: "stop", Last: 1}, "2"}, {Query{Last: 2}, "2 3"}, {Query{Since: 1 << 60}, ""}, {Query{Actor: "velos"}, "1"},
		{Query{Keep: func(r *Record) bool { return r.Seq != 3 }, Last: 1}, "2"},
	} {
		q, want := c.Query, c.want
		list, err := Read(path, q)
		var got []string
		for i := range list {
			got = append(got, strconv.FormatUint(list[i].Seq, 10))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%+v: %v, %v; want %s", q, got, err, want)
		}
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	env := map[string]string{"API_KEY": "sk-live-0123456789", "PWD": "/srv/projects", "MODE": "production"}
	for in, want := range map[string]string{
		"node app.js --token abc --port 3000":     "node app.js --token [masked] --port 3000",
		"node --api-key=abc x":                    "node --api-key=[masked] x",
		"env DB_PASSWORD=hunter2 node":            "env DB_PASSWORD=[masked] node",
		"psql postgres://u:pw@db:5432/x":          "psql postgres://u:[masked]@db:5432/x",
		"run --auth --port 3":                     "run --auth --port 3",
		"curl -H x-sk-live-0123456789":            "curl -H x-[masked]",
		"start /srv/projects production --k http": "start /srv/projects production --k http",
	} {
		if got := Line(strings.Fields(in), env); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzALineIsWholeOrNot(f *testing.F) {
	r := &Record{Op: "stop", Seq: 1}
	f.Add(bytes.TrimSpace(r.line()))
	f.Add([]byte(`{"hash":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, ok := parse(line)
		if ok && !strings.HasSuffix(string(line), r.Hash+`"}`) {
			t.Errorf("%q", line)
		}
	})
}

func TestSecretsOfLongCommandsAreNotKept(t *testing.T) {
	env := map[string]string{"API_KEY": "sk/live+0123456789", "STRIPE_ID": "plain-name-77"}
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"velos", "start", "--env=DB_PASSWORD=hunter2", "x"}, "velos start --env=DB_PASSWORD=[masked] x"},
		{[]string{"run", "--env", "A_TOKEN=x y z", "-e", "MODE=dev"}, "run --env A_TOKEN=[masked] -e MODE=dev"},
		{[]string{"curl", "-H", "Authorization: Bearer abc", "-H", "X-Api-Key: abc", "-H", "Accept: text/html"}, "curl -H Authorization: [masked] -H X-Api-Key: [masked] -H Accept: text/html"},
		{[]string{"curl", "--header=Cookie: a=b; c=d"}, "curl --header=Cookie: [masked]"},
		{strings.Fields(`curl -H "Authorization: Bearer abc" http://h`), `curl -H "Authorization: [masked] [masked] http://h`},
		{[]string{"Bearer", "abc.def"}, "Bearer [masked]"},
		{[]string{"curl", "http://h/x?a=1&access_token=abc&b=2"}, "curl http://h/x?a=1&access_token=[masked]&b=2"},
		{[]string{"curl", "http://h/x?api_key=abc#x"}, "curl http://h/x?api_key=[masked]#x"},
		{[]string{"sync", "a://u:p1@h,b://u:p2@h"}, "sync a://u:[masked]@h,b://u:[masked]@h"},
		{[]string{"curl", "-u", "anna:hunter2", "--user=anna:hunter2", "--user", "anna:hunter2"}, "curl -u anna:[masked] --user=anna:[masked] --user anna:[masked]"},
		{[]string{"x", "sk%2Flive%2B0123456789", "c2svbGl2ZSswMTIzNDU2Nzg5", "plain-name-77"}, "x [masked] [masked] [masked]"},
		{[]string{"--key", "-----BEGIN", "x"}, "--key [masked] x"},
		{[]string{"--token", "--verbose"}, "--token --verbose"},
		{[]string{"node", "--keep-alive", "5", "--author", "ann", "--keep=us"}, "node --keep-alive 5 --author ann --keep=us"},
	} {
		if got := Line(c.words, env, "STRIPE_ID"); got != c.want {
			t.Errorf("%q:\n%s, want\n%s", c.words, got, c.want)
		}
	}
}

// TestAClockThatGoesBackBreaksNothing: records are in the order in which they
// were written, whatever the clock says of them.
func TestAClockThatGoesBackBreaksNothing(t *testing.T) {
	path := written(t, 2)
	list, err := Read(path, Query{})
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	l := &Log{Path: path}
	r := &Record{Op: "start", Inst: -1, Result: "ok"}
	if err := l.Add(r, true); err != nil {
		t.Fatal(err)
	}
	// The same line as a clock that went back an hour would have had it.
	r.Time -= 3_600_000
	change(t, path, func(lines [][]byte) [][]byte { lines[2] = r.line(); return lines })
	if err := os.WriteFile(headFile(path), []byte(`{"seq":3,"hash":"`+r.Hash+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, &Log{Path: path}, 1)
	if v := verdict(t, path); !v.OK || v.Records != 4 {
		t.Errorf("%+v", v)
	}
	if list, err := Read(path, Query{}); err != nil || list[2].Time >= list[1].Time || list[3].Seq != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNamesThatMeanHarmAreKeptAsText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	hostile := "x\"},\n{\"seq\":9,\"op\":\"start\"}\x1b[2J\u202e\x00\xff\u2028 \\"
	l := &Log{Path: path}
	for range 2 {
		if err := l.Add(&Record{Op: "rename", App: hostile, Inst: -1, Result: "invalid", Message: hostile, Args: map[string]string{"name": hostile, hostile: "x"}, Actor: velos.Actor{Client: hostile, Agent: hostile}}, true); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil || bytes.Count(b, []byte("\n")) != 2 || bytes.ContainsAny(b, "\x1b\x00") {
		t.Errorf("%q, %v", b, err)
	}
	if v := verdict(t, path); !v.OK || v.Records != 2 {
		t.Errorf("%+v", v)
	}
	if list, err := Read(path, Query{}); err != nil || len(list) != 2 || list[1].Args["name"] == "" {
		t.Errorf("%+v, %v", list, err)
	}
}
