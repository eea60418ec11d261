package view

import (
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// LogOptions say how log lines are written.
type LogOptions struct {
	Options
	Raw     bool   // the exact bytes, a newline after each line
	Lines   bool   // JSON and AI: one object a line instead of an array
	Stamp   string // time layout before each line; "" is the app's own, if any
	NoNames bool   // no name before the line
	Paged   bool   // JSON and AI: an object with the lines and what follows
	Groups  bool   // a line between matches that do not touch each other
	Fold    bool   // AI: lines that say the same are one, with their number
	// Veils hide the secrets of apps that have some from before, too. Without one
	// those are hidden that an app has now.
	Veils  map[uint32]*Veil
	Hidden bool // the lines hold no secrets any more
}

// Entries writes log lines of one or several apps, one after another. The
// zero value is not ready: see NewEntries.
type Entries struct {
	w    io.Writer
	o    LogOptions
	apps map[uint32]*source
	wide int // of the widest name
	n    int // objects written
	buf  buffer
	side bool // the line is one beside a match

	held     []velos.Entry // to be folded
	heldSize int
	last     map[uint32]uint64
}

// source is what has to be known about an app to show its lines.
type source struct {
	name, stamp string
	many        bool
	veil        *Veil // nil: nothing is left to hide
	similarity  float64
}

func (s *source) hide(en *velos.Entry) []byte {
	if s.veil == nil {
		return en.Msg
	}
	return s.veil.Hide(en)
}

// NewEntries prepares to write lines of apps to w.
func NewEntries(w io.Writer, apps []velos.App, o LogOptions) *Entries {
	e := &Entries{w: w, o: o, apps: map[uint32]*source{}}
	for i := range apps {
		a := &apps[i]
		s := &source{name: Text(a.Spec.Name), many: len(a.Instances) > 1, stamp: a.Spec.LogDateFormat, similarity: a.Spec.SimilarityThreshold}
		if s.veil = o.Veils[a.ID]; o.Hidden {
			s.veil = nil
		} else if s.veil == nil {
			s.veil = NewVeil(a)
		}
		if o.Stamp != "" {
			s.stamp = o.Stamp
		}
		n := len(s.name)
		if s.many {
			n += 2
		}
		e.wide = max(e.wide, n)
		e.apps[a.ID] = s
	}
	return e
}

// Add writes one line. Several are written at once by Flush.
func (e *Entries) Add(en *velos.Entry) {
	s := e.source(en.App)
	switch {
	case en.Missed > 0 && e.o.Raw:
	case e.o.Raw:
		e.buf.b = append(e.buf.b, en.Msg...)
		if !en.More {
			e.buf.str("\n")
		}
	case e.o.Format == JSON:
		j := entryJSON(s, en)
		j.Beside = e.side
		e.object(encode(j))
	case e.o.Format == AI && e.o.Fold && !e.o.Groups:
		e.hold(en)
	case e.o.Format == AI:
		e.object(encode(e.entryAI(s, en, Clean(s.hide(en), false))))
	default:
		e.human(s, en)
	}
	if len(e.buf.b) > 32<<10 {
		e.Flush()
	}
}

// source is what is known of an app; of one that nobody told of, its lines.
func (e *Entries) source(id uint32) *source {
	s := e.apps[id]
	if s == nil {
		s = &source{name: strconv.Itoa(int(id))}
		if !e.o.Hidden {
			s.veil = NewVeil()
		}
	}
	return s
}

// AddBeside writes a line that stands beside a match.
func (e *Entries) AddBeside(en *velos.Entry) {
	e.side = true
	e.Add(en)
	e.side = false
}

// apart reports whether there are lines between this one and the one of its
// app that was written last.
func (e *Entries) apart(en *velos.Entry) bool {
	if !e.o.Groups || en.Seq == 0 {
		return false
	}
	if e.last == nil {
		e.last = map[uint32]uint64{}
	}
	last := e.last[en.App]
	e.last[en.App] = en.Seq
	return last > 0 && en.Seq != last+1 && en.Seq+1 != last
}

// Flush hands what was added to the writer.
func (e *Entries) Flush() error {
	err := e.buf.to(e.w)
	e.buf.b = e.buf.b[:0]
	return err
}

// Close ends an array and flushes.
func (e *Entries) Close() error { return e.CloseWith("") }

// CloseWith is Close, with the cursor behind the lines.
func (e *Entries) CloseWith(next string) error {
	e.fold()
	if e.o.Paged && e.o.Format != Human && !e.o.Raw {
		if e.n == 0 {
			e.buf.str(`{"lines":[`)
		}
		if e.n > 0 && e.o.Format == JSON {
			e.buf.str("\n")
		}
		e.buf.str(`],"next":`, string(encode(next)), "}\n")
		return e.Flush()
	}
	if (e.o.Format == JSON || e.o.Format == AI) && !e.o.Lines && !e.o.Raw {
		switch {
		case e.n == 0:
			e.buf.str("[]\n")
		case e.o.Format == JSON:
			e.buf.str("\n]\n")
		default:
			e.buf.str("]\n")
		}
	}
	return e.Flush()
}

func (e *Entries) object(b []byte) {
	before, after := "", "\n"
	if !e.o.Lines {
		before, after = ",", ""
		if e.n == 0 {
			before = "["
		}
		if e.n == 0 && e.o.Paged {
			before = `{"lines":[`
		}
		if e.o.Format == JSON {
			before += "\n"
		}
	}
	e.n++
	e.buf.str(before, string(b), after)
}

// lineJSON is a log line in --json. Msg is what was written; when that is not
// UTF-8, Base64 has the exact bytes.
type lineJSON struct {
	Time   velos.Time `json:"ts"`
	Level  string     `json:"lvl"`
	App    string     `json:"app"`
	ID     uint32     `json:"id"`
	Inst   int        `json:"instance"`
	PID    int        `json:"pid"`
	Src    string     `json:"src"`
	Msg    string     `json:"msg"`
	Base64 string     `json:"msg_base64,omitempty"`
	More   bool       `json:"more,omitempty"`
	Seq    uint64     `json:"seq"`
	Missed uint64     `json:"missed,omitempty"`
	Beside bool       `json:"context,omitempty"`
}

func entryJSON(s *source, en *velos.Entry) lineJSON {
	msg := s.hide(en)
	j := lineJSON{Time: en.Time, Level: en.Level.String(), App: s.name, ID: en.App, Inst: en.Inst, PID: en.PID,
		Src: en.Src.String(), Msg: string(msg), More: en.More, Seq: en.Seq, Missed: en.Missed}
	if !utf8.Valid(msg) {
		j.Base64 = base64.StdEncoding.EncodeToString(msg)
	}
	return j
}

type lineAI struct {
	Time   int64  `json:"t"`
	Until  int64  `json:"to,omitempty"` // of the last of Count
	Count  int    `json:"x,omitempty"`
	Level  string `json:"l,omitempty"`
	Name   string `json:"n,omitempty"`
	Msg    string `json:"m"`
	Missed uint64 `json:"missed,omitempty"`
	Beside bool   `json:"context,omitempty"`
}

// entryAI is a line with a text that hides and holds nothing any more.
func (e *Entries) entryAI(s *source, en *velos.Entry, text string) lineAI {
	j := lineAI{Time: int64(en.Time) / 1000, Msg: text, Missed: en.Missed, Beside: e.side}
	if en.Level != velos.Info {
		j.Level = en.Level.String()
	}
	if len(e.apps) > 1 {
		j.Name = s.name
	}
	return j
}

// human writes "name | text"; a "!" instead of the bar marks stderr.
func (e *Entries) human(s *source, en *velos.Entry) {
	if en.Missed > 0 {
		e.buf.str(e.o.paint(dim, "… "+strconv.FormatUint(en.Missed, 10)+" lines skipped"), "\n")
		return
	}
	if e.apart(en) {
		e.buf.str(e.o.paint(dim, "--"), "\n")
	}
	if !e.o.NoNames {
		name := s.name
		if s.many {
			name += ":" + strconv.Itoa(en.Inst)
		}
		bar, sgr := " | ", dim
		if en.Src == velos.Stderr {
			bar, sgr = " ! ", red
		}
		if e.side {
			bar, sgr = " - ", dim
		}
		e.buf.str(e.o.paint(NameColor(s.name), name), strings.Repeat(" ", max(0, e.wide-len(name))), e.o.paint(sgr, bar))
	}
	if s.stamp != "" {
		e.buf.str(e.o.paint(dim, Text(FormatTime(en.Time.Std().In(e.o.loc()), s.stamp))), " ")
	}
	text := Clean(s.hide(en), e.o.Color)
	if !strings.Contains(text, "\x1b") {
		text = e.o.paint(LevelColor(en.Level), text)
	}
	e.buf.str(text, "\n")
}
