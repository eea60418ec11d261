package cli

// systemSignal knows the signals that Windows can imitate.
func systemSignal(name string) int {
	switch name {
	case "SIGINT":
		return 2
	case "SIGKILL":
		return 9
	case "SIGTERM":
		return 15
	}
	return 0
}

// forwarded: there is nothing to hand on here.
func forwarded() (numbers <-chan int, stop func()) {
	c := make(chan int)
	return c, func() { close(c) }
}

// reap has nothing to do here: the system keeps no dead for a parent.
func reap() (stop func()) { return func() {} }
