package unit

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func facts(i Init, system bool) Facts {
	f := Facts{Init: i, System: system, Name: "velos", Velosd: "/home/ann/.local/bin/velosd", Home: "/home/ann/.velos",
		User: "ann", UID: 1000, UserHome: "/home/ann", Path: "/home/ann/.local/bin:/usr/local/bin:/usr/bin:/bin",
		Config: "/home/ann/.config", Services: "/etc/sv", Scan: "/var/service"}
	if system {
		f.Name = NameFor(true, f.User)
	}
	return f
}

// odd are values that quoting must bring through.
var odd = []string{
	`/srv/my programs/100% $HOME ${PATH} $$/v`, `/srv/"double" 'single'/v`, `/srv/back\slash\\ \n \x41/v`, `/srv/привет 🚀/v`, `/srv/%h%%/v`,
	`/srv/<a>&amp;]]>--><!--/v`, "/srv/`id`$(id);#!|*?[a]{b}~/v", `/srv/trailing\`, `/srv/ends in blank `, `/srv/'`, `/srv/--`, `/srv/a=b:c,d@e`,
}

// text is all of a service that people can see.
func text(s Service) string {
	var b strings.Builder
	for _, f := range s.Files {
		b.WriteString("==> " + f.Path + " " + f.Mode.String() + "\n" + f.Text + "\n")
	}
	for _, list := range [][][]string{s.Enable, s.Disable, {s.Start}} {
		for _, c := range list {
			b.WriteString("$ " + strings.Join(c, " ") + "\n")
		}
		b.WriteString("\n")
	}
	return b.String() + strings.Join(s.Advice, "\n")
}

func TestDefinitionsAreWrittenAsTheGoldenFilesShow(t *testing.T) {
	for _, i := range Inits {
		for _, system := range []bool{true, false} {
			if !system && !i.ByUser() {
				continue
			}
			s, err := Make(facts(i, system))
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join("testdata", string(i)+map[bool]string{true: "-system", false: "-user"}[system]+".golden")
			if *update {
				if err := os.WriteFile(name, []byte(text(s)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil || text(s) != string(want) {
				t.Errorf("%s: %v\n%s", name, err, text(s))
			}
		}
	}
}

func TestWhatNoFileCanHoldIsRefused(t *testing.T) {
	for _, bad := range []string{"/a\nExecStart=/bin/evil", "/a\r", "/a\x00", "/a\tb", "/a\x7f", "/a\u0085", "/a\xff"} {
		for i := range 5 {
			f := facts(Systemd, true)
			*[]*string{&f.Velosd, &f.Home, &f.User, &f.Path, &f.UserHome}[i] = bad
			for _, f.Init = range Inits {
				if _, err := Make(f); velos.CodeOf(err) != velos.Invalid {
					t.Errorf("%q in %s: %v", bad, f.Init, err)
				}
			}
		}
	}
	for _, bad := range []string{"", "a/b", "../x", "-x", ".x", "a b", "a@b", "a\n", "é", strings.Repeat("a", 65)} {
		f := facts(Runit, true)
		f.Name = bad
		if _, err := Make(f); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("name %q: %v", bad, err)
		}
	}
	f := facts(Systemd, true)
	f.Velosd = "bin/velosd"
	if _, err := Make(f); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("relative path: %v", err)
	}
	f = facts("sysvinit", true)
	if _, err := Make(f); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("unknown init system: %v", err)
	}
}

func TestAServiceIsNamedForItsUser(t *testing.T) {
	for user, want := range map[string]string{"root": "velos", "ann": "velos-ann", `DOM\ann@corp`: "velos-DOM-ann-corp", "1000": "velos-1000", "jürgen": "velos-j-rgen"} {
		if got := NameFor(true, user); got != want {
			t.Errorf("%s: %s; want %s", user, got, want)
		}
		if got := NameFor(false, user); got != "velos" {
			t.Errorf("%s: %s", user, got)
		}
	}
}

