package cli

import (
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/page"
)

const (
	// pageToken is the name of tokens of browsers that a link has signed in.
	pageToken = "page"
	// pageLife is a day's work.
	pageLife = 12 * time.Hour
)

// links prints links that sign a browser in, and returns what exchanges the
// code of one for a token. A link that has been used is followed by another.
func (s *session) links(o *apiFlags, tokens *guard.Tokens) func(code string) (string, error) {
	scope := guard.Scope(o.link)
	if o.link == "" && s.ErrTTY && o.Local() {
		scope = guard.Control
	}
	codes := &page.Codes{Now: s.Now}
	if scope == guard.Read || scope == guard.Control {
		o.listening = func(origin string) {
			show := func() { s.notice("the page, for one browser: ", reachable(origin), "/#ticket=", codes.New()) }
			codes.Used = show
			show()
		}
	}
	return func(code string) (string, error) {
		return codes.Take(code, func() (string, error) {
			forget(tokens, velos.TimeOf(s.Now()))
			token, _, err := tokens.Create(pageToken, scope, pageLife)
			return token, err
		})
	}
}

// forget removes what is left of browsers that were signed in long ago.
func forget(tokens *guard.Tokens, now velos.Time) {
	list, err := tokens.List()
	for i := range list {
		if err == nil && list[i].Name == pageToken && list[i].Expires != 0 && list[i].Expires < now {
			_ = tokens.Revoke(list[i].ID) // expired anyway
		}
	}
}

// reachable is an address that a browser can open: that of all interfaces is
// none.
func reachable(origin string) string {
	return strings.NewReplacer("//0.0.0.0:", "//127.0.0.1:", "//[::]:", "//[::1]:").Replace(origin)
}
