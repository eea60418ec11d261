//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
)

// noisy is a server in which something prints that knows nothing of the
// protocol.
func noisy() {
	d := cli.Door{Home: home.Home{Dir: os.TempDir()}, Port: -1, Now: time.Now, Loc: time.UTC, Notice: func(string) {}}
	d.Connect = func(context.Context) (*client.Client, error) {
		fmt.Println("printed by a library")
		return nil, fmt.Errorf("there is no daemon in this test")
	}
	if err := serve(context.Background(), d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestWhoeverPrintsDoesNotGetBetweenTheAnswers(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "noisy")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(out)
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"process_list","arguments":{}}}`,
	} {
		if _, err := in.Write([]byte(m + "\n")); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m, `"id"`) {
			continue
		}
		line, err := answers.ReadBytes('\n')
		var a struct {
			Version string `json:"jsonrpc"`
			ID      int
		}
		if err != nil || json.Unmarshal(line, &a) != nil || a.Version != "2.0" || a.ID == 0 {
			t.Errorf("%q, %v", line, err)
		}
	}
	_ = in.Close()
	rest, _ := answers.ReadString(0)
	if err := cmd.Wait(); err != nil || rest != "" || !strings.Contains(errs.String(), "printed by a library") {
		t.Errorf("%v, %q, %q", err, rest, errs.String())
	}
}
