package digest

import "bytes"

// word reads the word at line[i:j], which holds more than letters, and
// returns its first token and where the next begins: a word like 10.0.0.1:80:Got is
// several. An empty token means that there was nothing but marks.
func (l *lexer) word(i, j int, sorts uint8) (token, int) {
	b := l.line
	for i < j && idle(b, i, j) {
		i++
	}
	if i == j {
		return token{}, j
	}
	if end, k := typed(b, i, j, sorts); end > i {
		return token{from: uint16(i), to: uint16(end), kind: k}, end
	}
	return l.constant(i, j)
}

// idle reports a mark that begins no word.
func idle(b []byte, i, j int) bool {
	switch c := b[i]; c {
	case '*':
		// Stars alone are a word: they stand for a value that is not shown.
		return i+1 >= j || b[i+1] != '*' || i > 0 && class[b[i-1]]&gap == 0
	case '/':
		// /10.0.0.1:80 is an address, and the slash of 4G/4G begins no path.
		if i > 0 && class[b[i-1]]&alnum != 0 {
			return true
		}
		return i+1 >= j || class[b[i+1]]&mark != 0 && b[i+1] != '.' && b[i+1] != '/' && b[i+1] != '_' || class[b[i+1]]&digit != 0 && ipv4(b, i+1) > 0
	case '-', '+':
		return i+1 >= j || class[b[i+1]]&digit == 0 || i > 0 && class[b[i-1]]&alnum != 0
	case '.', '~':
		return i+1 >= j || b[i+1] != '/' && (b[i+1] != '.' || i+2 >= j || b[i+2] != '/')
	case '%', '$', '@', '_', '\\':
		return i+1 >= j || class[b[i+1]]&alnum == 0 && b[i+1] != c
	default:
		return class[c]&mark != 0
	}
}

// typed tries the forms that variables have. It returns the end of the first
// that fits.
func typed(b []byte, i, j int, sorts uint8) (int, kind) {
	c := b[i]
	switch {
	case class[c]&digit != 0:
		return startsWithDigit(b, i, j)
	case c == '-' || c == '+':
		return numeral(b, i), number
	case c == '/' || c == '~' || c == '.':
		return pathEnd(b, i), file
	}
	if sorts&mark != 0 {
		if n := hostEnd(b, i, j); n > 0 {
			return n, host
		}
	}
	if sorts&mark != 0 {
		if bytes.Count(b[i:j], []byte("/")) >= 2 && class[c]&letters != 0 && !bytes.Contains(b[i:j], []byte("://")) {
			return pathEnd(b, i), file // src/app/main.go
		}
		if n := url(b, i, j); n > 0 {
			return n, link
		}
		if n := email(b, i, j); n > 0 {
			return n, mail
		}
		if c|0x20 >= 'a' && c|0x20 <= 'z' && i+2 < j && b[i+1] == ':' && b[i+2] == '\\' {
			return pathEnd(b, i), file
		}
	}
	if n := namedDate(b, i, j); n > 0 {
		return n, moment
	}
	if sorts&digit == 0 {
		if n := colonHex(b, i, j); n > 0 {
			return n, hexadecimal
		}
		return 0, constant
	}
	return mixed(b, i, j)
}

// startsWithDigit sorts the words that begin with a digit.
func startsWithDigit(b []byte, i, j int) (int, kind) {
	if i+8 < j && b[i+8] == '-' {
		if n := uuidEnd(b, i); n > 0 {
			return n, uuid
		}
	}
	if i+4 < j && (b[i+2] == ':' || b[i+4] == ':') {
		if n := colonHex(b, i, j); n > 0 {
			return n, hexadecimal
		}
	}
	if n := date(b, i); n > 0 {
		return n, moment
	}
	if n := ipv4(b, i); n > 0 {
		return n, address
	}
	if n := hostEnd(b, i, j); n > 0 {
		return n, host
	}
	if n := clock(b, i); n > 0 {
		return n, moment
	}
	if n := version(b, i, j); n > 0 {
		return n, anything
	}
	if n := numeral(b, i); n > 0 {
		return n, number
	}
	if n := namedDate(b, i, j); n > 0 {
		return n, moment
	}
	return mixed(b, i, j)
}

