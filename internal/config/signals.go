package config

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// signalName turns "term", "SIGTERM" and "15" into SIGTERM.
func signalName(s string) (string, *problem) {
	name := strings.ToUpper(strings.TrimSpace(s))
	if n, err := strconv.Atoi(name); err == nil {
		name = signalOfNumber(n)
	} else if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if velos.KnownSignal(name) {
		return name, nil
	}
	return "", wrong("unknown signal "+shown(s), didYouMean(name, velos.SignalNames(), "such as SIGTERM, SIGINT or SIGQUIT"))
}
