package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
)

var (
	seat0  = Seat{App: 1}
	seat1  = Seat{App: 1, Slot: 1}
	seat0b = Seat{App: 1, Side: 1}
)

const hello = `
const http = require('http'), cluster = require('cluster');
console.log('worker', cluster.isWorker, cluster.worker && cluster.worker.id, process.env.NODE_CHANNEL_FD, process.execArgv.length);
const server = http.createServer((req, res) => {
  if (req.url === '/crash') process.exit(7);
  if (req.url === '/close') server.close();
  res.end(process.env.SEAT);
});
`

func TestUnmodifiedWorkersShareTheirPort(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		for _, listen := range []string{"0", "0, '127.0.0.1'", "0, '::1'", "process.env.DIR + '/web.sock'"} {
			a := w.start(seat0, Worker, hello+"server.listen("+listen+")")
			if got := a.line(t, "worker"); got != "true 1 undefined 0" {
				t.Errorf("the worker says %s", got)
			}
			where := w.news(seat0, Listening)
			b := w.start(seat1, Worker, hello+"server.listen("+listen+")")
			if got := w.news(seat1, Listening); got != where {
				t.Errorf("one listens at %s, the other at %s", where, got)
			}
			w.news(seat0, Online)
			w.news(seat1, Online)
			if got := fmt.Sprint(w.p.Listening(seat1)); got != "["+where+"]" {
				t.Errorf("%s became %s", where, got)
			}
			w.p.Activate(1, []Seat{seat0, seat1})
			seen := map[string]bool{}
			until(t, listen+": both answer", func() bool { seen[w.get(host(where), "/")] = true; return len(seen) == 2 })
			if strings.HasPrefix(where, "tcp") {
				w.p.Activate(1, []Seat{seat1})
				for range 20 {
					if got := w.get(host(where), "/"); got != "10" {
						t.Errorf("%s was answered by %s", listen, got)
					}
				}
			}
			for s, p := range map[Seat]*program{seat0: a, seat1: b} {
				w.p.Disconnect(s)
				w.news(s, Closed)
				if code := p.exit(t); code != 0 {
					t.Errorf("exit code %d", code)
				}
				w.p.Left(s)
			}
			w.p.Release(1)
			if held := w.holds(); held != "" {
				t.Errorf("parked for good: %s", held)
			}
			if _, err := get(host(where), "/"); err == nil {
				t.Errorf("%s is still open", where)
			}
		}
	})
}

func TestAnAppMayHaveSeveralPortsAndDatagrams(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		script := hello + `
server.listen(0);
http.createServer((req, res) => res.end('second')).listen(0, '127.0.0.1');
const udp = require('dgram').createSocket('udp4');
udp.on('message', (m, from) => udp.send(process.env.SEAT, from.port, from.address));
udp.bind(0, '127.0.0.1');
`
		w.start(seat0, Worker, script)
		w.start(seat1, Worker, script)
		var list [2]map[string]bool
		for i, s := range []Seat{seat0, seat1} {
			list[i] = map[string]bool{}
			for range 3 {
				list[i][w.news(s, Listening)] = true
			}
		}
		if fmt.Sprint(list[0]) != fmt.Sprint(list[1]) || len(list[0]) != 3 {
			t.Fatalf("got %v", list)
		}
		w.p.Activate(1, []Seat{seat0, seat1})
		for where := range list[0] {
			seen := map[string]bool{}
			switch {
			case strings.HasPrefix(where, "udp"):
				until(t, "both answer", func() bool {
					c, err := net.Dial("udp", host(where))
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					b := make([]byte, 10)
					c.Write([]byte("?"))
					c.SetReadDeadline(time.Now().Add(time.Minute))
					n, err := c.Read(b)
					if err != nil {
						t.Fatal(err)
					}
					seen[string(b[:n])] = true
					return len(seen) == 2
				})
			case strings.Contains(where, "127.0.0.1"):
				if got := w.get(host(where), "/"); got != "second" {
					t.Errorf("got %s", got)
				}
			default:
				until(t, "both answer", func() bool { seen[w.get(host(where), "/")] = true; return len(seen) == 2 })
			}
		}
	})
}

