//go:build linux || darwin

package probe

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

func check(t *testing.T, p *velos.Probe, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return Check(ctx, p, vars(), nil)
}

const ample = time.Minute

func TestAServerIsWellWhenItsStatusIs(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(n)
	}))
	defer s.Close()
	for status, want := range map[int]string{
		200: "", 204: "", 301: "", 399: "",
		400: " answered 400", 404: " answered 404", 500: " answered 500", 503: " answered 503",
	} {
		url := s.URL + "/" + strconv.Itoa(status)
		if want != "" {
			want = url + want
		}
		if got := sentence(check(t, &velos.Probe{HTTP: url + "?key=x"}, ample)); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestTheRequestIsWhatServersExpect(t *testing.T) {
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Clone(context.Background()) }))
	defer s.Close()
	url := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if err := check(t, &velos.Probe{HTTP: url + "/a/ä?b=c%20d"}, ample); err != nil {
		t.Fatal(err)
	}
	if got.Method != "GET" || got.RequestURI != "/a/%C3%A4?b=c%20d" || "http://"+got.Host != url || got.UserAgent() != "velos-probe" || !got.Close {
		t.Errorf("got %s %s for %s from %s, close %v", got.Method, got.RequestURI, got.Host, got.UserAgent(), got.Close)
	}
}

// listen serves each connection with f until the test is over.
func listen(t *testing.T, address string, f func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr()
}

