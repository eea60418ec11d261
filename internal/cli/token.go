package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/policy"
)

const tokenLong = `Makes, lists, renews and revokes tokens for velos api, and for velos metrics --token. A token is shown once, when it is
made; what is kept, in files of mode 0600 under VELOS_HOME, is its hash. A revoked token is refused from the next request on,
and so is what a token was before velos token rotate gave it a new secret.

    velos token create --scope control --name deploy --expires 30d
    velos token list
    velos token rotate ID
    velos token revoke ID`

type tokenAnswer struct {
	Secret string `json:"token"`
	guard.Token
}

func setupToken(s *session, f *pflag.FlagSet) handler {
	scope := f.String("scope", "read", "what it is good for: read, or control to give orders, too")
	name := f.String("name", "", "what it is for, to tell it from others")
	expires := f.String("expires", "", "how long it is valid, such as 30d; without it until it is revoked")
	return func(_ context.Context, args []string) error {
		tokens, err := s.tokens()
		if err == nil && (args[0] == "create" || args[0] == "rotate") {
			err = s.mayHoldTokens()
		}
		if err != nil {
			return err
		}
		switch {
		case args[0] == "create" && len(args) == 1:
			return s.createToken(tokens, *scope, *name, *expires)
		case args[0] == "list" && len(args) == 1:
			return s.listTokens(tokens)
		case args[0] == "rotate" && len(args) == 2:
			secret, t, err := tokens.Rotate(args[1])
			if err != nil {
				return err
			}
			s.notice("token ", t.ID, " has a new secret, which is not shown again; the former one is not valid any more")
			return s.answer(tokenAnswer{secret, t}, secret+"\n")
		case args[0] == "revoke" && len(args) > 1:
			for _, id := range args[1:] {
				if err := tokens.Revoke(id); err != nil {
					return err
				}
			}
			return s.answer(map[string][]string{"revoked": args[1:]}, show("revoked ", strings.Join(args[1:], ", ")))
		}
		return invalid("token: "+quote(strings.Join(args, " "))+" is not understood", "velos token create, list, rotate ID, or revoke ID")
	}
}

// mayHoldTokens keeps agents that have rules from becoming people: who comes
// over HTTP with a token is told from a person by nothing.
func (s *session) mayHoldTokens() error {
	name, agent := policy.Agent(s.Vars)
	if !agent {
		return nil
	}
	g, err := s.global()
	if err == nil && g.Agents.Free() {
		return nil
	}
	return &velos.Error{Code: velos.Denied, Message: "token: " + name + " is held to rules for agents, which a token would get around",
		Hint: "ask the user to make one, in a terminal of their own"}
}

func (s *session) createToken(tokens *guard.Tokens, scope, name, expires string) error {
	life := time.Duration(0)
	if expires != "" {
		m, ok := age(expires)
		if !ok || m <= 0 {
			return invalid("--expires: "+quote(expires)+" is no length of time", "such as 12h or 30d")
		}
		life = m.Std()
	}
	secret, t, err := tokens.Create(name, guard.Scope(scope), life)
	if err != nil {
		return err
	}
	s.notice("token ", t.ID, " may ", string(t.Scope), "; it is not shown again")
	return s.answer(tokenAnswer{secret, t}, secret+"\n")
}

func (s *session) listTokens(tokens *guard.Tokens) error {
	list, err := tokens.List()
	if err != nil {
		return err
	}
	text := ""
	for _, t := range list {
		until := "until it is revoked"
		if t.Expires != 0 {
			until = "until " + t.Expires.Std().In(s.Loc).Format(time.DateTime)
			if t.Expires <= velos.TimeOf(s.Now()) {
				until = "expired"
			}
		}
		text += show(t.ID, "  ", string(t.Scope), "  ", until, "  ", t.Name)
	}
	if text == "" {
		text = "there are no tokens; velos token create makes one\n"
	}
	return s.answer(list, text)
}
