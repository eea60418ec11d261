package logs

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/velospm/velos"
)

const (
	minuteSize  = 16          // bytes of a record: minute, lines, warn, errors
	mostMinutes = 8 * 24 * 60 // that are kept; a file has up to twice as many records
	slip        = 10          // minutes that a clock may go back without a minute being taken for wrong
	minuteLate  = 50          // milliseconds after its end at which a minute is closed
)

// A minute is a record of the file of an app's minutes.
type minute struct {
	at                uint32 // minutes since 1970; 0: none
	lines, warn, errs uint32
}

func minuteOf(t velos.Time) uint32 { return uint32(max(t, 0) / velos.MinuteLength) }

func (m *minute) append(b []byte) []byte {
	for _, v := range [...]uint32{m.at, m.lines, m.warn, m.errs} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func readMinute(b []byte) minute {
	u := binary.LittleEndian.Uint32
	return minute{u(b), u(b[4:]), u(b[8:]), u(b[12:])}
}

func (m *minute) add(o *minute) {
	m.lines += o.lines
	m.warn += o.warn
	m.errs += o.errs
}

func (m *minute) told() velos.Minute {
	return velos.Minute{Time: velos.Time(m.at) * velos.MinuteLength, Lines: m.lines, Warn: m.warn, Errors: m.errs}
}

// minutesPath is by the app's id, so that a new name changes nothing.
func (s *Store) minutesPath(id uint32) string {
	return filepath.Join(s.dir, ".spool", strconv.FormatUint(uint64(id), 10)+".min")
}

// count notes a batch of l. Only the ingest goroutine counts.
func (s *Store) count(l *Log, batch minute) {
	now := minuteOf(s.now)
	t := l.w.tally
	if t == nil {
		t = s.recall(l)
	}
	if t.open.at != 0 && (now > t.open.at || t.open.at-now > slip) {
		s.closeMinutes(now)
	}
	if t.open.at == 0 {
		t.open.at = now
	}
	t.open.add(&batch)
	if l.w.ck != nil {
		l.w.ck.minute(&t.open)
	}
	s.watch(l)
}

// watch has l looked at when the minute is over.
func (s *Store) watch(l *Log) {
	if l.w.tally.watched {
		return
	}
	l.w.tally.watched = true
	s.counted = append(s.counted, l)
	s.armMinute()
}

// armMinute starts the one timer of all minutes, while somebody is counted.
func (s *Store) armMinute() {
	if s.minuteDue || len(s.counted) == 0 || s.ending {
		return
	}
	s.minuteDue = true
	left := velos.MinuteLength - max(s.now, 0)%velos.MinuteLength + minuteLate
	d := time.Duration(left) * time.Millisecond
	if s.minuteTimer == nil {
		s.minuteTimer = time.AfterFunc(d, func() {
			s.minuteOver.Store(true)
			s.wake()
		})
		return
	}
	s.minuteTimer.Reset(d)
}

// turnMinute closes the minute when the timer has said so.
func (s *Store) turnMinute() {
	if !s.minuteOver.Load() {
		return
	}
	s.minuteOver.Store(false)
	s.look()
	s.minuteDue = false
	s.closeMinutes(minuteOf(s.now))
	s.armMinute()
}

// closeMinutes writes down every open minute that is not now, tells of apps
// that are unlike themselves, and lets go of those that say nothing.
func (s *Store) closeMinutes(now uint32) {
	var unusual []uint32
	kept := s.counted[:0]
	for _, l := range s.counted {
		if l.w == nil || l.w.tally == nil {
			continue // removed
		}
		t := l.w.tally
		if t.open.at == now {
			kept = append(kept, l)
			continue
		}
		over := t.open
		if over.at == 0 && t.judged == now { // lines of another app have closed the minute already
			kept = append(kept, l)
			continue
		}
		t.open, t.judged = minute{}, now
		if over.at != 0 {
			_ = addMinute(s.minutesPath(l.id), over) // a disk that takes no lines says so of them
		}
		if t.usual.judge(now-1, &over) {
			unusual = append(unusual, l.id)
		}
		if t.watched = t.usual.waits(); t.watched || over.at != 0 {
			t.watched = true
			kept = append(kept, l)
		}
	}
	clear(s.counted[len(kept):])
	if s.counted = kept; len(kept) == 0 {
		s.counted = nil
	}
	if len(unusual) > 0 && s.o.Unusual != nil {
		s.o.Unusual(unusual)
	}
}

// recall makes the tally of an app that begins to write: what is usual is in
// its file.
func (s *Store) recall(l *Log) *tally {
	t := &tally{}
	s.writerOf(l).tally = t
	f, err := os.Open(s.minutesPath(l.id))
	if err != nil {
		return t
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return t
	}
	var b [recalled * minuteSize]byte
	whole := st.Size() / minuteSize * minuteSize
	from := max(0, whole-int64(len(b)))
	n, _ := f.ReadAt(b[:whole-from], from)
	for i := 0; i+minuteSize <= n; i += minuteSize {
		m := readMinute(b[i:])
		t.usual.note(m.at, &m)
	}
	return t
}

// takeUp goes on with the minute that a former process has left open.
func (s *Store) takeUp(l *Log, open minute) {
	switch {
	case open.at == 0:
	case open.at == minuteOf(s.now):
		s.recall(l).open = open
		s.watch(l)
	case newestMinute(s.minutesPath(l.id)) < open.at: // else it was written before the end
		_ = addMinute(s.minutesPath(l.id), open)
	}
}

// forgetMinutes removes what was counted.
func (s *Store) forgetMinutes(l *Log) {
	if l.w != nil {
		l.w.tally = nil
		if l.w.ck != nil {
			l.w.ck.minute(&minute{})
		}
	}
	for i, c := range s.counted {
		if c == l {
			s.counted = append(s.counted[:i], s.counted[i+1:]...)
			break
		}
	}
	_ = os.Remove(s.minutesPath(l.id))
}

// Minutes yields how much was written in each minute of a time, oldest first;
// until 0 is now. The last one may not be over. Minutes without lines are
// left out.
func (l *Log) Minutes(since, until velos.Time, yield func(velos.Minute) bool) error {
	var open minute
	if err := l.s.do("count the lines of "+l.name(), func() error {
		if l.w != nil && l.w.tally != nil {
			open = l.w.tally.open
		}
		return nil
	}); err != nil {
		return err
	}
	wanted := func(m *minute) bool {
		at := velos.Time(m.at) * velos.MinuteLength
		return at+velos.MinuteLength > since && (until == 0 || at < until)
	}
	newest, stopped, err := eachMinute(l.s.minutesPath(l.id), func(m *minute) bool { return !wanted(m) || yield(m.told()) })
	if err == nil && !stopped && open.at > newest && wanted(&open) {
		yield(open.told())
	}
	return err
}
