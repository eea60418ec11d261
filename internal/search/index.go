package search

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/velospm/velos"
)

// A block is a piece of a file that begins and ends with a line. In a
// compressed file it is a frame of its own.
type block struct {
	off, size int64 // where it is in the file
	text      int64 // its length when it is expanded
	lines     uint32
	min, max  velos.Time // of its lines; 0: unknown
	first     uint64     // sequence numbers; 0: unknown
	last      uint64
	levels    [velos.Fatal + 1]uint32 // lines of each level; [0]: of no level that is known
	crc       uint32                  // of the bytes in the file
	foreign   bool                    // there are lines in it that are not of the daemon's form
	exact     bool                    // the figures are an index's, not samples
	filter    filter                  // nil: anything may be in it
}

// An index is a skippable frame at the end of a compressed file, which every
// zstd passes over: one record for each block, their filters, and a tail by
// which it is found.
const (
	skippable  = 0x184d2a5e
	frameHead  = 8
	tailLength = 12
	indexMark  = "VLX1"
)

var (
	errNoIndex  = errors.New("no index")
	errBadIndex = errors.New("the index is damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendIndex appends the frame.
func appendIndex(b []byte, blocks []block) []byte {
	at := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = binary.AppendUvarint(b, uint64(len(blocks)))
	for i := range blocks {
		b = appendBlock(b, &blocks[i])
	}
	for i := range blocks {
		b = append(b, blocks[i].filter...)
	}
	body := b[at+frameHead:]
	sum := crc32.Checksum(body, castagnoli)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, sum)
	b = append(b, indexMark...)
	binary.LittleEndian.PutUint32(b[at:], skippable)
	binary.LittleEndian.PutUint32(b[at+4:], uint32(len(b)-at-frameHead))
	return b
}

func appendBlock(b []byte, k *block) []byte {
	b = binary.AppendUvarint(b, uint64(k.size))
	b = binary.AppendUvarint(b, uint64(k.text))
	b = binary.AppendUvarint(b, uint64(k.lines))
	b = binary.AppendVarint(b, int64(k.min))
	b = binary.AppendUvarint(b, uint64(k.max-k.min))
	b = binary.AppendUvarint(b, k.first)
	b = binary.AppendUvarint(b, k.last-k.first)
	for _, n := range k.levels {
		b = binary.AppendUvarint(b, uint64(n))
	}
	flags := byte(0)
	if k.foreign {
		flags = 1
	}
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint32(b, k.crc)
	return binary.AppendUvarint(b, uint64(len(k.filter)))
}

// indexLength says, from the last bytes of a file of so many, how many of
// them are the index.
func indexLength(tail []byte, size int64) (int64, error) {
	if len(tail) < tailLength || string(tail[len(tail)-4:]) != indexMark {
		return 0, errNoIndex
	}
	n := int64(binary.LittleEndian.Uint32(tail[len(tail)-tailLength:])) + frameHead + tailLength
	if n > size {
		return 0, errBadIndex
	}
	return n, nil
}

// leastBlock is how few bytes a record may be.
const leastBlock = 3 + 4 + int(velos.Fatal+1) + 1 + 4 + 1

// decodeIndex reads a frame that stands behind so many bytes of blocks. What
// it does not trust as a whole it does not use at all.
func decodeIndex(b []byte, before int64) ([]block, error) {
	if len(b) < frameHead+tailLength || binary.LittleEndian.Uint32(b) != skippable ||
		int64(binary.LittleEndian.Uint32(b[4:])) != int64(len(b)-frameHead) || string(b[len(b)-4:]) != indexMark {
		return nil, errBadIndex
	}
	body := b[frameHead : len(b)-tailLength]
	tail := b[len(b)-tailLength:]
	if int64(binary.LittleEndian.Uint32(tail)) != int64(len(body)) || binary.LittleEndian.Uint32(tail[4:]) != crc32.Checksum(body, castagnoli) {
		return nil, errBadIndex
	}
	r := records{b: body}
	n := r.uint()
	if r.bad || n > uint64(len(body)/leastBlock) {
		return nil, errBadIndex
	}
	blocks, filters := make([]block, n), make([]uint64, n)
	off := int64(0)
	for i := range blocks {
		k := &blocks[i]
		filters[i] = r.block(k)
		k.off, k.exact = off, true
		off += k.size
		if k.size > before || k.text > mostText || off > before {
			return nil, errBadIndex
		}
	}
	for i := range blocks {
		if filters[i] > uint64(len(r.b)) {
			return nil, errBadIndex
		}
		blocks[i].filter, r.b = filter(r.b[:filters[i]:filters[i]]), r.b[filters[i]:]
	}
	if r.bad || len(r.b) > 0 || off != before {
		return nil, errBadIndex
	}
	return blocks, nil
}

// records reads numbers one after another; bad stays when one was not there.
type records struct {
	b   []byte
	bad bool
}

func (r *records) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *records) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *records) block(k *block) (filter uint64) {
	k.size, k.text = int64(r.uint()&(1<<62-1)), int64(r.uint()&(1<<62-1))
	k.lines = uint32(r.uint())
	k.min = velos.Time(r.int())
	k.max = k.min + velos.Time(r.uint())
	k.first = r.uint()
	k.last = k.first + r.uint()
	for i := range k.levels {
		k.levels[i] = uint32(r.uint())
	}
	if len(r.b) < 5 {
		r.bad, r.b = true, nil
		return 0
	}
	k.foreign = r.b[0]&1 != 0
	k.crc = binary.LittleEndian.Uint32(r.b[1:])
	r.b = r.b[5:]
	return r.uint()
}
