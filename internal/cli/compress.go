package cli

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/search"
)

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
	if err := errors.Join(search.Pack(out, in), out.Sync(), out.Close()); err != nil {
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
