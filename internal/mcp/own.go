package mcp

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// mine is the word for all apps of the agent that says it, unless an app has
// this name.
const mine = "mine"

// own are the apps of the agent that asks.
func (c *call) own() ([]*velos.App, error) {
	list, err := c.conn.Own(c)
	var apps []*velos.App
	for i := range list.Apps {
		if list.Apps[i].Mine {
			apps = append(apps, &list.Apps[i])
		}
	}
	return apps, err
}

// saysMine reports whether a word is mine, and the apps that it stands for.
func (c *call) saysMine(word string) (bool, []*velos.App, error) {
	if word != mine {
		return false, nil, nil
	}
	if _, _, _, err := c.app(word); err == nil {
		return false, nil, nil
	}
	apps, err := c.own()
	return true, apps, err
}

// mostAbreast bounds the orders of one call that are under way.
const mostAbreast = 16

// each gives an order about every one of some apps, abreast, and says what
// came of it. An error is that of the first that it went wrong with.
func (c *call) each(apps []*velos.App, done string, order func(context.Context, *velos.App) error) (answer, error) {
	ctx, stop := c.within(0, longest)
	defer stop()
	defer c.progress(plural(len(apps), "process", "processes") + " to go")()
	errs := make([]error, len(apps))
	slots := make(chan struct{}, mostAbreast)
	var all sync.WaitGroup
	for i, a := range apps {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = order(ctx, a)
		})
	}
	all.Wait()
	var names []string
	var failed error
	for i, a := range apps {
		if errs[i] == nil {
			names = append(names, view.Text(a.Spec.Name))
		} else if failed == nil {
			failed = errs[i]
		}
	}
	if failed != nil {
		return answer{}, failed
	}
	text := done + ": " + strings.Join(names, ", ")
	if len(apps) == 0 {
		text = "no process is yours"
	}
	return doneOut{Success: true}.answer(text), nil
}

// named are the names of some apps, with what they do.
func named(apps []*velos.App) string {
	list := make([]string, len(apps))
	for i, a := range apps {
		list[i] = described(a, -1)
	}
	if n := len(list) - mostNamed; n > 0 {
		list = append(list[:mostNamed], strconv.Itoa(n)+" more")
	}
	return strings.Join(list, ", ")
}

// mostNamed bounds them.
const mostNamed = 40
