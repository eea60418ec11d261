package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/velospm/velos/internal/proc"
)

const nothing = "runs=0 left=0 adopted=0 wards=0 kept=0 ending=0 blind=0"

// ways are how a daemon can hear of the ends of what it has adopted.
var ways = []struct {
	name string
	mute bool // the keeper does not report
	env  []string
}{
	{"groups", false, nil},
	{"no groups", false, []string{"NO_CGROUP=1"}},
	{"the keeper is silent", true, []string{"NO_CGROUP=1"}},
	{"the keeper is not who it was", true, []string{"NO_CGROUP=1", "KEEPER=1073741824"}},
	{"no keeper", true, []string{"NO_CGROUP=1", "KEEPER=0"}},
	{"no pidfds", false, []string{"NO_CGROUP=1", "BLIND=1"}},
	{"no lists of children", false, []string{"NO_CGROUP=1", "NO_LISTS=1"}},
}

func eachWay(t *testing.T, f func(t *testing.T, k *keeper, env []string)) {
	can := tells()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			if w.mute && !can {
				t.Skip("this kernel does not tell how a process ended")
			}
			k := keep(t)
			k.set(false, w.mute)
			f(t, k, append([]string{kept()}, w.env...))
		})
	}
}

func TestOrphansOfAdoptedRunsAreTheirLeftovers(t *testing.T) {
	eachWay(t, func(t *testing.T, k *keeper, env []string) {
		tok := token()
		script, cue := onCue(t)
		old, list := k.former(env, "setsid sleep "+tok+" & sleep "+tok+" & "+script, "exec sleep 1000")
		eventually(t, "both sleep", func() bool { return settled(nil, tok, 2) })
		k.crash(old, list)
		d := k.next(env...)
		d.mustAdopt(list...)
		d.want("ok", "settled")
		touch(t, cue)
		d.want(strings.Replace(code7, "leftover=false", "leftover=true", 1), "exited", list[0].pid)
		if n := len(holding(tok)); n != 2 {
			t.Errorf("%d of 2 leftovers live", n)
		}
		for _, pid := range holding(tok) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		d.want("gone", "gone", list[0].pid)
		d.want("<nil>", "kill", list[1].pid)
		d.want("gone", "gone", list[1].pid)
		d.want("ok", "observe")
		d.want(nothing, "state")
	})
}

func TestLeftoversOfAnAdoptedRunAreKilledAndSignalled(t *testing.T) {
	eachWay(t, func(t *testing.T, k *keeper, env []string) {
		tok := token()
		script, cue := onCue(t)
		run := "(setsid sleep " + tok + " &); sleep " + tok + " & " + script
		old, list := k.former(env, run, run)
		eventually(t, "all sleep", func() bool { return settled(nil, tok, 4) })
		k.crash(old, list)
		d := k.next(env...)
		d.mustAdopt(list...)
		d.want("ok", "settled")
		touch(t, cue)
		for _, s := range list { // both, before anybody is counted: the shells have the token too
			d.want(strings.Replace(code7, "leftover=false", "leftover=true", 1), "exited", s.pid)
		}
		for i, s := range list {
			if i == 0 {
				d.want("<nil>", "kill", s.pid)
			} else {
				d.want("<nil>", "signal", s.pid, 15, 1)
			}
			d.want("gone", "gone", s.pid)
			if n := len(holding(tok)); n != 2-2*i {
				t.Errorf("%d processes remain after %d runs", n, i+1)
			}
		}
		d.want(nothing, "state")
	})
}

