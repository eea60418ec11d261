//go:build linux

package usage

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// run starts a shell script in a session of its own and ends its group after
// the test.
func run(t testing.TB, script string) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Env: []string{"PATH=/usr/bin:/bin"}, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(pid) })
	return pid
}

func end(pid int) {
	syscall.Kill(-pid, syscall.SIGKILL)
	syscall.Wait4(pid, nil, 0, nil)
}

func sample(t testing.TB, s *Sampler, now time.Time, roots ...int) map[int]velos.Usage {
	t.Helper()
	got := make(map[int]velos.Usage)
	if err := s.Sample(now, roots, func(root int, u velos.Usage) { got[root] = u }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(roots) {
		t.Fatalf("set was called for %d of %d roots", len(got), len(roots))
	}
	return got
}

// until samples with a new Sampler until root's tree has n members.
func until(t testing.TB, root, n int) {
	t.Helper()
	await(t, "the tree has its members", func() bool { return sample(t, New(), time.Now(), root)[root].Procs == n })
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestATreeIsDescendantsAndSession(t *testing.T) {
	root := run(t, "(sleep 50 &); setsid sleep 50 & sleep 50 & wait")
	// Root, the orphan of its session, the one that left it, the background job.
	await(t, "an orphan and one that left the session", func() bool {
		s := New()
		procs := sample(t, s, time.Now(), root)[root].Procs
		orphans, left := 0, 0
		for _, p := range s.Table().All() {
			if p.SID == root && p.PPID != root && p.PID != root {
				orphans++
			}
			if p.SID != root && p.PPID == root {
				left++
			}
		}
		return procs == 4 && orphans == 1 && left == 1
	})
	u := sample(t, New(), time.Now(), root)[root]
	if u.CPU != 0 || u.Memory <= 0 || u.Peak != u.Memory {
		t.Errorf("got %+v", u)
	}
	table := New()
	sample(t, table, time.Now(), root)
	for _, s := range table.Table().All() {
		if s.PPID == root && s.SID != root {
			syscall.Kill(s.PID, syscall.SIGKILL)
		}
	}
	until(t, root, 3)
}

func TestCPUIsTheShareOfOneCoreSinceTheFormerPass(t *testing.T) {
	root := run(t, "while :; do :; done")
	idle := run(t, "exec sleep 50")
	until(t, idle, 1)
	s := New()
	now := time.Now()
	if u := sample(t, s, now, root, idle)[root]; u.CPU != 0 {
		t.Errorf("at first sight: %+v", u)
	}
	// The clock of the sampler is ours: wait until the loop has used half a
	// second and call it one.
	limit := now.Add(20 * time.Second)
	before, _ := s.Table().Find(root)
	for used := uint64(0); used < 50; {
		if time.Now().After(limit) {
			t.Skip("this machine gives a busy loop no time")
		}
		time.Sleep(20 * time.Millisecond)
		other := New()
		sample(t, other, time.Now(), root)
		stat, _ := other.Table().Find(root)
		used = stat.CPU - before.CPU
	}
	if err := syscall.Kill(root, syscall.SIGSTOP); err != nil { // else it uses more until it is looked at
		t.Fatal(err)
	}
	got := sample(t, s, now.Add(time.Second), root, idle)
	if u := got[root]; u.CPU < 50 || u.CPU > 110 {
		t.Errorf("a busy loop takes %v %%", u.CPU)
	}
	if u := got[idle]; u.CPU > 5 {
		t.Errorf("a sleeper takes %v %%", u.CPU)
	}
	if u := sample(t, s, now.Add(time.Second+TooSoon/2), root)[root]; u.CPU != got[root].CPU {
		t.Errorf("a pass too soon says %v; want the former %v", u.CPU, got[root].CPU)
	}
}

func TestAnEndBetweenPassesIsNoNegativeUse(t *testing.T) {
	// The child works until it is told to end.
	root := run(t, "sh -c 'while :; do :; done' & sleep 50 & wait")
	until(t, root, 3)
	s := New()
	now := time.Now()
	sample(t, s, now, root)
	for _, p := range s.Table().All() {
		if p.PPID == root {
			syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	for n := 1; n < 4; n++ {
		u := sample(t, s, now.Add(time.Duration(n)*time.Second), root)[root]
		if u.CPU < 0 || u.CPU > 1000 {
			t.Errorf("pass %d: %+v", n, u)
		}
	}
	end(root)
	until(t, root, 0)
	u := sample(t, s, now.Add(5*time.Second), root)[root]
	if u != (velos.Usage{}) {
		t.Errorf("a root that has ended has %+v", u)
	}
	// Time that goes back, and roots that never were.
	sample(t, s, now, root, 0, -1, 1<<31-1)
}

func TestAReusedPidBeginsAnew(t *testing.T) {
	root := run(t, "exec sleep 50")
	until(t, root, 1)
	s := New()
	now := time.Now()
	sample(t, s, now, root)
	// As if another process had had the number before, with much use and a
	// high peak.
	for i := range s.cpu {
		s.cpu[i].start++
		s.cpu[i].cpu = 1 << 40
	}
	for i := range s.known {
		s.known[i].start++
		s.known[i].peak = 1 << 50
	}
	u := sample(t, s, now.Add(time.Second), root)[root]
	if u.CPU < 0 || u.CPU > 1 || u.Peak != u.Memory {
		t.Errorf("got %+v", u)
	}
}

func TestPeakStaysWhileTheRootLives(t *testing.T) {
	root := run(t, "exec sleep 50")
	until(t, root, 1)
	s := New()
	now := time.Now()
	first := sample(t, s, now, root)[root]
	s.known[0].peak += 1 << 30 // as if a former pass had seen more
	if u := sample(t, s, now.Add(time.Second), root)[root]; u.Peak != first.Peak+1<<30 || u.Memory >= u.Peak {
		t.Errorf("first %+v, then %+v", first, u)
	}
}

func TestAPassMakesNoGarbage(t *testing.T) {
	s := New()
	now := time.Now()
	roots := []int{os.Getpid(), os.Getppid(), 1}
	set := func(int, velos.Usage) {}
	pass := func() {
		now = now.Add(time.Second)
		s.Sample(now, roots, set)
	}
	pass()
	pass()
	if n := testing.AllocsPerRun(20, pass); n > 0.5 { // the system's table may grow meanwhile
		t.Errorf("%v allocations in a pass; want none", n)
	}
}

func BenchmarkSample(b *testing.B) {
	for _, n := range []int{0, 10, 1000} {
		b.Run("roots="+strconv.Itoa(n), func(b *testing.B) {
			var roots []int
			for range n {
				pid := run(b, "sleep 300 & wait") // two processes a root
				roots = append(roots, pid)
			}
			s := New()
			now := time.Now()
			set := func(int, velos.Usage) {}
			s.Sample(now, roots, set)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second)
				s.Sample(now, roots, set)
			}
			b.ReportMetric(float64(len(s.Table().All())), "processes")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(s.Table().All())), "ns/process")
		})
	}
}
