package cluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// A puppet is the program's end of a channel in the hands of a test.
type puppet struct {
	t *testing.T
	f *os.File
	r *bufio.Scanner
}

func (w *world) puppet(seat Seat, kind Kind) *puppet {
	w.t.Helper()
	j, err := w.p.Join(seat, kind, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	unix.SetNonblock(j.FD, false)
	unix.SetsockoptTimeval(j.FD, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20})
	p := &puppet{t: w.t, f: os.NewFile(uintptr(j.FD), "channel")}
	w.t.Cleanup(func() { p.f.Close() })
	p.r = bufio.NewScanner(p.f)
	return p
}

func (p *puppet) say(s string) { p.f.WriteString(s + "\n") }

// A reply is what a test looks at in an answer.
type reply struct {
	Cmd, Act, Type, Key string
	Errno               int
	Ack                 *int
	Data                json.RawMessage
	Msg                 *reply
}

func (p *puppet) hear() reply {
	p.t.Helper()
	if !p.r.Scan() {
		p.t.Fatal("nothing was said: ", p.r.Err())
	}
	var r reply
	if err := json.Unmarshal(p.r.Bytes(), &r); err != nil {
		p.t.Fatalf("%q: %v", p.r.Text(), err)
	}
	if r.Msg != nil {
		p.say(`{"cmd":"NODE_HANDLE_ACK"}`)
		r.Msg.Type = r.Type
		return *r.Msg
	}
	return r
}

