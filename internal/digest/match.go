package digest

import "bytes"

// The functions of this file know the forms of variables. Each looks at b
// from i on and returns where the form ends, 0 when it is not there. A form
// may reach over a gap: dates do.

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// ends reports that no word goes on at n.
func ends(b []byte, n int) bool {
	if n >= len(b) {
		return true
	}
	c := b[n]
	if class[c]&alnum != 0 || c == '_' || c == '@' || c == '\\' || c == '$' {
		return false
	}
	return (c != '.' && c != '-') || n+1 >= len(b) || class[b[n+1]]&alnum == 0
}

// run counts digits.
func run(b []byte, i int) int {
	n := i
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n - i
}

func two(b []byte, i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }

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

// ipv4 knows 10.0.0.1, 10.0.0.1:80 and 10.0.0.0/8.
func ipv4(b []byte, i int) int {
	n := i
	for part := 0; part < 4; part++ {
		r := run(b, n)
		if r < 1 || r > 3 {
			return 0
		}
		n += r
		if part < 3 {
			if n >= len(b) || b[n] != '.' {
				return 0
			}
			n++
		}
	}
	if n+1 < len(b) && (b[n] == ':' || b[n] == '/') {
		if r := run(b, n+1); r > 0 && r <= 5 && ends(b, n+1+r) {
			return n + 1 + r
		}
	}
	if !ends(b, n) {
		return 0
	}
	return n
}

func uuidEnd(b []byte, i int) int {
	if i+36 > len(b) {
		return 0
	}
	for k, c := range b[i : i+36] {
		switch k {
		case 8, 13, 18, 23:
			if c != '-' {
				return 0
			}
		default:
			if !isHex(c) {
				return 0
			}
		}
	}
	if i+36 < len(b) && class[b[i+36]]&alnum != 0 {
		return 0
	}
	return i + 36
}

// colonHex knows MAC addresses and IPv6.
func colonHex(b []byte, i, j int) int {
	n, colons, group, wide := i, 0, 0, 0
	for n < j {
		c := b[n]
		if c == ':' {
			if n+1 >= j || !isHex(b[n+1]) && b[n+1] != ':' {
				break
			}
			colons++
			group = 0
		} else if isHex(c) {
			if group++; group > 4 {
				return 0
			}
			wide++
		} else {
			break
		}
		n++
	}
	double := bytes.Contains(b[i:n], []byte("::"))
	if colons < 2 || colons < 5 && !double || wide == 0 || !ends(b, n) && b[n] != '%' {
		return 0
	}
	return n
}

// numeral knows numbers with sign, decimals, exponent and unit: -1, 3.5e7,
// 12ms, 1h2m3s, 1,024, 1.2.3, 10%.
func numeral(b []byte, i int) int {
	n := i
	if b[n] == '-' || b[n] == '+' {
		n++
	}
	start := n
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
		if n+1 < len(b) && b[n] == '.' && b[n+1] >= '0' && b[n+1] <= '9' {
			n++
		}
		if n+3 < len(b) && b[n] == ',' && run(b, n+1) == 3 && n-start <= 3 {
			n++
		}
	}
	if n == start {
		return 0
	}
	if n+1 < len(b) && b[n]|0x20 == 'e' {
		k := n + 1
		if b[k] == '-' || b[k] == '+' {
			k++
		}
		if r := run(b, k); r > 0 && r <= 3 && ends(b, k+r) {
			n = k + r
		}
	}
	if k := units(b, n); k > n {
		n = k
	}
	if n < len(b) && b[n] == '-' && n+1 < len(b) && class[b[n+1]]&digit != 0 {
		return n
	}
	if !ends(b, n) {
		return 0
	}
	return n
}

// units skips a unit, and durations made of several.
func units(b []byte, i int) int {
	n := i
	for {
		k := n
		for k < len(b) && class[b[k]]&letters != 0 && k-n < 6 {
			k++
		}
		if k < len(b) && b[k] == '%' && k == n {
			k++
		} else if k == n || !unit(b[n:k]) {
			return n
		}
		n = k
		r := run(b, n)
		if r == 0 {
			return n
		}
		n += r
		for n+1 < len(b) && b[n] == '.' && run(b, n+1) > 0 {
			n += 1 + run(b, n+1)
		}
		if n >= len(b) || class[b[n]]&letters == 0 {
			return i
		}
	}
}

func unit(w []byte) bool {
	switch string(w) {
	case "ns", "us", "µs", "μs", "ms", "s", "m", "h", "d", "sec", "secs", "min", "mins", "hr", "hrs", "b", "B", "k", "K", "M", "G", "T",
		"kb", "mb", "gb", "tb", "kB", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "Ki", "Mi", "Gi", "bytes", "bps",
		"kbps", "Mbps", "Gbps", "Hz", "kHz", "MHz", "GHz", "px", "x", "W", "V", "C", "F", "L":
		return true
	}
	return false
}

// url knows scheme://anything up to a blank or a quote.
func url(b []byte, i, j int) int {
	n := i
	for n < j && n-i < 12 && class[b[n]]&letters != 0 || n > i && n < j && (b[n] == '+' || b[n] == '.') {
		n++
	}
	if n == i || n+3 > len(b) || b[n] != ':' || b[n+1] != '/' || b[n+2] != '/' {
		return 0
	}
	return rest(b, n+3)
}

// rest is the end of a path or URL: up to a blank, a quote, a bracket that
// was not opened in it, or marks that end a sentence.
func rest(b []byte, i int) int {
	n, open := i, 0
loop:
	for n < len(b) {
		switch c := b[n]; c {
		case '"', '\'', '<', '>', '`', '|', '{', '}', '[', ']':
			break loop
		case '(':
			open++
		case ')':
			if open--; open < 0 {
				break loop
			}
		default:
			if c <= ' ' {
				break loop
			}
		}
		n++
	}
	for n > i && (b[n-1] == '.' || b[n-1] == ',' || b[n-1] == ':' || b[n-1] == ';' || b[n-1] == '!' || b[n-1] == '?') {
		n--
	}
	return n
}

// pathEnd is the end of /a/b, ./a, ../a, ~/a and C:\a.
func pathEnd(b []byte, i int) int {
	n := i
	for n < len(b) && class[b[n]]&alnum == 0 && class[b[n]]&gap == 0 {
		n++
	}
	if n >= len(b) || class[b[n]]&gap != 0 {
		return 0
	}
	end := n
	for end < len(b) {
		c := b[end]
		if class[c]&gap != 0 || c == ':' && !(end == i+1 && end+1 < len(b) && b[end+1] == '\\') {
			break
		}
		end++
	}
	if end < len(b) && b[end] == '?' { // a query string
		end = rest(b, end)
	}
	for end > i && (b[end-1] == '.' || b[end-1] == ',') {
		end--
	}
	return end
}

func email(b []byte, i, j int) int {
	at := bytes.IndexByte(b[i:j], '@')
	if at < 1 {
		return 0
	}
	n := i + at + 1
	dots := 0
	for n < j && (class[b[n]]&alnum != 0 || b[n] == '-' || b[n] == '.') {
		if b[n] == '.' {
			dots++
		}
		n++
	}
	if n > i && b[n-1] == '.' {
		n--
		dots--
	}
	if dots < 1 {
		return 0
	}
	return n
}
