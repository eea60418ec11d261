package view

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/velospm/velos"
)

func TestJListHasVariablesWherePM2HasThem(t *testing.T) {
	a := velos.App{ID: 1, Spec: velos.NewSpec(), Instances: []velos.Instance{{Inst: 0}, {Inst: 1}}}
	a.Spec.Name, a.Spec.Env, a.Spec.IncrementVar = "api", map[string]string{"PORT": "3000", "status": "mine", "DB_PASSWORD": "hush"}, "PORT"
	a.Spec.Watch, a.Spec.WatchPaths = true, []string{"/srv/src"}
	var b bytes.Buffer
	if err := JList(&b, []velos.App{a}, false); err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Env map[string]any `json:"pm2_env"`
	}
	if err := json.Unmarshal(b.Bytes(), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %s", err, &b)
	}
	for i, port := range []string{"3000", "3001"} {
		env := list[i].Env
		inner, _ := env["env"].(map[string]any)
		if env["PORT"] != port || inner["PORT"] != port || env["DB_PASSWORD"] != Masked {
			t.Errorf("instance %d: %v, and %v within env; want port %s, and no password", i, env, inner, port)
		}
		if env["status"] == "mine" || inner["status"] != "mine" {
			t.Errorf("instance %d: status is %v and %v; a field goes before a variable", i, env["status"], inner["status"])
		}
		if paths, _ := env["watch"].([]any); len(paths) != 1 || paths[0] != "/srv/src" {
			t.Errorf("watch is %v; want the paths", env["watch"])
		}
	}
}
