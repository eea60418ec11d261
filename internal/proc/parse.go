package proc

import "bytes"

// parseStat reads a line of /proc/PID/stat into s; ok is false when it is not
// one. pageSize is in bytes.
//
// The program's name stands in parentheses and may itself hold blanks,
// newlines and parentheses: it ends at the last one.
func parseStat(line []byte, pageSize int64, s *Stat) (ok bool) {
	open := bytes.IndexByte(line, '(')
	end := bytes.LastIndexByte(line, ')')
	if open < 2 || end < open || end+3 >= len(line) {
		return false
	}
	pid, _, ok := number(line[:open])
	if !ok || pid == 0 || pid > 1<<31-1 {
		return false
	}
	*s = Stat{PID: int(pid), State: line[end+2]}
	rest := line[end+3:]
	// Numbers by their place in the line, the state being the third.
	for field := 4; field <= 24; field++ {
		var v int64
		v, rest, ok = number(rest)
		if !ok {
			return false
		}
		switch field {
		case 4:
			s.PPID = int(v)
		case 5:
			s.PGID = int(v)
		case 6:
			s.SID = int(v)
		case 7:
			s.Terminal = v != 0
		case 14, 15:
			s.CPU += uint64(v)
		case 20:
			s.Threads = int(v)
		case 22:
			s.Start = uint64(v)
		case 24:
			s.RSS = v * pageSize
		}
	}
	return true
}

// number reads a decimal number after blanks. Numbers that do not fit become
// negative or wrong, which no kernel writes in the fields we keep.
func number(b []byte) (v int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i] == ' ' {
		i++
	}
	minus := i < len(b) && b[i] == '-'
	if minus {
		i++
	}
	from := i
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + int64(b[i]-'0')
		i++
	}
	if minus {
		v = -v
	}
	return v, b[i:], i > from
}

// numbers appends the decimal numbers in b, which is how the kernel lists
// children.
func numbers(b []byte, out []int) []int {
	for {
		v, rest, ok := number(b)
		if !ok {
			return out
		}
		out, b = append(out, int(v)), rest
	}
}

// variable finds key's value in a list of NAME=VALUE strings that end in NUL.
func variable(list []byte, key string) (string, bool) {
	for len(list) > 0 {
		line := list
		if n := bytes.IndexByte(list, 0); n >= 0 {
			line, list = list[:n], list[n+1:]
		} else {
			list = nil
		}
		if len(line) > len(key) && line[len(key)] == '=' && string(line[:len(key)]) == key {
			return string(line[len(key)+1:]), true
		}
	}
	return "", false
}
