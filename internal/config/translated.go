package config

import (
	"strconv"
	"strings"
)

// A Translation is another manager's file as the text of a velos.toml.
type Translation struct {
	Path  string // as it was named
	Abs   string
	Text  []byte
	Lines []int    // of the file, for each line of Text; 0 is unknown
	Files []string // for each line of Text another file that it is of, or ""
	Sum   string   // of the file: see Claim
}

// LoadTranslated is Load for a file that was translated; with needed it is
// LoadNeeded. Errors name the line of the file, as far as it is known.
func LoadTranslated(t Translation, env Environ, needs bool, only ...string) (*File, error) {
	more := needed
	if !needs {
		more = nil
	}
	return (&document{path: t.Path, data: t.Text, translated: true, lines: t.Lines, files: t.Files, sum: t.Sum}).load(t.Abs, env, only, more)
}

// elsewhere tells a problem of a translation: nobody has seen that text.
func (doc *document) elsewhere(offset int, what string) string {
	place := shown(doc.path)
	row := strings.Count(string(doc.data[:offset]), "\n")
	if row < len(doc.files) && doc.files[row] != "" {
		place = shown(doc.files[row])
	}
	if row < len(doc.lines) && doc.lines[row] > 0 {
		place += ":" + strconv.Itoa(doc.lines[row])
	}
	return place + ": " + what
}

// CleanName makes a valid name of an app out of any text.
func CleanName(s string) string { return cleanName(s, 64) }

// Literal is a text as a velos.toml must hold it to mean just that text.
// Commands of a shell and of probes are taken as they are, and need it not.
func Literal(s string) string { return strings.ReplaceAll(s, "${", "$${") }
