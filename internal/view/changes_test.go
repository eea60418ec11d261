package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func fixturePlans() []Plan {
	return []Plan{
		{Name: "api", Action: "reload", Changes: []Change{{"env.API_TOKEN", Masked, Masked}, {"env.LOG", "", `"debug"`}, {"kill_timeout", `"5s"`, `"10s"`}}},
		{Name: "worker", Action: "start", Why: "new"},
		{Name: "old", Action: "leave", Why: "it is not in the file any more; --prune deletes it"},
	}
}

func fixtureGenerations() []Generation {
	return []Generation{
		{Number: 1, Since: fixtureNow - 90_000_000, Changes: []Change{}},
		{Number: 2, Current: true, Since: fixtureNow - 60_000, Cause: "reloaded", By: velos.Actor{Kind: "user", User: "anna", Exe: "velos"},
			Changes: []Change{{"env.LOG", "", `"debug"`}, {"args", `["-v"]`, ""}}},
	}
}

func fixtureSettings() []Setting {
	return []Setting{{Key: "env.PORT", Value: `"3000"`, From: "file"}, {Key: "kill_timeout", Value: `"5s"`}}
}

// addChanges adds the answers about configurations to the goldens.
func addChanges(add func(string, func(*bytes.Buffer)), name string, o Options) {
	add("diff."+name, func(b *bytes.Buffer) { Plans(b, "velos.toml", fixturePlans(), 3, o) })
	add("history."+name, func(b *bytes.Buffer) { Generations(b, fixtureGenerations(), o) })
	add("config."+name, func(b *bytes.Buffer) { Settings(b, fixtureSettings(), o) })
}

func TestSecretsOfSettingsAreMasked(t *testing.T) {
	old, now := velos.NewSpec(), velos.NewSpec()
	old.Env, now.Env = map[string]string{"API_KEY": "first-secret", "A": "x"}, map[string]string{"API_KEY": "second-secret"}
	got := HideAll([]Change{{"env.API_KEY", `"first-secret"`, `"second-secret"`}, {"env_file:A", `"plain"`, ""}, {"args", `["--k=first-secret"]`, `["second-secret"]`}, {"env.URL", "", `"http://u:pw@h/"`}}, &old, &now)
	for _, c := range got {
		if text := c.From + c.To; strings.Contains(text, "secret") || strings.Contains(text, "plain") || strings.Contains(text, "pw") {
			t.Errorf("%+v", c)
		}
	}
	if got[1].To != "" {
		t.Errorf("what is not there became %q", got[1].To)
	}
}

func TestThePlanOfNothingSaysSo(t *testing.T) {
	for n, want := range map[int]string{1: "1 app is as f.toml says\n", 3: "all 3 apps are as f.toml says\n"} {
		var b bytes.Buffer
		Plans(&b, "f.toml", nil, n, Options{})
		if b.String() != want {
			t.Errorf("%q; want %q", b.String(), want)
		}
	}
}
