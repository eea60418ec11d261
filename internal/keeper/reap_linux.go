package keeper

import (
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap takes every end that there is. The daemon's own is dealt with last.
func (k *keeper) reap() (code int, over bool) {
	var last syscall.WaitStatus
	died := false
	for {
		pid, start := k.nextDead()
		if pid == 0 {
			break
		}
		var ws syscall.WaitStatus
		if n, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); n != pid || err != nil {
			break
		}
		if pid == k.pid {
			last, died = ws, true
			continue
		}
		k.mu.Lock()
		k.ends.add(end{start: start, when: time.Now().UnixNano(), pid: int32(pid), status: uint32(ws)})
		k.mu.Unlock()
	}
	k.mu.Lock()
	k.nudge()
	k.mu.Unlock()
	if !died {
		return 0, false
	}
	return k.fallen(last)
}

// fallen decides what a daemon's end means.
func (k *keeper) fallen(ws syscall.WaitStatus) (code int, over bool) {
	pid := k.pid
	k.pid = 0
	k.hangUp()
	k.silent.Stop() // all that it has sent is done
	k.given = false
	code = ws.ExitStatus()
	how := " exited with code " + strconv.Itoa(code)
	if ws.Signaled() {
		code = 128 + int(ws.Signal())
		how = " was ended by signal " + strconv.Itoa(int(ws.Signal()))
	}
	k.mu.Lock()
	proven := k.proven
	k.mu.Unlock()
	if ws.Exited() && code == Leave && proven {
		k.idle = !k.asked
		return 0, k.asked && k.finish(syscall.SIGTERM) // asked too late for this one
	}
	if code == 0 || k.asked || !proven {
		return code, true
	}
	say("the daemon (pid " + strconv.Itoa(pid) + ")" + how + "; starting it again")
	if time.Since(k.began) >= k.settled {
		k.strikes = 0
	}
	k.strike()
	return 0, false
}

// hangUp waits until all that the dead daemon has sent is done. What was sent
// stays readable; only waiting for more ends, whoever holds the other end.
func (k *keeper) hangUp() {
	k.mu.Lock()
	if k.line >= 0 {
		_ = unix.Shutdown(k.line, unix.SHUT_RDWR)
	}
	k.mu.Unlock()
	for {
		select {
		case <-k.drained:
			return
		case <-k.upgrades:
			k.verdict <- syscall.ECANCELED
		}
	}
}

// nextDead is a child that has ended and its start, or 0. The child is still
// to be waited for: until then its number cannot be another's.
func (k *keeper) nextDead() (pid int, start uint64) {
	// The layout of siginfo_t for SIGCHLD.
	type child struct {
		signo, errno, code int32
		of                 struct {
			_   [0]uintptr
			pid int32
		}
	}
	for {
		k.info = unix.Siginfo{}
		err := unix.Waitid(unix.P_ALL, 0, &k.info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, 0
		}
		pid = int((*child)(unsafe.Pointer(&k.info)).of.pid)
		if pid == 0 {
			return 0, 0
		}
		return pid, k.startTicks(pid)
	}
}

// startTicks is field 22 of a process's stat. Its second field is a name that
// may hold anything, so the fields are counted from the last parenthesis.
func (k *keeper) startTicks(pid int) (ticks uint64) {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/stat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	n, _ := syscall.Read(fd, k.stat[:])
	syscall.Close(fd)
	text := k.stat[:max(n, 0)]
	i := len(text)
	for i > 0 && text[i-1] != ')' {
		i--
	}
	field := 2
	for ; i < len(text) && field <= 22; i++ {
		switch c := text[i]; {
		case c == ' ':
			field++
		case field == 22 && c >= '0' && c <= '9':
			ticks = ticks*10 + uint64(c-'0')
		}
	}
	return ticks
}
