// Velosd is the daemon of Velos: it keeps programs running. It takes no
// arguments; VELOS_HOME says where it lives. People use velos, which starts
// it when it is needed.
package main

import (
	"os"

	"github.com/velospm/velos/internal/daemon"
)

func main() { os.Exit(daemon.Main()) }
