package cli

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestDoctorNamesWhoHasThePortThatAnAppWaitsFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	web := velos.App{ID: 1, Status: velos.Errored, Spec: velos.NewSpec()}
	web.Spec.Name, web.Spec.Env = "web", map[string]string{"PORT": strconv.Itoa(port)}
	other := velos.App{ID: 2, Status: velos.Online, Spec: velos.NewSpec()}
	other.Spec.Name = "other"
	d := &doctor{session: &session{World: World{Now: time.Now}}}
	d.checkPorts([]velos.App{web, other})
	if f := d.findings; runtime.GOOS == "linux" && (len(f) != 1 || f[0].Status != odd || f[0].Mend != "velos ports "+strconv.Itoa(port)) {
		t.Errorf("%+v", f)
	}
	d.findings, web.Status = nil, velos.Online
	d.checkPorts([]velos.App{web, other})
	if len(d.findings) != 1 || d.findings[0].Status != fine {
		t.Errorf("an app that runs: %+v", d.findings)
	}
}

func TestThePortsThatASpecWants(t *testing.T) {
	s := velos.Spec{Env: map[string]string{"PORT": "3000"}, Listen: []string{"tcp://127.0.0.1:8080", "udp://:53", "unix:/run/a.sock"}}
	if got := wantedPorts(&s); !slices.Equal(got, []int{3000, 8080, 53}) {
		t.Error(got)
	}
	if got := wantedPorts(&velos.Spec{Env: map[string]string{"PORT": "/tmp/x"}}); got != nil {
		t.Error(got)
	}
}

func TestDoctorSeesAnAgentThatStartsNothing(t *testing.T) {
	dir := t.TempDir()
	self, _ := os.Executable()
	d := &doctor{session: &session{World: World{Dir: dir, Vars: map[string]string{"HOME": dir}}}}
	os.WriteFile(filepath.Join(dir, ".mcp.json"), []byte(`{"mcpServers":{"velos":{"command":"/nowhere/velos"}}}`), 0o600)
	os.WriteFile(filepath.Join(dir, "opencode.json"), []byte(`{"mcp":{"velos":{"command":[`+strconv.Quote(self)+`,"mcp-server"]}}}`), 0o600)
	os.MkdirAll(filepath.Join(dir, ".codex"), 0o700)
	os.WriteFile(filepath.Join(dir, ".codex", "config.toml"), []byte("[mcp_servers.other]\ncommand = 'x'\n"), 0o600)
	d.checkAgents()
	if len(d.findings) != 2 || d.findings[0].Status != odd || d.findings[0].Mend != "velos agent init --client claude-code" || d.findings[1].Status != fine {
		t.Errorf("%+v", d.findings)
	}
}
