package home

// Turn orders nothing on Windows, where no daemon runs yet that could start a
// second process: the last writer of a file wins.
func Turn(string, bool) (done func(), err error) { return func() {}, nil }
