package cli

// unread: a follower finds out when it writes.
func unread() bool { return false }
