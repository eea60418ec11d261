package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// A tape is the files of one stream, oldest first, read line by line in
// either direction. It holds the files open, so that a rotation under it
// neither loses nor doubles a line.
type tape struct {
	s     *Store
	names *sync.Mutex
	src   velos.Stream // of lines that do not say: raw ones
	raw   bool
	rules *level.Rules // of levels, for raw lines; of its own, since a Rules serves one goroutine
	parts []part       // oldest first
	at    int          // the part being read
	file  *os.File
	size  int64
	off   int64 // where the next line forwards begins, or the next backwards ends
	buf   []byte
	from  int64 // offset of buf[0]
	parse parser
	seq   uint64 // of the last line given: whatever does not pass it is a double
	err   error
	alive func() bool // called while a file is expanded, which takes its time; false: nobody waits
}

// A part is one file of a tape.
type part struct {
	names *sync.Mutex
	file  *os.File // held open
	path  string
	ino   uint64
	pack  bool // compressed: file is replaced by its expansion when it is reached
}

const tapeBlock = 64 << 10

// openTape opens the files of a stream. The compressor may be swapping one
// of them: its compressed form is there before the plain one goes.
func (l *Log) openTape(path string, src velos.Stream, p *Policy) *tape {
	l.names.Lock()
	defer l.names.Unlock()
	t := &tape{s: l.s, src: src, raw: p.Raw, names: &l.names}
	if p.Raw {
		t.rules = p.Rules.Clone()
	}
	t.add(path)
	for n, ok := 1, true; ok; n++ {
		ok = false
		for _, suffix := range suffixes {
			if ok = t.add(numbered(path, n) + suffix); ok {
				break
			}
		}
	}
	for i, j := 0, len(t.parts)-1; i < j; i, j = i+1, j-1 {
		t.parts[i], t.parts[j] = t.parts[j], t.parts[i]
	}
	return t
}

func (t *tape) add(path string) bool {
	st, err := lstat(path)
	if err != nil || !st.regular {
		return false
	}
	f, err := openSeam(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		if st, err = statOf(f); err != nil {
			f.Close()
		}
	}
	if err != nil {
		// It is there, and its lines would be missing without a word.
		t.err = &velos.Error{Code: velos.Failed, Message: "read log file " + path + ": " + err.Error(), Cause: err}
		return true
	}
	t.parts = append(t.parts, part{names: t.names, file: f, path: path, ino: st.ino, pack: isPacked(path)})
	return true
}

