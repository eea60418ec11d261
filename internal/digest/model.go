package digest

import (
	"math"
	"slices"
)

// A model is how a count is spread: a negative binomial distribution of this
// mean, and of a variance of phi times the mean.
type model struct{ mean, phi float64 }

func (m model) sd() float64 { return math.Sqrt(m.phi * m.mean) }

// modelOf learns from minutes. Half a line in a minute more than there were
// keeps the mean from zero, and short pasts from being certain.
func modelOf(past []float64) model {
	n := float64(len(past))
	sum, squares := 0.0, 0.0
	for _, v := range past {
		sum += v
		squares += v * v
	}
	plain := sum / n
	variance := max(0, squares/n-plain*plain) * n / max(1, n-1)
	m := model{mean: (sum + .5) / (n + 1), phi: 1}
	spread := 0.0
	if plain > 0 {
		spread = variance / plain
	}
	root := make([]float64, len(past))
	for i, v := range past {
		root[i] = anscombe(v)
	}
	middle := median(root)
	for i, v := range root {
		root[i] = math.Abs(v - middle)
	}
	mad := 1.4826 * median(root)
	m.phi = max(1, mad*mad, min(spread, mostNoise))
	if spread < .2 && plain >= 10 && n >= 40 {
		m.phi = max(.05, spread) // clockwork
	}
	m.phi *= 1 + 4/n
	return m
}

// anscombe makes counts about normal, with variance 1.
func anscombe(v float64) float64 { return 2 * math.Sqrt(v+.375) }

// sigma is how improbable x or more is.
func (m model) sigma(x float64) float64 {
	if m.mean > 200 || m.phi < 1 {
		return (anscombe(x) - anscombe(m.mean)) / math.Sqrt(m.phi)
	}
	return quantile(m.tail(x))
}

// lower is how improbable x or less is.
func (m model) lower(x float64) float64 {
	return (anscombe(m.mean) - anscombe(x)) / math.Sqrt(m.phi)
}

// tail is the probability of x or more.
func (m model) tail(x float64) float64 {
	if x <= m.mean {
		return .5
	}
	// The terms fall from x on: a few hundred are the tail.
	term := math.Exp(m.log(x))
	sum := 0.0
	r := m.mean / max(m.phi-1, 1e-9)
	p := 1 - 1/m.phi
	for k := x; term > sum*1e-12 && k < x+2000; k++ {
		sum += term
		if m.phi < 1.0001 {
			term *= m.mean / (k + 1)
		} else {
			term *= p * (k + r) / (k + 1)
		}
	}
	return min(.5, sum)
}

// log is the logarithm of the probability of k.
func (m model) log(k float64) float64 {
	a, _ := math.Lgamma(k + 1)
	if m.phi < 1.0001 {
		return k*math.Log(m.mean) - m.mean - a
	}
	r := m.mean / (m.phi - 1)
	p := 1 - 1/m.phi
	b, _ := math.Lgamma(k + r)
	c, _ := math.Lgamma(r)
	return b - c - a + r*math.Log1p(-p) + k*math.Log(p)
}

// quantile is the distance at which a normal variable has the tail p.
func quantile(p float64) float64 {
	if p > 1e-10 {
		return math.Sqrt2 * math.Erfcinv(2*p)
	}
	// Out there the tail is the density over the distance, nearly.
	rest := -math.Log(max(p, 1e-300)) - math.Log(2*math.Pi)/2
	z := math.Sqrt(2 * rest)
	for range 4 {
		z = math.Sqrt(2 * (rest - math.Log(z) + math.Log1p(-1/(z*z))))
	}
	return z
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// last is the end of v, at most n long.
func last(v []float64, n int) []float64 { return v[max(0, len(v)-n):] }
