package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/velospm/velos"
)

// What a service manager says to the caller is not said to its apps: an app
// could end the caller's service.
func TestWhatAServiceManagerSaysToTheCallerIsNotHandedOn(t *testing.T) {
	e := Environ{Vars: map[string]string{"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2", "LISTEN_FDS": "1", "LISTEN_PID": "2",
		"VELOS_ID": "x", "KEEP": "1"}}
	var got []string
	for k := range e.whole() {
		got = append(got, k)
	}
	if !slices.Equal(got, []string{"KEEP"}) {
		t.Errorf("handed on: %q", got)
	}
}

func TestAPipeOrADeviceIsNoFileOfSettings(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Skipf("%v %s", err, out)
	}
	zero := "/dev/zero"
	for name, text := range map[string]string{
		"include": "include = \"" + fifo + "\"\n", "env file": "[apps.a]\nscript = \"/bin/sh\"\nenv_file = \"" + fifo + "\"\n", "endless env file": "[apps.a]\nscript = \"/bin/sh\"\nenv_file = \"" + zero + "\"\n",
		"endless include": "include = \"" + zero + "\"\n",
	} {
		file := filepath.Join(dir, "velos.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file, Environ{Dir: dir, Vars: map[string]string{}}); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(fifo, Environ{Dir: dir, Vars: map[string]string{}}); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("a file: %v", err)
	}
	if head, err := readHead(fifo); head != nil || err != nil {
		t.Errorf("a script: %q, %v", head, err)
	}
}
