package child

import (
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestADirectoryThatDoesNotAnswerHoldsNobodyElse(t *testing.T) {
	dir := t.TempDir()
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	options := "fd=" + strconv.Itoa(fuse) + ",rootmode=40000,user_id=0,group_id=0"
	if err := unix.Mount("dead", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fuse)
		t.Skip(err)
	}
	answer := func() { // that it is gone
		unix.Close(fuse)
		fuse = -1
	}
	t.Cleanup(func() {
		if fuse >= 0 {
			answer()
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as the daemon
	h := open(t, Options{})
	hangs := make(chan error, 1)
	go func() {
		_, err := h.Start(Command{Path: "/bin/true", Args: []string{"true"}, Dir: dir, Stdout: -1, Stderr: -1})
		hangs <- err
	}()
	runtime.Gosched() // it is there by now, or comes among the others
	for range 3 {
		if x := exit(t, start(t, h, "/bin/true")); x.Code != 0 {
			t.Errorf("the other one ended with %+v", x)
		}
	}
	select {
	case err := <-hangs:
		t.Fatalf("the start did not hang: %v", err)
	default:
	}
	answer()
	if err := <-hangs; err == nil {
		t.Error("it was started in a directory that is gone")
	}
}
