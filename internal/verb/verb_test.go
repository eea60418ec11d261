package verb

import (
	"testing"

	"github.com/velospm/velos"
)

func TestCursorsAreReadAsTheyAreWritten(t *testing.T) {
	for _, c := range []Cursor{{}, {App: "api", Line: 1842, Event: 512, ID: 3}, {App: "a#b", Line: 1}, {App: "x.y", Event: 7, ID: 1}} {
		got, err := ParseCursor(c.String())
		if err != nil || got != c {
			t.Errorf("%s is read as %+v, %v", c, got, err)
		}
	}
	for _, s := range []string{"", "api", "api#", "api#x", "api#1.2.3.4", "api#-1", "api#99999999999999999999"} {
		if _, err := ParseCursor(s); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("%q is a cursor (%v)", s, err)
		}
	}
	if c, err := ParseCursor("api#5"); err != nil || c.Line != 5 {
		t.Errorf("a line alone: %+v, %v", c, err)
	}
}

func TestCursorOfAnotherAppIsRecognised(t *testing.T) {
	a := velos.App{ID: 3, Log: velos.LogInfo{Seq: 10}}
	for c, want := range map[Cursor]bool{{Line: 10, ID: 3}: true, {Line: 4}: true, {Line: 11, ID: 3}: false, {Line: 1, ID: 2}: false} {
		if c.Of(&a) != want {
			t.Errorf("%s: %v", c, !want)
		}
	}
}

func TestConditionsAreRead(t *testing.T) {
	for _, s := range []string{"ready", "exit", "crash", "healthy", "port", "port=3000", "quiet=5s", "log=/listening on \\d+/", "log=a=b"} {
		if _, err := ParseCondition(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "redy", "ready=1", "port=0", "port=http", "port=", "quiet", "quiet=0s", "quiet=x", "log", "log=", "log=/(/"} {
		if _, err := ParseCondition(s); velos.CodeOf(err) != velos.Invalid || velos.HintOf(err) == "" {
			t.Errorf("%q is a condition (%v)", s, err)
		}
	}
}

func TestExpressionFindsTheTextThatIsInEveryMatch(t *testing.T) {
	for text, want := range map[string]string{"listening on": "listening on", "(a|b)cd+": "c", "(?i)error": "", "x*": "", "(port) \\d": "port", "a.{2,}bcd": "bcd"} {
		_, got, err := Expression(text)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAppsAreFoundByNameIDAndInstance(t *testing.T) {
	apps := []velos.App{{ID: 7, Spec: velos.Spec{Name: "api"}, Instances: []velos.Instance{{Inst: 0}, {Inst: 1}}}, {ID: 8, Spec: velos.Spec{Name: "7"}}}
	for word, want := range map[string]struct {
		id   uint32
		inst int
	}{"api": {7, -1}, "api:1": {7, 1}, "7": {8, -1}, "8": {8, -1}} {
		a, inst, err := Find(apps, word)
		if err != nil || a.ID != want.id || inst != want.inst {
			t.Errorf("%s: %v, %d, %v", word, a, inst, err)
		}
	}
	for word, hint := range map[string]string{"ap": "there are api, 7", "API": "did you mean api?", "api:2": "it has 2, counted from 0", "ap:2": "there are api, 7"} {
		if _, _, err := Find(apps, word); velos.CodeOf(err) != velos.NotFound || velos.HintOf(err) != hint {
			t.Errorf("%s: %v (%s)", word, err, velos.HintOf(err))
		}
	}
}

func TestWhatDiffersIsNamedAndValuesAreNot(t *testing.T) {
	old := velos.NewSpec()
	old.Script, old.Cwd, old.Env = "/a/x.js", "/a", map[string]string{"KEY": "old-secret", "PATH": "/bin"}
	e := Ensure{Spec: old, Env: []string{"KEY"}}
	e.Spec.Env = map[string]string{"KEY": "new-secret", "PATH": "/usr/bin"}
	if d := e.Diff(&old); len(d) != 1 || d[0] != "env.KEY has another value" {
		t.Errorf("%q", d)
	}
	e.Spec.Cwd, e.Spec.Args = "/b", []string{"-v"}
	if d := e.Diff(&old); len(d) != 3 {
		t.Errorf("%q", d)
	}
}

func TestPortsAreSortedAndFiltered(t *testing.T) {
	apps := []velos.App{{Spec: velos.Spec{Name: "a"}, Instances: []velos.Instance{{PID: 1, Ports: velos.AddressesOf([]string{"tcp://[::]:3000", "unix:/x.sock"})}}},
		{Spec: velos.Spec{Name: "b", Cwd: "/b"}, Instances: []velos.Instance{{PID: 2, Ports: "tcp://127.0.0.1:80"}}}}
	list := Ports(apps, 0)
	if len(list) != 3 || list[0].Port != 0 || list[1].Port != 80 || list[2].App != "a" {
		t.Errorf("%+v", list)
	}
	if h := Holder(apps, 80); h != "velos app b, pid 2, in /b" {
		t.Error(h)
	}
}
