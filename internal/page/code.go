package page

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"

	"github.com/velospm/velos"
)

// CodeLife is how long a code may be used.
const CodeLife = 10 * time.Minute

// Codes sign browsers in. A code stands in the address behind #, which a browser sends to nobody, and is good once: what is left of it
// in a history opens nothing. There is one at a time; it is in memory only.
type Codes struct {
	Now func() time.Time
	// Used is told that a code was used up, so that the next one can be shown.
	// Nil: nobody is.
	Used func()

	mu    sync.Mutex
	hash  [sha256.Size]byte
	until time.Time
}

// New makes the code that is good from now on, in the place of the former one.
func (c *Codes) New() string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	code := base64.RawURLEncoding.EncodeToString(random[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hash, c.until = sha256.Sum256([]byte(code)), c.Now().Add(CodeLife)
	return code
}

// Take uses a code up and calls grant. A code that grant has failed for is
// used up as well.
func (c *Codes) Take(code string, grant func() (string, error)) (string, error) {
	if !c.take(code) {
		return "", &velos.Error{Code: velos.Denied, Message: "this link is not valid, was used, or is too old", Hint: "take the newest one that velos api has printed, or a token: velos token create"}
	}
	token, err := grant()
	if c.Used != nil {
		c.Used()
	}
	return token, err
}

func (c *Codes) take(code string) bool {
	got := sha256.Sum256([]byte(code))
	c.mu.Lock()
	defer c.mu.Unlock()
	good := !c.until.IsZero() && c.Now().Before(c.until) && subtle.ConstantTimeCompare(got[:], c.hash[:]) == 1
	if good {
		c.until = time.Time{}
	}
	return good
}
