//go:build faults

package home

import points "github.com/velospm/velos/internal/fault"

func init() { reached = func(step string) { points.Here("save." + step) } }
