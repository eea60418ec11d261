package keeper

import (
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func pipePair(t testing.TB) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func names(t testing.TB, l *Line) (list []string) {
	t.Helper()
	parked, err := l.List()
	closeParked(parked)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parked {
		list = append(list, p.Name)
	}
	return list
}

func TestHeldParksArriveTogetherAndInOrder(t *testing.T) {
	k, l := lined(t)
	r, _ := pipePair(t)
	parked := func() int {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.store.slots)
	}
	var want []string
	for i := range burst - 1 {
		want = append(want, "n"+strconv.Itoa(i))
		if err := l.Hold(want[i], r); err != nil {
			t.Fatal(err)
		}
	}
	if n := parked(); n != 0 {
		t.Errorf("%d are parked before there is a reason", n)
	}
	if got := names(t, l); !slices.Equal(got, want) {
		t.Errorf("the keeper holds %q; want %q", got, want)
	}
	for i := range burst {
		want = append(want, "m"+strconv.Itoa(i))
		l.Hold("m"+strconv.Itoa(i), r)
	}
	until(t, "a full burst is sent by itself", func() bool { return parked() == len(want) })
	l.Hold("a", r)
	l.Flush()
	until(t, "a flush sends it", func() bool { return parked() == len(want)+1 })
	l.Hold("b", r)
	l.Park("c", r)
	until(t, "a park takes along what is held", func() bool { return parked() == len(want)+3 })
	if got := names(t, l); !slices.Equal(got, append(want, "a", "b", "c")) {
		t.Errorf("the keeper holds %q", got)
	}
	if s, err := l.State(); err != nil || s.Refused != 0 {
		t.Errorf("state is %+v, %v", s, err)
	}
}

func TestDropTakesBackWhatIsHeld(t *testing.T) {
	_, l := lined(t)
	r, _ := pipePair(t)
	l.Hold("gone", r)
	l.Hold("stays", r)
	l.Drop("gone")
	if got := names(t, l); !slices.Equal(got, []string{"stays"}) {
		t.Errorf("the keeper holds %q", got)
	}
}

func TestOneBadDescriptorSpoilsNoOther(t *testing.T) {
	_, l := lined(t)
	r, _ := pipePair(t)
	l.Hold("one", r)
	l.Hold("bad", 1<<20)
	l.Hold("two", r)
	if err := l.Flush(); err == nil {
		t.Error("a descriptor that is none is parked")
	}
	if got := names(t, l); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the keeper holds %q", got)
	}
}

func TestFormerKeeperGetsParksOneByOne(t *testing.T) {
	k, l := lined(t)
	r, _ := pipePair(t)
	l.mu.Lock()
	l.many = false // as a keeper leaves it that does not say it knows M
	l.mu.Unlock()
	l.Hold("one", r)
	until(t, "it is parked at once", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.store.slots) == 1
	})
}

func TestBundleThatIsNotWholeIsRefused(t *testing.T) {
	k, fd := pair(t)
	r, _ := pipePair(t)
	send := func(text string, n int) {
		rights := unix.UnixRights(slices.Repeat([]int{r}, n)...)
		if n == 0 {
			rights = nil
		}
		if _, err := unix.SendmsgN(fd, []byte(text), rights, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	send("\x01M\x02\x01a\x01b", 2)
	send("\x01M\x02\x01a\x01c", 1) // one too few: what c was is nothing
	send("\x01M\x01\x01d", 2)      // one too many
	send("\x01M\x02\x01e", 2)      // a name too few
	send("\x01M\x02\x01b\x09f", 0) // a name cut off
	send("\x01M", 1)               // nothing at all
	send("\x01M\x01\x00", 1)       // a name without a byte
	send("\x02M\x01\x01z", 1)      // from a later time
	send("\x01M\x01\x01g", 1)      // and it goes on
	unix.Close(fd)
	<-k.drained
	got := ""
	for _, s := range k.store.slots {
		got += string(s.name)
	}
	if got != "adeg" || k.refused != 7 {
		t.Errorf("parked are %q, refused %d", got, k.refused)
	}
	for len(k.store.slots) > 0 {
		k.store.remove(0)
	}
	if n := copies(t, r); n != 1 {
		t.Errorf("%d descriptors of the pipe are open", n)
	}
}

// copies counts this process's descriptors of what fd is.
func copies(t testing.TB, fd int) (n int) {
	t.Helper()
	var want, st unix.Stat_t
	if err := unix.Fstat(fd, &want); err != nil {
		t.Fatal(err)
	}
	for i := range 1024 {
		if unix.Fstat(i, &st) == nil && st.Ino == want.Ino && st.Dev == want.Dev {
			if flags, _ := unix.FcntlInt(uintptr(i), unix.F_GETFL, 0); flags&unix.O_ACCMODE == unix.O_RDONLY {
				n++
			}
		}
	}
	return n
}
