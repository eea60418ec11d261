package digest

import (
	"bytes"
	"regexp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// An Event is one thing that was written: a line, or lines that belong
// together. Its bytes are good until the stream gets its next line.
type Event struct {
	Time  velos.Time // of its first line
	Level velos.Level
	Lines int
	Text  []byte // all lines, with newlines between them
	// Message is what the event is recognised by: the first line without
	// its header, the last line of a Python traceback, a statement as one line.
	Message []byte
}

// A Stream makes events of the lines of one stream: of one output of one
// instance. The zero value is ready.
type Stream struct {
	group   Grouper
	ev      Event
	open    bool
	told    bool // the event was told to be an error
	stated  bool // the first line says its level
	sort    sort // of the first line
	text    []byte
	spare   []byte // the text of the event before
	from    int    // the exception's line in text
	to      int
	plain   [2048]byte // a line without colours
	message []byte
}

// NewStream returns a Stream; begins says which lines begin an event, nil is
// for the engine to tell.
func NewStream(begins *regexp.Regexp) *Stream { return &Stream{group: Grouper{Begins: begins}} }

// Add takes a line, without its newline, that was written at a time and has a level; when
// the level is velos.LevelNone the line is classified. It returns the event
// that the line has ended, if any.
func (s *Stream) Add(line []byte, at velos.Time, l velos.Level) (Event, bool) {
	line = s.clean(line)
	if l == velos.LevelNone {
		l = level.Classify(line, velos.AnyStream)
	}
	var done Event
	ended := false
	k, h := sort(text), head{}
	if s.group.Start(line, at) {
		done, ended = s.Close()
		k, h = s.group.sort, s.group.head
		s.ev = Event{Time: at, Level: l}
		s.open, s.told, s.sort, s.from, s.to = true, false, k, 0, 0
		s.stated = h.leveled || k == object || k == pairs
		s.text = s.text[:0]
	} else {
		s.text = append(s.text, '\n')
		k = s.group.sort
		if !s.stated && (k == exception || k == traceback || k == starter || l >= velos.Err) {
			s.ev.Level = max(s.ev.Level, l, velos.Err)
		}
	}
	if k == exception {
		s.from, s.to = len(s.text), len(s.text)+len(line)
	}
	s.text = append(s.text, line...)
	s.ev.Lines++
	return done, ended
}

// failed reports once, as soon as it shows, that the open event is an error.
func (s *Stream) failed() bool {
	if s.told || s.ev.Level < velos.Err {
		return false
	}
	s.told = true
	return true
}

// Close returns the event that is still open, if any.
func (s *Stream) Close() (Event, bool) {
	if !s.open {
		return Event{}, false
	}
	s.open = false
	s.text, s.spare = s.spare, s.text
	e := s.ev
	e.Text = s.spare
	e.Message = s.recognise(e.Text)
	return e, true
}

// recognise finds what the event is recognised by.
func (s *Stream) recognise(text []byte) []byte {
	first, _, more := bytes.Cut(text, []byte("\n"))
	switch {
	case !more:
		return Message(first)
	case s.to > 0 && (s.sort == traceback || s.sort == starter && place(first)):
		return text[s.from:s.to]
	case s.sort == object || s.sort == statement || s.sort == art || s.sort == blank:
		return s.joined(text)
	}
	return Message(first)
}

// joined is the first lines of a text as one.
func (s *Stream) joined(text []byte) []byte {
	s.message = s.message[:0]
	for line := range bytes.SplitSeq(text[:min(len(text), 512)], []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(s.message) > 0 {
			s.message = append(s.message, ' ')
		}
		s.message = append(s.message, line...)
	}
	return s.message
}

// clean bounds a line and takes away colours.
func (s *Stream) clean(line []byte) []byte {
	if len(line) > widestEvent {
		line = line[:widestEvent]
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	return level.Strip(s.plain[:], line)
}
