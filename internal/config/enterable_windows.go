package config

// What may be entered and read shows when it is tried: access lists have no
// cheap question.
func enterable(string) bool { return true }
func readable(string) bool  { return true }
