//go:build linux || darwin

package poll

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func open(t *testing.T) *Set {
	t.Helper()
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadinessIsReportedUntilItIsRead(t *testing.T) {
	s := open(t)
	defer s.Close()
	r, w := pipe(t)
	const key = 1<<40 | 7
	if err := s.Add(r, key); err != nil {
		t.Fatal(err)
	}
	unix.Write(w, []byte("x"))
	buf := make([]Event, 0, 4)
	for range 3 {
		evs, err := s.Wait(buf)
		if err != nil || len(evs) != 1 || evs[0].Key != key || !evs[0].Readable || evs[0].Hangup {
			t.Fatalf("got %v, %v", evs, err)
		}
	}
}

func TestHangupIsReported(t *testing.T) {
	s := open(t)
	defer s.Close()
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	s.Add(p[0], 3)
	unix.Close(p[1])
	evs, err := s.Wait(make([]Event, 0, 1))
	if err != nil || len(evs) != 1 || !evs[0].Hangup {
		t.Fatalf("got %v, %v", evs, err)
	}
}

func TestWaitSleepsUntilSomebodyWrites(t *testing.T) {
	s := open(t)
	defer s.Close()
	r, w := pipe(t)
	s.Add(r, 1)
	for range 200 {
		go unix.Write(w, []byte("x"))
		evs, err := s.Wait(make([]Event, 0, 8))
		if err != nil || len(evs) != 1 {
			t.Fatalf("got %v, %v", evs, err)
		}
		var b [1]byte
		unix.Read(r, b[:])
	}
}

func TestWakeEndsAWaitWithoutEvents(t *testing.T) {
	s := open(t)
	defer s.Close()
	for range 100 {
		go func() { s.Wake(); s.Wake() }()
		evs, err := s.Wait(make([]Event, 0, 8))
		if err != nil || len(evs) != 0 {
			t.Fatalf("got %v, %v", evs, err)
		}
	}
}

func TestARemovedDescriptorIsSilent(t *testing.T) {
	s := open(t)
	defer s.Close()
	r, w := pipe(t)
	s.Add(r, 1)
	unix.Write(w, []byte("x"))
	if err := s.Remove(r); err != nil {
		t.Fatal(err)
	}
	s.Wake()
	if evs, _ := s.Wait(make([]Event, 0, 8)); len(evs) != 0 {
		t.Fatalf("got %v", evs)
	}
}

func TestCloseEndsAWait(t *testing.T) {
	s := open(t)
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := s.Wait(make([]Event, 0, 8)); err != nil {
				done <- err
				return
			}
		}
	}()
	time.Sleep(5 * time.Millisecond) // whichever comes first, the end is the same
	s.Close()
	select {
	case err := <-done:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v; want os.ErrClosed", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Wait did not end")
	}
}
