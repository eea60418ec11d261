//go:build linux

// Command cluster puts servers with several processes under load and reloads
// them: by Velos, while its daemon is upgraded and killed too, and by PM2.
// It counts what clients see, measures how many connections each side serves
// and how evenly, and tries versions that must not take over.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/velospm/velos/bench/rig"
)

var (
	reloads = flag.Int("reloads", 100, "reloads of the Node app; a quarter with trouble and by PM2, a tenth of other apps")
	clients = flag.Int("clients", 16, "clients in a closed loop")
	rounds  = flag.Int("rounds", 5, "how often each side is measured for its speed")
	window  = flag.Duration("window", 4*time.Second, "how long")
	quick   = flag.Bool("quick", false, "small sizes: to see that all of it works, not to quote")
	own     = flag.String("app", "", "for the part apps, this Node script instead of ours: it listens at $PORT and answers GET /users/7 with ok, a space and its pid")
	only    = flag.String("only", "", "names of parts, separated by commas: reloads, speed, spread, refused, apps; empty: all")
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveArg {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if *quick {
		*reloads, *rounds, *window = 8, 2, time.Second
	}
	// Each client blocks in a system call and keeps its processor.
	runtime.GOMAXPROCS(runtime.NumCPU() + *clients)
	rig.Run("cluster", run)
}

func run(r *rig.Rig) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := programs{dir: r.Dir, velos: r.Bin("velos"), self: self}
	var failed []error
	for _, part := range []struct {
		name string
		f    func(*rig.Rig, programs) error
	}{{"reloads", reloaded}, {"speed", speed}, {"spread", spread}, {"refused", refused}, {"apps", several}} {
		if *only != "" && !strings.Contains(","+*only+",", ","+part.name+",") {
			continue
		}
		r.Note("%s", part.name)
		if err := part.f(r, p); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	return errors.Join(failed...)
}
