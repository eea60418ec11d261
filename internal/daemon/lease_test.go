package daemon

import (
	"strings"
	"testing"
)

func TestAShellForOneCommandIsNoAgent(t *testing.T) {
	for line, want := range map[string]bool{
		"sh -c velos list": true, "/bin/zsh -lc velos": true, "-bash -i -c x": true, "busybox sh -c x": true,
		"sh agent.sh": false, "bash": false, "bash -l": false, "node -c x": false, "sh --norc": false, "": false,
	} {
		if got := oneCommand(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
