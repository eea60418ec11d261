package digest

// date knows 2026-01-02, 2026/01/02, 02/Jan/2026, 26/01/02, 20260102-,
// 2 Jan 2026, 01-02 03:04 and the time behind them.
func date(b []byte, i int) int {
	n := run(b, i)
	end := 0
	switch {
	case n > 0 && n <= 2 && i+n+10 <= len(b) && b[i+n] == ' ' && monthName(b[i+n+1:i+n+4]) && b[i+n+4] == ' ' && run(b, i+n+5) == 4:
		end = i + n + 9
	case n == 4 && i+8 <= len(b) && dateMark(b[i+4]):
		m := run(b, i+5)
		k := i + 5 + m
		if m >= 1 && m <= 2 && k < len(b) && b[k] == b[i+4] {
			if d := run(b, k+1); d >= 1 && d <= 2 {
				end = k + 1 + d
			}
		}
	case n == 2 && i+8 <= len(b) && (b[i+2] == '/' || b[i+2] == '-' || b[i+2] == '.'):
		m := i + 3
		if r := run(b, m); r == 2 && m+3 < len(b) && b[m+2] == b[i+2] {
			if y := run(b, m+3); y == 2 || y == 4 {
				end = m + 3 + y
			}
		} else if r == 2 && m+3 < len(b) && b[m+2] == ' ' && clock(b, m+3) > 0 {
			return clock(b, m+3)
		} else if r == 0 && m+8 <= len(b) && monthName(b[m:m+3]) && b[m+3] == b[i+2] && run(b, m+4) == 4 {
			end = m + 8
		}
	case n == 8 && i+9 < len(b) && (b[i+8] == '-' || b[i+8] == 'T') && two(b, i+4) <= 12 && two(b, i+6) <= 31:
		if e := clock(b, i+9); e > 0 {
			return e
		}
	}
	if end == 0 || end < len(b) && class[b[end]]&letters != 0 && b[end] != 'T' {
		return 0
	}
	if end+1 < len(b) && (b[end] == ' ' || b[end] == 'T' || b[end] == ':' || b[end] == '-' || b[end] == '_') {
		if e := clock(b, end+1); e > 0 {
			return e
		}
	}
	if !ends(b, end) {
		return 0
	}
	return end
}

func dateMark(c byte) bool { return c == '-' || c == '/' || c == '.' }

// clock knows 3:04, 03:04:05, 03:04:05.678 and what may follow: PM, Z, +01:00.
func clock(b []byte, i int) int {
	n := run(b, i)
	k := i + n
	if n < 1 || n > 2 || k+2 >= len(b) || b[k] != ':' && b[k] != '.' || run(b, k+1) != 2 {
		return 0
	}
	mark := b[k]
	end := k + 3
	if mark == '.' && (end+2 >= len(b) || b[end] != '.' || run(b, end+1) != 2) {
		return 0
	}
	if end+2 < len(b) && b[end] == mark && run(b, end+1) == 2 {
		end += 3
		if end < len(b) && (b[end] == '.' || b[end] == ',' || b[end] == ':') {
			if d := run(b, end+1); d > 0 && d <= 9 {
				end += 1 + d
			}
		}
	}
	if end+1 < len(b) && (b[end] == 'A' || b[end] == 'P') && b[end+1] == 'M' {
		end += 2
	} else if end+2 < len(b) && b[end] == ' ' && (b[end+1] == 'A' || b[end+1] == 'P') && b[end+2] == 'M' && ends(b, end+3) {
		end += 3
	}
	end = zone(b, end)
	if !ends(b, end) || end < len(b) && b[end] == ':' && run(b, end+1) > 0 {
		return 0
	}
	return end
}

// zone skips Z, +0100, +01:00 and " +0100".
func zone(b []byte, i int) int {
	if i < len(b) && b[i] == 'Z' {
		return i + 1
	}
	k := i
	if k+1 < len(b) && b[k] == ' ' && (b[k+1] == '+' || b[k+1] == '-') {
		k++
	}
	if k < len(b) && (b[k] == '+' || b[k] == '-') {
		switch n := run(b, k+1); {
		case n == 4 && ends(b, k+5):
			return k + 5
		case n == 2 && k+4 <= len(b) && k+3 < len(b) && b[k+3] == ':' && run(b, k+4) == 2:
			return k + 6
		case n == 2 && k == i && ends(b, k+3):
			return k + 3
		}
	}
	return i
}

func monthName(b []byte) bool {
	switch string(b) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

func dayName(b []byte) bool {
	switch string(b) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// namedDate knows Fri Jun 17 20:55:06 2005, Jun 17 20:55:06 and Jun 17, 2005.
func namedDate(b []byte, i, j int) int {
	if j-i < 3 || b[i] < 'A' || b[i] > 'W' || j-i > 4 {
		return 0
	}
	if dayName(b[i : i+3]) {
		k := blanks(b, i+3)
		if k < len(b) && b[k] == ',' {
			k = blanks(b, k+1)
		}
		if k+3 < len(b) && k > i+3 && monthName(b[k:k+3]) {
			i = k
		} else {
			return 0
		}
	} else if !monthName(b[i:i+3]) || j-i > 3 {
		return 0
	}
	k := blanks(b, i+3)
	n := run(b, k)
	if k == i+3 || n < 1 || n > 2 {
		return 0
	}
	end := k + n
	k = end
	if k < len(b) && b[k] == ',' {
		k++
	}
	k = blanks(b, k)
	if run(b, k) == 4 && ends(b, k+4) {
		end = k + 4
		k = blanks(b, end)
	}
	if e := clock(b, k); e > 0 {
		end = e
		k = blanks(b, end)
		if run(b, k) == 4 && ends(b, k+4) && two(b, k) >= 19 && two(b, k) <= 20 {
			end = k + 4
		}
	}
	if !ends(b, end) {
		return 0
	}
	return end
}

func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}
