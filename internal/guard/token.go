package guard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
)

// A Scope is what a token is good for.
type Scope string

// The scopes.
const (
	Read    Scope = "read"
	Control Scope = "control" // read, and give orders
)

// A Token is what is known of one: never the token itself.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	Scope   Scope      `json:"scope"`
	Created velos.Time `json:"created_at"`
	Expires velos.Time `json:"expires_at,omitempty"` // 0: never
}

// stored is the file of a token: the hash of its secret beside it.
type stored struct {
	Token
	Hash string `json:"sha256"`
}

// Tokens are those of one home, a file each: creating and revoking need no
// lock, and hold from the next request on.
type Tokens struct {
	Home home.Home
	Now  func() time.Time
}

const (
	prefix     = "velos_" // secrets that are found somewhere are recognised
	idBytes    = 5
	secretSize = 32
	largest    = 4 << 10 // of a token's file
)

// Create makes a token and returns it, the only time that anybody sees it. A
// life of 0 does not end.
func (t *Tokens) Create(name string, scope Scope, life time.Duration) (string, Token, error) {
	if scope != Read && scope != Control {
		return "", Token{}, invalid("--scope: "+string(scope)+" is unknown", "read or control")
	}
	if len(name) > 100 || view.Text(name) != name {
		return "", Token{}, invalid("--name: at most 100 plain characters", "")
	}
	if err := t.Home.Prepare(); err != nil {
		return "", Token{}, err
	}
	if err := os.Mkdir(t.Home.TokenDir(), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", Token{}, trouble("make the directory", t.Home.TokenDir(), err)
	}
	random := make([]byte, idBytes+secretSize)
	_, _ = rand.Read(random) // never fails
	now := t.Now()
	tok := Token{ID: hex.EncodeToString(random[:idBytes]), Name: name, Scope: scope, Created: velos.TimeOf(now)}
	if life > 0 {
		tok.Expires = velos.TimeOf(now.Add(life))
	}
	secret := base64.RawURLEncoding.EncodeToString(random[idBytes:])
	text, err := json.Marshal(stored{tok, hash(secret)})
	if err != nil {
		return "", Token{}, err
	}
	if err := write(t.file(tok.ID), append(text, '\n')); err != nil {
		return "", Token{}, trouble("write", t.file(tok.ID), err)
	}
	return prefix + tok.ID + "_" + secret, tok, nil
}

// Rotate gives a token a new secret, which is returned; the former one ends
// with it. One that expires gets as much time again.
func (t *Tokens) Rotate(id string) (string, Token, error) {
	var s stored
	err := fs.ErrNotExist
	if isID(id) {
		s, err = t.read(id)
	}
	if err != nil {
		return "", Token{}, &velos.Error{Code: velos.NotFound, Message: "rotate " + view.Text(id) + ": no such token", Hint: "velos token list shows the tokens"}
	}
	random := make([]byte, secretSize)
	_, _ = rand.Read(random) // never fails
	secret := base64.RawURLEncoding.EncodeToString(random)
	now := velos.TimeOf(t.Now())
	if s.Expires != 0 {
		s.Expires += now - s.Created
	}
	s.Created, s.Hash = now, hash(secret)
	text, err := json.Marshal(s)
	if err != nil {
		return "", Token{}, err
	}
	next := t.file(id) + ".next"
	_ = os.Remove(next) // of one that was killed
	if err = write(next, append(text, '\n')); err == nil {
		err = os.Rename(next, t.file(id))
	}
	if err != nil {
		return "", Token{}, trouble("write", t.file(id), err)
	}
	return prefix + id + "_" + secret, s.Token, nil
}

// Valid reports whether a token that was checked before is good still: not
// revoked, not rotated, not expired.
func (t *Tokens) Valid(tok Token) error {
	s, err := t.read(tok.ID)
	if err != nil || s.Token != tok {
		return denied("this token is not valid any more", "velos token create makes another")
	}
	return t.expired(&s)
}

func (t *Tokens) expired(s *stored) error {
	if s.Expires != 0 && velos.TimeOf(t.Now()) >= s.Expires {
		return denied("this token has expired", "velos token create makes another")
	}
	return nil
}

// write makes a file that was not there, whole or not at all.
func write(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// List is all tokens, oldest first, also those that have expired.
func (t *Tokens) List() ([]Token, error) {
	files, err := os.ReadDir(t.Home.TokenDir())
	if errors.Is(err, fs.ErrNotExist) {
		return []Token{}, nil
	}
	if err != nil {
		return nil, trouble("read", t.Home.TokenDir(), err)
	}
	list := []Token{}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || !isID(id) {
			continue
		}
		if s, err := t.read(id); err == nil {
			list = append(list, s.Token)
		}
	}
	slices.SortStableFunc(list, func(a, b Token) int { return int(a.Created - b.Created) })
	return list, nil
}

// Revoke ends a token. The error has code NotFound when there is none.
func (t *Tokens) Revoke(id string) error {
	err := fs.ErrNotExist
	if isID(id) {
		err = os.Remove(t.file(id))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &velos.Error{Code: velos.NotFound, Message: "revoke " + view.Text(id) + ": no such token", Hint: "velos token list shows the tokens"}
	}
	if err != nil {
		return trouble("remove", t.file(id), err)
	}
	return nil
}

// Check finds out whose secret this is. The error has code Denied, and says the
// same for a token that is unknown, wrong or revoked.
func (t *Tokens) Check(secret string) (Token, error) {
	unknown := denied("this token is not valid", "velos token list shows those that are; velos token create makes one")
	rest, ok := strings.CutPrefix(secret, prefix)
	id, key, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || !isID(id) || len(key) > 2*secretSize {
		return Token{}, unknown
	}
	s, err := t.read(id)
	if err != nil || subtle.ConstantTimeCompare([]byte(hash(key)), []byte(s.Hash)) != 1 {
		return Token{}, unknown
	}
	return s.Token, t.expired(&s)
}

// read takes a token's file, if nobody else could have written or read it.
func (t *Tokens) read(id string) (s stored, err error) {
	info, err := os.Lstat(t.file(id))
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() || !private(info) || info.Size() > largest {
		return s, fs.ErrPermission
	}
	f, err := os.Open(t.file(id))
	if err != nil {
		return s, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return s, err
	}
	if err = json.Unmarshal(b, &s); err == nil && (s.ID != id || len(s.Hash) != 2*sha256.Size) {
		err = fs.ErrInvalid
	}
	return s, err
}

func (t *Tokens) file(id string) string { return filepath.Join(t.Home.TokenDir(), id+".json") }

// isID keeps names of files to what Create makes.
func isID(s string) bool { return len(s) == 2*idBytes && strings.Trim(s, "0123456789abcdef") == "" }

func sum(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

func hash(secret string) string {
	h := sum(secret)
	return hex.EncodeToString(h[:])
}

func trouble(what, path string, err error) error {
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &velos.Error{Code: code, Message: what + " " + path + ": " + err.Error(), Cause: err}
}
