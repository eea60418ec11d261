package crash

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// A Frame is one place of a stack.
type Frame struct {
	Text string `json:"text"` // as it is written
	At   string `json:"at"`   // FILE:LINE
	Own  bool   `json:"own"`  // inside the project
}

// words are what a run said last.
type words struct {
	text    []string
	message string
	stack   []Frame
	frame   string
}

// lastWords is the last event that explains an end: the last error, or
// failing that whatever the run wrote last, of stderr if there is any.
func lastWords(lines []Line, pid int, project string) words {
	var best *event
	for _, src := range []velos.Stream{velos.Stderr, velos.Stdout} {
		list := events(lines, pid, src)
		for i := len(list) - 1; i >= 0; i-- {
			if e := &list[i]; best == nil || best.weight < e.weight {
				best = e
			}
		}
	}
	if best == nil {
		return words{}
	}
	w := words{text: best.text, message: best.message}
	for _, l := range w.text {
		if errorLine().MatchString(l) && !strings.HasPrefix(strings.TrimSpace(w.text[0]), "Traceback") {
			w.message = strings.TrimSpace(l)
			break
		}
	}
	for _, l := range w.text {
		if f, ok := frameOf(l, project); ok {
			w.stack = append(w.stack, f)
		}
	}
	python := strings.HasPrefix(strings.TrimSpace(w.text[0]), "Traceback")
	for i := range w.stack {
		f := w.stack[i]
		if python {
			f = w.stack[len(w.stack)-1-i] // the innermost is the last one
		}
		if f.Own {
			w.frame = f.At
			break
		}
	}
	return w
}

// errorLine is the line of an event that names its error.
var errorLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*(?:Uncaught )?(?:[\w.]+\.)?\w*(?:Error|Exception)(?: \[\w+\])?: \S`)
})

type event struct {
	text    []string
	message string
	weight  int
}

// events groups the lines of one stream of one run. Of several that weigh the
// same, the later one counts.
func events(lines []Line, pid int, src velos.Stream) []event {
	var s digest.Stream
	var list []event
	take := func(e digest.Event, ok bool) {
		text := strings.Split(strings.TrimRight(string(e.Text), "\n"), "\n")
		if !ok || strings.TrimSpace(string(e.Text)) == "" {
			return
		}
		v := event{text: text[:min(len(text), mostText)], message: strings.TrimSpace(string(e.Message))}
		switch {
		case e.Level >= velos.Err:
			v.weight = 4
		case e.Lines > 1 && strings.Contains(string(e.Text), "\n    at "):
			v.weight = 3
		case src == velos.Stderr:
			v.weight = 2
		default:
			v.weight = 1
		}
		// What Node and shells add to an error is no event that explains.
		if strings.HasPrefix(v.message, "Node.js v") || strings.HasPrefix(v.message, "npm error") || strings.HasPrefix(v.message, "npm ERR") {
			v.weight = 0
		}
		// Node tells where an error surfaced behind the error itself.
		if n := len(list); n > 0 && strings.HasPrefix(v.text[0], "Emitted 'error' event") {
			list[n-1].text = append(list[n-1].text, v.text...)
			return
		}
		list = append(list, v)
	}
	for i := range lines {
		l := &lines[i]
		if l.PID == pid && (l.Src == src || l.Src == velos.AnyStream) {
			take(s.Add([]byte(l.Text), l.Time, velos.LevelNone))
		}
	}
	take(s.Close())
	return list
}

var frames = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^\s*at .*?\(?(?:file://)?((?:/|[A-Za-z]:\\|node:)[^():\s]*):(\d+)(?::\d+)?\)?[\s{,]*$`), // Node
		regexp.MustCompile(`^\s*File "([^"]+)", line (\d+)`),                                                        // Python
		regexp.MustCompile(`^\s+(/[^:\s]+\.go):(\d+)`),                                                              // Go
		regexp.MustCompile(`panicked at (?:'.*', )?([^\s:']+\.rs):(\d+)`),                                           // Rust
		regexp.MustCompile(`^\s+at (\S+\.rs):(\d+)`),
		regexp.MustCompile(`^\s*(?:from )?(\S+\.rb):(\d+):in `), // Ruby
		regexp.MustCompile(`^\s*at ([\w.$]+\((\w+\.(?:java|kt|scala)):(\d+)\))`),
		regexp.MustCompile(`^(/\S+\.[cm]?[jt]sx?):(\d+)$`), // the head of Node's report
	}
})

// frameOf reads one line of a stack.
func frameOf(line, project string) (Frame, bool) {
	for _, re := range frames() {
		m := re.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f := Frame{Text: strings.TrimSpace(line)}
		if len(m) == 4 { // Java names a class, no path
			f.At = m[2] + ":" + m[3]
			f.Own = !strings.HasPrefix(m[1], "java.") && !strings.HasPrefix(m[1], "jdk.") && !strings.HasPrefix(m[1], "sun.") && !strings.HasPrefix(m[1], "javax.")
			return f, true
		}
		path := m[1]
		f.Own = own(path, project)
		if rel, err := filepath.Rel(project, path); err == nil && f.Own && filepath.IsAbs(path) {
			path = rel
		}
		f.At = path + ":" + m[2]
		return f, true
	}
	return Frame{}, false
}

// foreign are directories of other people's code.
var foreign = []string{"/node_modules/", "/site-packages/", "/dist-packages/", "/vendor/", "/.venv/", "/venv/", "/.cargo/", "/rustc/", "/gems/"}

func own(path, project string) bool {
	if strings.HasPrefix(path, "node:") || strings.HasPrefix(path, "<") {
		return false
	}
	slashed := filepath.ToSlash(path)
	for _, d := range foreign {
		if strings.Contains("/"+slashed, d) {
			return false
		}
	}
	if !filepath.IsAbs(path) {
		return true
	}
	rel, err := filepath.Rel(project, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
