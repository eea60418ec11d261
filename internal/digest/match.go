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

// version knows 2.41-12+deb13u2, 5.10.0-27-amd64 and 1:1.0~rc1-3: a number with
// a point, and behind it more that belongs to it.
func version(b []byte, i, j int) int {
	n, points, marks := i, 0, 0
	for n < j {
		switch c := b[n]; {
		case class[c]&alnum != 0 && c < 0x80, c == '_':
		case c == '.' && n+1 < j && class[b[n+1]]&alnum != 0:
			if class[b[n-1]]&class[b[n+1]]&digit != 0 {
				points++
			}
		case c == '-' || c == '+' || c == '~' || c == ':':
			if n+1 >= j || class[b[n+1]]&alnum == 0 {
				return 0
			}
			if points > 0 && c != ':' {
				marks++
			}
		default:
			return 0
		}
		n++
	}
	if points == 0 || marks == 0 || n < len(b) && !ends(b, n) {
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
