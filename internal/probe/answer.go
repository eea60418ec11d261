package probe

// headerMax bounds the header of an answer, with those of interim answers that
// come before.
const headerMax = 8 << 10

// An answer is the header of an HTTP answer, read as it comes. It keeps the
// status and nothing else.
type answer struct {
	status int
	read   int  // bytes of the header so far
	column int  // bytes of the line so far, without \r at its end
	field  bool // the status line is over
	cr     bool
	fault  string // why this is no answer
}

const version = "HTTP/1."

// feed takes the next bytes. Done means that the header is over, or wrong: then
// fault says why.
func (a *answer) feed(b []byte) (done bool) {
	for _, c := range b {
		if a.read++; a.read > headerMax {
			a.fault = "its answer has more than 8 KiB of header"
			return true
		}
		switch {
		case c == '\n':
			if a.endLine() {
				return true
			}
			a.column, a.cr = 0, false
			continue
		case c == '\r' && !a.cr:
			a.cr = true
			continue
		}
		a.cr = false
		if !a.field && !a.statusByte(c) {
			a.fault = "its answer is not HTTP"
			return true
		}
		a.column++
	}
	return false
}

// statusByte takes a byte of HTTP/1.1 200 OK.
func (a *answer) statusByte(c byte) bool {
	digit := c >= '0' && c <= '9'
	switch at := a.column; {
	case at < len(version):
		return c == version[at]
	case at == len(version):
		return digit
	case at == len(version)+1:
		return c == ' '
	case at < len(version)+5:
		a.status = a.status*10 + int(c-'0')
		return digit
	case at == len(version)+5:
		return c == ' '
	}
	return true
}

// endLine reports whether the header ends here.
func (a *answer) endLine() bool {
	switch {
	case !a.field && (a.column < len(version)+5 || a.status < 100):
		a.fault = "its answer is not HTTP"
		return true
	case !a.field:
		a.field = true
	case a.column == 0:
		if a.status >= 200 || a.status == 101 {
			return true
		}
		a.field, a.status = false, 0 // an interim answer: another one follows
	}
	return false
}

// well reports whether the status is that of a program that does its work.
func (a *answer) well() bool { return a.status >= 200 && a.status < 400 }
