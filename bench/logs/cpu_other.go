//go:build !unix

package main

import "time"

var began = time.Now()

// clock is the time that passes: it is exact when nothing else runs.
func clock() time.Duration { return time.Since(began) }