func TestAPortThatIsTakenIsTheAppsOwnErrorEvent(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		a := w.start(seat0, Worker, hello+fmt.Sprintf(`
server.on('error', (e) => { console.log('error', e.code, e.syscall); server.listen(0, '127.0.0.1'); });
server.listen(%d, '127.0.0.1');
const other = http.createServer();
other.on('error', (e) => console.log('other', e.code));
other.listen(0, '203.0.113.1');
const fd = http.createServer();
fd.on('error', (e) => console.log('third', e.code));
fd.listen({ fd: 5 });
const tls = require('https').createServer();
tls.on('error', (e) => console.log('tls', e.code));
tls.listen(%d, '127.0.0.1');
`, port, port))
		got := map[string]bool{}
		for range 4 {
			line := a.line(t, "")
			for strings.HasPrefix(line, "worker") {
				line = a.line(t, "")
			}
			got[line] = true
		}
		if !got["other EADDRNOTAVAIL"] || !got["third EBADF"] || !got["tls EADDRINUSE"] || !(got["error EADDRINUSE bind"] || got["error EADDRINUSE listen"]) {
			t.Errorf("got %v", got)
		}
		if s := w.get(host(w.news(seat0, Listening)), "/"); s != "00" {
			t.Errorf("got %s", s)
		}
	})
}

func TestMessagesAndReadiness(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		for _, kind := range []Kind{Worker, Channel} {
			a := w.start(seat0, kind, `
console.log('worker', require('cluster').isWorker, typeof process.send);
process.on('message', (m) => { console.log('got', JSON.stringify(m)); if (m.type === 'shutdown') { process.exitCode = 3; process.disconnect(); } });
process.on('disconnect', () => console.log('alone'));
process.send({ big: 'x'.repeat(1 << 20) });
process.send('ready');
`)
			if got, want := a.line(t, "worker"), fmt.Sprint(kind == Worker, " function"); got != want {
				t.Errorf("got %s; want %s", got, want)
			}
			w.news(seat0, Ready)
			for _, m := range []string{`"shutdown"`, `{"a":[1,"é"]}`, `{"type":"shutdown"}`} {
				if err := w.p.Send(seat0, m); err != nil {
					t.Fatal(err)
				}
				if got := a.line(t, "got"); got != m {
					t.Errorf("%s became %s", m, got)
				}
			}
			if kind == Channel {
				a.line(t, "alone")
			}
			w.news(seat0, Closed)
			// A worker that disconnects by itself has lost its primary: Node ends it.
			if code := a.exit(t); kind == Channel && code != 3 {
				t.Errorf("exit code %d", code)
			}
			if err := w.p.Send(seat0, "1"); velos.CodeOf(err) != velos.NotRunning {
				t.Errorf("got %v", err)
			}
			w.p.Left(seat0)
		}
		if err := w.p.Send(seat0, "1\n2"); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("got %v", err)
		}
	})
}

func TestAWorkerMayDisconnectByItself(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		a := w.start(seat0, Worker, hello+`server.listen(0, () => cluster.worker.disconnect());
process.on('exit', () => console.log('voluntary', cluster.worker.exitedAfterDisconnect));`)
		w.news(seat0, Disconnected)
		w.news(seat0, Closed)
		if got := a.line(t, "voluntary"); got != "true" || a.exit(t) != 0 {
			t.Errorf("got %s", got)
		}
	})
}

func TestTheLastServerThatIsClosedClosesThePort(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		w.start(seat0, Worker, hello+"server.listen(0)")
		where := host(w.news(seat0, Listening))
		w.start(seat1, Worker, hello+"server.listen(0)")
		w.news(seat1, Listening)
		w.p.Activate(1, []Seat{seat0, seat1})
		first := w.get(where, "/close")
		left := map[string]Seat{"00": seat1, "10": seat0}[first]
		until(t, "one has it left", func() bool { return len(w.p.Listening(seat0))+len(w.p.Listening(seat1)) == 1 })
		for range 20 {
			if got := w.get(where, "/"); got == first {
				t.Errorf("%s was asked, which has closed", got)
			}
		}
		w.get(where, "/close")
		until(t, "nobody has it", func() bool { return len(w.p.Listening(left)) == 0 })
		until(t, "it is closed", func() bool { _, err := get(where, "/"); return errors.Is(err, syscall.ECONNREFUSED) })
		if held := w.holds(); strings.Contains(held, "sock/") {
			t.Errorf("parked for good: %s", held)
		}
	})
}

