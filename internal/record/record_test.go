package record

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"

	"github.com/velospm/velos"
)

type codec struct {
	name   string
	append func([]byte, velos.Record) []byte
	decode func([]byte, velos.Record) error
}

var codecs = []codec{
	{"msgpack", AppendMsgpack, DecodeMsgpack},
	{"view", AppendMsgpack, ViewMsgpack},
	{"json", AppendJSON, DecodeJSON},
}

func fresh(r velos.Record) velos.Record {
	return reflect.New(reflect.TypeOf(r).Elem()).Interface().(velos.Record)
}

func TestEveryFieldOfEveryNounSurvives(t *testing.T) {
	for _, c := range codecs {
		for _, empty := range nouns() {
			for _, want := range []velos.Record{filled(t, empty), fresh(empty)} {
				b := c.append(nil, want)
				got := fresh(empty)
				if err := c.decode(b, got); err != nil {
					t.Fatalf("%s %T: %v\n%q", c.name, want, err, b)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s %T: want -, got +\n%s", c.name, want, d)
				}
			}
		}
	}
}

func TestWhatIsMissingKeepsItsValue(t *testing.T) {
	for _, c := range codecs {
		for _, empty := range nouns() {
			want, got := filled(t, empty), filled(t, empty)
			if err := c.decode(c.append(nil, nil), got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %T: %s", c.name, want, d)
			}
		}
	}
}

func TestJSONTagsAndFieldKeysAgree(t *testing.T) {
	for _, empty := range []velos.Record{
		new(velos.Spec), new(velos.Instance), new(velos.App), new(velos.Event), new(velos.Exit), new(velos.Usage),
		new(velos.LogInfo), new(velos.Actor),
	} {
		r := filled(t, empty)
		tagged, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.Unmarshal(tagged, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(AppendJSON(nil, r), &got); err != nil {
			t.Fatal(err)
		}
		// FileEnv and Coming travel, and are in no answer.
		delete(got, "file_env")
		delete(got, "coming")
		if config, ok := got["config"].(map[string]any); ok {
			delete(config, "file_env")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%T: tags -, Fields +\n%s", r, d)
		}
	}
}

func TestAnotherImplementationReadsTheSame(t *testing.T) {
	for _, empty := range nouns() {
		r := filled(t, empty)
		v, rest, err := msgp.ReadMapStrIntfBytes(AppendMsgpack(nil, r), nil)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%T: %v, %d bytes left", r, err, len(rest))
		}
		var want any
		if err := json.Unmarshal(AppendJSON(nil, r), &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, plainly(v)); d != "" {
			t.Errorf("%T: json -, msgp +\n%s", r, d)
		}
	}
}

// plainly turns what msgp reads into what encoding/json reads.
func plainly(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case []byte:
		return string(v)
	case []any:
		for i := range v {
			v[i] = plainly(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainly(v[k])
		}
	}
	return v
}

func TestEveryFormOfAnIntegerIsRead(t *testing.T) {
	numbers := []int64{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64}
	for _, n := range numbers {
		forms := map[string][]byte{"ours": PackInt(nil, n), "msgp": msgp.AppendInt64(nil, n), "64 bit": msgp.AppendInt64(nil, n)}
		if n >= 0 {
			forms["unsigned"] = msgp.AppendUint64(nil, uint64(n))
		}
		for name, form := range forms {
			var r velos.Usage
			b := append(packString([]byte{0x81}, "memory_bytes"), form...)
			if err := DecodeMsgpack(b, &r); err != nil || r.Memory != n {
				t.Errorf("%d as %s (% x): got %d, %v", n, name, form, r.Memory, err)
			}
		}
		if got, _, err := msgp.ReadInt64Bytes(PackInt(nil, n)); err != nil || got != n {
			t.Errorf("msgp reads our %d as %d, %v", n, got, err)
		}
	}
	var r velos.Usage
	b := append(packString([]byte{0x81}, "memory_bytes"), msgp.AppendUint64(nil, math.MaxInt64+1)...)
	if err := DecodeMsgpack(b, &r); err == nil {
		t.Error("an integer over int64 was taken")
	}
}

func TestFractionsAcceptIntegers(t *testing.T) {
	for _, b := range [][]byte{
		msgp.AppendFloat64(key("cpu_percent"), 7), msgp.AppendFloat32(key("cpu_percent"), 7), PackInt(key("cpu_percent"), 7),
	} {
		var u velos.Usage
		if err := DecodeMsgpack(b, &u); err != nil || u.CPU != 7 {
			t.Errorf("% x: got %v, %v", b, u.CPU, err)
		}
	}
	var u velos.Usage
	if err := DecodeJSON([]byte(`{"cpu_percent":7}`), &u); err != nil || u.CPU != 7 {
		t.Errorf("got %v, %v", u.CPU, err)
	}
}

