//go:build unix

package daemon

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/velospm/velos"
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

// waitForEnd returns when the end was asked for, by a client or a signal.
// SIGHUP is kept for reloading configuration; until there is one it does
// nothing, but does not end the daemon either.
func (d *Daemon) waitForEnd() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-d.ending:
			return
		case s := <-signals:
			if s == syscall.SIGHUP {
				continue
			}
			d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd got " + s.String(), Actor: velos.Policy})
			return
		}
	}
}

func signalGroup(pgid int, s syscall.Signal) error { return syscall.Kill(-pgid, s) }

func lowPriority(pid int) { _ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, 10) }

func exeName(s string) string { return s }

func cpuTime() velos.Millis {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return velos.Millis((u.Utime.Nano() + u.Stime.Nano()) / 1e6)
}
