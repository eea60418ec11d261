package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryCommandHasAManualPage(t *testing.T) {
	d := newFake(t)
	dir := filepath.Join(t.TempDir(), "man1")
	if out, e, code := d.run(t, "man", "--dir", dir); code != 0 || out != "" || e != "" {
		t.Fatal(code, out, e)
	}
	for i := range commands {
		c := &commands[i]
		if c.hidden {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, "velos-"+c.name+".1"))
		if err != nil || !strings.Contains(string(page), `velos\-`+escape(c.name)+` \- `) {
			t.Errorf("%s: %v\n%s", c.name, err, page)
		}
		if strings.Contains(string(page), ".PP\n.PP") || strings.Contains(string(page), ".SH \"DESCRIPTION\"\n.PP") {
			t.Errorf("%s has an empty paragraph:\n%s", c.name, page)
		}
		for l := range strings.SplitSeq(string(page), "\n") {
			if strings.HasPrefix(l, ".") && !strings.Contains(" .TH .SH .PP .TP .nf .fi .RS .RE ", " "+strings.Fields(l)[0]+" ") {
				t.Errorf("%s: text becomes the macro %q", c.name, l)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "velos.1")); err != nil {
		t.Error(err)
	}
}

func TestManPrintsOnePageAndKnowsAliases(t *testing.T) {
	d := newFake(t)
	if out, _, code := d.run(t, "man", "ls"); code != 0 || !strings.HasPrefix(out, `.TH VELOS\-LIST 1`) {
		t.Errorf("%d %s", code, out)
	}
	if _, e, code := d.run(t, "man", "lsit"); code != 2 || !strings.Contains(e, "list") {
		t.Errorf("%d %s", code, e)
	}
}

// TestGroffTakesThePages asks the program that renders them.
func TestGroffTakesThePages(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	root := tree(&session{}, nil)
	pages := manual(root)
	for _, c := range root.Commands() {
		pages += manualOf(c)
	}
	cmd := exec.Command(groff, "-man", "-Tutf8", "-ww")
	cmd.Stdin = strings.NewReader(pages)
	var warnings strings.Builder
	cmd.Stderr = &warnings
	if out, err := cmd.Output(); err != nil || len(out) == 0 || warnings.Len() > 0 {
		t.Errorf("%v\n%s", err, warnings.String())
	}
}
