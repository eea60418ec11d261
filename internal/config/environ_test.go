package config

import (
	"slices"
	"testing"
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
