// Package digest is the Smart Log Engine: it groups lines into events, mines
// their templates, folds repeats, finds patterns, trends and anomalies, and
// sums up. It is pure: no I/O, no clock; lines and times come in, facts go
// out, and memory is bounded whatever comes in. How serious a line is, is
// level's to say; how facts look, view's.
package digest
