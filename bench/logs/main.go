// Command logs measures the Smart Log Engine against labelled cases in a
// directory that is its argument, and prints one JSON object.
package main

import (
	"encoding/json"
	"os")

func main() {
	list, err := samples(os.Args[1])
	if err != nil {
		panic(err)
	}
	e := json.NewEncoder(os.Stdout)
	var sum grouping
	for _, s := range list {
		g := group(s.name, s.content, s.event, s.template, false, os.Getenv("SHOW") == s.name)
		e.Encode(g)
		sum.GA += g.GA / float64(len(list))
		sum.FGA += g.FGA / float64(len(list))
		sum.PA += g.PA / float64(len(list))
		sum.PAStrict += g.PAStrict / float64(len(list))
	}
	e.Encode(sum)
	sum = grouping{Set: "raw"}
	for _, s := range list {
		g := group(s.name+"-raw", s.raw, s.event, s.template, true, os.Getenv("SHOW") == s.name+"-raw")
		e.Encode(g)
		sum.GA += g.GA / float64(len(list))
		sum.FGA += g.FGA / float64(len(list))
		sum.PA += g.PA / float64(len(list))
	}
	e.Encode(sum)
}

func init() {
	g, err := events(os.Args[1], true)
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(g)
}

func init() {
	for _, s := range []float64{2, 3, 3.5, 4, 5} {
		g, err := anomalies(os.Args[1], s, s == 3.5)
		if err != nil {
			panic(err)
		}
		json.NewEncoder(os.Stdout).Encode(g)
	}
	os.Exit(0)
}