// key begins a map of one key.
func key(k string) []byte { return packString([]byte{0x81}, k) }

func TestLongStringsListsAndMapsSurvive(t *testing.T) {
	for _, n := range []int{15, 16, 31, 32, 255, 256, 65535, 65536, 70000} {
		want := velos.Spec{Name: strings.Repeat("x", n), Env: map[string]string{}}
		for i := range n {
			k := strings.Repeat("k", 1+i%7) + string(rune(0x10000+i))
			want.Env[k] = k
			want.Args = append(want.Args, "a")
			want.StopExitCodes = append(want.StopExitCodes, int64(i))
		}
		for _, c := range codecs {
			var got velos.Spec
			if err := c.decode(c.append(nil, &want), &got); err != nil {
				t.Fatalf("%s %d: %v", c.name, n, err)
			}
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s: %d elements do not survive", c.name, n)
			}
		}
	}
}

func TestBytesSurviveWhateverTheyAre(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, msg := range []string{"plain", "\x00\x1b[31m\r\n\"\\\u2028\u0085\x7f", "\xff\xfe", string(all), `{"base64":"x"}`} {
		for _, c := range codecs {
			want, got := velos.Entry{Msg: []byte(msg)}, velos.Entry{}
			b := c.append(nil, &want)
			if err := c.decode(b, &got); err != nil || string(got.Msg) != msg {
				t.Errorf("%s %q: got %q, %v", c.name, msg, got.Msg, err)
			}
			if c.name == "json" && !json.Valid(b) {
				t.Errorf("%q is no JSON", b)
			}
		}
	}
	var e velos.Entry
	if err := DecodeMsgpack(packString(key("msg"), "as a string"), &e); err != nil || string(e.Msg) != "as a string" {
		t.Errorf("bytes as str: %q, %v", e.Msg, err)
	}
}

func TestStringsThatAreNotUTF8Survive(t *testing.T) {
	want := velos.Spec{Script: "/srv/caf\xe9/app.js", Args: []string{"ok", "\xff"}, Env: map[string]string{"LATIN": "\xe9", "UTF": "é"}}
	for _, c := range codecs {
		var got velos.Spec
		if err := c.decode(c.append(nil, &want), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	for _, bad := range []string{`{"name":{"base64":"?"}}`, `{"name":{"base64":1}}`, `{"name":[]}`} {
		if err := DecodeJSON([]byte(bad), new(velos.Spec)); err == nil || !strings.HasPrefix(err.Error(), "name") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestJSONStringsAreValidAndShowNoControls(t *testing.T) {
	b := AppendJSON(nil, &velos.Spec{Name: "\x1b\u009b\u2028é\U0001F600\x7f", Cwd: "/\xff", Env: map[string]string{"a\xff": "\xfe"}})
	want := `{"name":"\u001b\u009b\u2028é😀\u007f","cwd":{"base64":"L/8="},"env":{"a\ufffd":{"base64":"/g=="}}}`
	if string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	b = AppendJSON(nil, &velos.Usage{CPU: math.NaN(), Procs: 1})
	if string(b) != `{"cpu_percent":null,"processes":1}` {
		t.Errorf("got %s", b)
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	if raced {
		t.Skip("the race detector empties pools at random")
	}
	for _, empty := range nouns() {
		r := filled(t, empty)
		room := make([]byte, 0, 16<<10)
		for _, c := range codecs {
			if n := testing.AllocsPerRun(100, func() { c.append(room, r) }); n >= 1 {
				t.Errorf("%s %T: %v allocations", c.name, r, n)
			}
		}
	}
}

func TestEncodingDoesNotWriteToTheRecord(t *testing.T) {
	// The race detector sees a write, even of the same value.
	for _, empty := range nouns() {
		r := filled(t, empty)
		done := make(chan []byte)
		for range 2 {
			go func() { done <- AppendJSON(AppendMsgpack(nil, r), r) }()
		}
		if a, b := <-done, <-done; string(a) != string(b) {
			t.Errorf("%T: two encodings differ", r)
		}
	}
}

func BenchmarkAppendEntry(b *testing.B) {
	e := velos.Entry{Seq: 12345678, Time: 1795449600000, Level: velos.Info, App: 3, PID: 4711, Src: velos.Stdout, Msg: []byte(strings.Repeat("x", 120))}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		AppendMsgpack(buf, &e)
	}
}

func BenchmarkDecodeEntry(b *testing.B) {
	e := velos.Entry{Seq: 12345678, Time: 1795449600000, Level: velos.Info, App: 3, PID: 4711, Src: velos.Stdout, Msg: []byte(strings.Repeat("x", 120))}
	buf := AppendMsgpack(nil, &e)
	b.ReportAllocs()
	for b.Loop() {
		_ = ViewMsgpack(buf, &e)
	}
}