func TestAUserWithAnOddNameGoesByNumber(t *testing.T) {
	f := facts(Systemd, true)
	f.User = `DOM\ann`
	s, err := Make(f)
	if err != nil || !slices.Equal(parseUnit(t, s.Files[0].Text)["User"], []string{"1000"}) {
		t.Errorf("%v\n%s", err, s.Files[0].Text)
	}
}

func TestEveryFileTellsWhoseItIs(t *testing.T) {
	for _, home := range append(odd, "/home/ann/.velos") {
		for _, i := range Inits {
			f := facts(i, true)
			f.Home = home
			s, err := Make(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := HomeOf(s.Files[0].Text); !ok || got != home {
				t.Errorf("%s: %q, %v; want %q", i, got, ok, home)
			}
		}
	}
	for _, other := range []string{"", "[Unit]\n", "# " + mark, "# " + mark + `"open`} {
		if home, ok := HomeOf(other); ok {
			t.Errorf("%q is said to be for %s", other, home)
		}
	}
}

// check makes all definitions with odd values and reads them back.
func check(t *testing.T, velosd, home, path string) {
	t.Helper()
	for _, i := range Inits {
		f := facts(i, true)
		f.Velosd, f.Home, f.Path = velosd, home, path
		s, err := Make(f)
		if err != nil {
			t.Skip(err)
		}
		switch i {
		case Systemd:
			u := parseUnit(t, s.Files[0].Text)
			env := slices.Concat(u.words(t, "Environment", true)...)
			if want := []string{"VELOS_HOME=" + home, "GOMAXPROCS=1", "PATH=" + path}; !slices.Equal(env, want) {
				t.Errorf("environment %q; want %q", env, want)
			}
			if got := u.program(t); got != velosd {
				t.Errorf("%q is started; want %q", got, velosd)
			}
		case Launchd:
			v := parsePlist(t, s.Files[0].Text)
			if want := append([]string{"/bin/sh"}, launcher(f)...); !slices.Equal(v["ProgramArguments"], want) || want[3] != velosd || want[4] != home || want[5] != path {
				t.Errorf("read back: %q; want %q", v, want)
			}
		}
	}
}

func TestOddValuesComeThrough(t *testing.T) {
	for i, v := range odd {
		check(t, v, odd[(i+1)%len(odd)], odd[(i+2)%len(odd)])
	}
}

func FuzzQuoting(f *testing.F) {
	for _, v := range odd {
		f.Add("/"+v, v, v)
	}
	f.Fuzz(func(t *testing.T, velosd, home, path string) { check(t, "/"+velosd, "/"+home, path) })
}

// A parsed unit has the values of each key in order.
type parsed map[string][]string

// parseUnit reads what systemd.syntax(7) describes.
func parseUnit(t *testing.T, text string) parsed {
	t.Helper()
	u := parsed{}
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasSuffix(line, `\`) {
			t.Fatalf("this is no line of a unit: %q", line)
		}
		u[key] = append(u[key], value)
	}
	return u
}

// words splits each value of a key as systemd does: blanks, quotes, escapes,
// then specifiers.
func (u parsed) words(t *testing.T, key string, percent bool) (list [][]string) {
	t.Helper()
	for _, v := range u[key] {
		var words []string
		for v = strings.TrimLeft(v, " \t"); v != ""; v = strings.TrimLeft(v, " \t") {
			var w []byte
			var quote byte
			for v != "" && (quote != 0 || v[0] != ' ' && v[0] != '\t') {
				c := v[0]
				v = v[1:]
				switch {
				case c == '\\':
					if v == "" || !strings.ContainsRune(`\"'`, rune(v[0])) {
						t.Fatalf("unknown escape before %q in %s", v, key)
					}
					w = append(w, v[0])
					v = v[1:]
				case quote == 0 && (c == '"' || c == '\''):
					quote = c
				case c == quote && quote != 0:
					quote = 0
				default:
					w = append(w, c)
				}
			}
			if quote != 0 {
				t.Fatalf("a quote is open in %s", key)
			}
			words = append(words, expand(t, string(w), percent))
		}
		list = append(list, words)
	}
	return list
}

