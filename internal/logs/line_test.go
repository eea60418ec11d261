package logs

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// split runs a whole text through nextLine in chunks as a pipe gives them.
func split(text []byte, chunk func() int) (lines [][]byte, mores []bool) {
	var b []byte
	for len(text) > 0 || len(b) > 0 {
		n := min(chunk(), len(text))
		b = append(b, text[:n]...)
		text = text[n:]
		for {
			line, used, more := nextLine(b, len(text) == 0)
			if used == 0 {
				break
			}
			lines = append(lines, append([]byte{}, line...))
			mores = append(mores, more)
			b = b[used:]
		}
	}
	return lines, mores
}

// join is the inverse of split, but for a last newline.
func join(lines [][]byte, mores []bool) []byte {
	var b []byte
	for i, line := range lines {
		b = append(b, line...)
		if !mores[i] {
			b = append(b, '\n')
		}
	}
	return b
}

func TestSplittingLosesNoByteHoweverItArrives(t *testing.T) {
	for range 300 {
		text := randomText()
		whole, mores := split(text, func() int { return 1 << 30 })
		got := join(whole, mores)
		if want := text; !bytes.Equal(got, want) && !bytes.Equal(bytes.TrimSuffix(got, newline), want) {
			t.Fatalf("%d bytes became %d", len(want), len(got))
		}
		pieces, more2 := split(text, func() int { return 1 + rand.IntN(1+len(text)/3) })
		if len(pieces) != len(whole) {
			t.Fatalf("%d lines at once, %d in pieces", len(whole), len(pieces))
		}
		for i := range pieces {
			if !bytes.Equal(pieces[i], whole[i]) || mores[i] != more2[i] {
				t.Fatalf("line %d depends on how it arrived", i)
			}
			if len(pieces[i]) > maxLine {
				t.Fatalf("line %d has %d bytes", i, len(pieces[i]))
			}
		}
	}
}

func randomText() []byte {
	var b []byte
	for range rand.IntN(20) {
		switch rand.IntN(6) {
		case 0:
			b = append(b, strings.Repeat("äöü€😀", rand.IntN(20000))...)
		case 1:
			b = append(b, bytes.Repeat([]byte{'x'}, maxLine-2+rand.IntN(5))...)
		case 2:
			for range rand.IntN(300) {
				b = append(b, byte(rand.IntN(256)))
			}
		default:
			b = append(b, "hello\r\n\n"...)
		}
	}
	return b
}

func TestALineOfExactlyTheLimitIsWhole(t *testing.T) {
	line := bytes.Repeat([]byte{'x'}, maxLine)
	if _, used, _ := nextLine(line, false); used != 0 {
		t.Error("it was cut before the next byte was known")
	}
	if got, used, more := nextLine(append(line, '\n'), false); len(got) != maxLine || used != maxLine+1 || more {
		t.Errorf("got %d bytes, used %d, more %v", len(got), used, more)
	}
	if got, _, more := nextLine(append(line, 'x'), false); len(got) != maxLine || !more {
		t.Errorf("got %d bytes, more %v", len(got), more)
	}
}

func TestACutDoesNotTearACharacter(t *testing.T) {
	text := []byte("x" + strings.Repeat("€", maxLine))
	lines, mores := split(text, func() int { return 1 << 30 })
	for i, l := range lines {
		if !utf8.Valid(l) {
			t.Errorf("part %d is torn", i)
		}
		if mores[i] != (i < len(lines)-1) {
			t.Errorf("part %d has more %v", i, mores[i])
		}
	}
}

func roundTrip(t *testing.T, msg []byte) {
	t.Helper()
	want := velos.Entry{Seq: 1842, Time: 1732000000000, Level: velos.Warn, PID: 123, Inst: 7, Src: velos.Stderr, Msg: msg, More: len(msg)%2 == 1}
	line := appendEntry(nil, &want)
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%q is no JSON: %v", line, err)
	}
	if m["msg"] != strings.ToValidUTF8(string(msg), "\ufffd") && utf8.Valid(msg) {
		t.Errorf("encoding/json reads %q; want %q", m["msg"], msg)
	}
	if _, has := m["raw"]; has == utf8.Valid(msg) {
		t.Errorf("raw is there: %v", has)
	}
	var p parser
	var got velos.Entry
	if !p.parse(line[:len(line)-1], &got) {
		t.Fatalf("cannot read back %q", line)
	}
	if !bytes.Equal(got.Msg, want.Msg) || got.Seq != want.Seq || got.Time != want.Time || got.Level != want.Level ||
		got.PID != want.PID || got.Inst != want.Inst || got.Src != want.Src || got.More != want.More {
		t.Errorf("got %+v; want %+v", got, want)
	}
	var st stamper
	e := want
	e.Seq--
	st.begin(&e)
	st.count()
	if fast := st.line(nil, &e); !bytes.Equal(fast, line) {
		t.Errorf("the stamper writes %q; want %q", fast, line)
	}
}

