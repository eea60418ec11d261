package logs

import (
	"encoding/binary"

	"github.com/velospm/velos"
)

// A ring holds the newest lines of an app as records in one piece of memory.
// When it is full the oldest go, and the rest is moved down: each byte moves
// about once.
type ring struct {
	buf   []byte // cap is fixed; len is the end of the newest record
	start int    // of the oldest record
	first uint64 // seq of the oldest record; one more than the newest's when empty
}

const (
	ringMin    = 4 << 10
	ringMax    = 64 << 10
	ringBudget = 4 << 20 // bytes of all rings of a Store over which none grows
	recordHead = 32
)

// room makes place for a record of n bytes by letting go of the oldest ones.
// It reports false when the record can never fit.
func (r *ring) room(n int) bool {
	if n > cap(r.buf) {
		return false
	}
	if len(r.buf)+n <= cap(r.buf) {
		return true
	}
	for keep := cap(r.buf) - n - cap(r.buf)/4; r.start < len(r.buf) && len(r.buf)-r.start > keep; {
		r.drop()
	}
	m := copy(r.buf[:cap(r.buf)], r.buf[r.start:])
	r.buf, r.start = r.buf[:m], 0
	return true
}

func (r *ring) drop() {
	r.start += int(binary.LittleEndian.Uint32(r.buf[r.start:]))
	r.first++
}

// clear lets go of everything up to and including seq last.
func (r *ring) clear(last uint64) {
	r.buf, r.start, r.first = r.buf[:0], 0, last+1
}

// add appends a record; the caller has made room. Seqs are dense.
func (r *ring) add(e *velos.Entry) {
	b := r.buf
	at := len(b)
	b = b[:at+recordHead]
	h := b[at:]
	binary.LittleEndian.PutUint32(h, uint32(recordHead+len(e.Msg)))
	binary.LittleEndian.PutUint32(h[4:], uint32(e.PID))
	binary.LittleEndian.PutUint64(h[8:], e.Seq)
	binary.LittleEndian.PutUint64(h[16:], uint64(e.Time))
	binary.LittleEndian.PutUint32(h[24:], uint32(e.Inst))
	h[28], h[29], h[30], h[31] = byte(e.Level), byte(e.Src), 0, 0
	if e.More {
		h[30] = 1
	}
	r.buf = append(b, e.Msg...)
}

// since is a copy of the records with a seq above after, appended to buf, and
// the seq of the first of them.
func (r *ring) since(after uint64, buf []byte) (records []byte, first uint64) {
	at, seq := r.start, r.first
	for at < len(r.buf) && seq <= after {
		at += int(binary.LittleEndian.Uint32(r.buf[at:]))
		seq++
	}
	return append(buf, r.buf[at:]...), seq
}

// grow moves the records into bigger or smaller memory, and returns the old.
func (r *ring) resize(mem []byte) (old []byte) {
	for len(r.buf)-r.start > cap(mem) {
		r.drop()
	}
	old = r.buf[:cap(r.buf)]
	n := copy(mem[:cap(mem)], r.buf[r.start:])
	r.buf, r.start = mem[:n], 0
	return old
}

// takeRecord reads the first record; e.Msg is a part of b.
func takeRecord(b []byte, e *velos.Entry) (rest []byte) {
	n := int(binary.LittleEndian.Uint32(b))
	*e = velos.Entry{
		PID:   int(binary.LittleEndian.Uint32(b[4:])),
		Seq:   binary.LittleEndian.Uint64(b[8:]),
		Time:  velos.Time(binary.LittleEndian.Uint64(b[16:])),
		Inst:  int(binary.LittleEndian.Uint32(b[24:])),
		Level: velos.Level(b[28]),
		Src:   velos.Stream(b[29]),
		More:  b[30] == 1,
		Msg:   b[recordHead:n:n],
	}
	return b[n:]
}
