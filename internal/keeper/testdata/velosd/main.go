// Velosd with nothing in it: a keeper, and a daemon that says when it began
// and waits.
package main

import (
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos/internal/keeper"
)

func main() {
	began := time.Now().UnixNano()
	if !keeper.Daemon() {
		syscall.Exit(keeper.Run(keeper.Options{Lock: -1, Settled: 1}))
	}
	line, err := keeper.Dial(keeper.LineFD)
	if err != nil {
		syscall.Exit(3)
	}
	line.Ready()
	syscall.Write(1, []byte("up "+strconv.Itoa(syscall.Getpid())+" "+strconv.FormatInt(began, 10)+"\n"))
	for {
		time.Sleep(time.Hour)
	}
}
