package child

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

func init() { daemons["former"], daemons["next"], daemons["middle"] = formerDaemon, nextDaemon, middle }

// middle is a keeper that starts a former daemon, names its pid and reaps
// nobody.
func middle() {
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	os.Setenv("CHILD_MODE", "former")
	self, _ := os.Executable()
	r, w, _ := os.Pipe() // the daemon says nothing before its pid was said
	pid, err := syscall.ForkExec("/bin/sh", append([]string{"sh", "-c", `read go <&3; exec "$0" "$@"`, self}, os.Args[1:]...),
		&syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2, r.Fd()}})
	fmt.Println(pid, err)
	w.Write([]byte("go\n"))
	time.Sleep(time.Hour)
}

// formerDaemon runs each argument as a script, says what it would save of them,
// and waits to be killed or told to become the next daemon.
func formerDaemon() {
	h, err := OpenWith(Options{NoCgroup: os.Getenv("NO_CGROUP") != ""})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	if os.Getenv("QUICK") != "" {
		// Ends while the programs change places are the next one's to hear.
		signal.Stop(h.children)
	}
	for i, script := range os.Args[1:] {
		mark := strconv.Itoa(i) + ":" + strconv.Itoa(os.Getpid())
		p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", script},
			Env: []string{"PATH=/usr/bin:/bin", "VELOS_ID=" + mark}, Stdout: -1, Stderr: 2, Mark: mark})
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("run", p.PID(), p.StartTicks(), p.Mark(), "@"+p.Cgroup())
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	if in.Scan() && in.Text() == "exec" {
		self, _ := os.Executable()
		os.Setenv("CHILD_MODE", "next")
		os.Setenv("HEIR", "1")
		err := syscall.Exec(self, []string{"child"}, os.Environ())
		fmt.Println("error", err)
	}
}

// nextDaemon does what it reads, a line of words each, and answers each with a
// line.
func nextDaemon() {
	keeper, _ := strconv.Atoi(os.Getenv("KEEPER"))
	h, err := OpenWith(Options{NoCgroup: os.Getenv("NO_CGROUP") != "", Keeper: keeper, Heir: os.Getenv("HEIR") != ""})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	h.mu.Lock()
	h.deaf = os.Getenv("DEAF") != ""
	h.lists = h.lists && os.Getenv("NO_LISTS") == ""
	if h.grace > 0 && os.Getenv("MUTE") == "" {
		h.grace = time.Minute // the keeper tells, however busy the machine is
	}
	h.mu.Unlock()
	fmt.Println("ready")
	runs := map[string]*Process{}
	for w := range orders(h) {
		n := make([]int, len(w))
		for i := range w {
			n[i], _ = strconv.Atoi(w[i])
		}
		switch w[0] {
		case "adopt":
			start, _ := strconv.ParseUint(w[2], 10, 64)
			p, err := h.Adopt(Adoption{PID: n[1], Start: start, Mark: w[3], Cgroup: w[4][1:], Began: time.Unix(7, 0)})
			if err != nil {
				fmt.Println(velos.CodeOf(err), err)
				continue
			}
			runs[w[1]] = p
			if os.Getenv("BLIND") != "" {
				blind(h, p)
			}
			fmt.Println("adopted", p.PID() == n[1] && p.StartTicks() == start && p.Mark() == w[3] && p.Started() == time.Unix(7, 0), "@"+p.Cgroup())
		case "descriptors":
			var lim syscall.Rlimit
			syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
			lim.Cur = uint64(n[1])
			fmt.Println(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
		case "settled":
			h.Settled()
			fmt.Println("ok")
		case "signal":
			fmt.Println(runs[w[1]].Signal(n[2], n[3] == 1))
		case "kill":
			begin := time.Now()
			fmt.Println(runs[w[1]].Kill())
			fmt.Fprintln(os.Stderr, "kill", time.Since(begin))
		case "exited":
			select {
			case x := <-runs[w[1]].Exited():
				fmt.Printf("code=%d signal=%q unknown=%v leftover=%v\n", x.Code, x.Signal, x.Unknown, x.Leftover)
			case <-time.After(time.Minute):
				fmt.Println("it did not end")
			}
		case "gone":
			select {
			case <-runs[w[1]].Gone():
				fmt.Println("gone")
			case <-time.After(time.Minute):
				fmt.Println("not gone")
			}
		case "observe":
			var t proc.Table
			t.Scan()
			h.Observe(&t)
			fmt.Println("ok")
		case "many": // adoptions, timed here: pid start mark group, and so on
			begin, bad := time.Now(), 0
			for i := 1; i+3 < len(w); i += 4 {
				start, _ := strconv.ParseUint(w[i+1], 10, 64)
				p, err := h.Adopt(Adoption{PID: n[i], Start: start, Mark: w[i+2], Cgroup: w[i+3][1:]})
				if err != nil {
					bad++
					continue
				}
				runs[w[i]] = p
			}
			h.Settled()
			fmt.Println(bad, time.Since(begin).Microseconds())
		case "cgroup":
			fmt.Println("@" + runs[w[1]].Cgroup())
		case "start":
			p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", strings.Join(w[1:], " ")}, Env: os.Environ(), Stdout: -1, Stderr: 2})
			if err != nil {
				fmt.Println("error", err)
				continue
			}
			runs[strconv.Itoa(p.PID())] = p
			fmt.Println(p.PID())
		case "state":
			h.mu.Lock()
			fmt.Printf("runs=%d left=%d adopted=%d wards=%d kept=%d ending=%d blind=%d\n",
				len(h.runs), len(h.left), len(h.adopted), len(h.wards), len(h.kept), len(h.ending), h.blind)
			h.mu.Unlock()
		case "close":
			fmt.Println(h.Close())
		}
	}
}

// blind makes p what it is on a system without pidfds.
func blind(h *Host, p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unwatch(p)
	closePidfd(p.foster.fd)
	p.foster.fd = -1
	h.watch(p)
}

// orders is what nextDaemon reads. Reports of the keeper are heard at once and
// are not answered.
func orders(h *Host) <-chan []string {
	list := make(chan []string)
	go func() {
		defer close(list)
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			w := strings.Split(in.Text(), " ")
			if w[0] != "reaped" {
				list <- w
				continue
			}
			pid, _ := strconv.Atoi(w[1])
			status, _ := strconv.Atoi(w[2])
			h.Reaped(pid, uint32(status))
		}
	}()
	return list
}