// mixed sorts words of letters and digits.
func mixed(b []byte, i, j int) (int, kind) {
	if n := uuidEnd(b, i); n > 0 {
		return n, uuid
	}
	if b[i] == '0' && i+2 < j && b[i+1]|0x20 == 'x' {
		n := i + 2
		for n < j && isHex(b[n]) {
			n++
		}
		if n > i+2 && ends(b, n) {
			return n, hexadecimal
		}
	}
	if n := colonHex(b, i, j); n > 0 {
		return n, hexadecimal
	}
	n, hasDigit, hasUpper, hasLower, hex := i, false, false, false, true
	for n < j {
		k := class[b[n]]
		if k&alnum == 0 && b[n] != '_' && b[n] != '-' {
			break
		}
		hex = hex && isHex(b[n])
		hasDigit = hasDigit || k&digit != 0
		hasUpper = hasUpper || k&upper != 0
		hasLower = hasLower || k&lower != 0
		n++
	}
	switch {
	case hasDigit && hex && n-i >= 6 && !(hasUpper && hasLower) && ends(b, n):
		return n, hexadecimal
	case hasDigit && hasUpper && hasLower && n-i >= 24 && ends(b, n) && bytes.IndexByte(b[i:n], '_') < 0:
		return n, anything
	}
	return 0, constant
}

// constant is a word that is taken as it stands, but for its digits.
func (l *lexer) constant(i, j int) (token, int) {
	b := l.line
	n, digits := i, false
	for n < j && b[n] == '*' {
		n++
	}
	for n < j && (n == i || b[i] != '*') {
		c := b[n]
		if c == ':' || c == '*' || c == '.' && (n+1 >= j || class[b[n+1]]&alnum == 0 && b[n+1] != '_' && b[n+1] != '$') {
			break
		}
		digits = digits || class[c]&digit != 0
		n++
	}
	next := n
	if n == i {
		return token{}, i + 1
	}
	for n > i && (b[n-1] == '-' || b[n-1] == '/' || b[n-1] == '\\') {
		n--
	}
	if n == i {
		return token{}, next
	}
	t := token{from: uint16(i), to: uint16(n)}
	t.masked = digits && !kept(b[i:n])
	return t, next
}

// kept reports names that have a digit in them and mean one thing.
func kept(w []byte) bool {
	var low [12]byte
	if len(w) > len(low) {
		return false
	}
	for i, c := range w {
		if class[c]&upper != 0 {
			c |= 0x20
		}
		low[i] = c
	}
	switch string(low[:len(w)]) {
	case "ssh2", "ssh1", "ipv4", "ipv6", "ip4", "ip6", "utf8", "utf-8", "utf-16", "utf16", "http/1.0", "http/1.1", "http/2", "http/2.0", "http/3", "http2", "http3",
		"h2", "h2c", "h3", "md5", "sha1", "sha-1", "sha256", "sha-256", "sha384", "sha512", "sha-512", "s3", "ec2", "k8s", "i18n", "l10n", "base64", "base32", "log4j", "log4j2",
		"oauth2", "oauth1", "x86", "x64", "x86_64", "amd64", "arm64", "win32", "win64", "int32", "int64", "uint32", "uint64", "float32", "float64", "ext2",
		"ext3", "ext4", "mp3", "mp4", "h264", "x509", "ntlmv2", "tls1.2", "tls1.3", "tlsv1", "tlsv1.2", "tlsv1.3", "sslv3", "p2p", "b2b", "neo4j", "web3", "l2", "l3",
		"python2", "python3", "http1", "gzip2", "bzip2", "lz4", "oauth2.0", "e2e", "2fa", "3d", "2d":
		return true
	}
	return false
}
