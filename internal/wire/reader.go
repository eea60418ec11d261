package wire

import (
	"encoding/binary"
	"io"
	"strconv"

	"github.com/velospm/velos"
)

const (
	// smallBuffer is what an idle connection costs.
	smallBuffer = 4 << 10
	// largeBuffer is the size up to which a buffer that had to grow is kept:
	// the frames of a stream are like each other.
	largeBuffer = 128 << 10
)

// A Reader cuts a stream of bytes into frames. It believes no length: a buffer
// grows with the bytes that have arrived.
type Reader struct {
	r    io.Reader
	buf  []byte // buf[from:to] has arrived and is not handed out
	from int
	to   int
	bad  error // the stream is no stream of frames; nothing follows
}

// NewReader reads frames from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next is the payload of the next frame, valid until the next call. The error
// is io.EOF between two frames, io.ErrUnexpectedEOF inside of one, has the
// code velos.BadFrame for bytes that are no frame of this version, the code
// velos.TooLarge for a length above MaxFrame, or is the reader's own. After an
// error of the reader, a deadline for example, Next may be called again and
// goes on where it was.
func (r *Reader) Next() ([]byte, error) {
	if r.bad != nil {
		return nil, r.bad
	}
	r.settle()
	for {
		if have := r.buf[r.from:r.to]; len(have) > 0 {
			if r.bad = checkHeader(have); r.bad != nil {
				r.buf = nil
				return nil, r.bad
			}
			if len(have) >= HeaderSize {
				break
			}
		}
		if err := r.fill(HeaderSize); err != nil {
			return nil, err
		}
	}
	length := int(binary.LittleEndian.Uint32(r.buf[r.from+3:]))
	need := HeaderSize + length
	for r.to-r.from < need {
		if err := r.fill(need); err != nil {
			return nil, err
		}
	}
	p := r.buf[r.from+HeaderSize : r.from+need : r.from+need]
	r.from += need
	return p, nil
}

// settle gives a large buffer back once what it was for has been read.
func (r *Reader) settle() {
	rest := r.to - r.from
	if rest == 0 {
		r.from, r.to = 0, 0
	}
	if len(r.buf) > largeBuffer && rest <= smallBuffer {
		small := make([]byte, smallBuffer)
		r.to = copy(small, r.buf[r.from:r.to])
		r.from, r.buf = 0, small
	}
}

// fill reads once, so that there are more bytes of a frame that takes need
// bytes with its header.
func (r *Reader) fill(need int) error {
	if r.to-r.from >= need {
		return nil
	}
	r.room(need)
	for range 100 {
		n, err := r.r.Read(r.buf[r.to:])
		r.to += n
		switch {
		case n > 0:
			return nil
		case err == io.EOF && r.to > r.from:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// room makes space for at least one byte more.
func (r *Reader) room(need int) {
	if r.buf == nil {
		r.buf = make([]byte, smallBuffer)
	}
	if r.from > 0 && (r.to == len(r.buf) || r.from+need > len(r.buf)) {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	if r.to == len(r.buf) {
		bigger := make([]byte, max(smallBuffer, min(2*len(r.buf), need)))
		copy(bigger, r.buf[:r.to])
		r.buf = bigger
	}
}

// checkHeader looks at as much of a header as has arrived.
func checkHeader(b []byte) error {
	if b[0] != magic0 || len(b) > 1 && b[1] != magic1 {
		return &velos.Error{
			Code:    velos.BadFrame,
			Message: "read a frame: these bytes are no frame",
			Hint:    "only velos speaks to this socket",
		}
	}
	if len(b) > 2 && b[2] != velos.Protocol {
		return &velos.Error{
			Code: velos.BadFrame,
			Message: "read a frame: the other side speaks protocol version " + strconv.Itoa(int(b[2])) +
				", this side version " + strconv.Itoa(velos.Protocol),
			Hint: "velos and velosd must be of the same release: run velos kill, then start again",
		}
	}
	if len(b) < HeaderSize {
		return nil
	}
	if n := binary.LittleEndian.Uint32(b[3:]); n > MaxFrame {
		return &velos.Error{
			Code: velos.TooLarge,
			Message: "read a frame: its length of " + strconv.FormatUint(uint64(n), 10) +
				" bytes is over the limit of " + strconv.Itoa(MaxFrame),
		}
	}
	return nil
}
