package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
)

const manLong = `Prints the manual page of velos or of one of its commands in the form that man reads; --dir writes all of them
as files, velos.1 and velos-COMMAND.1.

    velos man logs | man -l -
    velos man --dir ~/.local/share/man/man1`

func setupMan(s *session, f *pflag.FlagSet) handler {
	dir := f.String("dir", "", "write every page into this directory, which is made where it is not there")
	return func(_ context.Context, args []string) error {
		if *dir == "" {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return s.manPage(name)
		}
		if len(args) > 0 {
			return invalid("man "+args[0]+" --dir: the directory gets every page", "leave the command or --dir out")
		}
		return s.manPages(s.path(*dir))
	}
}

// path is a file as the user names it: from the working directory on.
func (s *session) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Dir, name)
}

func (s *session) manPage(name string) error {
	if name == "" || name == s.root.Name() {
		_, err := io.WriteString(s.Out, manual(s.root))
		return err
	}
	cmd, rest, err := s.root.Find([]string{name})
	if err != nil || len(rest) > 0 {
		hint := "velos --help lists them"
		s.root.SuggestionsMinimumDistance = 2
		if near := s.root.SuggestionsFor(name); len(near) > 0 {
			hint = "did you mean " + near[0] + "? " + hint
		}
		return invalid("man "+name+": no such command", hint)
	}
	_, err = io.WriteString(s.Out, manualOf(cmd))
	return err
}

func (s *session) manPages(dir string) error {
	pages := map[string]string{"velos.1": manual(s.root)}
	for _, c := range s.root.Commands() {
		if !c.Hidden {
			pages["velos-"+c.Name()+".1"] = manualOf(c)
		}
	}
	err := os.MkdirAll(dir, 0o755)
	for name, page := range pages {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644)
		}
	}
	if err != nil {
		return &velos.Error{Code: velos.Failed, Message: "man: " + err.Error(), Hint: "--dir names a directory that you may write to", Cause: err}
	}
	return nil
}

// manual is the manual page of velos itself: what it is, and its commands.
func manual(root *cobra.Command) string {
	r := newRoff("velos", "keeps programs running and can explain what they do")
	r.section("SYNOPSIS")
	r.line(`\fBvelos\fR COMMAND [ARGUMENT]... [OPTION]...`)
	r.section("DESCRIPTION")
	r.text("Velos keeps programs running, remembers what they said, and can explain what they do. The daemon velosd does the work and is started when it is needed; " +
		"this program asks it. Each command has a page of its own, velos-COMMAND(1), and --help.")
	for _, g := range root.Groups() {
		r.section(strings.ToUpper(strings.TrimSuffix(g.Title, ":")))
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && !c.Hidden {
				r.item(c.Use, sentence(c.Short)+".")
			}
		}
	}
	r.section("OPTIONS OF EVERY COMMAND")
	r.flags(root.PersistentFlags())
	r.ending()
	return r.String()
}

func manualOf(c *cobra.Command) string {
	r := newRoff("velos-"+c.Name(), c.Short)
	r.section("SYNOPSIS")
	r.line(`\fBvelos ` + escape(c.Name()) + `\fR ` + escape(strings.TrimSpace(strings.TrimPrefix(c.Use, c.Name())+" [OPTION]...")))
	r.section("DESCRIPTION")
	r.text(cmp.Or(c.Long, sentence(c.Short)+"."))
	if len(c.Aliases) > 0 {
		r.paragraph()
		r.text("Also: " + strings.Join(c.Aliases, ", ") + ".")
	}
	if own := c.LocalFlags(); own.HasAvailableFlags() {
		r.section("OPTIONS")
		r.flags(own)
	}
	r.ending()
	return r.String()
}

// roff writes the man macros that every man understands.
type roff struct{ strings.Builder }

func newRoff(name, short string) *roff {
	r := &roff{}
	r.line(`.TH ` + strings.ToUpper(escape(name)) + ` 1 "" "velos ` + velos.Version + `" "Velos"`)
	r.section("NAME")
	r.line(escape(name) + ` \- ` + escape(short))
	return r
}

func (r *roff) line(s string) { r.WriteString(s + "\n") }

// paragraph begins one, unless one has just begun.
func (r *roff) paragraph() {
	if s := r.String(); !strings.HasSuffix(s, ".PP\n") && !strings.HasSuffix(s, ".SH \"DESCRIPTION\"\n") {
		r.line(".PP")
	}
}
func (r *roff) section(title string) { r.line(`.SH "` + title + `"`) }

// text writes paragraphs; lines that are indented are examples and stay as
// they are.
func (r *roff) text(s string) {
	example := false
	for l := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		indented := strings.HasPrefix(l, "    ")
		switch {
		case indented && !example:
			r.paragraph()
			r.line(".nf\n.RS 4")
		case !indented && example:
			r.line(".RE\n.fi")
			r.paragraph()
		case l == "":
			r.paragraph()
		}
		example = indented
		if l != "" {
			r.line(escape(strings.TrimPrefix(l, "    ")))
		}
	}
	if example {
		r.line(".RE\n.fi")
	}
}

func (r *roff) item(term, text string) {
	r.line(".TP\n\\fB" + escape(term) + "\\fR\n" + escape(text))
}

func (r *roff) flags(f *pflag.FlagSet) {
	f.VisitAll(func(fl *pflag.Flag) {
		if fl.Hidden || fl.Name == "help" {
			return
		}
		name := "--" + fl.Name
		if fl.Shorthand != "" {
			name = "-" + fl.Shorthand + ", " + name
		}
		what, usage := pflag.UnquoteUsage(fl)
		r.item(strings.TrimSpace(name+" "+what), usage)
	})
}

func (r *roff) ending() {
	r.section("EXIT STATUS")
	r.text("0 done, 1 failed, 2 wrong usage, 3 not running, 4 not found, 5 not in time, 6 crashed while it was awaited, 7 no daemon, 8 denied, 9 conflict.")
	r.section("FILES")
	r.item("~/.velos", "Everything the daemon knows, and the log files; VELOS_HOME names another directory.")
	r.section("SEE ALSO")
	r.text("velos(1), velos --help")
}

// escape makes text that roff would take for its own into text, and every
// character into ASCII: what a file's encoding is, roff can only guess.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return b.String()
}
