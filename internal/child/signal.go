package child

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// SignalNumber is the number of a signal on this system. It takes a name with
// or without SIG, in any case, or the number itself. Anything else is an
// Invalid error.
func SignalNumber(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n >= 1 && n <= lastSignal {
			return n, nil
		}
		return 0, unknownSignal(name)
	}
	upper := strings.ToUpper(name)
	short := strings.TrimPrefix(upper, "SIG")
	for n := 1; n <= lastSignal; n++ {
		if known := signalName(n); known != "" && known[len("SIG"):] == short {
			return n, nil
		}
	}
	switch short {
	case "IOT":
		return SignalNumber("ABRT")
	case "CLD":
		return SignalNumber("CHLD")
	case "POLL":
		return SignalNumber("IO")
	}
	if plus, ok := strings.CutPrefix(short, "RTMIN"); ok && firstRealtime > 0 {
		n, err := strconv.Atoi(strings.TrimPrefix(plus, "+"))
		if plus == "" {
			n, err = 0, nil
		}
		if err == nil && n >= 0 && firstRealtime+n <= lastSignal {
			return firstRealtime + n, nil
		}
	}
	return 0, unknownSignal(name)
}

// SignalName is the name of a signal: SIGTERM for 15. A signal without a name
// is its number.
func SignalName(n int) string {
	if name := signalName(n); name != "" {
		return name
	}
	if firstRealtime > 0 && n >= firstRealtime && n <= lastSignal {
		if n == firstRealtime {
			return "SIGRTMIN"
		}
		return "SIGRTMIN+" + strconv.Itoa(n-firstRealtime)
	}
	return strconv.Itoa(n)
}

func unknownSignal(name string) error {
	return fault(velos.Invalid, nil, "use a name or a number, such as SIGTERM, INT, HUP, USR2 or 15",
		"no such signal: ", strconv.QuoteToASCII(name))
}
