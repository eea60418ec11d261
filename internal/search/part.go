package search

import (
	"bytes"
	"compress/gzip"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/velospm/velos"
)

// A File is what the daemon says of one log file.
type File struct {
	Path   string
	Src    velos.Stream // AnyStream: both are in it
	Number int          // of rotations since it was written; 0 is the live one
	Inode  uint64       // 0: not known
	Size   int64        // how far it is valid
	Raw    bool         // lines as they were written
	Packed bool
}

// A part is an open file.
type part struct {
	File
	view   view
	blocks []block
	loaded bool
	frames bool // a block is a frame of zstd
	temp   string
	failed string // why a part of it is not there
}

// ErrMoved says that a file is not the one that the daemon spoke of: it was
// rotated meanwhile, and the daemon should be asked again.
var ErrMoved = errors.New("the file was moved meanwhile")

func openPart(f File) (*part, error) {
	file, err := os.OpenFile(f.Path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrMoved
	}
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = &velos.Error{Code: velos.Failed, Message: "search " + f.Path + ": not a regular file"}
	case f.Inode != 0 && inode(st) != 0 && inode(st) != f.Inode:
		err = ErrMoved
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	if f.Size = min(f.Size, st.Size()); f.Packed {
		f.Size = st.Size()
	}
	return &part{File: f, view: newView(file, f.Size)}, nil
}

func (p *part) close() {
	p.view.close()
	if p.temp != "" {
		os.Remove(p.temp) // where an open file could not be
	}
}

// text is how much text the part holds; compressed files without an index are
// guessed.
func (p *part) text() (n int64) {
	if !p.loaded {
		if p.Packed {
			return 6 * p.Size
		}
		return p.Size
	}
	for i := range p.blocks {
		n += p.blocks[i].text
	}
	return n
}

// load finds the blocks: from the index, or by samples. A compressed file
// without an index is expanded first, whatever of it can be.
func (p *part) load() {
	if p.loaded {
		return
	}
	p.loaded = true
	if err := guarded(p.find); err != nil {
		p.blocks, p.failed = nil, err.Error()
	}
}

func (p *part) find() error {
	if p.Packed {
		blocks, err := p.index()
		if err == nil {
			p.blocks, p.frames = blocks, true
			return nil
		}
		if errors.Is(err, errBadIndex) {
			p.failed = err.Error()
		}
		if err := p.expand(); err != nil {
			return err
		}
	}
	p.blocks = p.sample()
	return nil
}

func (p *part) index() ([]block, error) {
	n := min(p.view.size, tailLength)
	tail, err := p.view.at(p.view.size-n, n, nil)
	if err != nil {
		return nil, err
	}
	n, err = indexLength(tail, p.view.size)
	if err != nil {
		return nil, err
	}
	b, err := p.view.at(p.view.size-n, n, nil)
	if err != nil {
		return nil, err
	}
	return decodeIndex(b, p.view.size-n)
}

// expand replaces the view by that of an expanded copy without a name.
func (p *part) expand() error {
	to, err := os.CreateTemp("", "velos-search-*")
	if err != nil {
		return err
	}
	if os.Remove(to.Name()) != nil {
		p.temp = to.Name()
	}
	var size int64
	if filepath.Ext(p.Path) == ".gz" {
		size, err = gunzip(to, p.view.file)
	} else {
		size, err = p.unzstd(to)
	}
	if err != nil {
		p.failed = strings.Join([]string{p.failed, "damaged: " + err.Error()}, "; ")
		p.failed = strings.TrimPrefix(p.failed, "; ")
	}
	p.view.close()
	p.view = newView(to, size)
	return nil
}

func gunzip(to io.Writer, from *os.File) (int64, error) {
	r, err := gzip.NewReader(io.NewSectionReader(from, 0, 1<<62))
	if err != nil {
		return 0, err
	}
	return io.Copy(to, r)
}

var frameMark = []byte{0x28, 0xb5, 0x2f, 0xfd}

