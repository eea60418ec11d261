// Command velos is what people and agents use: it asks velosd, the daemon,
// and starts it where there is none. All of it is in internal/cli.
package main

import (
	"os"

	"github.com/velospm/velos/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
