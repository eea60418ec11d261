package digest

// hostEnd knows names of machines by what stands around them: a port behind
// the name, an address behind a slash, digits in a name of several labels, or
// a top-level domain at its end.
func hostEnd(b []byte, i, j int) int {
	h := label(b, i, j)
	n := h.end
	if n == i {
		return 0
	}
	if n+1 < j && b[n] == '/' && class[b[n+1]]&digit != 0 && ipv4(b, n+1) > 0 {
		return n // Java's name/address
	}
	if n+1 < j && b[n] == ':' {
		r := run(b, n+1)
		if r >= 2 && r <= 5 && ends(b, n+1+r) && (h.dots+h.marks > 0 && h.letters > 0 || h.digits > 0 && h.letters > 0 || string(b[i:n]) == "localhost") {
			return n + 1 + r
		}
	}
	last := b[h.last:n]
	if h.dots == 0 || len(last) < 2 || !ends(b, n) {
		return 0
	}
	for _, c := range last {
		if class[c]&lower == 0 {
			return 0
		}
	}
	if h.dots >= 2 && h.digits > 0 && !h.upper && !source(last) || domain(last) && !reversed(b[i:h.first]) {
		return n
	}
	return 0
}

// labels is what was seen of a name with dots.
type labels struct {
	end, first, last             int // of the name; of its first label; where the last begins
	dots, digits, marks, letters int
	upper                        bool
}

func label(b []byte, i, j int) labels {
	h := labels{end: i, last: i}
	for n := i; n < j; n++ {
		c := b[n]
		switch k := class[c]; {
		case k&digit != 0:
			h.digits++
		case k&lower != 0 && c < 0x80:
			h.letters++
		case k&upper != 0:
			h.upper = true
			h.letters++
		case c == '-':
			h.marks++
		case c == '.' && n > h.last && n+1 < j && class[b[n+1]]&alnum != 0:
			if h.dots++; h.dots == 1 {
				h.first = n
			}
			h.last = n + 1
		default:
			return h
		}
		h.end = n + 1
	}
	return h
}

// domain reports the top-level domains that names in logs end in.
func domain(w []byte) bool {
	switch string(w) {
	case "com", "net", "org", "edu", "gov", "mil", "info", "biz", "local", "internal", "lan", "localdomain", "cloud", "dev", "app",
		"de", "uk", "cn", "jp", "fr", "ru", "tw", "kr", "br", "au", "nl", "it", "hk", "us", "eu", "ca", "ch", "se", "no", "fi", "dk",
		"cz", "es", "mx", "tr", "ua", "vn", "th", "sg", "za", "ar", "cl", "ro", "hu", "gr", "pt", "be", "at", "ir", "il", "nz", "ie":
		return true
	}
	return false
}

// reversed reports the first labels of names of packages: com.acme.app.
func reversed(w []byte) bool {
	switch string(w) {
	case "com", "org", "net", "io", "java", "javax", "edu", "de":
		return true
	}
	return false
}

// source reports endings of names of files.
func source(w []byte) bool {
	switch string(w) {
	case "log", "txt", "json", "yaml", "yml", "xml", "html", "jar", "war", "class", "java", "py", "js", "ts", "go", "rs", "rb", "php", "conf",
		"cfg", "ini", "gz", "zip", "tar", "tgz", "bz", "zst", "so", "dll", "exe", "apk", "png", "jpg", "css", "csv", "db", "sql", "sh", "tmp",
		"bak", "pid", "sock", "lock", "properties", "jhist", "dat", "bin", "img", "md", "pdf", "toml", "key", "pem", "crt", "service":
		return true
	}
	return false
}
