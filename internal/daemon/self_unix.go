//go:build unix

package daemon

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/keeper"
)

// restartLean executes this program once more with GOMAXPROCS=1, which the
// runtime reads only at its start: on a large machine the difference is
// megabytes and dozens of threads. velos starts velosd that way at once.
func restartLean() {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, append(os.Environ(), "GOMAXPROCS=1"))
	}
	say("velosd: restart with GOMAXPROCS=1: " + err.Error()) // it works without, too
}

// heed catches from now on what we are told by signals: one that comes while
// we start or end would kill us, and leave programs to nobody.
func heed() chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return signals
}

// waitForEnd returns when the end was asked for, by a client or a signal.
func (d *Daemon) waitForEnd() {
	for {
		select {
		case <-d.ending:
			return
		case s := <-d.signals:
			if s == syscall.SIGHUP {
				d.reload()
				continue
			}
			d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd got " + s.String(), Actor: velos.Policy})
			return
		}
	}
}

func signalGroup(pgid int, s syscall.Signal) error { return syscall.Kill(-pgid, s) }

// wakeKeeper has a keeper without a daemon start its next one.
func wakeKeeper(pid int) { _ = syscall.Kill(pid, syscall.SIGUSR1) }

func lowPriority(pid int) { _ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, 10) }

func exeName(s string) string { return s }

func cpuTime() velos.Millis {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return velos.Millis((u.Utime.Nano() + u.Stime.Nano()) / 1e6)
}

// heirMark tells a program that it was executed in the place of another
// velosd, and that the children of this process are its own.
const heirMark = "VELOS_HEIR"

func heir() bool {
	if os.Getenv(heirMark) == "" {
		return false
	}
	_ = os.Unsetenv(heirMark)
	return true
}

// execDaemon makes this process the program at path, as a daemon. It inherits
// the line to the keeper and the lock, and nothing else.
func execDaemon(path string, line, lock int) error {
	for _, fd := range []int{line, lock} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	// Until the next program listens; the keeper asks once more for the end.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return syscall.Exec(path, os.Args, append(keeper.DaemonEnv(os.Environ()), heirMark+"=1"))
}
