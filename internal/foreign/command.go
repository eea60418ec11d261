package foreign

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// program sets script and args from the words of a command that runs without
// a shell.
func (a *App) program(words []string, line int) {
	a.set("script", words[0], line)
	if strings.ContainsAny(words[0], " \t") && !filepath.IsAbs(words[0]) {
		a.drop("script") // a script with blanks would be a command line
		a.set("script", "./"+words[0], line)
	}
	if len(words) > 1 {
		a.set("args", words[1:], line)
	}
}

// commandLine sets a script that a shell was meant to run, and asks for the
// shell where the line needs it.
func (a *App) commandLine(text string, line int) {
	a.set("script", text, line)
	if needsShell(text) {
		a.set("shell", true, line)
	}
}

// shellOwn are words that only a shell knows.
var shellOwn = strings.Fields(". : alias bg break builtin case cd continue declare eval exec exit export fg for function getopts hash if jobs let local " +
	"popd pushd read readonly return set shift shopt source times trap type typeset ulimit umask unalias unset until wait while { [[ !")

// needsShell reports whether a shell has something to do in a line beside
// cutting it into words: also for names of files that it would find.
func needsShell(line string) bool {
	words, err := config.Split(line)
	if err != nil || strings.ContainsAny(line, "\n") {
		return true
	}
	if len(words) > 0 && (slices.Contains(shellOwn, words[0]) || strings.Contains(strings.SplitN(words[0], "/", 2)[0], "=")) {
		return true
	}
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (strings.IndexByte("*?[{", c) >= 0 || c == '~' && (i == 0 || line[i-1] == ' ')):
			return true
		}
	}
	return false
}

// called gives an app a name that is allowed, and notes when it is another.
func (f *File) called(name string) string {
	ours := clean(name)
	if ours != name {
		f.lost(ours, "name", "is "+shown(name)+" in the file, which is no name here: letters, digits, dots, dashes and underscores are")
	}
	return ours
}

// clean is a name that is allowed: this one, if it is.
func clean(name string) string {
	if velos.ValidName(name) == nil {
		return name
	}
	return config.CleanName(name)
}

// about notes what a table says of a key, and otherwise that it is unknown.
func (f *File) about(app, key string, idle, lost map[string]string, otherwise string) {
	if why, ok := idle[key]; ok {
		f.idle(app, key, why)
	} else if why, ok := lost[key]; ok {
		f.lost(app, key, why)
	} else {
		f.lost(app, key, otherwise)
	}
}

const (
	wholeTree   = "a stop always takes the whole tree"
	alwaysKept  = "logs are always kept, and bounded: see max_log_total"
	ownLimits   = "limits of the system are those of the daemon"
	notConfined = "Velos does not confine programs"
)

// homePath is a path with ~/ and relative to a directory, absolute.
func homePath(dir, path string, env config.Environ) string {
	if home := env.Vars["HOME"]; home != "" && (path == "~" || strings.HasPrefix(path, "~/")) {
		path = home + path[1:]
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
