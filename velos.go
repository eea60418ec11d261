// Package velos holds the nouns that every other package speaks in: what an
// app should be (Spec), what it is (App, Instance, Usage), what it wrote
// (Entry), what happened to it (Event), who asked (Actor) and what went wrong
// (Error). It starts nothing, reads nothing and knows no clock.
package velos

// Version is the version of both programs. Release builds set it with
// -ldflags "-X github.com/velospm/velos.Version=...".
var Version = "0.1.0"

// Protocol is the version byte of a frame. It changes only when old and new
// programs could misread each other.
const Protocol = 1
