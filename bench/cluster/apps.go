//go:build linux

package main

import (
	"context"
	"embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// apps are the programs under load. Each answers "ok" and its pid, and what
// is to be remembered about it is said at its top.
//
//go:embed apps
var apps embed.FS

// script puts one of them on disk.
func script(dir, name string) (string, error) {
	b, err := apps.ReadFile("apps/" + name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, b, 0o600)
}

// serveArg makes this program the Go server among the apps.
const serveArg = "serve"

// serve is a Go server as its documentation has it: the socket that it finds,
// and Shutdown when it is told to end. What it does beyond that is for
// clients with keep-alive: for a second, each answer is the last one of its
// connection. Shutdown alone closes idle connections, on which a request may be
// on its way.
func serve() error {
	l, err := net.FileListener(os.NewFile(3, "http"))
	if err != nil {
		return err
	}
	var ending atomic.Bool
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ending.Load() {
			w.Header().Set("Connection", "close")
		}
		fmt.Fprintf(w, "ok %d", os.Getpid())
	})}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	over := make(chan error, 1)
	go func() {
		<-ctx.Done()
		if os.Getenv("PATIENT") != "" {
			ending.Store(true)
			time.Sleep(time.Second)
		}
		over <- s.Shutdown(context.Background())
	}()
	if err := s.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return <-over
}

// freePort is a port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ports puts free ports into an environment: PORT, PORT2, …
func ports(n int) (list []int, env []string, err error) {
	for i := range n {
		p, err := freePort()
		if err != nil {
			return nil, nil, err
		}
		name := "PORT"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		list, env = append(list, p), append(env, name+"="+strconv.Itoa(p))
	}
	return list, env, nil
}
