package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/api"
)

const apiLong = `Answers HTTP until it is interrupted: what list, info, why, logs, events and metrics show, and the orders start,
stop, restart, reload, scale, signal, reset and delete. It asks the daemon and never starts it. Every request needs a token; with
--socket none is needed, because only you can connect. Routes: docs/API.md, and GET /v1/openapi.yaml.

    velos token create --scope control
    velos api --port 3100
    curl -H "Authorization: Bearer $TOKEN" localhost:3100/v1/apps
    velos api --socket ~/.velos/api.sock
    curl --unix-socket ~/.velos/api.sock localhost/v1/apps`

func setupAPI(s *session, f *pflag.FlagSet) handler {
	var o doorFlags
	o.flags(f, 3100)
	return func(ctx context.Context, _ []string) error {
		dial, err := s.dialer()
		if err != nil {
			return err
		}
		tokens, err := s.tokens()
		if err != nil {
			return err
		}
		if list, err := tokens.List(); err == nil && len(list) == 0 && o.Socket == "" {
			s.notice("there is no token yet, so nobody can ask: velos token create makes one")
		}
		return s.open(ctx, &o, tokens, "/v1", api.Handler(api.Ways{Dial: dial, Signal: signalNumber, Now: s.Now,
			Moment: func(text string) (velos.Time, error) { return moment(text, s.Now(), s.Loc) }}))
	}
}
