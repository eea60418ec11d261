package proc

import (
	"os"
	"slices"
	"testing"
)

var page = int64(4096)

func TestStatLineIsReadWhateverTheNameHolds(t *testing.T) {
	tail := " S 1 2 3 34816 4 4194560 100 0 0 0 7 5 90 80 20 0 3 0 12345 1000000 25 18446744073709551615 1 1 0\n"
	want := Stat{PID: 42, State: 'S', Terminal: true, PPID: 1, PGID: 2, SID: 3, CPU: 12, Threads: 3, Start: 12345, RSS: 25 * page}
	for _, name := range []string{"sleep", "", "a b", ") S 9 9 9 (", "((", "))", "new\nline", "\xff\x00"} {
		var got Stat
		if ok := parseStat([]byte("42 ("+name+")"+tail), page, &got); !ok || got != want {
			t.Errorf("%q: got %+v, %v", name, got, ok)
		}
	}
	for _, bad := range []string{"", "42", "42 (", "42 (x", "42 (x)", "42 (x) ", "42 (x) S", "42 (x) S 1 2", "x (x)" + tail, ") 42 (" + tail, "0 (x)" + tail} {
		var got Stat
		if parseStat([]byte(bad), page, &got) {
			t.Errorf("%q was taken for a process: %+v", bad, got)
		}
	}
}

func FuzzStatLine(f *testing.F) {
	f.Add([]byte("42 (x) S 1 2 3 34816 4 4194560 100 0 0 0 7 5 90 80 20 0 3 0 12345 1000000 25 1"))
	f.Add([]byte("1 ())) R -1 -1"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s Stat
		if parseStat(line, page, &s) && s.PID <= 0 {
			t.Errorf("pid %d", s.PID)
		}
		numbers(line, nil)
		variable(line, "VELOS_ID")
	})
}

func TestVariableIsFoundByItsWholeName(t *testing.T) {
	list := []byte("AVELOS_ID=no\x00VELOS_IDS=no\x00VELOS_ID\x00VELOS_ID=7:0\x00VELOS_ID=later\x00EMPTY=")
	for key, want := range map[string]string{"VELOS_ID": "7:0", "EMPTY": ""} {
		if got, ok := variable(list, key); !ok || got != want {
			t.Errorf("%s: got %q, %v", key, got, ok)
		}
	}
	if _, ok := variable(list, "VELOS"); ok {
		t.Error("a part of a name was found")
	}
}

// family is a table without a system.
func family(list ...Stat) *Table {
	t := &Table{all: list}
	slices.SortFunc(t.all, func(a, b Stat) int { return a.PID - b.PID })
	return t
}

func TestTreeIsRootAndDescendants(t *testing.T) {
	table := family(Stat{PID: 1}, Stat{PID: 10, PPID: 1}, Stat{PID: 11, PPID: 10}, Stat{PID: 5, PPID: 11}, Stat{PID: 12, PPID: 1},
		Stat{PID: 20, PPID: 21}, Stat{PID: 21, PPID: 20}, Stat{PID: 22, PPID: 21})
	for root, want := range map[int][]int{10: {10, 11, 5}, 12: {12}, 99: nil, 20: {20, 21, 22}} {
		if got := table.Tree(root, nil); !slices.Equal(got, want) {
			t.Errorf("tree of %d: got %v; want %v", root, got, want)
		}
	}
}

func TestOwnersGoByAncestorsThenSessions(t *testing.T) {
	table := family(
		Stat{PID: 1},
		Stat{PID: 10, PPID: 1, SID: 10}, Stat{PID: 11, PPID: 10, SID: 10}, Stat{PID: 12, PPID: 11, SID: 12},
		Stat{PID: 13, PPID: 1, SID: 10},                                  // orphan in the session of 10
		Stat{PID: 14, PPID: 13, SID: 14},                                 // its child, in a session of its own
		Stat{PID: 20, PPID: 1, SID: 20}, Stat{PID: 2, PPID: 20, SID: 10}, // the parent goes before the session
		Stat{PID: 30, PPID: 1, SID: 99}, // of a root that has ended
		Stat{PID: 40, PPID: 1, SID: 0}, Stat{PID: 50, PPID: 51, SID: 50}, Stat{PID: 51, PPID: 50, SID: 50},
	)
	roots := []int{20, 99, 10}
	owners := table.Owners(roots, nil)
	want := map[int]int32{1: -1, 10: 2, 11: 2, 12: 2, 13: 2, 14: 2, 20: 0, 2: 0, 30: 1, 40: -1, 50: -1, 51: -1}
	for i, s := range table.All() {
		if owners[i] != want[s.PID] {
			t.Errorf("owner of %d: got %d; want %d", s.PID, owners[i], want[s.PID])
		}
	}
	if n := testing.AllocsPerRun(10, func() { owners = table.Owners(roots, owners) }); n != 0 {
		t.Errorf("%v allocations in a pass; want none", n)
	}
}

func TestScanFindsThisProcess(t *testing.T) {
	var table Table
	if err := table.Scan(); err != nil {
		t.Fatal(err)
	}
	me, ok := table.Find(os.Getpid())
	if !ok || me.PPID != os.Getppid() {
		t.Fatalf("got %+v, %v", me, ok)
	}
	one, err := One(os.Getpid())
	if err != nil || one.Start != me.Start || one.PGID != me.PGID {
		t.Errorf("got %+v, %v; want %+v", one, err, me)
	}
	if _, err := One(1<<31 - 1); err == nil {
		t.Error("a process that cannot exist was found")
	}
	if !slices.IsSortedFunc(table.All(), func(a, b Stat) int { return a.PID - b.PID }) {
		t.Error("the table is not in order")
	}
}
