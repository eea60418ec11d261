package keeper

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is keeper, daemon and child too. A daemon does what its
// standard input says, a line at a time, and answers each with a line; both
// pass through the keeper to every daemon in turn.
func TestMain(m *testing.M) {
	switch {
	case Daemon():
		scripted()
	case os.Getenv("KEEPER_TEST") == "writer":
		write()
	case os.Getenv("KEEPER_TEST") == "child":
		wait()
	case os.Getenv("KEEPER_TEST") == "keeper" || Resumed():
		if n, err := strconv.Atoi(os.Getenv("KEEPER_LIMIT")); err == nil {
			unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(n), Max: uint64(n)})
		}
		lock := -1
		if path := os.Getenv("KEEPER_LOCK"); path != "" && !Resumed() {
			lock, _ = unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
			if err := unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
				os.Exit(40)
			}
		}
		settled, _ := time.ParseDuration(os.Getenv("KEEPER_SETTLED"))
		resting := func(int) { os.WriteFile(filepath.Join(os.Getenv("KEEPER_DIR"), "resting"), []byte("yes"), 0o600) }
		os.Exit(Run(Options{Lock: lock, Settled: settled, Resting: resting}))
	default:
		os.Exit(m.Run())
	}
}

// write writes numbered lines until SIGTERM.
func write() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	for n := 0; ; n++ {
		select {
		case <-stop:
			os.Exit(0)
		default:
		}
		if _, err := os.Stdout.WriteString(strconv.Itoa(n) + " some text that makes a line\n"); err != nil {
			os.Exit(1)
		}
		if n%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// wait exits with 7 on SIGUSR1.
func wait() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR1)
	os.Stdout.WriteString("waiting\n")
	select {
	case <-stop:
		os.Exit(7)
	case <-time.After(20 * time.Minute):
		os.Exit(1)
	}
}

// A script is the daemon of the tests.
type script struct {
	line *Line
	dir  string
	seen chan Exit
	held []Parked
}

