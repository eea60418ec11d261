// Package poll tells which of many descriptors are ready, with epoll or
// kqueue, and without a goroutine or a thread for each of them. It owns the
// set, not the descriptors: it reads nothing from them and closes none.
package poll

// An Event says that the descriptor added under Key is ready.
type Event struct {
	Key uint64
	// Readable means that a read will not block: there are bytes, or the end.
	Readable bool
	// Hangup means that the other side is gone; bytes may still wait.
	Hangup bool
}

// wakeKey is the key of the set's own descriptor; no caller may use it.
const wakeKey = ^uint64(0)
