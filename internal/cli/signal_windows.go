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
