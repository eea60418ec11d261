// Package verb is what people and agents ask for that takes more than one call
// of the daemon: wait until something is so, make sure that something runs,
// run something once, say why it crashed, what has changed, and who listens
// where. Every door (the command line, MCP) asks here, so that all give the
// same answers. It follows the daemon's streams and never polls; it shows
// nothing.
package verb

import (
	"context"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Find is the app that a word names, by its name or its id, and the instance
// if the word ends with :N; -1 is all of them.
func Find(apps []velos.App, word string) (*velos.App, int, error) {
	if a := named(apps, word); a != nil {
		return a, -1, nil
	}
	if i := strings.LastIndexByte(word, ':'); i > 0 {
		n, err := strconv.Atoi(word[i+1:])
		if a := named(apps, word[:i]); a != nil && err == nil {
			for k := range a.Instances {
				if a.Instances[k].Inst == n {
					return a, n, nil
				}
			}
			return nil, 0, &velos.Error{Code: velos.NotFound, Message: view.Text(a.Spec.Name) + " has no instance " + word[i+1:], Hint: "it has " + strconv.Itoa(len(a.Instances)) + ", counted from 0"}
		}
	}
	return nil, 0, missing(apps, word)
}

func named(apps []velos.App, word string) *velos.App {
	for i := range apps {
		if apps[i].Spec.Name == word {
			return &apps[i]
		}
	}
	id, err := strconv.ParseUint(word, 10, 32)
	for i := range apps {
		if err == nil && uint64(apps[i].ID) == id {
			return &apps[i]
		}
	}
	return nil
}

// shownNames bounds the names in a hint.
const shownNames = 12

// missing names what there is: an agent does not have to ask for it then.
func missing(apps []velos.App, word string) error {
	e := &velos.Error{Code: velos.NotFound, Message: "no app is called " + strconv.Quote(word), Hint: "there are no apps"}
	var names []string
	for i := range apps {
		name := view.Text(apps[i].Spec.Name)
		if strings.EqualFold(name, word) || len(word) > 2 && strings.Contains(strings.ToLower(name), strings.ToLower(word)) {
			e.Hint = "did you mean " + name + "?"
			return e
		}
		names = append(names, name)
	}
	if n := len(names); n > shownNames {
		names = append(names[:shownNames:shownNames], strconv.Itoa(n-shownNames)+" more")
	}
	if len(names) > 0 {
		e.Hint = "there are " + strings.Join(names, ", ")
	}
	return e
}

// Newest is the number of the daemon's newest event.
func Newest(ctx context.Context, c *client.Client) (uint64, error) {
	m, err := c.Metrics(ctx, wire.MetricsQuery{})
	return m.Daemon.Events, err
}
