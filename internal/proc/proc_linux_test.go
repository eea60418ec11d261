package proc

import (
	"os"
	"slices"
	"syscall"
	"testing"
)

func TestChildrenAreListedWhateverTheirNumber(t *testing.T) {
	var pids []int
	defer func() {
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
			syscall.Wait4(pid, nil, 0, nil)
		}
	}()
	for range 300 { // more than one read of the list takes
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{Env: []string{"VELOS_ID=3:1"}})
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	got, err := Children()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(pids)
	if !slices.Equal(got, pids) {
		t.Errorf("got %d children %v; want %d", len(got), got, len(pids))
	}
	if mark, ok := Environ(pids[0], "VELOS_ID"); !ok || mark != "3:1" {
		t.Errorf("got %q, %v", mark, ok)
	}
	if _, ok := Environ(1<<31-1, "VELOS_ID"); ok {
		t.Error("nobody has an environment")
	}
}

func TestALookMakesNoGarbage(t *testing.T) {
	var table Table
	table.Scan()
	table.all = slices.Grow(table.all, 100)
	if n := testing.AllocsPerRun(20, func() { table.Scan() }); n > 0.5 {
		t.Errorf("%v allocations in a look; want none", n)
	}
}

func TestBootHasAName(t *testing.T) {
	if id := BootID(); len(id) != 36 {
		t.Errorf("got %q", id)
	}
}

func BenchmarkScan(b *testing.B) {
	var table Table
	b.ReportAllocs()
	for b.Loop() {
		if err := table.Scan(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(table.All())), "ns/process")
}

func BenchmarkOne(b *testing.B) {
	pid := os.Getpid()
	for b.Loop() {
		One(pid)
	}
}
