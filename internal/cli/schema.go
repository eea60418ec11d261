package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/config"
)

const schemaLong = `Prints a JSON Schema of velos.toml, made from the table that parses it. Editors use it to complete and check keys:

    velos schema config > velos.schema.json
    # and as the first line of velos.toml:  #:schema ./velos.schema.json`

func setupSchema(s *session, _ *pflag.FlagSet) handler {
	return func(_ context.Context, args []string) error {
		if len(args) > 0 && args[0] != "config" {
			return invalid("schema "+quote(args[0])+": no such schema", "there is one: velos schema config")
		}
		_, err := s.Out.Write(config.Schema())
		return err
	}
}
