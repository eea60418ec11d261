package search

import (
	"bufio"
	"bytes"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/velospm/velos"
)

const (
	// blockText is how much text goes into one frame of its own, so that a
	// reader can begin in the middle and damage stays where it is.
	blockText = 256 << 10
	// mostText is how much it may be where a line has no end.
	mostText = 16 << 20
)

// Pack compresses a log file: frames of zstd with whole lines in each, and an
// index behind them that every zstd passes over.
func Pack(to io.Writer, from io.Reader) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	defer enc.Close()
	in := bufio.NewReaderSize(from, blockText)
	var blocks []block
	var text, frame []byte
	p := packer{}
	off := int64(0)
	for {
		text, err = nextBlock(in, text[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(text) == 0 {
			break
		}
		frame = enc.EncodeAll(text, frame[:0])
		if _, werr := to.Write(frame); werr != nil {
			return werr
		}
		k := p.describe(text)
		k.off, k.size, k.crc = off, int64(len(frame)), crc32.Checksum(frame, castagnoli)
		off += k.size
		blocks = append(blocks, k)
		if err != nil {
			break
		}
	}
	_, err = to.Write(appendIndex(nil, blocks))
	return err
}

// nextBlock reads lines until there are enough.
func nextBlock(in *bufio.Reader, b []byte) ([]byte, error) {
	for {
		piece, err := in.ReadSlice('\n')
		b = append(b, piece...)
		switch {
		case err == bufio.ErrBufferFull && len(b) < mostText-blockText:
		case err == bufio.ErrBufferFull:
			return b, nil
		case err != nil:
			return b, err
		case len(b) >= blockText-512 || len(b)+len(piece) > blockText:
			return b, nil
		}
	}
}

// A packer makes the records of blocks.
type packer struct {
	parse parser
	sieve sieve
}

func (p *packer) describe(text []byte) block {
	k := block{text: int64(len(text)), exact: true}
	p.sieve.clear()
	var e velos.Entry
	for rest := text; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		k.lines++
		mine := p.parse.ours(line, &e)
		if !mine {
			// It may be the text of a raw log, or somebody else's line.
			k.foreign = true
			p.sieve.add(line)
			mine = p.parse.theirs(line, &e)
		}
		if mine && e.Seq > 0 {
			k.note(&e)
			p.sieve.add(e.Msg)
		}
	}
	if k.foreign && k.first > 0 {
		// A raw log may hold lines that look like ours, and all of a line counts there.
		p.sieve.add(bytes.ReplaceAll(text, []byte{'\n'}, nil))
	}
	k.filter = p.sieve.filter(len(text))
	return k
}

// note counts an entry.
func (k *block) note(e *velos.Entry) {
	if k.first == 0 {
		k.min, k.max, k.first, k.last = e.Time, e.Time, e.Seq, e.Seq
	}
	k.min, k.max = min(k.min, e.Time), max(k.max, e.Time)
	k.first, k.last = min(k.first, e.Seq), max(k.last, e.Seq)
	k.levels[e.Level]++
}
