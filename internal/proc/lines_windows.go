package proc

// Lines gives nothing: the system keeps no such files.
func Lines(path string, f func(line []byte) bool) {}