// expand does specifiers: only the percent sign itself is expected.
func expand(t *testing.T, s string, percent bool) string {
	if rest := strings.ReplaceAll(s, "%%", ""); percent && strings.Contains(rest, "%") {
		t.Fatalf("a specifier in %q", s)
	}
	return strings.ReplaceAll(s, "%%", "%")
}

// program is what ExecStart starts in the end.
func (u parsed) program(t *testing.T) string {
	t.Helper()
	w := u.words(t, "ExecStart", true)[0]
	path, literal := strings.CutPrefix(w[0], ":")
	if strings.ContainsAny(path, `\"'`) {
		t.Fatalf("systemd refuses the program %q", path)
	}
	if !literal && strings.Contains(strings.Join(w, ""), "$") {
		t.Fatalf("systemd would replace variables in %q", w)
	}
	if path == "/bin/sh" && len(w) == 4 {
		if w[1] != "-c" || w[2] != `exec "$0"` {
			t.Fatalf("the shell gets %q", w)
		}
		return w[3]
	}
	if len(w) != 1 {
		t.Fatalf("arguments: %q", w)
	}
	return path
}

// parsePlist flattens a property list: the strings behind each key.
func parsePlist(t *testing.T, text string) map[string][]string {
	t.Helper()
	v := map[string][]string{}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	key, element := "", ""
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return v
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			element = x.Name.Local
			switch element {
			case "key":
				key = ""
			case "string":
				v[key] = append(v[key], "")
			}
		case xml.EndElement:
			element = ""
		case xml.CharData:
			switch element {
			case "key":
				key += string(x)
			case "string":
				v[key][len(v[key])-1] += string(x)
			}
		}
	}
}

func TestScriptsAreShell(t *testing.T) {
	for _, v := range odd {
		for _, i := range []Init{OpenRC, Runit, S6} {
			f := facts(i, true)
			f.Velosd, f.Home, f.Path, f.UserHome, f.User = v, v, v, v, v
			s, err := Make(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range s.Files {
				if !strings.HasPrefix(file.Text, "#!") {
					continue
				}
				cmd := exec.Command("sh", "-n")
				cmd.Stdin = strings.NewReader(file.Text)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s", file.Path, err, out)
				}
			}
		}
	}
}

