package supervise

// closeBoth has nothing to close: logs.Log.Pipes answers unsupported here.
func closeBoth(int, int) {}
