// Package unit is the service definitions of init systems: the files that
// start velosd when the system starts, and the commands that switch them on
// and off. It turns facts into text; it looks at no file and runs nothing.
package unit

import (
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// An Init is what starts services on a machine.
type Init string

const (
	Systemd Init = "systemd"
	Launchd Init = "launchd"
	OpenRC  Init = "openrc"
	Runit   Init = "runit"
	S6      Init = "s6"
)

// Inits are all that Make knows.
var Inits = []Init{Systemd, Launchd, OpenRC, Runit, S6}

// ByUser reports whether an ordinary user can have services of their own.
func (i Init) ByUser() bool { return i == Systemd || i == Launchd }

// Facts are what a definition is made from. All paths are absolute.
type Facts struct {
	Init     Init
	System   bool   // started with the machine; else with the user's session or, lingering, before
	Name     string // of the service
	Velosd   string // the program
	Home     string // VELOS_HOME
	User     string // who velosd is: a name, or the number of a user without one
	UID      int
	UserHome string // HOME of that user; empty: not known
	Path     string // PATH of velosd; apps bring their own
	Config   string // the user's own configuration (~/.config), for a user's service of systemd
	Services string // where services are kept: runit, s6
	Scan     string // where those that run are linked: runit
}

// A File is one file of a definition.
type File struct {
	Path string
	Mode fs.FileMode
	Text string
}

// A Service is a definition and how to use it. Commands are lists of words,
// for no shell.
type Service struct {
	Files   []File
	Folder  string     // holds the files and nothing else; empty: there is none
	Enable  [][]string // after the files are written
	Disable [][]string // before they are removed
	Start   []string   // starts it without a new start of the system; may be nil
	Advice  []string   // what remains to be done by hand
}

// Make writes the definition. The error has code Invalid: some value cannot
// be written down, or the init system is unknown.
func Make(f Facts) (Service, error) {
	if err := f.check(); err != nil {
		return Service{}, err
	}
	switch f.Init {
	case Systemd:
		return systemd(f), nil
	case Launchd:
		return launchd(f), nil
	case OpenRC:
		return openrc(f), nil
	case Runit:
		return runit(f), nil
	case S6:
		return s6(f), nil
	}
	return Service{}, &velos.Error{Code: velos.Invalid, Message: "startup: init system " + strconv.Quote(string(f.Init)) + " is unknown",
		Hint: "systemd, launchd, openrc, runit or s6"}
}

// check refuses what no definition can hold: control characters, a line break
// first of all, and bytes that are no text.
func (f *Facts) check() error {
	if err := ValidName(f.Name); err != nil {
		return err
	}
	for _, v := range []struct{ what, value string }{
		{"the path of velosd", f.Velosd}, {"VELOS_HOME", f.Home}, {"the user", f.User}, {"HOME", f.UserHome}, {"PATH", f.Path},
		{"the configuration directory", f.Config}, {"the service directory", f.Services}, {"the scan directory", f.Scan},
	} {
		bad := strings.IndexFunc(v.value, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffe || r == 0xffff })
		if bad >= 0 || !utf8.ValidString(v.value) {
			return &velos.Error{Code: velos.Invalid, Message: "startup: " + v.what + " holds a character that a service file cannot hold: " + strconv.Quote(v.value)}
		}
	}
	for _, p := range []string{f.Velosd, f.Home} {
		if !strings.HasPrefix(p, "/") {
			return &velos.Error{Code: velos.Invalid, Message: "startup: this path is not absolute: " + strconv.Quote(p)}
		}
	}
	return nil
}

// ValidName reports whether a service can have this name in every init system.
func ValidName(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '.' && name[0] != '-'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return &velos.Error{Code: velos.Invalid, Message: "startup: this is no name of a service: " + strconv.Quote(name),
			Hint: "letters, digits, dot, underscore and hyphen, at most 64, not beginning with a dot or a hyphen"}
	}
	return nil
}

// NameFor is the name of a service by default: one for each user among those
// of a machine.
func NameFor(system bool, user string) string {
	if !system || user == "root" {
		return "velos"
	}
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && ValidName("x"+string(r)) == nil {
			return r
		}
		return '-'
	}, user)
	return "velos-" + name[:min(len(name), 50)]
}

// mark begins the line that tells whose a file is.
const mark = "velos startup wrote this for "

// marked is the line without the signs of a comment. Two hyphens would end a
// comment of XML.
func marked(home string) string {
	return mark + strings.ReplaceAll(strconv.Quote(home), "--", `-\x2d`) + "; velos unstartup removes it."
}

// HomeOf is the VELOS_HOME of a file that Make has made; ok is false for any
// other file.
func HomeOf(text string) (home string, ok bool) {
	_, rest, ok := strings.Cut(text, mark)
	if !ok {
		return "", false
	}
	q, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", false
	}
	home, err = strconv.Unquote(q)
	return home, err == nil
}

// title does not end as a path may: in a backslash, which goes on in the next
// line of a unit.
func title(f Facts) string { return "Velos in " + f.Home + " (" + f.User + ")" }
