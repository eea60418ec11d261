package policy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/velospm/velos"
)

func TestADirectoryThatIsNotThereYetIsWhereItsLinksLead(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	in, _ = filepath.EvalSymlinks(in)
	for name, target := range map[string]string{"out": out, "later": filepath.Join(out, "later"), "up": "../..", "round": "round", "home": in} {
		if err := os.Symlink(target, filepath.Join(in, name)); err != nil {
			t.Skip(err)
		}
	}
	p := Policy{Projects: []string{in}}
	for path, want := range map[string]bool{
		"": true, "a/b": true, "home/a": true, "out": false, "out/later": false, "out/a/b": false, "later": false, "later/x": false, "up": false, "up/x/y": false, "../x": false,
		"home/../../x": false, "round/x": true, // nobody can go there
	} {
		if got := p.Sees(in + "/" + path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestAnAllowedProgramCannotBeMadeToLoadAnotherOne(t *testing.T) {
	p := Policy{Limited: true, Allow: []string{"npm", "/opt/tools/*"}, Path: "/h/config.toml"}
	judge := func(was *velos.Spec, f func(*velos.Spec)) error {
		return p.Judge(&Deed{Verb: "start", Was: was, Specs: []*velos.Spec{spec(f)}}, 0)
	}
	env := func(key, value string) func(*velos.Spec) {
		return func(s *velos.Spec) { s.Env = map[string]string{key: value} }
	}
	for key, value := range map[string]string{"LD_PRELOAD": "/tmp/x.so", "LD_AUDIT": "x", "DYLD_INSERT_LIBRARIES": "x", "BASH_ENV": "/tmp/x", "NODE_OPTIONS": "--max-old-space-size=9 --require=/tmp/x",
		"PERL5OPT": "-Mevil", "RUBYOPT": "-revil", "JAVA_TOOL_OPTIONS": "-javaagent:/tmp/x.jar"} {
		if judge(nil, env(key, value)) == nil {
			t.Errorf("%s=%s is allowed", key, value)
		}
		if judge(nil, func(s *velos.Spec) { s.FileEnv = map[string]string{key: value} }) == nil {
			t.Errorf("%s=%s of an env file is allowed", key, value)
		}
		if err := judge(spec(env(key, value)), env(key, value)); err != nil {
			t.Errorf("%s as the app has it already: %v", key, err)
		}
		if judge(spec(env(key, "other")), env(key, value)) == nil {
			t.Errorf("another %s than the app has", key)
		}
	}
	for key, value := range map[string]string{"LD_PRELOAD": "", "NODE_OPTIONS": "--max-old-space-size=4096 --enable-source-maps", "PATH": "/bin", "JAVA_TOOL_OPTIONS": "-Xmx1g"} {
		if err := judge(nil, env(key, value)); err != nil {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if err := (&Policy{}).Judge(&Deed{Specs: []*velos.Spec{spec(env("LD_PRELOAD", "x"))}}, 0); err != nil {
		t.Errorf("without commands.allow: %v", err)
	}
}

func TestAPatternWithASlashIsOfWholePaths(t *testing.T) {
	for _, c := range []struct {
		pattern, script string
		want            bool
	}{
		{"/usr/bin/node", "/usr/bin/node", true}, {"/usr/bin/node", "/tmp/node", false}, {"/usr/bin/*", "/usr/bin/x/node", false},
		{"/usr/bin/*", "/usr/bin/node", true}, {"node", "/tmp/node", true}, {"node", "/usr/bin/nodejs", false},
	} {
		p := Policy{Limited: true, Allow: []string{c.pattern}}
		if got := p.foreign(spec(func(s *velos.Spec) { s.Script = c.script })) == ""; got != c.want {
			t.Errorf("%s of %s: %v", c.script, c.pattern, got)
		}
	}
	p := Policy{Limited: true, Allow: []string{"/usr/bin/node"}}
	for line, want := range map[string]bool{"/usr/bin/node x": true, "node x": false, "/usr/bin/node x | sh": false} {
		if got := p.foreign(spec(func(s *velos.Spec) { s.Shell, s.Command = true, line })) == ""; got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}
