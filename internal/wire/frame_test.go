package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

func itoa(n int) string { return strconv.Itoa(n) }

func header(version byte, length uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{'V', 0x10, version}, length)
}

func TestFramesPassThroughAnyReader(t *testing.T) {
	big := AppendResponse(nil, 9, OK, &StatePath{Path: strings.Repeat("x", 1<<20)})
	var all []byte
	var want [][]byte
	for range 3 {
		for _, f := range frames {
			all = append(all, f.frame...)
			want = append(want, f.frame[HeaderSize:])
		}
		all = append(all, big...)
		want = append(want, big[HeaderSize:])
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"at once":   func(r io.Reader) io.Reader { return r },
		"bytewise":  iotest.OneByteReader,
		"halves":    iotest.HalfReader,
		"data, EOF": iotest.DataErrReader,
	} {
		r := NewReader(wrap(bytes.NewReader(all)))
		for i, w := range want {
			got, err := r.Next()
			if err != nil || !bytes.Equal(got, w) {
				t.Fatalf("%s: frame %d: %d bytes, %v; want %d", name, i, len(got), err, len(w))
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: got %v at the end", name, err)
		}
		if len(r.buf) > largeBuffer {
			t.Errorf("%s: %d bytes are kept", name, len(r.buf))
		}
	}
}

func TestTruncationAtEveryByte(t *testing.T) {
	for _, f := range frames {
		for n := range f.frame {
			_, err := NewReader(bytes.NewReader(f.frame[:n])).Next()
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if err != want {
				t.Errorf("%s: %d bytes: got %v, want %v", f.name, n, err, want)
			}
		}
		p := f.frame[HeaderSize:]
		for n := range p {
			if _, err := ParseRequest(p[:n]); !errors.Is(err, velos.ErrProtocol) {
				t.Errorf("%s: request of %d bytes: %v", f.name, n, err)
			}
			if _, err := ParseResponse(p[:n]); !errors.Is(err, velos.ErrProtocol) {
				t.Errorf("%s: response of %d bytes: %v", f.name, n, err)
			}
		}
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		is    error
		says  []string
	}{
		{"garbage", []byte("GET / HTTP/1.1\r\n"), velos.ErrProtocol, []string{"no frame"}},
		{"one byte of garbage", []byte{0}, velos.ErrProtocol, nil},
		{"half of the magic", []byte{'V', 'e'}, velos.ErrProtocol, nil},
		{"newer version", header(2, 1), velos.ErrProtocol, []string{"version 2", "version 1"}},
		{"version 0", header(0, 1), velos.ErrProtocol, []string{"version 0", "version 1"}},
		{"4 GiB", header(velos.Protocol, 1<<32-1), velos.ErrTooLarge, []string{"4294967295"}},
		{"16 MiB and one", header(velos.Protocol, MaxFrame+1), velos.ErrTooLarge, []string{"16777217", "16777216"}},
	} {
		// The rest never comes: what is wrong is known from what is there.
		r := NewReader(io.MultiReader(bytes.NewReader(c.bytes), iotest.ErrReader(errors.New("read on"))))
		before := allocated()
		_, err := r.Next()
		if n := allocated() - before; n > 16<<10 {
			t.Errorf("%s: %d bytes were allocated", c.name, n)
		}
		if !errors.Is(err, c.is) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v does not say %s", c.name, err, s)
			}
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%s: and then %v", c.name, again)
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestSecondFrameIsCheckedLikeTheFirst(t *testing.T) {
	b := append(AppendRequest(nil, 1, DaemonPing, nil), header(velos.Protocol, 1<<32-1)...)
	r := NewReader(bytes.NewReader(b))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, velos.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestLengthIsNotBelieved(t *testing.T) {
	b := append(header(velos.Protocol, MaxFrame), 1, 2, 3)
	before := allocated()
	if _, err := NewReader(bytes.NewReader(b)).Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
	if n := allocated() - before; n > 64<<10 {
		t.Errorf("%d bytes were allocated for 3", n)
	}
}

func TestLargestFramePasses(t *testing.T) {
	b := append(header(velos.Protocol, MaxFrame), make([]byte, MaxFrame)...)
	p, err := NewReader(bytes.NewReader(b)).Next()
	if err != nil || len(p) != MaxFrame {
		t.Errorf("got %d, %v", len(p), err)
	}
}

func TestReaderThatNeverGivesAnythingIsAnError(t *testing.T) {
	if _, err := NewReader(lazy{}).Next(); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

type lazy struct{}

func (lazy) Read([]byte) (int, error) { return 0, nil }

func TestPipePeersAndADeadlineInsideOfAFrame(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	frame := frames[2].frame
	half := make(chan struct{})
	go func() {
		for i := range frame { // as slow as a writer can be
			if i == len(frame)/2 {
				<-half
			}
			far.Write(frame[i : i+1])
		}
	}()
	r := NewReader(near)
	_ = near.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	_ = near.SetReadDeadline(time.Time{})
	close(half)
	if p, err := r.Next(); err != nil || !bytes.Equal(p, frame[HeaderSize:]) {
		t.Errorf("after the deadline: %d bytes, %v", len(p), err)
	}
}

func TestEnvelopesSurvive(t *testing.T) {
	for _, size := range []int{0, 1, 200, 240, 255, 256, 65000, 65535, 65536, 1 << 20} {
		want := StatePath{Path: strings.Repeat("x", size)}
		for _, id := range []uint32{1, 127, 128, 1<<32 - 1} {
			req, err := ParseRequest(AppendRequest([]byte("before"), id, StateLoad, &want)[6+HeaderSize:])
			var got StatePath
			if err != nil || req.ID != id || req.Command != StateLoad || Decode(req.Payload, &got) != nil || got != want {
				t.Errorf("%d bytes: %v %v", size, req.Command, err)
			}
			resp, err := ParseResponse(AppendResponse(nil, id, Streaming, &want)[HeaderSize:])
			got = StatePath{}
			if err != nil || resp.ID != id || resp.Status != Streaming || Decode(resp.Payload, &got) != nil || got != want {
				t.Errorf("%d bytes: %v %v", size, resp.Status, err)
			}
		}
	}
}

func TestEnvelopesThatAreRefused(t *testing.T) {
	pack := func(f func(velos.Fields)) []byte { return record.AppendMsgpack(nil, visit(f)) }
	for name, p := range map[string][]byte{
		"empty":         {},
		"not a map":     {0x90},
		"nothing in it": {0x80},
		"no id":         pack(func(f velos.Fields) { f.Number("command", 1) }),
		"no command":    pack(func(f velos.Fields) { f.Number("id", 1) }),
		"large command": pack(func(f velos.Fields) { f.Number("id", 1); f.Number("command", 256) }),
		"negative id":   pack(func(f velos.Fields) { f.Number("id", -1); f.Number("command", 1) }),
		"payload a map": pack(func(f velos.Fields) {
			f.Number("id", 1)
			f.Number("command", 1)
			f.Nest("payload", true, visit(func(velos.Fields) {}))
		}),
		"command a word":  pack(func(f velos.Fields) { f.Number("id", 1); f.Text("command", "x") }),
		"bytes behind it": append(pack(func(f velos.Fields) { f.Number("id", 1); f.Number("command", 1) }), 0),
	} {
		if _, err := ParseRequest(p); !errors.Is(err, velos.ErrProtocol) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := ParseResponse(pack(func(f velos.Fields) { f.Number("id", 1); f.Number("status", 3) })); !errors.Is(err, velos.ErrProtocol) {
		t.Errorf("unknown status: %v", err)
	}
	r, err := ParseRequest(pack(func(f velos.Fields) { f.Number("id", 1); f.Number("command", 0x99); f.Number("later", 1) }))
	if err != nil || r.Command.String() != "0x99" || len(r.Payload) != 0 {
		t.Errorf("an unknown command is the daemon's to refuse: %v, %v", r, err)
	}
}

type visit func(velos.Fields)

func (v visit) Fields(f velos.Fields) { v(f) }

func TestAnswerOverTheLimitBecomesAnError(t *testing.T) {
	b := AppendResponse([]byte("x"), 5, OK, &StatePath{Path: strings.Repeat("x", MaxFrame)})
	if len(b) > 1000 {
		t.Fatalf("%d bytes", len(b))
	}
	resp, err := ParseResponse(b[1+HeaderSize:])
	var e velos.Error
	if err != nil || resp.ID != 5 || resp.Status != Failure || Decode(resp.Payload, &e) != nil || e.Code != velos.TooLarge {
		t.Errorf("got %+v %+v, %v", resp, e, err)
	}
}

func TestEveryFieldOfEveryPayloadSurvives(t *testing.T) {
	for _, empty := range payloads() {
		v := reflect.New(reflect.TypeOf(empty).Elem())
		n := 1
		fill(v.Elem(), &n)
		want, got := v.Interface().(velos.Record), empty
		if err := Decode(record.AppendMsgpack(nil, want), got); err != nil {
			t.Fatalf("%T: %v", want, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%T: want -, got +\n%s", want, d)
		}
	}
}

// payloads are all Records of this package.
func payloads() []velos.Record {
	return []velos.Record{
		new(Target), new(Start), new(Started), new(Stop), new(Restart), new(Reload), new(Reloaded), new(Scale), new(History), new(Formers), new(Update), new(Signal), new(Rename), new(Apps), new(Done),
		new(Logs), new(Entries), new(MinutesQuery), new(Minutes), new(Finding), new(EventsQuery), new(Events), new(Metrics), new(MetricsQuery), new(DaemonMetrics), new(StatePath), new(Pong), new(Shutdown), new(Upgrade),
		new(Caller), new(Approvals), new(ApprovalWord),
		new(File), new(Files),
	}
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.String:
		v.SetString("text " + itoa(*n))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"A": itoa(*n)}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Cause" {
				fill(v.Field(i), n)
			}
		}
	}
}

func TestNoInstanceMeansAllOfThem(t *testing.T) {
	for _, want := range []int{-1, 0, 1, 300} {
		b := record.AppendMsgpack(nil, &Target{ID: 1, Inst: want})
		var got Target
		if err := Decode(b, &got); err != nil || got.Inst != want {
			t.Errorf("%d became %d, %v", want, got.Inst, err)
		}
	}
	for _, payload := range [][]byte{nil, {0x80}} {
		var target Target
		var stop Stop
		var logs Logs
		for _, r := range []velos.Record{&target, &stop, &logs} {
			if err := Decode(payload, r); err != nil {
				t.Error(err)
			}
		}
		if target.Inst != -1 || stop.Inst != -1 || logs.Query.Inst != -1 {
			t.Errorf("% x: got %d, %d, %d", payload, target.Inst, stop.Inst, logs.Query.Inst)
		}
	}
	if err := Decode(record.AppendMsgpack(nil, visit(func(f velos.Fields) { f.Number("instance", -1) })), new(Target)); !errors.Is(err, velos.ErrInvalid) {
		t.Errorf("a negative instance: %v", err)
	}
}

func TestPatternIsAnotherWordForGrep(t *testing.T) {
	var l Logs
	b := record.AppendMsgpack(nil, visit(func(f velos.Fields) { f.Number("id", 3); f.Text("pattern", "needle") }))
	if err := Decode(b, &l); err != nil || l.ID != 3 || l.Query.Grep != "needle" {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	if raced {
		t.Skip("the race detector empties pools at random")
	}
	room := make([]byte, 0, 4096)
	pong := &Pong{Version: "1", PID: 3}
	if n := testing.AllocsPerRun(100, func() { AppendResponse(room, 1, OK, pong) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzReader(f *testing.F) {
	for _, g := range frames {
		f.Add(g.frame)
	}
	f.Add(header(1, 1<<32-1))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, bytewise := NewReader(bytes.NewReader(b)), NewReader(iotest.OneByteReader(bytes.NewReader(b)))
		for {
			p, err := whole.Next()
			q, err2 := bytewise.Next()
			if !bytes.Equal(p, q) || (err == nil) != (err2 == nil) {
				t.Fatalf("%q, %v; bytewise %q, %v", p, err, q, err2)
			}
			if err != nil {
				return
			}
			if req, err := ParseRequest(p); err == nil {
				_ = Decode(req.Payload, new(Start))
				_ = Decode(req.Payload, new(Logs))
			}
			if resp, err := ParseResponse(p); err == nil {
				_ = Decode(resp.Payload, new(Apps))
			}
		}
	})
}