// unzstd expands frame after frame. Behind a damaged one it goes on at the
// next; the error is the first there was.
func (p *part) unzstd(to io.Writer) (size int64, failed error) {
	dec, err := newDecoder()
	if err != nil {
		return 0, err
	}
	defer dec.Close()
	all, err := p.view.at(0, p.view.size, nil)
	if err != nil {
		return 0, err
	}
	var out []byte
	for len(all) > 0 {
		begin := bytes.Index(all, frameMark)
		if begin < 0 {
			break
		}
		frame := all[begin:]
		if next := bytes.Index(frame[len(frameMark):], frameMark); next >= 0 {
			frame = frame[:len(frameMark)+next]
		}
		all = all[begin+len(frame):]
		out, err = dec.DecodeAll(withoutIndex(frame), out[:0])
		if err != nil {
			failed = errors.Join(failed, err)
			out = append(out, '\n') // what follows is another line
		}
		n, err := to.Write(out)
		size += int64(n)
		if err != nil {
			return size, err
		}
	}
	return size, failed
}

// withoutIndex cuts a damaged index off the last frame.
func withoutIndex(frame []byte) []byte {
	mark := []byte{skippable & 0xff, skippable >> 8 & 0xff, skippable >> 16 & 0xff, skippable >> 24}
	if i := bytes.LastIndex(frame, mark); i > 0 && len(frame)-i < 64<<20 {
		if n := len(frame) - i - frameHead; n >= 0 {
			return frame[:i]
		}
	}
	return frame
}

func newDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
}

// A plain file is looked at in at most so many blocks of at least so much.
const (
	mostSamples = 512
	leastSample = blockText
)

// sample cuts a plain file into blocks and reads the first line of each. What
// lies between two samples is taken to lie between their times.
func (p *part) sample() (list []block) {
	step := max(leastSample, p.view.size/mostSamples)
	var parse parser
	var e velos.Entry
	var buf []byte
	for at := int64(0); at < p.view.size; {
		k := block{off: at}
		if line, _, ok := p.line(at, &buf); ok && !p.Raw && parse.parse(line, &e) {
			k.min, k.max, k.first = e.Time, e.Time, e.Seq
		}
		next := p.view.size
		if at+step < p.view.size {
			if _, end, ok := p.line(at+step, &buf); ok {
				next = end
			}
		}
		k.size, k.text = next-at, next-at
		list = append(list, k)
		at = next
	}
	for i := range list {
		k := &list[i]
		switch {
		case k.first == 0:
		case i+1 == len(list):
			k.min, k.max, k.last = -1<<62, 1<<62, 1<<63 // the clock may have been set back in it
		case list[i+1].first == 0:
			k.first, k.min, k.max = 0, 0, 0
		default:
			k.min, k.max = min(k.min, list[i+1].min), max(k.max, list[i+1].min)
			k.last = list[i+1].first
		}
	}
	return list
}

// line is the line at a place of a plain file, and where the next one begins.
func (p *part) line(at int64, buf *[]byte) (line []byte, next int64, ok bool) {
	for n := int64(16 << 10); ; n *= 4 {
		n = min(n, p.view.size-at)
		b, err := p.view.at(at, n, *buf)
		if p.view.data == nil {
			*buf = b
		}
		if err != nil {
			return nil, 0, false
		}
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			return b[:i], at + int64(i) + 1, true
		}
		if at+n == p.view.size {
			return b, p.view.size, true
		}
	}
}

// A decoder expands blocks; each worker has its own.
type decoder struct {
	zstd *zstd.Decoder
	buf  []byte
}

func (d *decoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}

// open is the text of a block, valid until the next.
func (d *decoder) open(p *part, k *block) (text []byte, err error) {
	b, err := p.view.at(k.off, k.size, d.buf)
	if err != nil || !p.frames {
		if p.view.data == nil {
			d.buf = b
		}
		return b, err
	}
	if crc32.Checksum(b, castagnoli) != k.crc {
		return nil, errors.New("its sum is not that of the index")
	}
	if d.zstd == nil {
		if d.zstd, err = newDecoder(); err != nil {
			return nil, err
		}
	}
	text, err = d.zstd.DecodeAll(b, d.buf[:0])
	if p.view.data != nil && cap(text) > cap(d.buf) {
		d.buf = text
	}
	if err == nil && int64(len(text)) != k.text {
		err = errBadIndex
	}
	return text, err
}

// IndexSize is how many bytes of a compressed file are its index.
func IndexSize(path string) (int64, error) {
	p, err := openPart(File{Path: path, Packed: true})
	if err != nil {
		return 0, err
	}
	defer p.close()
	n := min(p.view.size, tailLength)
	tail, err := p.view.at(p.view.size-n, n, nil)
	if err != nil {
		return 0, err
	}
	return indexLength(tail, p.view.size)
}
