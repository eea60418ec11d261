package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
)

// checkPorts looks for apps that cannot come up because somebody else has
// their port: the one of PORT, or those of listen.
func (d *doctor) checkPorts(apps []velos.App) {
	found := false
	for i := range apps {
		a := &apps[i]
		if a.Status != velos.Errored && a.Status != velos.WaitingRestart {
			continue
		}
		for _, port := range wantedPorts(&a.Spec) {
			who := verb.Holder(apps, port)
			if who == "" || strings.HasPrefix(who, "velos app "+a.Spec.Name+",") {
				continue
			}
			found = true
			d.say("ports", odd, a.Spec.Name+" is "+string(a.Status)+", and its port "+strconv.Itoa(port)+" is held by "+who, "velos ports "+strconv.Itoa(port))
		}
	}
	if !found {
		d.say("ports", fine, "no app waits for a port that somebody else has", "")
	}
}

func wantedPorts(s *velos.Spec) []int {
	var ports []int
	for _, v := range []string{s.Env["PORT"], s.FileEnv["PORT"]} {
		if n, err := strconv.Atoi(v); err == nil && n > 0 && n < 65536 {
			ports = append(ports, n)
		}
	}
	for _, l := range s.Listen {
		if n, err := strconv.Atoi(l[strings.LastIndexByte(l, ':')+1:]); err == nil && n > 0 {
			ports = append(ports, n)
		}
	}
	return ports
}

// checkAgents looks whether what the configuration of agents starts is there.
func (d *doctor) checkAgents() {
	for i := range agents {
		a := &agents[i]
		path := a.path(&d.World)
		b, err := os.ReadFile(path)
		if err != nil {
			continue // nobody uses it here, or it is none of ours
		}
		command, ok := agentCommand(b, filepath.Ext(path) == ".toml")
		switch {
		case !ok:
		case startable(command):
			d.say("agents", fine, a.name+" starts "+command, "")
		default:
			d.say("agents", odd, a.name+" would start "+command+", which is not there", "velos agent init --client "+a.name)
		}
	}
}

func startable(command string) bool {
	_, err := exec.LookPath(command)
	return err == nil
}

// agentCommand is what an agent's file starts for us.
func agentCommand(b []byte, isTOML bool) (string, bool) {
	var top map[string]any
	if isTOML {
		if toml.Unmarshal(b, &top) != nil {
			return "", false
		}
	} else if json.Unmarshal(b, &top) != nil {
		return "", false
	}
	for _, key := range []string{"mcpServers", "servers", "mcp", "mcp_servers"} {
		servers, _ := top[key].(map[string]any)
		entry, _ := servers[entryName].(map[string]any)
		switch c := entry["command"].(type) {
		case string:
			return c, true
		case []any:
			if len(c) > 0 {
				s, ok := c[0].(string)
				return s, ok
			}
		}
	}
	return "", false
}
