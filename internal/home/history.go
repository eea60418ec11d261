package home

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// largestHistory is the size from which a file of former Specs is written
// anew with the newest only. A single Spec may be larger.
const largestHistory = 64 << 10

// HistoryDir is where former Specs are, in a file for each app.
func (h Home) HistoryDir() string { return h.file("history") }

func (h Home) history(id uint32) string {
	return filepath.Join(h.HistoryDir(), strconv.FormatUint(uint64(id), 10)+".jsonl")
}

// Keep writes down a Spec that an app had. Values of env files are left out.
// Calls for one app must not overlap.
func (h Home) Keep(o *velos.Former) error {
	c := *o
	c.Spec.FileEnv = nil
	path := h.history(o.ID)
	if err := os.Mkdir(h.HistoryDir(), 0o700); err != nil && !os.IsExist(err) {
		return fault("make", h.HistoryDir(), err, "")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|plain, 0o600)
	if err != nil {
		return fault("write the history to", path, err, "")
	}
	// The newline comes first, too: it ends what a crash has left unfinished.
	line := append(record.AppendJSON([]byte{'\n'}, &c), '\n')
	_, err = f.Write(line)
	st, serr := f.Stat()
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fault("write the history to", path, err, "")
	}
	if serr == nil && st.Size() > largestHistory {
		h.shorten(path)
	}
	return nil
}

// shorten keeps the newest lines of a file. It may fail: then it is tried
// again after the next change.
func (h Home) shorten(path string) {
	lines := historyLines(path)
	if len(lines) <= velos.MaxFormer {
		return
	}
	tmp := path + ".tmp"
	if os.WriteFile(tmp, append(bytes.Join(lines[len(lines)-velos.MaxFormer:], []byte{'\n'}), '\n'), 0o600) != nil || os.Rename(tmp, path) != nil {
		os.Remove(tmp)
	}
}

// historyLines are the lines of a file that are not empty.
func historyLines(path string) [][]byte {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var lines [][]byte
	for _, line := range bytes.Split(b, []byte{'\n'}) {
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// Formers are the newest Specs that an app had, at most last of them (0: as
// many as are kept), oldest first. Damaged lines are left out.
func (h Home) Formers(id uint32, last int) []velos.Former {
	if last <= 0 || last > velos.MaxFormer {
		last = velos.MaxFormer
	}
	lines := historyLines(h.history(id))
	lines = lines[max(0, len(lines)-last):]
	list := make([]velos.Former, 0, len(lines))
	for _, line := range lines {
		var o velos.Former
		if record.DecodeJSON(line, &o) == nil && o.ID == id {
			list = append(list, o)
		}
	}
	return list
}

// ForgetFormers removes the former Specs of an app, or of all for id 0.
func (h Home) ForgetFormers(id uint32) {
	if id == 0 {
		os.RemoveAll(h.HistoryDir())
		return
	}
	os.Remove(h.history(id))
}
