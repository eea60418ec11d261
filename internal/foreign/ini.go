package foreign

import (
	"strconv"
	"strings"
)

// An entry is a line of a file with sections: supervisord's, or systemd's.
type entry struct {
	section, key, value string
	line                int
	file                string // that is included; empty: the one that was named
}

// A dialect is what such files do differently.
type dialect struct {
	comments   string // that begin a line
	inline     string // each of them behind a blank ends a value; empty: nothing does
	indented   bool   // a line that begins with a blank continues the one before
	backslash  bool   // a line that ends with \ is continued
	separators string
}

var (
	supervisorDialect = dialect{comments: ";#", inline: ";#", indented: true, separators: "=:"}
	systemdDialect    = dialect{comments: ";#", backslash: true, separators: "="}
)

// entries cuts a file into its lines. A section without entries is an entry
// without a key.
func (d *dialect) entries(data string) ([]entry, *lineError) {
	var list []entry
	section := ""
	lines := strings.Split(strings.ReplaceAll(data, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		raw := lines[i]
		text := strings.TrimSpace(raw)
		switch {
		case text == "" || strings.IndexByte(d.comments, text[0]) >= 0:
			continue
		case d.indented && (raw[0] == ' ' || raw[0] == '\t') && len(list) > 0 && list[len(list)-1].key != "":
			list[len(list)-1].value += "\n" + d.cut(text)
			continue
		case text[0] == '[':
			end := strings.IndexByte(text, ']')
			if end < 0 {
				return nil, &lineError{i + 1, "a ] is missing"}
			}
			section = text[1:end]
			list = append(list, entry{section: section, line: i + 1})
			continue
		}
		first := i + 1
		for d.backslash && strings.HasSuffix(text, `\`) && i+1 < len(lines) {
			i++
			if next := strings.TrimSpace(lines[i]); next == "" || strings.IndexByte(d.comments, next[0]) < 0 {
				text = strings.TrimSpace(strings.TrimSuffix(text, `\`)) + " " + next
			}
		}
		at := strings.IndexAny(text, d.separators)
		if at <= 0 || section == "" {
			return nil, &lineError{first, "must be KEY=VALUE below a [section]"}
		}
		list = append(list, entry{section: section, key: strings.TrimSpace(text[:at]), value: d.cut(strings.TrimSpace(text[at+1:])), line: first})
	}
	return list, nil
}

// cut takes a comment off the end of a value.
func (d *dialect) cut(value string) string {
	if d.inline == "" {
		return value
	}
	for i := range len(value) {
		if strings.IndexByte(d.inline, value[i]) >= 0 && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			return strings.TrimSpace(value[:i])
		}
	}
	return value
}

// truthOf reads the words for true and false of both.
func truthOf(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1", "t", "y":
		return true, true
	case "false", "no", "off", "0", "f", "n":
		return false, true
	}
	return false, false
}

// seconds is a number of seconds as milliseconds.
func seconds(s string) (int64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, false
	}
	return int64(n * 1000), true
}