func TestEveryByteSurvivesTheFile(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i := range 40 {
		msg := bytes.Repeat([]byte{'a'}, 40)
		for c := range 256 {
			msg[i] = byte(c)
			roundTrip(t, msg)
		}
	}
	for _, s := range []string{"", "plain", "\r", "tab\t\"quote\" \\ back", "\x00\x1f\x7f", "äöü€😀\u2028", "half \xe2\x82", "\ufffd", string(every)} {
		roundTrip(t, []byte(s))
	}
}

func TestSequenceNumbersCountInDecimal(t *testing.T) {
	var st stamper
	e := velos.Entry{Seq: 97, Src: velos.Stdout}
	st.begin(&e)
	for i := 98; i < 100_100; i++ {
		st.count()
		if i%997 == 0 || i < 102 {
			w := e
			w.Seq = uint64(i)
			if got, want := st.line(nil, &e), appendEntry(nil, &w); !bytes.Equal(got, want) {
				t.Fatalf("got %s; want %s", got, want)
			}
		}
	}
}

func TestForeignLinesAreReadOrRefusedButNeverFatal(t *testing.T) {
	for _, c := range []struct {
		line string
		ok   bool
		msg  string
	}{
		{`{"ts":1,"msg":"a"}`, true, "a"},
		{` { "msg" : "a\u00e4\ud83d\ude00\/" , "x" : [1,{"y":[null,true]},"z"], "ts" : 1.5e3 , "seq":4 } `, true, "aä😀/"},
		{`{"ts":1,"msg":"\ud83d"}`, true, "\ufffd"},
		{`{"ts":1,"msg":"a"`, false, ""},
		{`{"ts":1,"msg":"a}`, false, ""},
		{`{"ts":"1","msg":"a"}`, false, ""},
		{`{"ts":1}`, false, ""},
		{`plain text`, false, ""},
		{``, false, ""},
		{`{"ts":1,"msg":"a","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, false, ""},
		{`{"ts":1,"msg":"a","raw":"!"}`, false, ""},
		{`{"ts":99999999999999999999,"msg":"a"}`, false, ""},
	} {
		var p parser
		var e velos.Entry
		if ok := p.parse([]byte(c.line), &e); ok != c.ok || ok && string(e.Msg) != c.msg {
			t.Errorf("%s: got %v, %q", c.line, ok, e.Msg)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello\xff\"\\\n"))
	f.Fuzz(func(t *testing.T, msg []byte) { roundTrip(t, msg) })
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"ts":1732,"lvl":"info","pid":123,"msg":"a\u0041","src":"stdout","seq":1842,"inst":0,"more":true,"raw":"YQ=="}`))
	f.Add([]byte(`{"x":[{"y":1}],"ts":1,"msg":""}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var p parser
		var e, again velos.Entry
		if !p.parse(line, &e) {
			return
		}
		msg := append([]byte{}, e.Msg...)
		e.Msg = msg
		b := appendEntry(nil, &e)
		var q parser
		if !q.parse(b[:len(b)-1], &again) || !bytes.Equal(again.Msg, msg) {
			t.Errorf("%q became %q", line, b)
		}
	})
}

func TestTheRingKeepsTheNewestLinesDense(t *testing.T) {
	for _, size := range []int{ringMin, ringMax} {
		r := &ring{buf: make([]byte, 0, size), first: 1}
		for seq := uint64(1); seq < 3000; seq++ {
			e := velos.Entry{Seq: seq, Msg: bytes.Repeat([]byte{byte(seq)}, rand.IntN(200)), Src: velos.Stdout, More: seq%2 == 0}
			if !r.room(recordHead + len(e.Msg)) {
				t.Fatal("no room")
			}
			r.add(&e)
			b, first := r.since(0, nil)
			want := first
			for len(b) > 0 {
				var got velos.Entry
				b = takeRecord(b, &got)
				if got.Seq != want || got.More != (want%2 == 0) || bytes.ContainsFunc(got.Msg, func(r rune) bool { return false }) {
					t.Fatalf("got seq %d; want %d", got.Seq, want)
				}
				want++
			}
			if want != seq+1 {
				t.Fatalf("newest is %d; want %d", want-1, seq)
			}
		}
	}
}
