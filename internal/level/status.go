package level

import (
	"bytes"

	"github.com/velospm/velos"
)

// ofStatus reads access logs: "GET /x HTTP/1.1" 503, GET /x 200 3ms,
// [GIN] … | 200 |, Completed 500.
func ofStatus(line []byte) velos.Level {
	var at []byte
	if i := bytes.Index(line, []byte(" HTTP/")); i > 0 {
		if q := bytes.Index(line[i:], []byte(`" `)); q > 0 && q < 12 {
			at = line[i+q+2:]
		} else {
			at = behindTimers(line[:i])
		}
	} else if bytes.HasPrefix(line, []byte("Completed ")) {
		at = line[10:]
	} else if bytes.HasPrefix(line, []byte("[GIN] ")) {
		if i := bytes.Index(line, []byte(" | ")); i > 0 {
			at = line[i+3:]
		}
	} else if len(line) > 11 && line[2] == ':' && line[5] == ':' && string(line[8:11]) == " | " {
		at = line[11:] // Fiber
	} else if i := bytes.IndexByte(line, '"'); i >= 0 && method(line[i+1:]) > 0 {
		if q := bytes.IndexByte(line[i+1:], '"'); q > 0 && i+q+3 < len(line) {
			at = line[i+q+3:] // "GET /x" 200
		}
	} else if n := method(line); n > 0 {
		if i := bytes.IndexByte(line[n:], ' '); i > 0 {
			at = line[n+i+1:]
		}
	}
	if len(at) < 3 || !digits(at[:3]) || len(at) > 3 && at[3] != ' ' {
		return velos.LevelNone
	}
	switch at[0] {
	case '1', '2', '3':
		return velos.Info
	case '4':
		return velos.Warn
	case '5':
		return velos.Err
	}
	return velos.LevelNone
}

// behindTimers finds the status of HAProxy: " 0/0/1/2/3 200 ".
func behindTimers(line []byte) []byte {
	for i := bytes.IndexByte(line, '/'); i > 0 && i < len(line); i++ {
		if line[i] != ' ' {
			continue
		}
		n, slashes := i+1, 0
		for n < len(line) && (digit(line[n]) || line[n] == '-' || line[n] == '+' || line[n] == '/') {
			if line[n] == '/' {
				slashes++
			}
			n++
		}
		if slashes == 4 && n < len(line) && line[n] == ' ' {
			return line[n+1:]
		}
	}
	return nil
}

// method is the length of an HTTP method and the blank after it, when the
// line begins with one and a path follows.
func method(line []byte) int {
	i := bytes.IndexByte(line, ' ')
	if i < 3 || i > 7 || i+1 >= len(line) || line[i+1] != '/' || !capitals(line[:i]) {
		return 0
	}
	return i + 1
}
