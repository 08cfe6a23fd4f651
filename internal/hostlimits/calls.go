package hostlimits

import "sync/atomic"

// This file bounds how many calls of the host that may take long guests can have under
// way: each holds a thread of Go's runtime, which ends the process when the host refuses
// it another, or at 10,000.

const (
	maxCalls = 256
	fewCalls = 2 // where the host has little room for threads
)

var calls = make(chan struct{}, maxCalls)

// Enter waits until another call may be made; Leave must follow. Whoever holds one must
// wait for nothing but the host.
func Enter() { calls <- struct{}{} }

// Leave ends what Enter began.
func Leave() { <-calls }

var tightened atomic.Bool

// Few is how many threads something may block that is used to n of them: two once the host
// has had little room for threads.
func Few(n int) int {
	if tightened.Load() {
		return min(n, fewCalls)
	}
	return n
}

// Tighten leaves fewCalls of them, for good: for a process whose threads are numbered. It
// does not wait for those that are under way.
func Tighten() {
	if tightened.Swap(true) {
		return
	}
	go func() {
		for range maxCalls - fewCalls {
			calls <- struct{}{}
		}
	}()
}
