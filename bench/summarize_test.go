package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    float64
	}{
		{[]float64{3}, 3},
		{[]float64{4, 2}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{1, 1000, 2, 3}, 2.5},
	} {
		before := slices.Clone(c.figures)
		if got := median(c.figures); got != c.want {
			t.Errorf("median(%v) = %v, want %v", before, got, c.want)
		}
		if !slices.Equal(before, c.figures) {
			t.Errorf("median has sorted its caller's figures: %v", c.figures)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("there is a median of nothing")
	}
}

// The ranks are those of the confidence interval of a median in tables of order statistics:
// with 95 %, x(1) to x(6) of 6 figures, x(2) to x(9) of 10, x(6) to x(15) of 20. Below 6
// figures there is none, and the spread is all that were measured.
func TestOutliers(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 0, 3: 0, 5: 0, 6: 0, 8: 0, 9: 1, 10: 1, 12: 2, 15: 3, 20: 5, 100: 39} {
		if got := outliers(n); got != want {
			t.Errorf("outliers(%d) = %d, want %d", n, got, want)
		}
	}
}

// TestSpreadHoldsTheMedian draws figures whose true median is known: the spread has it as often as
// certainty says, or more.
func TestSpreadHoldsTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // always the same figures
	for _, n := range []int{6, 9, 15, 30} {
		held := 0
		const trials = 2000
		for range trials {
			figures := make([]float64, n)
			for i := range figures {
				figures[i] = random.ExpFloat64()
			}
			if s := summarize(figures); s.Low <= math.Ln2 && math.Ln2 <= s.High {
				held++
			}
		}
		if float64(held) < (certainty-0.01)*trials {
			t.Errorf("of %d spreads of %d figures, %d have the median", trials, n, held)
		}
	}
}

func TestSummarize(t *testing.T) {
	if got, want := summarize([]float64{5, 1, 3}), (spread{3, 1, 5}); got != want {
		t.Errorf("three figures: %v, want %v", got, want)
	}
	ten := []float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
	if got, want := summarize(ten), (spread{5.5, 2, 9}); got != want {
		t.Errorf("ten figures: %v, want %v", got, want)
	}
}

// A ratio is of two figures of one round: a machine that is twice as slow in a round changes
// neither the ratio nor its spread.
func TestRatiosArePaired(t *testing.T) {
	quiet := ratios([]float64{30, 30, 30}, []float64{10, 10, 10})
	noisy := ratios([]float64{30, 60, 300}, []float64{10, 20, 100})
	if got, want := summarize(noisy), summarize(quiet); got != want || got.Median != 3 {
		t.Errorf("%v on a noisy machine, %v on a quiet one", got, want)
	}
	if got := ratios([]float64{2, 4}, []float64{1}); len(got) != 1 {
		t.Errorf("a figure without a partner has a ratio: %v", got)
	}
}