// ask asks for a socket at this address.
func (p *puppet) ask(seq int, rest string) reply {
	p.t.Helper()
	p.say(fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","seq":%d,%s}`, seq, rest))
	r := p.hear()
	if r.Ack == nil || *r.Ack != seq {
		p.t.Fatalf("the answer to %d is %+v", seq, r)
	}
	return r
}

const anyPort = `"index":0,"data":null,"address":"127.0.0.1","port":0,"addressType":4`

func TestEveryQuestionHasAnAnswer(t *testing.T) {
	w := newWorld(t, "")
	p := w.puppet(seat0, Worker)
	path := filepath.Join(w.dir, `a "socket" é`)
	for i, c := range []struct {
		rest, kind string
		errno      unix.Errno
	}{
		{anyPort, "net.Native", 0},
		{`"index":1,"data":null,"address":"127.0.0.1","port":0,"addressType":4,"fd":null,"flags":0,"backlog":511`, "net.Native", 0},
		{`"index":0,"address":null,"port":0,"addressType":4`, "net.Native", 0},
		{`"index":0,"address":"::1","port":0,"addressType":6,"flags":1`, "net.Native", 0},
		{`"index":0,"address":"127.0.0.1","port":0,"addressType":"udp4","fd":-1,"flags":0`, "dgram.Native", 0},
		{`"index":0,"address":"127.0.0.1","port":0,"addressType":"udp4","fd":-1,"flags":4`, "dgram.Native", 0},
		{`"index":0,"address":null,"port":0,"addressType":"udp6"`, "dgram.Native", 0},
		{`"index":0,"port":-1,"addressType":-1,"address":` + string(quote(nil, path)), "net.Native", 0},
		{`"index":0,"port":-1,"addressType":-1,"address":"relative"`, "", unix.EINVAL},
		{`"index":0,"port":-1,"addressType":-1,"address":"/` + strings.Repeat("x", 200) + `"`, "", unix.ENAMETOOLONG},
		{`"index":0,"port":-1,"addressType":-1,"address":"/does/not/exist"`, "", unix.ENOENT},
		{`"index":0,"address":"localhost","port":0,"addressType":4`, "", unix.EINVAL},
		{`"index":0,"address":"203.0.113.1","port":0,"addressType":4`, "", unix.EADDRNOTAVAIL},
		{`"index":0,"address":null,"port":70000,"addressType":4`, "", unix.EBADF},
		{`"index":0,"address":null,"port":1,"addressType":9`, "", unix.EBADF},
		{`"index":-1,"address":null,"port":1,"addressType":4`, "", unix.EBADF},
		{`"index":0,"address":null,"port":0,"addressType":4,"fd":0`, "", unix.EBADF},
	} {
		if r := p.ask(i+1, c.rest); r.Type != c.kind || r.Errno != -int(c.errno) || r.Cmd != "NODE_CLUSTER" || string(r.Data) != "" && string(r.Data) != "null" {
			t.Errorf("%s: got %+v", c.rest, r)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	p.say(`{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":77}`)
	if r := p.hear(); r.Ack == nil || *r.Ack != 77 {
		t.Errorf("got %+v", r)
	}
	w.news(seat0, Disconnected)
}

func TestTheFirstWorkersDataIsForAll(t *testing.T) {
	w := newWorld(t, "")
	at := `"index":0,"address":"127.0.0.1","port":0,"addressType":4,"data":`
	a, b := w.puppet(seat0, Worker), w.puppet(seat1, Worker)
	if r := a.ask(1, at+`{"ticketKeys":"aa"}`); string(r.Data) != `{"ticketKeys":"aa"}` {
		t.Errorf("got %s", r.Data)
	}
	if r := b.ask(1, at+`{"ticketKeys":"bb"}`); string(r.Data) != `{"ticketKeys":"aa"}` {
		t.Errorf("got %s", r.Data)
	}
}

func TestAWorkerThatCannotTakeADescriptorIsToldSo(t *testing.T) {
	w := newWorld(t, "")
	p := w.puppet(seat0, Worker)
	p.say(`{"cmd":"NODE_CLUSTER","act":"queryServer","seq":5,` + anyPort + `}`)
	p.r.Scan()
	p.say(`{"cmd":"NODE_HANDLE_NACK"}`)
	if r := p.hear(); r.Errno != -int(unix.EMFILE) || *r.Ack != 5 {
		t.Errorf("got %+v", r)
	}
}

func TestHostileWordsHurtNobody(t *testing.T) {
	w := newWorld(t, "")
	a, b := w.puppet(seat0, Worker), w.puppet(seat1, Channel)
	for _, s := range []string{"", "nonsense", "{}", "[]", "null", `{"cmd":"NODE_CLUSTER"}`, `{"cmd":"NODE_CLUSTER","act":"queryServer"}`, `{"cmd":"NODE_CLUSTER","act":"queryServer","seq":"x"}`,
		`{"cmd":"NODE_CLUSTER","act":"close","key":"n0:tcp://:1"}`, `{"cmd":"NODE_CLUSTER","act":"close"}`, `{"cmd":"NODE_CLUSTER","act":"listening","address":"\u001b[31m","port":1,"addressType":4}`,
		`{"cmd":"NODE_CLUSTER","act":"listening"}`, `{"cmd":"NODE_HANDLE_ACK"}`, `{"cmd":"NODE_HANDLE_NACK"}`, `{"cmd":"NODE_VELOS","act":"drain"}`, `{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect"}`,
		`{"cmd":"NODE_CLUSTER","act":"newconn","key":"x"}`, strings.Repeat("x", 1<<20), strings.Repeat("{", 1<<16)} {
		a.say(s)
		b.say(s)
	}
	b.say(`{"cmd":"NODE_CLUSTER","act":"queryServer","seq":1,` + anyPort + `}`) // it is no worker
	b.say(`"ready"`)
	w.news(seat1, Ready)
	a.say(`"ready"`)
	w.news(seat0, Ready)
	for i := range 2 * maxGroups {
		r := a.ask(i+1, fmt.Sprintf(`"index":%d,"address":"127.0.0.1","port":0,"addressType":4`, i))
		if full := r.Errno == -int(unix.EMFILE); full != (i >= maxGroups) {
			t.Fatalf("address %d: %+v", i, r)
		}
	}
	if got := w.p.Listening(seat0); len(got) != 0 {
		t.Errorf("it listens at %q", got)
	}
}

func TestANewVersionThatListensElsewhereLeavesNothingOpen(t *testing.T) {
	w := newWorld(t, "")
	old, next := w.puppet(seat0, Worker), w.puppet(seat0b, Worker)
	k := old.ask(1, anyPort)
	old.ask(2, `"index":1,"address":"127.0.0.1","port":0,"addressType":4`)
	listening := `{"cmd":"NODE_CLUSTER","act":"listening","seq":9,` + anyPort + `}`
	old.say(listening)
	w.news(seat0, Listening)
	socks := func() int { return strings.Count(w.holds(), "sock/") }
	if n := socks(); n != 2 {
		t.Fatalf("%d sockets", n)
	}
	// A worker that goes closes no port that its successor may want.
	w.p.Drain(seat0, false)
	old.say(`{"cmd":"NODE_CLUSTER","act":"close","key":"` + k.Key + `","seq":4}`)
	old.say(`"ready"`)
	w.news(seat0, Ready)
	if n := socks(); n != 2 {
		t.Fatalf("%d sockets", n)
	}
	if r := next.ask(1, anyPort); r.Key != k.Key {
		t.Errorf("key %s became %s", k.Key, r.Key)
	}
	next.say(listening)
	w.news(seat0b, Listening)
	w.p.Left(seat0)
	if n := socks(); n != 2 || !strings.Contains(w.holds(), "sock/1/0/1/1//n0/") {
		t.Fatalf("held: %s", w.holds())
	}
}

func TestACrashClosesNoPort(t *testing.T) {
	w := newWorld(t, "")
	w.puppet(seat0, Worker).ask(1, anyPort)
	w.puppet(seat0b, Worker) // a successor that does not listen yet
	w.p.Left(seat0)
	if n := strings.Count(w.holds(), "sock/"); n != 1 {
		t.Errorf("%d sockets", n)
	}
	// Nor does a start anew on the same seat, and the socket is the same.
	r := w.puppet(seat0, Worker).ask(1, anyPort)
	if n := strings.Count(w.holds(), "sock/"); n != 1 || r.Errno != 0 {
		t.Errorf("%d sockets, %+v", n, r)
	}
}

func TestOfAChannelParkedTwiceTheNewerCounts(t *testing.T) {
	w := newWorld(t, "")
	w.puppet(seat0, Worker)
	w.mu.Lock()
	fd, _ := unix.FcntlInt(uintptr(w.parked["chan/1/0/0/w/"]), unix.F_DUPFD_CLOEXEC, 0)
	w.mu.Unlock()
	w.options().Park("chan/1/0/0/w/u", fd)
	unix.Close(fd)
	if s := w.succeed(seat0)[0]; !s.Up || !s.Channel || w.holds() != "chan/1/0/0/w/u" {
		t.Errorf("got %+v, held: %s", s, w.holds())
	}
	// Whom nobody adopts is not kept, nor what belongs to no known app.
	w.puppet(Seat{App: 9}, Channel)
	w.p.Passed(Seat{App: 9}, []string{"tcp://127.0.0.1:0"}, true)
	if w.succeed(); w.holds() != "" {
		t.Errorf("held: %s", w.holds())
	}
	if w.p.Inherit("log/1/0/out/7", -1) {
		t.Error("a stranger's descriptor was claimed")
	}
	for _, name := range []string{"sock/", "sock/1/2/3", "sock/1/0/0/0//l/tcp://:x", "chan/1", "chan/1/0/2/w/", "chan/1/0/0/x/", "sock/1/0/0/0/s/l/unix:"} {
		null, _ := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if !w.p.Inherit(name, null) {
			t.Errorf("%s is nobody's", name)
		}
		if _, err := unix.FcntlInt(uintptr(null), unix.F_GETFD, 0); err == nil {
			t.Errorf("%s is open", name)
		}
	}
}

func TestPassedSocketsOutliveRunsAndPrimaries(t *testing.T) {
	w := newWorld(t, "")
	listen := []string{"tcp://127.0.0.1:0", "unix:" + w.dir + "/web.sock", "udp://127.0.0.1:0"}
	fds, names, err := w.p.Passed(seat0, listen, true)
	if err != nil || fmt.Sprint(names) != "[tcp-0 unix-web.sock udp-0]" {
		t.Fatalf("got %v, %v", names, err)
	}
	for _, fd := range fds {
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
			t.Error("a program would have to poll")
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("other programs would get it, too")
		}
	}
	again, _, _ := w.p.Passed(seat0, listen, true)
	other, _, _ := w.p.Passed(seat1, listen, true)
	if fmt.Sprint(again) != fmt.Sprint(fds) || other[0] == fds[0] || other[1] != fds[1] || other[2] == fds[2] {
		t.Errorf("got %v, %v, %v", fds, again, other)
	}
	where := w.passed(seat0)
	w.succeed(seat0, seat1)
	if got := w.passed(seat0); fmt.Sprint(got) != fmt.Sprint(where) || len(got) != len(listen) {
		t.Errorf("%s became %s", where, got)
	}
	if c, err := net.Dial("tcp", host(where[0])); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	defer l.Close()
	_, _, err = w.p.Passed(seat0, []string{"tcp://" + l.Addr().String()}, false)
	if velos.CodeOf(err) != velos.Conflict || velos.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	// The next run on the other side is passed less.
	w.p.Passed(seat0b, listen[:1], true)
	w.p.Left(seat1)
	w.p.Left(seat0)
	if n := strings.Count(w.holds(), "sock/"); n != 3 {
		t.Errorf("held: %s", w.holds())
	}
	w.p.Release(1)
	if w.holds() != "" {
		t.Errorf("held: %s", w.holds())
	}
}

// passed is what the run on the seat has got.
func (w *world) passed(seat Seat) (list []string) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	for _, g := range w.p.apps[seat.App].groups {
		if g.use == passed && slices.Contains(g.users, seat) {
			list = append(list, g.Address().String())
		}
	}
	return list
}

func TestAPythonServerFindsItsSocket(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	w := newWorld(t, "")
	fds, _, err := w.p.Passed(seat0, []string{"tcp://127.0.0.1:0"}, true)
	if err != nil {
		t.Fatal(err)
	}
	fd, _ := unix.FcntlInt(uintptr(fds[0]), unix.F_DUPFD_CLOEXEC, 0)
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	cmd := exec.Command(python, "-c", `
import socket
s = socket.socket(fileno=3)
while True:
    c, _ = s.accept()
    c.sendall(b'from python')
    c.close()
`)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{f}, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	c, err := net.Dial("tcp", host(w.passed(seat0)[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 20)
	if n, _ := c.Read(b); string(b[:n]) != "from python" {
		t.Errorf("got %q", b[:n])
	}
}

func TestManyMayCallAtOnce(t *testing.T) {
	w := newWorld(t, "")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			seat := Seat{App: uint32(1 + i%2), Slot: i}
			for range 50 {
				j, err := w.p.Join(seat, Worker, i)
				if err != nil {
					t.Error(err)
					return
				}
				unix.Write(j.FD, []byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","seq":1,`+anyPort+"}\n\"ready\"\n"))
				w.p.Send(seat, "1")
				w.p.Activate(seat.App, []Seat{seat, seat.twin()})
				w.p.Passed(seat.twin(), []string{"tcp://127.0.0.1:0"}, i%2 == 0)
				w.p.Queued(seat)
				w.p.Listening(seat)
				w.p.Drain(seat, true)
				unix.Close(j.FD)
				w.p.Left(seat)
				if i == 3 {
					w.p.Release(seat.App)
				}
			}
		})
	}
	wg.Wait()
	w.p.Settled(func(uint32) bool { return false })
	if w.holds() != "" {
		t.Errorf("held: %s", w.holds())
	}
}

func TestAQuietPrimaryIsNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t, "")
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines more", n-before)
	}
	if err := w.p.Drain(seat0, true); velos.CodeOf(err) != velos.NotRunning {
		t.Errorf("got %v", err)
	}
	if n, err := w.p.Queued(seat0), w.p.Activate(1, nil); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	w.puppet(seat0, Channel)
	if err := w.p.Disconnect(seat0); velos.CodeOf(err) != velos.Unsupported {
		t.Errorf("got %v", err)
	}
	if _, err := w.p.Join(Seat{App: 1, Side: 2}, Worker, 1); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestAPortMayBeText(t *testing.T) {
	w := newWorld(t, "")
	p := w.puppet(seat0, Worker)
	// dgram's bind hands on what it is given up to Node 20: process.env.PORT, say.
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	c.Close()
	r := p.ask(1, `"index":0,"address":"127.0.0.1","port":"`+port+`","addressType":"udp4","fd":-1,"flags":0`)
	if r.Errno != 0 || !strings.Contains(w.holds(), "127.0.0.1:"+port) {
		t.Errorf("got %+v; parked are %s", r, w.holds())
	}
	for i, odd := range []string{`"a"`, `""`, `"-2"`, `"70000"`, `"99999999999999999999"`, `{}`, `null`, `1.5`} {
		p.ask(2+i, `"index":0,"address":"127.0.0.1","port":`+odd+`,"addressType":"udp4","fd":-1,"flags":0`)
	}
}