func TestOrphansAreFoundAfterTheirGuardianHasEnded(t *testing.T) {
	k := keep(t)
	tok := token()
	script, cue := onCue(t)
	middle := k.daemon([]string{"CHILD_MODE=middle", "NO_CGROUP=1"}, "setsid sleep "+tok+" & "+script)
	var s saved
	var former int
	fmt.Sscan(middle.line(), &former)
	fmt.Sscanf(middle.line(), "run %d %d %s %s", &s.pid, &s.start, &s.mark, &s.group)
	eventually(t, "one sleeps", func() bool { return settled(nil, tok, 1) })
	under := func(parent int) func() bool {
		return func() bool { stat, _ := proc.One(s.pid); return stat.PPID == parent }
	}
	syscall.Kill(former, syscall.SIGKILL)
	eventually(t, "the run is the middle's", under(middle.pid))
	d := k.next("KEEPER="+strconv.Itoa(middle.pid), "NO_CGROUP=1")
	d.mustAdopt(s)
	d.want("ok", "settled")
	syscall.Kill(middle.pid, syscall.SIGKILL)
	eventually(t, "the run is the keeper's", under(os.Getpid()))
	touch(t, cue)
	d.want(strings.Replace(code7, "leftover=false", "leftover=true", 1), "exited", s.pid)
	d.want("<nil>", "kill", s.pid)
	d.want("gone", "gone", s.pid)
	if n := len(holding(tok)); n != 0 {
		t.Errorf("%d survive", n)
	}
}

func TestWhoHidesItsTracesAfterALookIsStillAMember(t *testing.T) {
	k := keep(t)
	tok, cue := token(), filepath.Join(t.TempDir(), "cue")
	env := []string{kept(), "NO_CGROUP=1"}
	old, list := k.former(env, "sh -c 'setsid env -i /bin/sleep "+tok+" >/dev/null 2>&1 & until [ -e "+cue+" ]; do sleep 0.01; done' & exec sleep "+tok, "exec sleep 1000")
	eventually(t, "both sleep", func() bool { return settled(nil, tok, 2) })
	k.crash(old, list)
	d := k.next(env...)
	d.mustAdopt(list...)
	d.want("ok", "settled")
	d.want("ok", "observe")
	touch(t, cue)
	eventually(t, "the hidden one is ours", func() bool {
		for _, pid := range holding(tok) {
			if s, _ := proc.One(pid); s.PPID == os.Getpid() && pid != list[0].pid {
				return true
			}
		}
		return false
	})
	d.want("<nil>", "kill", list[0].pid)
	if n := len(holding(tok)); n != 0 {
		t.Errorf("%d survive", n)
	}
	d.want("<nil>", "signal", list[1].pid, 0, 0)
}

