package velos_test

// This file holds docs/ARCHITECTURE.md to what it describes: the plan of the
// rooms, and the table of transitions that a test of supervise prints. Run
// with -update, it puts the table into the page.

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the documents that are made from the code")

const (
	architecture = "docs/ARCHITECTURE.md"
	transitions  = "internal/supervise/testdata/table.md"
)

// section finds the text between the two marks that name it.
func section(t *testing.T, page, name string) (from, to int) {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	from = strings.Index(page, begin)
	to = strings.Index(page, end)
	if from < 0 || to < from {
		t.Fatalf("%s has no section %s: want the marks %q and %q", architecture, name, begin, end)
	}
	return from + len(begin), to
}

func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestArchitectureShowsTheTransitionsAsTheyAre(t *testing.T) {
	text, table := page(t, architecture), page(t, transitions)
	from, to := section(t, text, transitions)
	if text[from:to] == table {
		return
	}
	if !*update {
		t.Fatalf("%s shows other transitions than %s: make golden", architecture, transitions)
	}
	if err := os.WriteFile(architecture, []byte(text[:from]+table+text[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestArchitectureShowsThePlan compares the page's rooms with the structure
// test's: which there are, on which side, and what each may import. Rooms that
// are yet to come are not on the page.
func TestArchitectureShowsThePlan(t *testing.T) {
	text := page(t, architecture)
	from, to := section(t, text, "rooms")
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(text[from:to]), "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 {
			t.Errorf("%q: want four cells", line)
			continue
		}
		dir := roomDir(cells[0])
		room, ok := rooms[dir]
		if !ok || room.later {
			t.Errorf("%s: the plan has no such room yet", cells[0])
			continue
		}
		seen[dir] = true
		if want := map[side]string{shared: "both", daemon: "daemon", reader: "readers"}[room.side]; cells[1] != want {
			t.Errorf("%s stands on side %q; the plan says %q", cells[0], cells[1], want)
		}
		if want := present(room.imports); cells[3] != want {
			t.Errorf("%s may import %q; the plan says %q", cells[0], cells[3], want)
		}
	}
	for dir, room := range rooms {
		if !room.later && !seen[dir] {
			t.Errorf("%s is in the plan and not on the page", dir)
		}
	}
}

// roomDir is the directory of a room as the page names it.
func roomDir(cell string) string {
	name := strings.Trim(strings.TrimSuffix(cell, " (root)"), "`")
	switch {
	case name == "velos":
		return "."
	case strings.HasPrefix(name, "cmd/"):
		return name
	}
	return "internal/" + name
}

// present is a list of imports without the rooms that are yet to come.
func present(imports string) string {
	list := strings.Fields(imports)
	list = slices.DeleteFunc(list, func(name string) bool { return rooms["internal/"+name].later })
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, " ")
}
