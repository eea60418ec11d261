package cli

import (
	"testing"

	"github.com/velospm/velos"
)

func TestPidsAndIdsAreOneALine(t *testing.T) {
	d := newFake(t, "api", "worker")
	d.apps[0].Instances = append(d.apps[0].Instances, velos.Instance{Inst: 1, Status: velos.Online, PID: 77})
	set(&d.apps[1], -1, velos.Stopped)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"pid", "api"}, "1010\n77\n"},
		{[]string{"pid", "api:1"}, "77\n"},
		{[]string{"pid"}, "1010\n77\n"},
		{[]string{"pid", "worker"}, ""},
		{[]string{"pid", "worker", "--json"}, "[]\n"},
		{[]string{"pid", "api", "--json"}, `[{"id":1,"name":"api","instance":0,"pid":1010},{"id":1,"name":"api","instance":1,"pid":77}]` + "\n"},
		{[]string{"id", "worker"}, "2\n"},
		{[]string{"id", "all"}, "1\n2\n"},
		{[]string{"id", "api", "--ai"}, `[{"id":1,"name":"api"}]` + "\n"},
	} {
		if out, errs := want(t, d, 0, "", "", c.args...); out != c.want || errs != "" {
			t.Errorf("%v: got %q, %q, want %q", c.args, out, errs, c.want)
		}
	}
	want(t, d, 4, "", "pid apu: no such app\n  hint: did you mean api?", "pid", "apu")
	want(t, d, 4, "", "id apu: no such app", "id", "apu")
	want(t, d, 2, "", "something is missing", "id")
}

func TestEnvShowsWhatAnAppGetsWithoutItsSecrets(t *testing.T) {
	d := newFake(t, "api", "worker")
	d.apps[0].Spec.Env = map[string]string{"PORT": "3000", "API_KEY": "sk-1234567890", "URL": "http://x/?k=sk-1234567890", "TWO": "a\nb\x1b[2J"}
	if out, _ := want(t, d, 0, "", "", "env", "1"); out != "API_KEY=[masked]\nPORT=3000\nTWO=a\\nb\nURL=http://x/?k=[masked]\n" {
		t.Errorf("got %q", out)
	}
	if out, _ := want(t, d, 0, "", "", "env", "api", "--json"); out != `{"API_KEY":"[masked]","PORT":"3000","TWO":"a\nb\u001b[2J","URL":"http://x/?k=[masked]"}`+"\n" {
		t.Errorf("got %q", out)
	}
	if out, _ := want(t, d, 0, "", "", "env", "worker", "--json"); out != "{}\n" {
		t.Errorf("got %q", out)
	}
	want(t, d, 2, "", "that is more than one app", "env", "all")
}
