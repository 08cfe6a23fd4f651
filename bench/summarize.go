package main

import (
	"math"
	"slices"
)

// spread is what several figures of the same thing say of it: their median, and between
// what figures the true one lies.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// certainty is how sure it is that the true median lies within a spread.
const certainty = 0.95

// summarize returns the spread of figures, of which there is one at least.
func summarize(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	k := outliers(len(sorted))
	return spread{median(sorted), sorted[k], sorted[len(sorted)-1-k]}
}

// outliers returns how many of n figures, at each end, lie outside of their spread. The
// spread is the confidence interval by order statistics, which takes the figures for no
// distribution: the true median lies below the k+1st least of n figures if no more than k of
// them are below it, and each is with a probability of one half.
func outliers(n int) int {
	below := 0.0 // the probability of that
	for k := 0; k < n/2; k++ {
		below += binomial(n, k) / math.Exp2(float64(n))
		if 1-2*below < certainty {
			return max(k-1, 0)
		}
	}
	return max(n/2-1, 0)
}

// binomial returns how many sets of k there are in n.
func binomial(n, k int) float64 {
	b := 1.0
	for i := range k {
		b = b * float64(n-i) / float64(i+1)
	}
	return b
}

// median returns the middle of figures, or the mean of the two in the middle.
func median(figures []float64) float64 {
	n := len(figures)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(figures))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios divides figures by those of the same rounds.
func ratios(figures, base []float64) []float64 {
	list := make([]float64, min(len(figures), len(base)))
	for i := range list {
		list[i] = figures[i] / base[i]
	}
	return list
}
