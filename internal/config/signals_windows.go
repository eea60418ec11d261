package config

// signalOfNumber knows the signals that programs on Windows can be told about.
func signalOfNumber(n int) string {
	switch n {
	case 2:
		return "SIGINT"
	case 9:
		return "SIGKILL"
	case 15:
		return "SIGTERM"
	}
	return ""
}