func TestTheKeepersOwnChildrenAreNobodysOrphans(t *testing.T) {
	k := keep(t)
	env := []string{kept(), "NO_CGROUP=1"}
	old, list := k.former(env, "exec sleep 1000")
	k.crash(old, list)
	d := k.next(env...)
	d.mustAdopt(list...)
	d.want("ok", "settled")
	tok := token()
	own, err := syscall.ForkExec("/bin/sleep", []string{"sleep", tok}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the keeper's child sleeps", func() bool { return settled(nil, tok, 1) })
	d.want("ok", "observe")
	d.want("<nil>", "kill", list[0].pid)
	d.want("gone", "gone", list[0].pid)
	if err := syscall.Kill(own, 0); err != nil || len(holding(tok)) != 1 {
		t.Errorf("the keeper's child was killed: %v", err)
	}
	d.want("<nil>", "close")
}

func TestAStoppedProcessIsAdopted(t *testing.T) {
	k := keep(t)
	script, cue := onCue(t)
	old, list := k.former(nil, script)
	syscall.Kill(list[0].pid, syscall.SIGSTOP)
	eventually(t, "it is stopped", func() bool { s, _ := proc.One(list[0].pid); return s.State == 'T' })
	k.crash(old, list)
	d := k.next(kept())
	d.mustAdopt(list...)
	d.want("ok", "settled")
	if s, _ := proc.One(list[0].pid); s.State != 'T' {
		t.Errorf("it is in state %c", s.State)
	}
	touch(t, cue)
	d.want("<nil>", "signal", list[0].pid, int(syscall.SIGCONT), 1)
	d.want(code7, "exited", list[0].pid)
}

func TestWithoutDescriptorsNobodyIsTakenForDead(t *testing.T) {
	for _, env := range []string{"BLIND=", "BLIND=1"} {
		t.Run(env, func(t *testing.T) {
			k := keep(t)
			script, cue := onCue(t)
			old, list := k.former([]string{"NO_CGROUP=1"}, script, script)
			k.crash(old, list)
			d := k.next(kept(), "NO_CGROUP=1", env)
			d.mustAdopt(list[0])
			d.want("<nil>", "descriptors", 3)
			if got := d.adopt(list[1]); !strings.HasPrefix(got, "busy ") {
				t.Errorf("got %s", got)
			}
			if got := d.ask("signal", list[0].pid, 0, 1); got != "<nil>" && env == "BLIND=" || strings.HasSuffix(got, "ended") {
				t.Errorf("a signal: %s", got)
			}
			d.want("ok", "settled")
			d.want("<nil>", "descriptors", 100)
			d.mustAdopt(list[1])
			touch(t, cue)
			for _, s := range list {
				d.want(code7, "exited", s.pid)
				d.want("gone", "gone", s.pid)
			}
			d.want(nothing, "state")
		})
	}
}

func TestNewRunsStandBesideAdoptedOnes(t *testing.T) {
	for _, env := range [][]string{{kept()}, {kept(), "NO_CGROUP=1"}} {
		t.Run(env[len(env)-1], func(t *testing.T) {
			k := keep(t)
			a, b := token(), token()
			old, list := k.former(env, "(setsid sleep "+a+" &); exec sleep "+a)
			eventually(t, "the adopted sleep", func() bool { return settled(nil, a, 2) })
			k.crash(old, list)
			d := k.next(env...)
			d.mustAdopt(list...)
			d.want("ok", "settled")
			own := d.ask("start", "(setsid env -i /bin/sleep "+b+" >/dev/null 2>&1 &); exec sleep "+b)
			eventually(t, "the new sleep", func() bool { return settled(nil, b, 2) })
			if d.ask("cgroup", own) == list[0].group && list[0].group != "@" {
				t.Error("the new run is in the adopted one's group")
			}
			d.want("<nil>", "kill", own)
			d.want("gone", "gone", own)
			if len(holding(b)) != 0 || len(holding(a)) != 2 {
				t.Errorf("new: %d live; adopted: %d live", len(holding(b)), len(holding(a)))
			}
			d.want("<nil>", "kill", list[0].pid)
			d.want("gone", "gone", list[0].pid)
			d.want(nothing, "state")
		})
	}
}

func TestAnEndThatWasToldBeforeAdoptionIsKept(t *testing.T) {
	for _, env := range [][]string{{kept()}, {kept(), "NO_CGROUP=1"}} {
		t.Run(env[len(env)-1], func(t *testing.T) {
			k := keep(t)
			tok := token()
			script, cue := onCue(t)
			old, list := k.former(env, "setsid sleep "+tok+" & "+script, script, script)
			eventually(t, "one sleeps", func() bool { return settled(nil, tok, 1) })
			k.crash(old, list)
			d := k.next(env...)
			touch(t, cue)
			eventually(t, "all are reaped", func() bool {
				k.mu.Lock()
				defer k.mu.Unlock()
				for _, s := range list {
					if _, ok := k.status[s.pid]; !ok {
						return false
					}
				}
				return true
			})
			for _, s := range list[:2] {
				if got := d.adopt(s); !strings.HasPrefix(got, "adopted true ") {
					t.Errorf("got %s", got)
				}
			}
			d.want(strings.Replace(code7, "leftover=false", "leftover=true", 1), "exited", list[0].pid)
			d.want("<nil>", "kill", list[0].pid)
			d.want("gone", "gone", list[0].pid)
			if n := len(holding(tok)); n != 0 {
				t.Errorf("%d leftovers survive", n)
			}
			d.want(code7, "exited", list[1].pid)
			d.want("gone", "gone", list[1].pid)
			d.want("ok", "settled")
			if got := d.adopt(list[2]); !strings.HasPrefix(got, "not_running ") {
				t.Errorf("after Settled: %s", got)
			}
			d.want(nothing, "state")
		})
	}
}

func TestAZombieIsAdoptedWithItsCode(t *testing.T) {
	k := keep(t)
	script, cue := onCue(t)
	old, list := k.former(nil, script)
	k.crash(old, list)
	d := k.next(kept())
	k.set(true, false)
	touch(t, cue)
	eventually(t, "it is a zombie", func() bool { s, err := proc.One(list[0].pid); return err == nil && !s.Alive() })
	if got := d.adopt(list[0]); !strings.HasPrefix(got, "adopted true ") {
		t.Fatal(got)
	}
	k.set(false, false)
	d.want(code7, "exited", list[0].pid)
	d.want("gone", "gone", list[0].pid)
}

func TestExecInPlaceKeepsChildrenAndTheirCodes(t *testing.T) {
	for _, env := range [][]string{nil, {"NO_CGROUP=1"}, {kept()}, {"QUICK=1"}} {
		t.Run(strings.Join(env, ""), func(t *testing.T) {
			k := keep(t)
			tok := token()
			script, cue := onCue(t)
			r, list := k.former(env, script, "(setsid sleep "+tok+" &); exec sleep "+tok, "exec sleep 1000", "exit 7", "exit 7")
			eventually(t, "both sleep", func() bool { return settled(nil, tok, 2) })
			if env != nil && env[0] == "QUICK=1" {
				// Their ends are pending when the new program begins.
				for _, s := range list[3:] {
					eventually(t, "it is a zombie", func() bool { s, err := proc.One(s.pid); return err == nil && !s.Alive() })
				}
			}
			r.want("ready", "exec")
			if env != nil && env[0] == "QUICK=1" {
				for _, s := range list[3:] {
					if got := r.adopt(s); !strings.HasPrefix(got, "adopted true ") {
						t.Fatal(got)
					}
					r.want(code7, "exited", s.pid)
					r.want("gone", "gone", s.pid)
				}
			}
			r.mustAdopt(list[:3]...)
			r.want("ok", "settled")
			own := r.ask("start", "exec sleep "+tok)
			if g := r.ask("cgroup", own); g != "@" && (g == list[0].group || g == list[1].group || g == list[2].group) {
				t.Errorf("a new run is in the group %s of another", g)
			}
			touch(t, cue)
			r.want(code7, "exited", list[0].pid)
			r.want("gone", "gone", list[0].pid)
			r.want("<nil>", "kill", list[1].pid)
			r.want("gone", "gone", list[1].pid)
			if n := len(holding(tok)); n != 1 {
				t.Errorf("%d live; want the new one", n)
			}
			r.want("<nil>", "signal", list[2].pid, 0, 0)
			for _, pid := range []string{own, strconv.Itoa(list[2].pid)} {
				r.want("<nil>", "kill", pid)
				r.want(killed, "exited", pid)
				r.want("gone", "gone", pid)
			}
			r.want(nothing, "state")
			r.want("<nil>", "close")
			if g := filepath.Dir(list[0].group[1:]); g != "." {
				if _, err := os.Stat(g); err == nil {
					t.Errorf("the group %s remains", g)
				}
			}
		})
	}
}

func TestAHundredRunsAreAdopted(t *testing.T) {
	k := keep(t)
	scripts := make([]string, 100)
	for i := range scripts {
		scripts[i] = "exec sleep 1000"
	}
	old, list := k.former(nil, scripts...)
	k.crash(old, list)
	d := k.next(kept())
	words := []any{"many"}
	for _, s := range list {
		words = append(words, s.pid, s.start, s.mark, s.group)
	}
	bad, us := 0, 0
	fmt.Sscan(d.ask(words...), &bad, &us)
	t.Logf("100 adoptions in %d µs", us)
	if bad != 0 {
		t.Errorf("%d failed", bad)
	}
	for _, s := range list {
		syscall.Kill(s.pid, syscall.SIGKILL)
	}
	for _, s := range list {
		d.want(killed, "exited", s.pid)
		d.want("gone", "gone", s.pid)
	}
	d.want(nothing, "state")
	d.want("<nil>", "close")
	if _, err := os.Stat(filepath.Dir(list[0].group[1:])); list[0].group != "@" && err == nil {
		t.Error("the former daemon's groups remain")
	}
}
