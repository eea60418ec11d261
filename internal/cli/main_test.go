package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// TestMain makes the test binary a velosd when it was copied to that name.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "velosd") {
		os.Exit(pretend())
	}
	completeWithin = time.Minute // a busy machine is no silent daemon
	os.Exit(m.Run())
}

// pretend is a daemon for the tests of its start. What it does is written in
// a file, because its environment is not the test's.
func pretend() int {
	h, err := home.Find(os.Getenv)
	if err != nil {
		return 2
	}
	os.WriteFile(filepath.Join(h.Dir, "environ"), []byte(strings.Join(os.Environ(), "\n")), 0o600)
	if dir, _ := os.Getwd(); dir != "/" {
		return 3
	}
	if text, err := os.ReadFile(filepath.Join(h.Dir, "fail")); err == nil {
		os.Stderr.Write(text)
		return 1
	}
	if _, err := os.Stat(filepath.Join(h.Dir, "slow")); err == nil {
		os.WriteFile(filepath.Join(h.Dir, "slow"), []byte(strconv.Itoa(os.Getpid())), 0o600)
		time.Sleep(10 * time.Minute)
	}
	lock, err := h.Lock()
	if err != nil {
		return 9
	}
	defer lock.Close()
	f, _ := os.OpenFile(filepath.Join(h.Dir, "daemons"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	f.Close()
	l, err := wire.Listen(h.Socket())
	if err != nil {
		return 4
	}
	defer os.Remove(h.Socket())
	d := &fake{home: h.Dir, version: velos.Version, pid: os.Getpid()}
	served := make(chan bool)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	go func() {
		// A file tells us to end.
		for {
			if _, err := os.Stat(filepath.Join(h.Dir, "end")); err == nil {
				close(served)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	select {
	case <-served:
	case <-time.After(10 * time.Minute):
	}
	return 0
}
