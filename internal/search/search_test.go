package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// record is e as the daemon writes it.
func record(e *velos.Entry) []byte {
	b := fmt.Appendf(nil, `{"ts":%d,"lvl":"%s","pid":%d,"msg":"`, e.Time, e.Level, e.PID)
	b = appendEscaped(b, strings.ToValidUTF8(string(e.Msg), "\ufffd"))
	b = fmt.Appendf(b, `","src":"%s","seq":%d,"inst":%d`, e.Src, e.Seq, e.Inst)
	if e.More {
		b = append(b, `,"more":true`...)
	}
	if !utf8.Valid(e.Msg) {
		b = append(append(append(b, `,"raw":"`...), base64.StdEncoding.EncodeToString(e.Msg)...), '"')
	}
	return append(b, '}', '\n')
}

var words = []string{"connection", "refused", "reset", "by", "peer", "timeout", "Error", "error", "INFO", "user", "Task", "ta\u017fk", "\u212aelvin", "kelvin", "a\"b", `c\d`,
	"tab\there", "größe", "GRÖSSE", "日本", "\x00nul", "\x1b[31mred", "bad\xffbyte", "stdout", "msg", "seq", "<xml>", "n", "u0041"}

// lines makes n lines of an app: both streams, several instances, a clock that
// goes back now and then.
func lines(n int, seed uint64) (list []velos.Entry) {
	r := rand.New(rand.NewPCG(seed, 1))
	now := velos.Time(1_700_000_000_000)
	for i := range n {
		now += velos.Time(r.IntN(2000))
		if r.IntN(n) == 0 {
			now -= 3_600_000
		}
		var b []byte
		for range 1 + r.IntN(9) {
			b = append(append(b, words[r.IntN(len(words))]...), ' ')
		}
		b = strconv.AppendUint(append(b, "id="...), r.Uint64(), 16)
		list = append(list, velos.Entry{Seq: uint64(i + 1), Time: now, Level: velos.Level(1 + r.IntN(5)), PID: 100, Inst: r.IntN(3),
			Src: velos.Stream(1 + r.IntN(2)), Msg: b, App: 7})
	}
	return list
}

