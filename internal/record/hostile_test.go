package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/velospm/velos"
)

func TestTruncationAtEveryByteIsAnError(t *testing.T) {
	for _, c := range codecs {
		for _, empty := range nouns() {
			b := c.append(nil, filled(t, empty))
			for n := range b {
				if err := c.decode(b[:n:n], fresh(empty)); err == nil {
					t.Fatalf("%s %T: %d of %d bytes were taken", c.name, empty, n, len(b))
				}
			}
			if err := c.decode(append(b, b...), fresh(empty)); err == nil {
				t.Errorf("%s %T: more bytes were taken", c.name, empty)
			}
		}
	}
}

func TestWrongTypesNameTheKey(t *testing.T) {
	event := func(k string, v []byte) []byte { return append(key(k), v...) }
	for _, c := range []struct {
		b    []byte
		r    velos.Record
		want string
	}{
		{event("seq", packString(nil, "x")), new(velos.Event), "seq: expected an integer, found a string"},
		{event("cause", PackInt(nil, 1)), new(velos.Event), "cause: expected a string, found an integer"},
		{event("cause", PackBytes(nil, []byte("x"))), new(velos.Event), "cause: expected a string, found bytes"},
		{event("exit", PackInt(nil, 1)), new(velos.Event), "exit: expected a map, found an integer"},
		{event("exit", event("code", packString(nil, ""))), new(velos.Event), "exit.code: expected an integer, found a string"},
		{event("instances", append(packList(nil, 1), event("pid", []byte{0xc3})...)), new(velos.App), "instances[0].pid: expected an integer, found true or false"},
		{event("args", append(packList(nil, 1), 1)), new(velos.Spec), "args: expected strings only, found an integer"},
		{event("args", []byte{0x80}), new(velos.Spec), "args: expected a list, found a map"},
		{event("env", event("A", []byte{1})), new(velos.Spec), "env.A: expected a string, found an integer"},
		{event("shell", []byte{1}), new(velos.Spec), "shell: expected true or false, found an integer"},
		{event("cpu_percent", []byte{0xc2}), new(velos.Usage), "cpu_percent: expected a number, found true or false"},
		{event("msg", []byte{0x90}), new(velos.Entry), "msg: expected bytes, found a list"},
		{event("id", PackInt(nil, 1<<32)), new(velos.App), "id: the number does not fit"},
		{event("id", PackInt(nil, -1)), new(velos.App), "id: the number does not fit"},
		{event("seq", PackInt(nil, -1)), new(velos.Event), "seq: the number does not fit"},
		{[]byte{0x81, 0x01, 0x01}, new(velos.App), "expected a string as key, found an integer"},
		{[]byte{0x90}, new(velos.App), "expected a map, found a list"},
		{[]byte{0xc1}, new(velos.App), "a byte that MessagePack does not use"},
	} {
		err := DecodeMsgpack(c.b, c.r)
		if err == nil || err.Error() != c.want || !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("% x: got %v, want %s", c.b, err, c.want)
		}
	}
}

func TestJSONErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "expected an object, found the end at byte 0",
		`[]`:                            "expected an object, found a list at byte 0",
		`{`:                             "expected a key, found the end at byte 1",
		`{"a":1,}`:                      "expected a key, found '}' at byte 7",
		`{"a" 1}`:                       "expected a colon, found a number at byte 5",
		`{"a":01}`:                      "not a number at byte 5",
		`{"a":"` + "\x01" + `"}`:        "a control character in a string at byte 6",
		`{"a":"\x"}`:                    "an unknown escape in a string at byte 7",
		`{"a":tru}`:                     "expected true at byte 5",
		`{} x`:                          "there is more after the object at byte 3",
		`{"id":"x"}`:                    "id: expected an integer, found a string at byte 6",
		`{"id":4294967296}`:             "id: the number does not fit at byte 6",
		`{"id":1.5}`:                    "id: expected an integer of 64 bits, found a number at byte 6",
		`{"config":{"args":[1]}}`:       "config.args: expected a string, found a number at byte 19",
		`{"config":{"env":{"A":1}}}`:    "config.env.A: expected a string, found a number at byte 22",
		`{"instances":[{},{"pid":""}]}`: "instances[1].pid: expected an integer, found a string at byte 24",
		`{"instances":{}}`:              "instances: expected a list, found an object at byte 13",
		`{"config":{"shell":1}}`:        "config.shell: expected true or false, found a number at byte 19",
	} {
		err := DecodeJSON([]byte(text), new(velos.App))
		if err == nil || err.Error() != want || !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestUnknownKeysAreSkippedAndTheLastOfEqualOnesWins(t *testing.T) {
	b := packMap(nil, 5)
	b = packInto(b, "later", msgp.AppendFloat32(nil, 1))
	b = packInto(b, "args", []byte{0x92, 0xa1, 'a', 0xa1, 'b'})
	b = packInto(b, "name", packString(nil, "first"))
	b = packInto(b, "args", []byte{0x91, 0xa1, 'c'})
	b = packInto(b, "name", packString(nil, "last"))
	j := `{"later":[{"x":[1.5e3,null,true]},"\u00e9"], "args" : ["a","b"], "name":"first", "\u0061rgs":["c"],"name":"last" }`
	for _, err := range []func(*velos.Spec) error{
		func(s *velos.Spec) error { return DecodeMsgpack(b, s) },
		func(s *velos.Spec) error { return DecodeJSON([]byte(j), s) },
	} {
		var s velos.Spec
		if err := err(&s); err != nil || s.Name != "last" || len(s.Args) != 1 || s.Args[0] != "c" {
			t.Errorf("got %q %q, %v", s.Name, s.Args, err)
		}
	}
}

func packInto(b []byte, k string, v []byte) []byte { return append(packString(b, k), v...) }

func TestNilIsTheSameAsMissing(t *testing.T) {
	for _, empty := range nouns() {
		var m map[string]any
		if err := json.Unmarshal(AppendJSON(nil, filled(t, empty)), &m); err != nil {
			t.Fatal(err)
		}
		b := packMap(nil, len(m))
		for k := range m {
			m[k] = nil
			b = packInto(b, k, []byte{0xc0})
		}
		j, _ := json.Marshal(m)
		if err := DecodeJSON(j, fresh(empty)); err != nil {
			t.Errorf("%T: %v", empty, err)
		}
		if err := DecodeMsgpack(b, fresh(empty)); err != nil {
			t.Errorf("%T: %v", empty, err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := append(key("later"), bytes.Repeat([]byte{0x91}, 1<<20)...)
	if err := DecodeMsgpack(append(deep, 0), new(velos.App)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("got %v", err)
	}
	for _, open := range []string{"[", `{"a":`} {
		if err := DecodeJSON([]byte(`{"later":`+strings.Repeat(open, 1<<20)), new(velos.App)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAnnouncedCountsAllocateNothing(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	for _, head := range []byte{0xdd, 0xdf, 0xc6, 0xc9, 0xdb} {
		for _, k := range []string{"args", "env", "stop_exit_codes", "name", "later"} {
			b := append(append(key(k), head), huge...)
			if n := allocated(func() {
				if err := DecodeMsgpack(b, new(velos.Spec)); err == nil {
					t.Errorf("% x was taken", b)
				}
			}); n > 64<<10 {
				t.Errorf("% x allocated %d bytes", b, n)
			}
		}
	}
}

func TestSmallBytesThatMakeLargeValuesAreBounded(t *testing.T) {
	const n = 4 << 20
	b := append(append(key("instances"), 0xdd, 0, n>>16, 0, 0), bytes.Repeat([]byte{0x80}, n)...)
	if err := DecodeMsgpack(b, new(velos.App)); !errors.Is(err, velos.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	var j bytes.Buffer
	j.WriteString(`{"args":[""`)
	for range maxItems {
		j.WriteString(`,""`)
	}
	j.WriteString(`]}`)
	if err := DecodeJSON(j.Bytes(), new(velos.Spec)); !errors.Is(err, velos.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	keys := packMap(nil, maxKeys+1)
	for i := range maxKeys + 1 {
		keys = packInto(keys, "later"+strconv.Itoa(i), []byte{1})
	}
	if err := DecodeMsgpack(keys, new(velos.App)); !errors.Is(err, velos.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzDecodeMsgpack(f *testing.F) {
	for _, r := range nouns() {
		f.Add(AppendMsgpack(nil, r))
	}
	app := velos.App{ID: 1, Spec: velos.NewSpec(), Instances: []velos.Instance{{PID: 3, LastExit: &velos.Exit{Code: 1}}}}
	f.Add(AppendMsgpack(nil, &app))
	f.Add(AppendMsgpack(nil, &velos.Entry{Msg: []byte("x"), Seq: 1 << 40}))
	f.Fuzz(func(t *testing.T, b []byte) { again(t, b, codecs[0]) })
}

func FuzzDecodeJSON(f *testing.F) {
	app := velos.App{ID: 1, Spec: velos.NewSpec(), Instances: []velos.Instance{{PID: 3, LastExit: &velos.Exit{Code: 1}}}}
	f.Add(AppendJSON(nil, &app))
	f.Add([]byte(`{"msg":{"base64":"/w=="},"seq":1,"x":[1,2.5e3,"\ud83d\ude00\n",{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, b, codecs[2])
		valid := json.Valid(b)
		for _, r := range nouns() {
			if err := DecodeJSON(b, r); err == nil && !valid {
				t.Fatalf("%q is no JSON and was taken", b)
			}
		}
		// What knows no key takes every object, and nothing else.
		err := DecodeJSON(b, nil)
		object := valid && bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{"))
		if object != (err == nil) && !deep(b) {
			t.Fatalf("%q: object %v, but %v", b, object, err)
		}
	})
}

func deep(b []byte) bool {
	return bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) >= maxDepth-1
}

// again decodes b as every noun, and checks that what was understood survives
// another time.
func again(t *testing.T, b []byte, c codec) {
	for _, r := range nouns() {
		if c.decode(b, r) != nil {
			continue
		}
		once := c.append(nil, r)
		second := fresh(r)
		if err := c.decode(once, second); err != nil {
			t.Fatalf("%T: %q does not survive: %v", r, once, err)
		}
		if twice := c.append(nil, second); !bytes.Equal(once, twice) {
			t.Fatalf("%T: %q became %q", r, once, twice)
		}
	}
}
