package platform

import (
	"flag"
	"sync"
)

// On a host with much else to do, each switch between toaster and a guest costs a turn at the processors. A test that makes
// thousands of them one after the other takes minutes there, in which it waits; so what is independent waits at the same time:
// cases of one test (together), and tests that look at nothing but machines of their own (testing.T.Parallel).

// workers is how many cases of a test are tried at once, and abreast how many tests run at once unless -parallel says so.
const (
	workers = 12
	abreast = "3"
)

// setAbreast is for TestMain: the command line, which is read later, goes first.
func setAbreast() { flag.Set("test.parallel", abreast) }

// together calls f for several workers at once, and returns when all have. Each takes its cases from share, until
// there are none: every one of list is taken once.
func together[T any](list []T, f func(share <-chan T)) {
	share := make(chan T, len(list))
	for _, c := range list {
		share <- c
	}
	close(share)
	var wg sync.WaitGroup
	for range min(workers, len(list)) {
		wg.Go(func() { f(share) })
	}
	wg.Wait()
}

// upTo returns the numbers below n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// tally counts outcomes, for several goroutines.
type tally[K comparable] struct {
	mu sync.Mutex
	n  map[K]int
}

func (c *tally[K]) add(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[K]int{}
	}
	c.n[k]++
}
