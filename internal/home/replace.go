package home

import (
	"os"
	"path/filepath"
)

// TrustedFile is what velos trust remembers.
func (h Home) TrustedFile() string { return h.file("trusted.json") }

// NoticesFile is how far velos notify has come.
func (h Home) NoticesFile() string { return h.file("notify.json") }

// Replace writes a small file of a client, mode 0600, so that whoever looks
// finds the old one or the new one whole.
func Replace(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !os.IsNotExist(err) {
		return fault("write", path, err, "")
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|plain, 0o600)
	if err != nil {
		return fault("write", path, err, "")
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fault("write", path, err, "")
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fault("make sure of", path, err, "")
	}
	return nil
}
