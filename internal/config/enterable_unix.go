//go:build unix

package config

import "golang.org/x/sys/unix"

func enterable(dir string) bool { return unix.Access(dir, unix.X_OK) == nil }
func readable(file string) bool { return unix.Access(file, unix.R_OK) == nil }
