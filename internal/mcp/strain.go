package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"sync"
)

// A strainer stands between a client and the SDK, which would end the session
// at the first line that is no message, and answer one under another id. What
// the SDK cannot take is answered here, and the session goes on.
type strainer struct {
	in  io.ReadCloser
	out io.WriteCloser

	mu   sync.Mutex // an answer is written as a whole
	pipe *io.PipeWriter
	*io.PipeReader
}

func strain(in io.ReadCloser, out io.WriteCloser) *strainer {
	s := &strainer{in: in, out: out}
	s.PipeReader, s.pipe = io.Pipe()
	go s.run()
	return s
}

// Close ends reading.
func (s *strainer) Close() error { return errors.Join(s.PipeReader.Close(), s.in.Close()) }

// answers is where both write.
type answers struct{ *strainer }

// Write writes one message.
func (a answers) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.Write(b)
}

// Close ends writing.
func (a answers) Close() error { return a.out.Close() }

func (s *strainer) run() {
	r := bufio.NewReaderSize(s.in, 64<<10)
	for {
		line, long, err := readLine(r)
		if line = bytes.TrimSpace(line); len(line) > 0 || long {
			if e := s.pass(line, long); e != nil {
				err = e
			}
		}
		if err != nil {
			_ = s.pipe.CloseWithError(err)
			return
		}
	}
}

// pass hands a line on, message by message, or answers it.
func (s *strainer) pass(line []byte, long bool) error {
	list, refusal := [][]byte{line}, refused(nil, invalidRequest, "the message is larger than "+strconv.Itoa(mostBody>>20)+" MiB")
	if !long {
		list, refusal = parted(line)
	}
	if refusal != nil {
		_, err := answers{s}.Write(append(refusal, '\n'))
		return err
	}
	for _, m := range list {
		if _, err := s.pipe.Write(append(m, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// readLine reads a line. One that is too long is passed over.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > mostBody; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// Codes of JSON-RPC.
const (
	parseError     = -32700
	invalidRequest = -32600
)

// parted takes a line apart: one message, or those of a batch, which only
// one revision had and which are as good one by one. With a refusal there are
// none.
func parted(line []byte) (list [][]byte, refusal []byte) {
	if !json.Valid(line) {
		return nil, refused(nil, parseError, "parse error: a message is JSON on one line")
	}
	if line[0] != '[' {
		return taken([]json.RawMessage{line})
	}
	var batch []json.RawMessage
	if err := json.Unmarshal(line, &batch); err != nil || len(batch) == 0 {
		return nil, refused(nil, invalidRequest, "an empty batch")
	}
	return taken(batch)
}

// taken are the messages that the SDK can take, or the answer to one that is
// none.
func taken(batch []json.RawMessage) (list [][]byte, refusal []byte) {
	for _, m := range batch {
		echo, refusal := checked(m)
		if refusal != nil {
			return nil, refusal
		}
		if !echo {
			list = append(list, m)
		}
	}
	return list, nil
}

// checked is the answer to a message that is none, and nil to one that is.
// Names are taken as they are written. An echo says that a line of ours was
// not understood; nothing can be done about it.
func checked(m []byte) (echo bool, refusal []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(m, &fields) != nil || fields == nil {
		return false, refused(nil, invalidRequest, "a message is an object")
	}
	id, has := fields["id"]
	id = bytes.TrimSpace(id)
	_, result := fields["result"]
	_, failure := fields["error"]
	var method string
	switch {
	case has && string(id) == "null" && failure:
		return true, nil
	case has && !isID(id):
		return false, refused(nil, invalidRequest, "id must be a string, or a whole number of at most 53 bits")
	case string(bytes.TrimSpace(fields["jsonrpc"])) != `"2.0"`:
		return false, refused(id, invalidRequest, "jsonrpc must be \"2.0\"")
	case fields["method"] == nil && (result || failure):
		return false, nil
	case json.Unmarshal(fields["method"], &method) != nil || method == "":
		return false, refused(id, invalidRequest, "method must be a string")
	}
	return false, nil
}

// isID reports whether an id comes back as it was given.
func isID(id []byte) bool {
	if len(id) == 0 || id[0] == '"' {
		return len(id) > 0
	}
	n, err := strconv.ParseInt(string(id), 10, 64)
	return err == nil && n >= -1<<53 && n <= 1<<53
}

// refused is an error as a message; without an id it is about something that
// had none.
func refused(id []byte, code int, text string) []byte {
	if len(id) == 0 {
		id = []byte("null")
	}
	message, _ := json.Marshal(text) // a text can always be
	return []byte(`{"jsonrpc":"2.0","id":` + string(id) + `,"error":{"code":` + strconv.Itoa(code) + `,"message":` + string(message) + `}}`)
}
