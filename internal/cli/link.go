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
// code of one for a token: nil, when nobody is to come in that way. A link that
// has been used is followed by another, and the last one ends with the door.
func (s *session) links(o *apiFlags, tokens *guard.Tokens, codes *page.Codes) (signIn func(code string) (string, error), end func()) {
	scope := guard.Scope(o.link)
	if o.link == "" && s.ErrTTY && o.Local() {
		scope = guard.Control
	}
	last := ""
	if !o.quiet && (scope == guard.Read || scope == guard.Control) {
		show := func(origin string) {
			code, err := codes.New(string(scope), page.CodeLife)
			if err != nil {
				s.notice(err.Error())
				return
			}
			last = code
			s.notice("the page, for one browser: ", linkTo(origin, code))
		}
		listening := o.listening
		o.listening = func(origin string) {
			codes.Used = func() {
				if last != "" && !codes.Waits(last) { // a link of velos web is not followed by one here
					show(origin)
				}
			}
			if listening != nil {
				listening(origin)
			}
			show(origin)
		}
	}
	end = func() { codes.Drop(last) }
	if o.link == "none" || o.link == "" && !o.Local() {
		return nil, end
	}
	return func(code string) (string, error) {
		return codes.Take(code, func(scope string) (string, error) {
			if o.link == string(guard.Read) {
				scope = o.link // the door's word comes before the link's
			}
			forget(tokens, velos.TimeOf(s.Now()))
			token, _, err := tokens.Create(pageToken, guard.Scope(scope), pageLife)
			return token, err
		})
	}, end
}

func linkTo(origin, code string) string { return reachable(origin) + "/#ticket=" + code }

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