func TestLocalhostIsBothOfItsAddresses(t *testing.T) {
	addr := listen(t, "[::1]:0", func(net.Conn) {})
	port := strconv.Itoa(addr.(*net.TCPAddr).Port)
	for _, host := range []string{"localhost", "", "[::1]"} {
		if err := check(t, &velos.Probe{TCP: host + ":" + port}, ample); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAPortWhereNobodyListensIsRefused(t *testing.T) {
	_, address := bound(t) // and so it stays: nobody else can listen there
	want := "connect to " + address + ": connection refused"
	for _, p := range []velos.Probe{{TCP: address}, {HTTP: "http://" + address + "/x"}} {
		if got := sentence(check(t, &p, ample)); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// request reads a request up to its end.
func request(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return
		}
	}
}

func TestHostileServersEndAtTheDeadlineOrEarlier(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	drip := func(c net.Conn, text string, pause time.Duration) {
		for i := 0; ; i++ {
			if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
				return
			}
			select {
			case <-over:
				return
			case <-time.After(pause):
			}
		}
	}
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"never answers": {func(c net.Conn) { <-over }, ": no answer in time"},
		"drips":         {func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 OK\r\n")); drip(c, "A: b\r\n", time.Millisecond) }, ": no answer in time"},
		"drips its name": {func(c net.Conn) {
			drip(c, "HTTP/1.1 200 is so very well, you would not believe it ", 2*time.Millisecond)
		}, ": no answer in time"},
		"says no end": {func(c net.Conn) {
			c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for {
				if _, err := c.Write([]byte(strings.Repeat("A: b\r\n", 1000))); err != nil {
					return
				}
			}
		}, ": its answer has more than 8 KiB of header"},
		"talks SSH":       {func(c net.Conn) { c.Write([]byte("SSH-2.0-x\r\n")); <-over }, ": its answer is not HTTP"},
		"talks noise":     {func(c net.Conn) { c.Write([]byte{0, 0xff, '\n', 0x16, 3, 1}); request(c) }, ": its answer is not HTTP"},
		"closes":          {request, " closed the connection without an answer"},
		"closes too soon": {func(c net.Conn) { request(c); c.Write([]byte("HTTP/1.1 200 OK\r\nA:")) }, " closed the connection without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := listen(t, "127.0.0.1:0", c.serve)
			url := "http://" + addr.String() + "/"
			start, limit := time.Now(), ample
			if strings.HasSuffix(c.want, "in time") {
				limit = 300 * time.Millisecond
			}
			err := check(t, &velos.Probe{HTTP: url}, limit)
			if sentence(err) != url+c.want {
				t.Errorf("got %v; want %s", err, c.want)
			}
			if errors.Is(err, velos.ErrTimeout) != strings.HasSuffix(c.want, "in time") {
				t.Errorf("the code is %v", velos.CodeOf(err))
			}
			if took := time.Since(start); took > ample {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestABodyWithoutAnEndDoesNotHoldUpAGoodAnswer(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	for name, serve := range map[string]func(net.Conn){
		"silent": func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); <-over },
		"loud": func(c net.Conn) {
			for _, err := c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err == nil; _, err = c.Write(make([]byte, 16<<10)) {
			}
		},
	} {
		addr := listen(t, "127.0.0.1:0", serve)
		start := time.Now()
		if err := check(t, &velos.Probe{HTTP: "http://" + addr.String()}, ample); err != nil || time.Since(start) > ample-time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
	}
}

func TestAServerIsNotCutOffInTheMiddleOfItsAnswer(t *testing.T) {
	said := make(chan error, 1)
	addr := listen(t, "127.0.0.1:0", func(c net.Conn) {
		request(c)
		_, err := c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		for range 20 {
			if err == nil {
				_, err = c.Write(make([]byte, 1000))
			}
		}
		said <- err
	})
	if err := check(t, &velos.Probe{HTTP: "http://" + addr.String()}, ample); err != nil {
		t.Error(err)
	}
	if err := <-said; err != nil {
		t.Errorf("the server could not say all: %v", err)
	}
}

func TestACancelledQuestionIsNoVerdict(t *testing.T) {
	reached := make(chan struct{}, 1)
	addr := listen(t, "127.0.0.1:0", func(c net.Conn) { reached <- struct{}{}; request(c); c.Read(make([]byte, 1)) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	if err := Check(ctx, &velos.Probe{HTTP: "http://" + addr.String()}, vars(), nil); !errors.Is(err, velos.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	if err := Check(ctx, &velos.Probe{TCP: addr.String()}, vars(), nil); err != nil && !errors.Is(err, velos.ErrCancelled) {
		t.Errorf("with a context that is over: %v", err)
	}
}

// full is a listener whose queue is full, so that nobody gets through.
func full(t *testing.T) string {
	t.Helper()
	fd, address := bound(t)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	to, _ := unix.Getsockname(fd)
	for range 20 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		if err := unix.SetNonblock(c, true); err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(c, to); err != unix.EINPROGRESS {
			continue // at once: there is room
		}
		// A loopback answers at once, or not for a second.
		poll := []unix.PollFd{{Fd: int32(c), Events: unix.POLLOUT}}
		if n, err := unix.Poll(poll, 300); n == 0 && err == nil {
			return address
		}
	}
	t.Skip("the queue does not fill here")
	return ""
}

// bound is a socket with an address where nobody listens.
func bound(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, _ := unix.Getsockname(fd)
	return fd, "127.0.0.1:" + strconv.Itoa(name.(*unix.SockaddrInet4).Port)
}

func TestAConnectionThatIsNeverMadeEndsAtTheDeadline(t *testing.T) {
	address := full(t)
	err := check(t, &velos.Probe{TCP: address}, 50*time.Millisecond)
	if !errors.Is(err, velos.ErrTimeout) || sentence(err) != "connect to "+address+": no answer in time" {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc")
	}
	var turn atomic.Int32
	addr := listen(t, "127.0.0.1:0", func(c net.Conn) {
		switch turn.Add(1) % 3 {
		case 0:
			request(c)
			c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		case 1:
			c.Read(make([]byte, 1<<10)) // and the rest of time
			c.Read(make([]byte, 1))
		}
	})
	_, closed := bound(t)
	round := func() {
		for i := range 30 {
			p := &velos.Probe{HTTP: "http://" + addr.String()}
			switch i % 5 {
			case 3:
				p = &velos.Probe{TCP: addr.String()}
			case 4:
				p = &velos.Probe{TCP: closed}
			}
			_ = check(t, p, 5*time.Millisecond)
		}
	}
	count := func() (n int) {
		list, _ := os.ReadDir("/proc/self/fd")
		return len(list) + runtime.NumGoroutine()
	}
	round()
	before := count()
	round()
	for deadline := time.Now().Add(time.Minute); count() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors and goroutines became %d", before, count())
		}
	}
}

func TestASocketThatReachedItselfIsSeen(t *testing.T) {
	fd, err := socket(unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, _ := unix.Getsockname(fd)
	if err := unix.Connect(fd, name); err != nil && err != unix.EINPROGRESS {
		t.Skip(err)
	}
	if !toItself(fd) {
		t.Error("it was taken for a server")
	}
}

func TestWithoutDescriptorsThereIsNoVerdict(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// Only what is not there yet is refused: the test's own files stay.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Skip(err)
	}
	err := check(t, &velos.Probe{TCP: "127.0.0.1:1"}, ample)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, velos.ErrBusy) {
		t.Errorf("got %v", err)
	}
}