func pack(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Pack(&b, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lay writes entries as an app's files: each stream in some parts, the oldest
// compressed.
func lay(t testing.TB, dir string, list []velos.Entry, parts int) (files []File) {
	t.Helper()
	for src, name := range map[velos.Stream]string{velos.Stdout: "app-out.log", velos.Stderr: "app-err.log"} {
		per := (len(list) + parts - 1) / parts
		for i := range parts {
			var b []byte
			for k := i * per; k < min(len(list), (i+1)*per); k++ {
				if list[k].Src == src {
					b = append(b, record(&list[k])...)
				}
			}
			f := File{Path: filepath.Join(dir, name), Src: src, Number: parts - 1 - i}
			if f.Number > 0 {
				f.Path += "." + strconv.Itoa(f.Number)
			}
			if f.Number > 1 {
				f.Path, f.Packed, b = f.Path+".zst", true, pack(t, b)
			}
			f.Size = int64(len(b))
			write(t, f.Path, b)
			files = append(files, f)
		}
	}
	return files
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func opened(t testing.TB, files []File) *Log {
	t.Helper()
	l, err := Open(7, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func find(t testing.TB, l *Log, q Query) (list []Hit, warnings []string) {
	t.Helper()
	for h, err := range Find(context.Background(), []Ask{{Log: l, Query: q}}, Watch{Warn: func(s string) { warnings = append(warnings, s) }}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h)
	}
	return list, warnings
}

func compiled(t testing.TB, text string, plain, fold bool) *Pattern {
	t.Helper()
	p, err := Compile(text, plain, fold)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var expressions = []string{"connection", "connection refused", "(?i)ERROR", "(?i)task", "(?i)kelvin", "re(fused|set) by", "id=[0-9a-f]*00", "^error", `a"b`, `c\\d`, "\t", "größe", "(?i)größe",
	"日本", "\x00nul", "stdout", "msg", "seq", "u0041", `n`, "x|timeout", "id=.*f$", "", "(user )+", "(?i)ta\u017fk", "\ufffd", "bad.byte", "[Tt]ask", "no such thing", `\bn\b`, "(?s)peer.*peer"}

func TestASearchFindsWhatEachLineAloneWouldMatch(t *testing.T) {
	list := lines(6000, 1)
	l := opened(t, lay(t, t.TempDir(), list, 4))
	for i, x := range expressions {
		q := Query{Inst: -1, Pattern: compiled(t, x, false, false), Newest: i%2 == 0}
		switch i % 5 {
		case 1:
			q.Level = velos.Warn
		case 2:
			q.Since, q.Until = list[1000].Time, list[4000].Time
		case 3:
			q.Inst, q.Src = 1, velos.Stderr
		case 4:
			q.After, q.To = 700, 5000
		}
		re := regexp.MustCompile(x)
		var want []uint64
		for k := range list {
			plain := q
			plain.Pattern = nil
			if plain.Matches(&list[k]) && re.Match(list[k].Msg) {
				want = append(want, list[k].Seq)
			}
		}
		if q.Newest {
			slices.Reverse(want)
		}
		var got []uint64
		hits, warnings := find(t, l, q)
		for k := range hits {
			got = append(got, hits[k].Seq)
			if e := &list[hits[k].Seq-1]; !bytes.Equal(e.Msg, hits[k].Msg) || e.Time != hits[k].Time || e.Level != hits[k].Level || e.Inst != hits[k].Inst || e.Src != hits[k].Src {
				t.Fatalf("%q: got %v, want %v", x, hits[k], e)
			}
		}
		if !slices.Equal(got, want) || len(warnings) > 0 {
			t.Errorf("%q: %d lines, want %d; %v", x, len(got), len(want), warnings)
		}
	}
}

func TestContextIsWhatStandsBesideAMatchInAllStreams(t *testing.T) {
	list := lines(3000, 2)
	l := opened(t, lay(t, t.TempDir(), list, 3))
	for _, newest := range []bool{false, true} {
		q := Query{Inst: -1, Pattern: compiled(t, "id=[0-9a-f]*00", false, false), Lead: 2, Trail: 3, Newest: newest}
		want := map[uint64]bool{}
		for i := range list {
			if q.Pattern.Match(list[i].Msg) {
				for k := max(0, i-2); k <= min(len(list)-1, i+3); k++ {
					want[uint64(k+1)] = want[uint64(k+1)]
				}
				want[uint64(i+1)] = true
			}
		}
		hits, _ := find(t, l, q)
		last := uint64(0)
		for i, h := range hits {
			if match, ok := want[h.Seq]; !ok || match == h.Context {
				t.Errorf("line %d: wanted %v, a match %v, given as context %v", h.Seq, ok, match, h.Context)
			}
			if i > 0 && (h.Seq > last) == newest {
				t.Errorf("line %d after %d", h.Seq, last)
			}
			last = h.Seq
		}
		if len(hits) != len(want) {
			t.Errorf("%d lines, want %d", len(hits), len(want))
		}
	}
}

func TestASearchResumesWhereItEnded(t *testing.T) {
	l := opened(t, lay(t, t.TempDir(), lines(2000, 3), 3))
	for _, newest := range []bool{false, true} {
		q := Query{Inst: -1, Pattern: compiled(t, "error", false, true), Newest: newest}
		whole, _ := find(t, l, q)
		var parts []Hit
		for range len(whole) {
			n := 0
			for h, err := range Find(context.Background(), []Ask{{Log: l, Query: q}}, Watch{}) {
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, h)
				if n++; n == 37 {
					break
				}
			}
			if n < 37 {
				break
			}
			if q.After = parts[len(parts)-1].Seq; newest {
				q.After, q.To = 0, q.After
			}
		}
		if len(parts) != len(whole) || len(whole) < 100 {
			t.Fatalf("%d lines in parts, %d as a whole", len(parts), len(whole))
		}
		for i := range parts {
			if parts[i].Seq != whole[i].Seq {
				t.Fatalf("line %d is %d, want %d", i, parts[i].Seq, whole[i].Seq)
			}
		}
	}
}

func TestADamagedBlockIsPassedOverAndTheRestIsRead(t *testing.T) {
	list := lines(12_000, 4)
	for i := range list {
		list[i].Src = velos.Stdout
	}
	var text []byte
	for i := range list {
		text = append(text, record(&list[i])...)
	}
	whole := pack(t, text)
	find := func(b []byte) (seqs []uint64, warnings []string) {
		path := filepath.Join(t.TempDir(), "app.log.1.zst")
		write(t, path, b)
		hits, warnings := find(t, opened(t, []File{{Path: path, Src: velos.Stdout, Number: 1, Packed: true, Size: int64(len(b))}}), Query{Inst: -1})
		for i := range hits {
			seqs = append(seqs, hits[i].Seq)
		}
		return seqs, warnings
	}
	if got, warnings := find(whole); len(got) != len(list) || len(warnings) > 0 {
		t.Fatalf("%d of %d lines; %v", len(got), len(list), warnings)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a byte in the middle": func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b },
		"a byte of the index":  func(b []byte) []byte { b[len(b)-100] ^= 0xff; return b },
		"cut at the end":       func(b []byte) []byte { return b[:len(b)*2/3] },
		"cut in the index":     func(b []byte) []byte { return b[:len(b)-5] },
		"a middle without an index": func(b []byte) []byte {
			b[len(b)/2] ^= 0xff
			return b[:len(b)-5]
		},
	} {
		got, warnings := find(damage(bytes.Clone(whole)))
		if len(warnings) == 0 && name != "cut in the index" || len(got) < len(list)/2 {
			t.Errorf("%s: %d of %d lines; %v", name, len(got), len(list), warnings)
		}
		if strings.Contains(name, "index") && !strings.Contains(name, "middle") && len(got) != len(list) {
			t.Errorf("%s: %d of %d lines; %v", name, len(got), len(list), warnings)
		}
	}
}

func TestRawLinesAreFoundAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	var b []byte
	for i := range 5000 {
		b = fmt.Appendf(b, "2026-01-01 line %d a\"b\\c \xff\x00 {\"level\":30}\n", i)
		if i%100 == 0 {
			b = append(b, record(&velos.Entry{Seq: 1, Time: 1, Msg: []byte("inner"), Src: velos.Stdout})...)
		}
	}
	live, old := filepath.Join(dir, "a.log"), filepath.Join(dir, "a.log.1.zst")
	write(t, live, b)
	write(t, old, pack(t, b))
	l := opened(t, []File{{Path: live, Src: velos.Stdout, Raw: true, Size: int64(len(b))}, {Path: old, Src: velos.Stdout, Raw: true, Packed: true, Number: 1}})
	for text, want := range map[string]int{"line 4321 ": 2, `a"b\c`: 10_000, "\"seq\":1,": 100, `"lvl":`: 100, "inner": 100, "nowhere": 0} {
		if got, _ := find(t, l, Query{Inst: -1, Pattern: compiled(t, text, true, false)}); len(got) != want {
			t.Errorf("%q: %d lines, want %d", text, len(got), want)
		}
	}
	got, _ := find(t, l, Query{Inst: -1, Lead: 1, Trail: 1, Pattern: compiled(t, "line 4321 ", true, false)})
	if len(got) != 6 || !got[0].Context || got[1].Context || !strings.Contains(string(got[2].Msg), "line 4322 ") {
		t.Errorf("got %d lines: %v", len(got), got)
	}
}

func TestLongLinesAndForeignOnesAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	long := bytes.Repeat([]byte("x"), 10<<20)
	b := append(record(&velos.Entry{Seq: 1, Time: 5, Level: velos.Info, Src: velos.Stdout, Msg: append(long, "needle"...)}),
		"garbage needle\n{ \"msg\" : \"a needle\", \"ts\": 9, \"seq\": 2, \"x\": [1] }\n{\"ts\":1,\"lvl\":\"in"...)
	write(t, path, b)
	got, _ := find(t, opened(t, []File{{Path: path, Src: velos.Stdout, Size: int64(len(b))}}), Query{Inst: -1, Pattern: compiled(t, "needle", false, false)})
	if len(got) != 2 || len(got[0].Msg) != 10<<20+6 || string(got[1].Msg) != "a needle" {
		t.Errorf("%d lines", len(got))
	}
	packed := path + ".1.zst"
	write(t, packed, pack(t, b))
	got, _ = find(t, opened(t, []File{{Path: packed, Src: velos.Stdout, Packed: true}}), Query{Inst: -1, Pattern: compiled(t, "needle", false, false)})
	if len(got) != 2 {
		t.Errorf("%d lines when compressed", len(got))
	}
}

func TestAFileThatBecomesShorterEndsNoSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	var b []byte
	for i, e := range lines(20_000, 5) {
		e.Seq, e.Src = uint64(i+1), velos.Stdout
		b = append(b, record(&e)...)
	}
	write(t, path, b)
	l := opened(t, []File{{Path: path, Src: velos.Stdout, Size: int64(len(b))}})
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	got, warnings := find(t, l, Query{Inst: -1, Pattern: compiled(t, "error", false, false)})
	if len(got) > 0 || len(warnings) == 0 {
		t.Errorf("%d lines, %v", len(got), warnings)
	}
}

func TestAFileThatWasMovedIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	write(t, path, []byte("x\n"))
	if _, err := Open(1, []File{{Path: path, Inode: 1, Size: 2}}); err != ErrMoved && inodeKnown {
		t.Errorf("another inode: %v", err)
	}
	if _, err := Open(1, []File{{Path: path + ".9", Size: 2}}); err != ErrMoved {
		t.Errorf("no file: %v", err)
	}
	link := path + ".link"
	if os.Symlink(path, link) == nil && noFollow != 0 {
		if _, err := Open(1, []File{{Path: link, Size: 2}}); err == nil {
			t.Error("a symbolic link was followed")
		}
	}
}

