//go:build linux

// Command metrics measures how long Prometheus waits for the figures of many
// instances, from its request to the last byte of the page.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
)

var (
	children = flag.Int("children", 1000, "instances, in apps of 50")
	rounds   = flag.Int("rounds", 5, "how often it is measured")
	scrapes  = flag.Int("scrapes", 20, "scrapes of a round")
	pause    = flag.Duration("pause", 100*time.Millisecond, "between two scrapes")
)

const (
	together = 50 // instances of an app
	goal     = 30 * time.Millisecond
)

func main() {
	flag.Parse()
	rig.Run("metrics", run)
}

func run(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	var apps []velos.Spec
	for n := 0; n < *children; n += together {
		apps = append(apps, rig.Spec(fmt.Sprintf("app%d", len(apps)), min(together, *children-n), "/bin/sleep", "infinity"))
	}
	if err := d.Launch(apps...); err != nil {
		return err
	}
	door := filepath.Join(d.Home.Dir, "metrics.sock")
	exporter := exec.Command(r.Bin("velos"), "metrics", "--socket", door)
	exporter.Env = d.Env()
	if err := exporter.Start(); err != nil {
		return err
	}
	defer func() {
		_ = exporter.Process.Signal(os.Interrupt)
		_ = exporter.Wait()
	}()
	if err := rig.Await(20*time.Second, "velos metrics listens", func() bool { _, err := os.Stat(door); return err == nil }); err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", door)
	}}}
	return measure(r, d, client, exporter.Process.Pid)
}

// measure scrapes, and shows each round by its median: a round in which the
// machine was busy is then seen as such.
func measure(r *rig.Rig, d *rig.Daemon, c *http.Client, exporter int) error {
	var medians, all []time.Duration
	size := 0
	before, err := rig.CPUOf(exporter, d.PID)
	if err != nil {
		return err
	}
	for range *rounds {
		var list []time.Duration
		for range *scrapes {
			time.Sleep(*pause)
			began := time.Now()
			page, err := scrape(c)
			if err != nil {
				return err
			}
			list = append(list, time.Since(began))
			if n := bytes.Count(page, []byte("\nvelos_process_status{")); n != *children {
				return fmt.Errorf("the page has %d instances of %d", n, *children)
			}
			size = len(page)
		}
		medians, all = append(medians, rig.Median(list)), append(all, list...)
		r.Note("a round: median %s, slowest %s", rig.Time(rig.Median(list)), rig.Time(rig.Percentile(list, 100)))
	}
	used, err := rig.CPUOf(exporter, d.PID)
	if err != nil {
		return err
	}
	m := rig.Median(medians)
	r.Add(rig.Figure{What: fmt.Sprintf("a scrape of %d instances, median of %d rounds", *children, *rounds), Velos: rig.Time(m), Target: "< 30 ms", Met: m < goal})
	r.Add(rig.Figure{What: "the same: fastest, p90", Velos: rig.Time(rig.Percentile(all, 0)) + ", " + rig.Time(rig.Percentile(all, 90))})
	r.Add(rig.Figure{What: "processor time of velos metrics and the daemon for one", Velos: rig.Time((used - before) / time.Duration(len(all)))})
	r.Add(rig.Figure{What: "size of the page", Velos: rig.KiB(int64(size))})
	return nil
}

func scrape(c *http.Client) ([]byte, error) {
	a, err := c.Get("http://localhost/metrics")
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", a.Status)
	}
	return io.ReadAll(a.Body)
}
