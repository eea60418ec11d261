// Package supervise keeps instances in the state that was asked for: one actor
// per instance owns its lifecycle, an app owns its instances, and the registry
// knows the apps. It decides when to start, stop, restart and give up. It forks
// nothing itself and reads no output: the Machine does. An actor has a goroutine
// only while there is something for it to do.
package supervise