func TestASuccessorOnTheSameSeatServesWhoWaited(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		script := hello + "server.listen(0, '127.0.0.1')"
		a := w.start(seat0, Worker, script)
		where := host(w.news(seat0, Listening))
		w.p.Activate(1, []Seat{seat0})
		get(where, "/crash")
		w.news(seat0, Closed)
		if code := a.exit(t); code != 7 {
			t.Errorf("exit code %d", code)
		}
		w.p.Left(seat0)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := get(where, "/"); err != nil || got != "00" {
					t.Errorf("got %s, %v", got, err)
				}
			})
		}
		until(t, "20 wait", func() bool { return w.p.Queued(seat0) == 20 })
		w.start(seat0, Worker, script)
		wg.Wait()
		if n := w.p.Queued(seat0); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// load asks for / again and again, each client on its own connection, until
// stop is closed, and counts.
func load(t *testing.T, where string, clients int, keepAlive bool, stop chan struct{}) (done *atomic.Int64, wait func()) {
	done = new(atomic.Int64)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			tr := &http.Transport{DisableKeepAlives: !keepAlive, MaxIdleConnsPerHost: 1}
			defer tr.CloseIdleConnections()
			// POST has no second chance in net/http, GET would be asked again silently.
			c := http.Client{Transport: tr, Timeout: 20 * time.Second}
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := c.Post("http://"+where+"/", "text/plain", http.NoBody)
				if err != nil {
					t.Errorf("after %d: %v", done.Load(), err)
					return
				}
				r.Body.Close()
				done.Add(1)
			}
		})
	}
	return done, wg.Wait
}

// settle waits until nobody is on the way to a seat that takes no more: by then
// the clients have each asked again.
func settle(t *testing.T, w *world, old Seat, done *atomic.Int64) {
	t.Helper()
	before := done.Load()
	until(t, "requests go on elsewhere", func() bool { return t.Failed() || done.Load() > before+100 })
	time.Sleep(20 * time.Millisecond)
	until(t, "nobody waits", func() bool { return w.p.Queued(old) == 0 })
}

func TestReloadsUnderLoadFailNoRequest(t *testing.T) {
	for _, keepAlive := range []bool{true, false} {
		t.Run(fmt.Sprint("keep-alive ", keepAlive), func(t *testing.T) {
			withNode(t, func(t *testing.T, w *world) {
				script := hello + "server.listen(0, '127.0.0.1')"
				seats := []Seat{seat0, seat1}
				procs := map[Seat]*program{}
				var where string
				for _, s := range seats {
					procs[s] = w.start(s, Worker, script)
					where = host(w.news(s, Listening))
				}
				w.p.Activate(1, seats)
				stop := make(chan struct{})
				done, wait := load(t, where, 8, keepAlive, stop)
				for turn := range 6 {
					i := turn % 2
					old, next := seats[i], seats[i].twin()
					procs[next] = w.start(next, Worker, script)
					w.news(next, Listening)
					seats[i] = next
					if err := w.p.Activate(1, seats); err != nil {
						t.Error(err)
					}
					settle(t, w, old, done)
					if err := w.p.Drain(old, false); err != nil {
						t.Error(err)
					}
					w.news(old, Closed)
					if code := procs[old].exit(t); code != 0 {
						t.Errorf("exit code %d", code)
					}
					w.p.Left(old)
					before := done.Load()
					until(t, "requests go on", func() bool { return t.Failed() || done.Load() > before+20 })
				}
				close(stop)
				wait()
				t.Log(done.Load(), "requests")
			})
		})
	}
}

