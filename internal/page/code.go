package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// CodeLife is how long a code may be used.
const CodeLife = 10 * time.Minute

// mostCodes bounds how many wait to be used: more than a person has browsers.
const mostCodes = 32

// Codes sign browsers in. A code stands in the address behind #, which a browser sends to nobody, and is good once: what is left of it
// in a history opens nothing. Each that waits is a file with its hash for a name, so that every process of one home makes and takes them;
// whoever removes the file has taken the code.
type Codes struct {
	Dir string // for our user alone
	Now func() time.Time
	// Used is told that a code was taken here, so that the next one can be
	// shown. Nil: nobody is.
	Used func()
}

// New makes a code that is good for a scope and for so long.
func (c *Codes) New(scope string, life time.Duration) (string, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", fault("make the directory of links", err)
	}
	c.clear()
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	code := base64.RawURLEncoding.EncodeToString(random[:])
	text := scope + " " + strconv.FormatInt(c.Now().Add(life).UnixMilli(), 10) + "\n"
	f, err := os.OpenFile(c.file(code), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fault("write a link down", err)
	}
	_, err = f.WriteString(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		c.Drop(code)
		return "", fault("write a link down", err)
	}
	return code, nil
}

// Take uses a code up and calls grant with its scope. A code that grant has
// failed for is used up as well.
func (c *Codes) Take(code string, grant func(scope string) (string, error)) (string, error) {
	scope, ok := c.take(code)
	if !ok {
		return "", &velos.Error{Code: velos.Denied, Message: "this link is not valid, was used, or is too old", Hint: "velos web makes another one; a token signs in as well: velos token create"}
	}
	token, err := grant(scope)
	if c.Used != nil {
		c.Used()
	}
	return token, err
}

func (c *Codes) take(code string) (scope string, ok bool) {
	path := c.file(code)
	scope, until, ok := read(path)
	if !ok || os.Remove(path) != nil { // of many who read it, one removes it
		return "", false
	}
	return scope, c.Now().Before(until)
}

// Waits reports whether a code was not used yet.
func (c *Codes) Waits(code string) bool {
	_, until, ok := read(c.file(code))
	return ok && c.Now().Before(until)
}

// Drop makes a code good for nothing.
func (c *Codes) Drop(code string) { _ = os.Remove(c.file(code)) }

func (c *Codes) file(code string) string {
	hash := sha256.Sum256([]byte(code))
	return filepath.Join(c.Dir, hex.EncodeToString(hash[:]))
}

// clear removes what is too old, and when many wait, those that end soonest.
func (c *Codes) clear() {
	list, _ := os.ReadDir(c.Dir)
	left := len(list)
	for left >= mostCodes {
		before := left
		var first string
		var soonest time.Time
		for _, e := range list {
			path := filepath.Join(c.Dir, e.Name())
			_, until, ok := read(path)
			switch {
			case !ok || !c.Now().Before(until):
				if os.Remove(path) == nil {
					left--
				}
			case first == "" || until.Before(soonest):
				first, soonest = path, until
			}
		}
		if left >= mostCodes && first != "" && os.Remove(first) == nil {
			left--
		}
		if left == before {
			return
		}
		list, _ = os.ReadDir(c.Dir)
		left = len(list)
	}
}

// read is what the file of a code says.
func read(path string) (scope string, until time.Time, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", until, false
	}
	defer f.Close()
	var b [64]byte
	n, _ := f.Read(b[:])
	scope, at, _ := strings.Cut(strings.TrimSpace(string(b[:n])), " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	return scope, time.UnixMilli(ms), err == nil
}

func fault(what string, err error) error {
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	return &velos.Error{Code: code, Message: what + ": " + err.Error(), Cause: err}
}
