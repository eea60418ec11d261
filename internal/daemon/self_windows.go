package daemon

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/velospm/velos"
)

func restartLean() {}

func heed() chan os.Signal {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt)
	return signals
}

func (d *Daemon) waitForEnd() {
	select {
	case <-d.ending:
	case <-d.signals:
	}
}

func signalGroup(int, syscall.Signal) error {
	return &velos.Error{Code: velos.Unsupported, Message: "process groups: not on this platform"}
}

func wakeKeeper(int) {}

func lowPriority(int) {}

func exeName(s string) string { return s + ".exe" }

func cpuTime() velos.Millis { return 0 }

func heir() bool { return false }

func execDaemon(string, int, int) error {
	return &velos.Error{Code: velos.Unsupported, Message: "replace the program: not on this platform"}
}