func isPacked(path string) bool {
	for _, suffix := range suffixes[1:] {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

func (t *tape) close() {
	for _, p := range t.parts {
		p.file.Close()
	}
	t.parts = nil
}

// enter makes part i the one being read; it is expanded if it is packed.
func (t *tape) enter(i int) bool {
	t.at, t.file, t.buf, t.off, t.size = i, nil, t.buf[:0], 0, 0
	if i < 0 || i >= len(t.parts) {
		return false
	}
	p := &t.parts[i]
	if p.pack {
		if t.s.o.Expand == nil {
			return true
		}
		f, err := t.expand(p)
		if err != nil {
			t.err = err
		}
		if f == nil {
			return true // an empty part: what lies beyond it is still read
		}
		p.file.Close()
		p.file, p.pack = f, false
	}
	st, err := p.file.Stat()
	if err != nil {
		t.err = err
		return true
	}
	t.file, t.size = p.file, st.Size()
	return true
}

// expand unpacks a part into a file without a name. The file may have been
// moved to a higher number since it was listed: the inode tells. Of a damaged
// one there is what comes before the damage, and an error.
func (t *tape) expand(p *part) (*os.File, error) {
	src, err := t.s.expandPart(p)
	if src == nil {
		return nil, err
	}
	defer src.Close()
	f, err := os.CreateTemp(filepath.Join(t.s.dir, ".spool"), "read-*")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	err = t.copy(f, src)
	if err == errNobody {
		f.Close()
		return nil, err
	}
	return f, err
}

func (t *tape) copy(to io.Writer, from io.Reader) error {
	for buf := make([]byte, tapeBlock); ; {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case !t.alive():
			return errNobody
		}
	}
}

// errNobody ends work whose result nobody waits for any more.
var errNobody = errors.New("nobody waits for it")

// expandPart opens the part wherever its file is by now. Both results are nil
// when it is gone: its time was over.
func (s *Store) expandPart(p *part) (io.ReadCloser, error) {
	p.names.Lock()
	defer p.names.Unlock()
	base := strings.TrimSuffix(p.path, filepath.Ext(p.path))
	base = strings.TrimSuffix(base, filepath.Ext(base))
	for _, r := range rotatedFiles(base) {
		if r.ino == p.ino {
			return s.o.Expand(r.path)
		}
	}
	return nil, nil
}

// toEnd stands the tape behind its last line, for prev.
func (t *tape) toEnd() {
	t.enter(len(t.parts) - 1)
	t.off, t.seq = t.size, ^uint64(0)
	t.from = t.off
}

// prev reads the line before, crossing into older parts.
func (t *tape) prev(e *velos.Entry) bool {
	for t.at >= 0 && t.at < len(t.parts) {
		line, ok := t.lineBefore()
		if !ok {
			t.enter(t.at - 1)
			t.off = t.size
			t.from = t.off
			continue
		}
		if t.take(line, e) && (t.raw || e.Seq < t.seq) {
			t.seq = e.Seq
			return true
		}
	}
	return false
}

func (t *tape) lineBefore() (line []byte, ok bool) {
	for t.off > 0 && t.file != nil {
		have := t.buf[:t.off-t.from]
		if n := len(have); n > 0 {
			end := n
			if have[n-1] == '\n' {
				end--
			}
			if i := bytes.LastIndexByte(have[:end], '\n'); i >= 0 || t.from == 0 {
				t.off = t.from + int64(i+1)
				return have[i+1 : end], true
			}
		}
		step := min(t.from, tapeBlock)
		if step == 0 {
			return nil, false
		}
		grown := make([]byte, int(step)+len(have), max(int(step)+len(have), 2*tapeBlock))
		copy(grown[step:], have)
		if _, err := t.file.ReadAt(grown[:step], t.from-step); err != nil {
			return nil, false // truncated under us
		}
		t.buf, t.from = grown, t.from-step
	}
	return nil, false
}

// A mark is a place on a tape.
type mark struct {
	part int
	off  int64
}

func (t *tape) mark() mark { return mark{t.at, t.off} }

// to stands the tape at m, for next.
func (t *tape) to(m mark) {
	t.enter(m.part)
	t.off, t.seq = m.off, 0
	t.buf, t.from = t.buf[:0], m.off
}

// next reads the line at hand, crossing into newer parts.
func (t *tape) next(e *velos.Entry) bool {
	for t.at >= 0 && t.at < len(t.parts) {
		line, ok := t.lineAfter()
		if !ok {
			t.enter(t.at + 1)
			t.from = 0
			continue
		}
		if t.take(line, e) && (t.raw || e.Seq > t.seq) {
			t.seq = e.Seq
			return true
		}
	}
	return false
}

func (t *tape) lineAfter() (line []byte, ok bool) {
	for t.file != nil {
		have := t.buf[t.off-t.from:]
		if i := bytes.IndexByte(have, '\n'); i >= 0 {
			t.off += int64(i + 1)
			return have[:i], true
		}
		end := t.from + int64(len(t.buf))
		if end >= t.size {
			t.off = end
			return have, len(have) > 0
		}
		n := copy(t.buf, have)
		t.from = t.off
		if cap(t.buf)-n < tapeBlock/2 {
			t.buf = append(make([]byte, 0, 2*cap(t.buf)+tapeBlock), t.buf[:n]...)
		}
		room := t.buf[n:cap(t.buf)]
		m, _ := t.file.ReadAt(room[:min(int64(len(room)), t.size-end)], end)
		t.buf = t.buf[:n+m]
		if m == 0 {
			t.size = end // truncated under us
		}
	}
	return nil, false
}

// classify is Store.classify for a line that was stored without a level.
func (t *tape) classify(line []byte) velos.Level {
	if t.rules != nil {
		return t.rules.Classify(line, t.src)
	}
	return t.s.o.Classify(line, t.src)
}

// take makes an entry of a line; false for one that is none of ours.
func (t *tape) take(line []byte, e *velos.Entry) bool {
	if t.raw {
		*e = velos.Entry{Src: t.src, Level: t.classify(line), Msg: line}
		return true
	}
	return t.parse.parse(line, e) && e.Seq > 0
}