func reply(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

func scripted() {
	s := &script{dir: os.Getenv("KEEPER_DIR"), seen: make(chan Exit, 1<<16)}
	f, _ := os.OpenFile(filepath.Join(s.dir, "starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fmt.Fprintln(f, os.Getpid())
	f.Close()
	for held(s.dir) {
		time.Sleep(time.Millisecond)
	}
	if code, err := strconv.Atoi(os.Getenv("KEEPER_CODE")); err == nil {
		os.Exit(code)
	}
	var err error
	if s.line, err = Dial(LineFD); err != nil {
		reply("dial: %v", err)
		os.Exit(3)
	}
	if os.Getenv("KEEPER_LOOP") != "" {
		s.line.Ready()
		os.Exit(9)
	}
	if s.held, err = s.line.List(); err != nil {
		reply("list: %v", err)
		os.Exit(3)
	}
	for _, p := range s.held {
		if p.Name == "pipe" {
			go s.collect(p.FD)
		}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, handled...)
	go func() {
		for g := range signals {
			reply("signal %d", g)
		}
	}()
	reply("up %d", os.Getpid())
	for {
		words := strings.Fields(command())
		if len(words) == 0 {
			os.Exit(4) // the test has gone
		}
		s.do(words)
	}
}

func held(dir string) bool { _, err := os.Stat(filepath.Join(dir, "hold")); return err == nil }

// command reads a line a byte at a time: what follows may be for the next
// daemon.
func command() string {
	var line []byte
	var b [1]byte
	for {
		if n, err := os.Stdin.Read(b[:]); n == 0 || err != nil || b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func (s *script) do(words []string) {
	n := 0
	if len(words) > 1 {
		n, _ = strconv.Atoi(words[1])
	}
	switch words[0] {
	case "ready":
		reply("ok %v", s.line.Ready())
	case "exit":
		os.Exit(n)
	case "park": // n pipes, each with its name in it
		err := error(nil)
		for i := range n {
			var p [2]int
			unix.Pipe2(p[:], unix.O_CLOEXEC)
			name := words[2] + strconv.Itoa(i)
			unix.Write(p[1], []byte(name))
			if e := s.line.Park(name, p[0]); e != nil {
				err = e
			}
			unix.Close(p[0])
			unix.Close(p[1])
		}
		reply("ok %v", err)
	case "churn": // parks and drops until it is killed
		s.line.Ready()
		var p [2]int
		unix.Pipe2(p[:], unix.O_CLOEXEC)
		me := strconv.Itoa(os.Getpid()) + "/"
		reply("churns")
		for i := 0; ; i++ {
			s.line.Park(me+strconv.Itoa(i), p[0])
			s.line.Drop(me + strconv.Itoa(i-5))
		}
	case "drop":
		reply("ok %v", s.line.Drop(words[1]))
	case "held":
		var b strings.Builder
		for _, p := range s.held {
			var text [200]byte
			n, _ := unix.Read(p.FD, text[:])
			fl, _ := unix.FcntlInt(uintptr(p.FD), unix.F_GETFD, 0)
			if string(text[:max(n, 0)]) != p.Name || fl != unix.FD_CLOEXEC {
				b.WriteString(" BAD:")
			}
			b.WriteString(" " + p.Name)
		}
		reply("held%s", b.String())
	case "list":
		list, err := s.line.List()
		closeParked(list)
		reply("list %d %v", len(list), err)
	case "state":
		st, err := s.line.State()
		reply("state %+v %v", st, err)
	case "child":
		reply("child %d", spawn("child", nil))
	case "writer":
		r, w, _ := os.Pipe()
		err := s.line.Park("pipe", int(r.Fd()))
		pid := spawn("writer", w)
		w.Close()
		fd, _ := unix.Dup(int(r.Fd()))
		go s.collect(fd)
		reply("writer %d %v", pid, err)
	case "follow":
		replied := make(chan struct{}) // exits come from another goroutine, but after the reply
		err := s.line.Follow(func(x Exit) {
			<-replied
			s.seen <- x
			reply("exit %d %d", x.PID, x.Status)
		}, func(err error) { os.WriteFile(filepath.Join(s.dir, "lost"), []byte(err.Error()), 0o600) })
		reply("ok %v", err)
		close(replied)
	case "beat":
		reply("ok %v", s.line.Beat(time.Duration(n)*time.Millisecond))
	case "ack":
		for len(s.seen) > 0 {
			s.line.Ack(<-s.seen)
		}
		reply("ok")
	case "raw":
		b := []byte(words[1])
		_, err := unix.SendmsgN(LineFD, b, nil, nil, 0)
		reply("ok %v", err)
	case "limit":
		out, err := exec.Command("sh", "-c", "ulimit -n").Output()
		reply("limit %s %v", strings.TrimSpace(string(out)), err)
	case "mask": // what programs inherit from us
		out, _ := exec.Command("grep", "-E", "SigBlk|SigIgn", "/proc/self/status").Output()
		reply("mask %s", strings.Join(strings.Fields(string(out)), " "))
	case "reexec": // the daemon's own upgrade
		unix.FcntlInt(uintptr(s.line.FD()), unix.F_SETFD, 0)
		err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), role+"="+roleDaemon))
		reply("reexec %v", err)
	case "lock":
		_, err := unix.FcntlInt(LockFD, unix.F_GETFD, 0)
		reply("lock %v", err)
	case "upgrade":
		reply("upgrade %v", s.line.Upgrade(words[1]))
	default:
		reply("what is %s", words[0])
	}
}

func spawn(role string, out *os.File) int {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "KEEPER_TEST="+role)
	var ready *bufio.Reader
	if out != nil {
		cmd.Stdout = out
	} else {
		p, _ := cmd.StdoutPipe()
		ready = bufio.NewReader(p)
	}
	if err := cmd.Start(); err != nil {
		return -1
	}
	if ready != nil {
		ready.ReadString('\n')
	}
	go cmd.Wait()
	return cmd.Process.Pid
}

// collect moves what is in the pipe to the spool: each move is one step of
// the kernel, so no death can lose or double a byte.
func (s *script) collect(fd int) {
	f, err := os.OpenFile(filepath.Join(s.dir, "spool"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	info, _ := f.Stat()
	at := info.Size()
	for {
		n, err := unix.Splice(fd, nil, int(f.Fd()), &at, 1<<16, 0)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			os.WriteFile(filepath.Join(s.dir, "eof"), nil, 0o600)
			return
		}
	}
}

// A stage is a keeper and its daemons, as a test sees them.
type stage struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	in     *os.File
	lines  chan string
	daemon int
	ended  chan struct{}
}

func begin(t *testing.T, env ...string) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), lines: make(chan string, 1<<12), ended: make(chan struct{})}
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), "KEEPER_TEST=keeper", "KEEPER_DIR="+s.dir, "GOMAXPROCS=1")
	s.cmd.Env = append(s.cmd.Env, env...)
	if testing.Verbose() {
		s.cmd.Stderr = os.Stderr
	}
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.cmd.Stdin = w, in
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout = out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	go func() {
		scan := bufio.NewScanner(r)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			s.lines <- scan.Text()
		}
		close(s.lines)
	}()
	go func() { s.cmd.Wait(); close(s.ended) }()
	t.Cleanup(func() {
		w.Close() // the daemon exits with 4 when it reads on
		s.cmd.Process.Kill()
		<-s.ended
		if s.daemon > 0 {
			syscall.Kill(s.daemon, syscall.SIGKILL)
		}
		for range s.lines {
		}
		r.Close()
	})
	return s
}

// expect waits for a line that begins like this.
func (s *stage) expect(prefix string) string {
	s.t.Helper()
	clock := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the daemon has gone; waited for %q", prefix)
			}
			if strings.HasPrefix(line, prefix) {
				return strings.TrimSpace(strings.TrimPrefix(line, prefix))
			}
		case <-clock:
			s.t.Fatalf("nothing begins with %q", prefix)
		}
	}
}

func (s *stage) number(prefix string) int {
	s.t.Helper()
	word, _, _ := strings.Cut(s.expect(prefix), " ")
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) up() { s.t.Helper(); s.daemon = s.number("up ") }

func (s *stage) order(line, reply string) string {
	s.t.Helper()
	if _, err := s.in.WriteString(line + "\n"); err != nil {
		s.t.Fatal(err)
	}
	return s.expect(reply)
}

func (s *stage) kill() { syscall.Kill(s.daemon, syscall.SIGKILL); s.daemon = 0 }

// over waits for the keeper's end.
func (s *stage) over() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(60 * time.Second):
		s.t.Fatal("the keeper has not ended")
	}
	s.daemon = 0
	return s.cmd.ProcessState.ExitCode()
}

func (s *stage) file(name string) string {
	b, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(b)
}

func (s *stage) hold(on bool) {
	name := filepath.Join(s.dir, "hold")
	if on {
		os.WriteFile(name, nil, 0o600)
	} else {
		os.Remove(name)
	}
}

// until polls for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, time.Minute, what, ok)
}

func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so after %v: %s", limit, what)
		}
	}
}

// gone reports whether nobody has this number, or only a zombie.
func gone(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}
