//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemSignal is the number of a signal with a full name; 0 if there is none.
func systemSignal(name string) int { return int(unix.SignalNum(name)) }

// forwarded are the numbers of signals that a foreground life hands on to its
// apps, until stop.
func forwarded() (numbers <-chan int, stop func()) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	out := make(chan int)
	done := make(chan struct{})
	go func() {
		defer close(out)
		for {
			select {
			case s := <-c:
				out <- int(s.(syscall.Signal))
			case <-done:
				return
			}
		}
	}()
	return out, func() { signal.Stop(c); close(done) }
}

// reap waits for children that nobody else waits for: as process 1 a program
// gets every orphan of its container. velosd, which is our own child, is
// among them; it is known by its socket, not by its pid.
func reap() (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCHLD)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-c:
				for {
					var ws unix.WaitStatus
					if pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil); pid <= 0 && err != unix.EINTR {
						break
					}
				}
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(c); close(done) }
}