func TestDrainWaitsForRequestsAndMayCloseIdleConnections(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		a := w.start(seat0, Worker, `
require('http').createServer((req, res) => {
  if (req.url === '/slow') { console.log('slow'); process.once('SIGUSR2', () => res.setHeader('Connection', 'keep-alive').end('slow')); return; }
  res.end('quick');
}).listen(0, '127.0.0.1');
require('http').createServer().on('error', () => {}).listen(0, '203.0.113.1');
`)
		where := host(w.news(seat0, Listening))
		idle := &http.Client{}
		if r, err := idle.Get("http://" + where + "/"); err != nil {
			t.Fatal(err)
		} else {
			r.Body.Close()
		}
		type answer struct {
			r   *http.Response
			err error
		}
		slow := make(chan answer)
		go func() {
			r, err := (&http.Client{Transport: &http.Transport{}}).Get("http://" + where + "/slow")
			slow <- answer{r, err}
		}()
		a.line(t, "slow")
		if err := w.p.Drain(seat0, true); err != nil {
			t.Fatal(err)
		}
		until(t, "the listener closes", func() bool { return len(w.p.Listening(seat0)) == 0 })
		a.cmd.Process.Signal(syscall.SIGUSR2)
		got := <-slow
		if got.err != nil || !got.r.Close {
			t.Fatalf("got %+v, %v", got.r, got.err)
		}
		got.r.Body.Close()
		w.news(seat0, Closed)
		if code := a.exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestDrainEndsSessionsOfHTTP2(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		a := w.start(seat0, Worker, `
const http2 = require('http2');
const server = http2.createServer((req, res) => setTimeout(() => res.end('late'), 300));
server.listen(0, '127.0.0.1', () => {
  const client = http2.connect('http://127.0.0.1:' + server.address().port);
  client.on('goaway', () => console.log('goaway'));
  const r = client.request({ ':path': '/' });
  r.setEncoding('utf8').on('data', (s) => console.log('body', s)).end();
  server.on('stream', () => console.log('asked'));
});
`)
		a.line(t, "asked")
		if err := w.p.Drain(seat0, false); err != nil {
			t.Fatal(err)
		}
		if got := a.line(t, "body"); got != "late" {
			t.Errorf("got %s", got)
		}
		w.news(seat0, Closed)
		if code := a.exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestALaterPrimaryGoesOn(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		script := hello + `server.listen(0, '127.0.0.1'); process.send('ready'); process.on('message', (m) => console.log('got', m));`
		a := w.start(seat0, Worker, script)
		where := host(w.news(seat0, Listening))
		w.news(seat0, Ready)
		w.start(seat1, Worker, script)
		w.news(seat1, Listening)
		w.news(seat1, Ready)
		w.p.Activate(1, []Seat{seat0, seat1})
		stop := make(chan struct{})
		done, wait := load(t, where, 4, true, stop)
		standing := w.succeed(seat0, seat1, seat0b)
		for i, want := range []Standing{{true, true, true}, {true, true, true}, {}} {
			if standing[i] != want {
				t.Errorf("seat %d: %+v", i, standing[i])
			}
		}
		w.p.Send(seat0, `"hello"`)
		a.line(t, "got hello")
		if got := fmt.Sprint(w.p.Listening(seat0)); got != "[tcp://"+where+"]" {
			t.Errorf("it listens at %s", got)
		}
		w.start(seat0b, Worker, script)
		if got := host(w.news(seat0b, Listening)); got != where {
			t.Errorf("got %s; want %s", got, where)
		}
		w.p.Activate(1, []Seat{seat0b, seat1})
		settle(t, w, seat0, done)
		if err := w.p.Drain(seat0, false); err != nil {
			t.Error(err)
		}
		w.news(seat0, Closed)
		a.exit(t)
		w.p.Left(seat0)
		before := done.Load()
		until(t, "requests go on", func() bool { return t.Failed() || done.Load() > before+50 })
		close(stop)
		wait()
		w.p.Left(seat0b)
		w.p.Left(seat1)
		w.p.Release(1)
		if held := w.holds(); held != "" {
			t.Errorf("parked for good: %s", held)
		}
	})
}

func TestWhatWorkersForkIsLeftAlone(t *testing.T) {
	withNode(t, func(t *testing.T, w *world) {
		os.WriteFile(w.dir+"/child.js", []byte(`process.send(JSON.stringify([process.execArgv, require('cluster').isWorker]))`), 0o644)
		a := w.start(seat0, Worker, `require('child_process').fork(process.env.DIR + '/child.js').on('message', (m) => console.log('child', m));`)
		if got := a.line(t, "child"); got != "[[],false]" {
			t.Errorf("got %s", got)
		}
	})
}