const inodeKnown = noFollow != 0

func TestAWrongExpressionSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"foo(bar": "character 4", "a)b": "character 2", "ab[c": "character 3", "x**": "character 2", `ok \p{Foo}`: "character 4", `end\`: "character 4", "ä+(b": "character 3",
		"a{2,1}": "character 2", "*a": "character 1", "([)](": "character 5", `\Q(\E(`: "character 6",
	} {
		if _, err := Compile(text, false, false); velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzWhatMatchesIsFound(f *testing.F) {
	for _, x := range expressions {
		f.Add(x, "a task of the Kelvin sort, connection refused by peer", false)
	}
	f.Add("ſK(a|b)", "some Sk text", true)
	f.Fuzz(func(t *testing.T, expr, msg string, fold bool) {
		if strings.ContainsRune(msg, '\n') || len(msg) > 1000 || len(expr) > 200 {
			return
		}
		p, err := Compile(expr, false, fold)
		if err != nil {
			return
		}
		if fold {
			expr = "(?i:" + expr + ")"
		}
		want := regexp.MustCompile(expr).MatchString(msg)
		line := record(&velos.Entry{Seq: 1, Time: 1, Level: velos.Info, Src: velos.Stdout, Msg: []byte(msg)})
		for _, raw := range []bool{false, true} {
			text := line
			if raw {
				text = []byte(msg + "\n")
			}
			var pk packer
			k := pk.describe(text)
			q := &Query{Inst: -1, Pattern: p}
			got := false
			if k.may(q, raw) {
				s := scanner{q: q, raw: raw}
				s.block(text, func(e *velos.Entry, _ int) bool { got = string(e.Msg) == msg; return true })
			}
			if got != want {
				t.Errorf("%q in %q, raw %v: got %v, want %v", expr, msg, raw, got, want)
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	var pk packer
	k := pk.describe(record(&lines(1, 1)[0]))
	k.size = 10
	f.Add(appendIndex(nil, []block{k, k}), int64(20))
	f.Add([]byte(indexMark), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, before int64) {
		list, err := decodeIndex(b, before)
		if err != nil {
			return
		}
		for i := range list {
			if list[i].off < 0 || list[i].off+list[i].size > before {
				t.Errorf("block %d lies at %d, %d bytes of %d", i, list[i].off, list[i].size, before)
			}
			list[i].filter.may([]uint32{0, 1<<gramBits - 1})
		}
	})
}

func FuzzSegment(f *testing.F) {
	var text []byte
	for _, e := range lines(3, 1) {
		text = append(text, record(&e)...)
	}
	f.Add(pack(f, text), "error")
	f.Fuzz(func(t *testing.T, b []byte, expr string) {
		p, err := Compile(expr, false, true)
		if err != nil || len(b) > 64<<10 {
			return
		}
		path := filepath.Join(t.TempDir(), "a.zst")
		write(t, path, b)
		find(t, opened(t, []File{{Path: path, Packed: true, Src: velos.Stdout}}), Query{Inst: -1, Pattern: p, Lead: 1})
	})
}

func FuzzLine(f *testing.F) {
	for _, e := range lines(20, 9) {
		f.Add(string(e.Msg), e.Seq)
	}
	f.Fuzz(func(t *testing.T, msg string, seq uint64) {
		seq = max(1, seq>>8)
		e := velos.Entry{Seq: seq, Time: 12, Level: velos.Warn, PID: 5, Inst: 2, Src: velos.Stderr, Msg: []byte(msg), More: seq%2 == 0}
		line := bytes.TrimSuffix(record(&e), []byte{'\n'})
		var p parser
		var quick, slow velos.Entry
		if !p.ours(line, &quick) || !p.theirs(line, &slow) || !json.Valid(line) {
			t.Fatalf("%s is not read", line)
		}
		if fmt.Sprint(quick) != fmt.Sprint(slow) || string(quick.Msg) != msg {
			t.Errorf("%s: %v and %v", line, quick, slow)
		}
	})
}