// The scripts are run, with programs of ours in the place of those that change
// the user; what is started at their end says what it got.
func TestScriptsStartTheProgramWithItsEnvironment(t *testing.T) {
	for n, v := range odd {
		dir := t.TempDir()
		tools, place := filepath.Join(dir, "tools"), filepath.Join(dir, v)
		for _, d := range []string{tools, place} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		program := filepath.Join(place, "velosd")
		put(t, program, "#!/bin/sh\nprintf '%s\\n' \"$VELOS_HOME\" \"$HOME\" \"$PATH\" \"$GOMAXPROCS\" \"$PWD\"\numask\necho said >&2\n")
		put(t, filepath.Join(tools, "chpst"), "#!/bin/sh\nshift 2\nexec \"$@\"\n")
		put(t, filepath.Join(tools, "s6-setuidgid"), "#!/bin/sh\nshift\nexec \"$@\"\n")
		put(t, filepath.Join(tools, "ebegin"), "#!/bin/sh\n")
		put(t, filepath.Join(tools, "eend"), "#!/bin/sh\nexit $1\n")
		put(t, filepath.Join(tools, "start-stop-daemon"), "#!/bin/sh\nwhile [ $# -gt 0 ]; do a=$1; shift; [ \"$a\" = -- ] && exec /bin/sh \"$@\"; done\nexit 1\n")
		for _, i := range []Init{OpenRC, Runit, S6} {
			f := facts(i, true)
			f.Velosd, f.Home, f.Path, f.UserHome, f.User = program, filepath.Join(place, string(i)), "/usr/bin:/bin:"+v, v, "root"
			s, err := Make(f)
			if err != nil {
				t.Fatal(err)
			}
			script := s.Files[0].Text
			if i == OpenRC {
				script += "umask 022; start\n"
			}
			cmd := exec.Command("sh", "-c", "umask 022\n"+script)
			cmd.Env = []string{"PATH=" + tools + ":" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			want := strings.Join([]string{f.Home, v, f.Path, "1", "/", "0022", ""}, "\n")
			if err != nil || string(out) != want {
				t.Errorf("%d, %s: %v\n%s\nwant\n%s", n, i, err, out, want)
			}
			log := filepath.Join(f.Home, "logs", "daemon.log")
			b, _ := os.ReadFile(log)
			st, err := os.Stat(log)
			if string(b) != "said\n" || err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%d, %s: the log holds %q, %v", n, i, b, err)
			}
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// systemd's own reader has the last word where it is installed.
func TestSystemdAcceptsTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	for n, v := range append(odd, "/bin") {
		for _, system := range []bool{true, false} {
			dir := t.TempDir()
			program := filepath.Join(dir, v, "velosd")
			if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, program, "#!/bin/sh\n")
			f := facts(Systemd, system)
			f.Name, f.User, f.Velosd, f.Home, f.Path = "velos"+strconv.Itoa(n), "root", program, filepath.Join(dir, v), "/bin:"+v
			s, err := Make(f)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, f.Name+".service")
			put(t, file, s.Files[0].Text)
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
			args := []string{"verify", "--man=no", file}
			if !system {
				args = append([]string{"--user"}, args...)
			}
			cmd := exec.Command("systemd-analyze", args...)
			cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
			out, err := cmd.CombinedOutput()
			for _, line := range strings.Split(string(out), "\n") {
				if strings.Contains(line, f.Name) { // it has opinions on the machine's other units, too
					t.Errorf("%s (system %v): %s", v, system, line)
				}
			}
			if err != nil {
				t.Errorf("%s (system %v): %v\n%s", v, system, err, out)
			}
			// With more talk it shows what it has understood.
			cmd = exec.Command("systemd-analyze", args...)
			cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console")
			out, _ = cmd.CombinedOutput()
			for _, want := range []string{"Environment: VELOS_HOME=" + f.Home + "\n", "Environment: PATH=" + f.Path + "\n"} {
				if strings.Contains(string(out), "Environment: GOMAXPROCS=1\n") && !strings.Contains(string(out), want) {
					t.Errorf("%s (system %v): it has not understood %q", v, system, want)
				}
			}
		}
	}
}

func TestTheInitSystemThatRunsIsFound(t *testing.T) {
	for _, c := range []struct {
		m       Machine
		there   string
		want    Init
		running bool
	}{
		{Machine{OS: "linux", First: "systemd"}, "/run/systemd/system", Systemd, true},
		{Machine{OS: "linux", First: "init"}, "/run/openrc /sbin/openrc-run", OpenRC, true},
		{Machine{OS: "linux", First: "runit"}, "/etc/sv", Runit, true},
		{Machine{OS: "linux", First: "s6-svscan"}, "/run/openrc", S6, true},
		{Machine{OS: "linux", First: "bash"}, "systemctl", Systemd, false},
		{Machine{OS: "linux", First: "bash"}, "/sbin/openrc-run", OpenRC, false},
		{Machine{OS: "linux", First: "bash"}, "", "", false},
		{Machine{OS: "darwin"}, "", Launchd, true},
		{Machine{OS: "windows"}, "systemctl", "", false},
	} {
		c.m.Exists = func(p string) bool { return slices.Contains(strings.Fields(c.there), p) }
		c.m.Find = c.m.Exists
		if got, running := Detect(c.m); got != c.want || running != c.running {
			t.Errorf("%s, %s: %s, %v; want %s, %v", c.m.First, c.there, got, running, c.want, c.running)
		}
	}
}
