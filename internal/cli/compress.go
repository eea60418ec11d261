package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
)

// frameSize is how much of a file goes into one frame of its own, so that a
// reader can begin in the middle and damage stays where it is.
const frameSize = 256 << 10

// packed is the ending of a compressed file.
const packed = ".zst"

func setupCompress(*session, *pflag.FlagSet) handler {
	return func(_ context.Context, args []string) error {
		if err := compress(args[0]); err != nil {
			return &velos.Error{Code: velos.Failed, Message: "compress: " + err.Error(), Cause: err}
		}
		return nil
	}
}

// compress replaces path by path.zst. Whenever it is interrupted, one of both
// is there and complete. A file that the daemon has meanwhile moved to the
// next number is left alone: the daemon asks again under its new name.
func compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		if _, packedErr := os.Lstat(path + packed); packedErr == nil {
			return nil // done already
		}
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return errors.Join(err, errors.New(path+" is not a regular file"))
	}
	temp := path + packed + ".tmp"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp) // gone already when all went well
	if err := errors.Join(pack(out, in), out.Sync(), out.Close()); err != nil {
		return err
	}
	return exchange(path, temp, st)
}

// exchange puts temp in the place of the file that was read. Rotation and
// this hold the same lock on the directory, so that no name changes between
// the look and the deed.
func exchange(path, temp string, read fs.FileInfo) error {
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, read) {
		return nil
	}
	if err := os.Rename(temp, path+packed); err != nil {
		return err
	}
	return os.Remove(path)
}

func pack(out io.Writer, in io.Reader) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	buf, frame := make([]byte, frameSize), []byte(nil)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 {
			frame = enc.EncodeAll(buf[:n], frame[:0])
			if _, err := out.Write(frame); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func setupExpand(s *session, _ *pflag.FlagSet) handler {
	return func(_ context.Context, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return &velos.Error{Code: velos.NotFound, Message: "expand: " + err.Error(), Cause: err}
		}
		defer f.Close()
		dec, err := zstd.NewReader(bufio.NewReaderSize(f, 64<<10), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return err
		}
		defer dec.Close()
		if _, err := dec.WriteTo(s.Out); err != nil {
			return &velos.Error{Code: velos.Failed, Message: "expand " + args[0] + ": " + err.Error(), Cause: err}
		}
		return nil
	}
}
