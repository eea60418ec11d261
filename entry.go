package velos

// A Level is how serious a log line is.
type Level uint8

// The levels. LevelNone is the zero value and means "not classified" or, in a
// query, "any".
const (
	LevelNone Level = iota
	Debug
	Info
	Warn
	Err
	Fatal
)

var levelNames = [...]string{"", "debug", "info", "warn", "error", "fatal"}

// String is the level's word in log files and output.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "info"
}

// ParseLevel reads a level's word; ok is false for any other word.
func ParseLevel(s string) (l Level, ok bool) {
	switch s {
	case "err":
		return Err, true
	case "warning":
		return Warn, true
	}
	for i, n := range levelNames {
		if n == s && i > 0 {
			return Level(i), true
		}
	}
	return LevelNone, false
}

// A Stream says which of a program's outputs a line came from.
type Stream uint8

// The streams. AnyStream is for queries only.
const (
	AnyStream Stream = iota
	Stdout
	Stderr
)

// String is the stream's word in log files: stdout, stderr.
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	}
	return ""
}

// An Entry is one line that a program wrote.
type Entry struct {
	Seq   uint64 // rises by one with each line of an app, over restarts of app and daemon
	Time  Time   // when the daemon read it
	Level Level
	App   uint32
	Inst  int
	PID   int
	Src   Stream
	// Msg holds the bytes as written, without the newline. They need not be
	// UTF-8, and they are hostile: sanitise before showing.
	Msg []byte
	// More marks a line that was cut at the length limit: the next entry of
	// the same instance and stream continues it.
	More bool
	// Missed, when not 0, makes this no line but a notice to a follower that
	// fell behind: so many lines before the next one are gone.
	Missed uint64
}

// Fields implements Record.
func (e *Entry) Fields(f Fields) {
	Int(f, "seq", &e.Seq)
	Int(f, "ts", &e.Time)
	Int(f, "lvl", &e.Level)
	Int(f, "app", &e.App)
	Int(f, "inst", &e.Inst)
	Int(f, "pid", &e.PID)
	Int(f, "src", &e.Src)
	f.Bytes("msg", &e.Msg)
	f.Bool("more", &e.More)
	Int(f, "missed", &e.Missed)
}

// A Query asks for lines that an app wrote. Zero values ask for everything.
type Query struct {
	Inst  int // -1 for all
	Src   Stream
	Level Level  // this level and above
	Since Time   // inclusive
	Until Time   // exclusive
	After uint64 // only lines with a higher Seq
	// Last asks for the newest lines that match, oldest of them first; 0 is
	// all of them.
	Last int
	// Grep is text that a line must contain, byte for byte. The daemon links
	// no regular expression engine: whoever has an expression sends the
	// literal it requires, if any, with Last 0, and matches the rest itself.
	Grep   string
	Follow bool // go on with lines as they are written
}

// Fields implements Record.
func (q *Query) Fields(f Fields) {
	Int(f, "inst", &q.Inst)
	Int(f, "src", &q.Src)
	Int(f, "level", &q.Level)
	Int(f, "since", &q.Since)
	Int(f, "until", &q.Until)
	Int(f, "after", &q.After)
	Int(f, "lines", &q.Last)
	f.String("grep", &q.Grep)
	f.Bool("follow", &q.Follow)
}
