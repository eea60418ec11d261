package config

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

func readName(d *draft, n *node) *problem {
	if n.kind != isString {
		return new(problem).mustBe(isString, n)
	}
	if n.text != d.spec.Name {
		return wrong("the table's header names the app already", "rename the table, or use [[apps]]")
	}
	return nil
}

func readScript(d *draft, n *node) *problem {
	if n.kind != isString {
		p := new(problem).mustBe(isString, n)
		p.hint = "write the path or the command line in quotes; arguments may stand in args"
		return p
	}
	if strings.TrimSpace(n.text) == "" {
		return wrong("must not be empty", "name the script or program to run")
	}
	d.script = n.text
	return nil
}

func readInstances(d *draft, n *node) *problem {
	d.instances, d.several = "", false
	if n.kind == isString {
		if n.text == "max" {
			d.instances = "max"
			return nil
		}
		if _, err := strconv.Atoi(n.text); err != nil {
			return wrong(`must be a number or "max", not `+shown(n.text), "such as instances = 2")
		}
		return wrong("must be a number, not a string", "write it without quotes")
	}
	p := whole(func(d *draft) *int { return &d.spec.Instances }).read(d, n)
	switch {
	case p != nil:
	case d.spec.Instances == 0:
		d.spec.Instances = 1
	case d.spec.Instances == -1:
		d.instances = "-1"
	}
	return p
}

func readMode(d *draft, n *node) *problem {
	switch {
	case n.kind != isString:
		return new(problem).mustBe(isString, n)
	case n.text != string(velos.Fork) && n.text != string(velos.Cluster):
		return wrong("must be fork or cluster, not "+shown(n.text), didYouMean(n.text, []string{"fork", "cluster"}, "leave it out: several instances of a script that node runs are a cluster"))
	}
	d.mode = velos.Mode(n.text)
	return nil
}

func readAutorestart(d *draft, n *node) *problem {
	if n.kind != isBool && n.kind != isString {
		return wrong("must be true, false, or a policy, not "+n.kind.String(), `policies are "always", "on-failure" and "never"`)
	}
	r, p := restartPolicy(n.text)
	d.spec.Autorestart = r
	return p
}

func restartPolicy(s string) (velos.Restart, *problem) {
	switch s {
	case "true", "always":
		return velos.Always, nil
	case "on-failure", "on_failure":
		return velos.OnFailure, nil
	case "false", "never":
		return velos.Never, nil
	}
	return "", wrong("unknown policy "+shown(s), didYouMean(s, []string{"always", "on-failure", "never"}, `policies are "always", "on-failure" and "never"`))
}

func readExitCodes(d *draft, n *node) *problem {
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	d.spec.StopExitCodes = nil
	for _, c := range list {
		v, ok := c.integer()
		if !ok {
			return wrong("must be a list of numbers, not of "+strings.TrimPrefix(c.kind.String(), "a "), "such as stop_exit_codes = [0, 3]")
		}
		d.spec.StopExitCodes = append(d.spec.StopExitCodes, v)
	}
	return nil
}

func readSignal(d *draft, n *node) *problem {
	if n.kind != isString && n.kind != isInteger {
		return new(problem).mustBe(isString, n)
	}
	s, p := signalName(n.text)
	d.spec.StopSignal = s
	return p
}
