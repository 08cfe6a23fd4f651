package hostlimits

import (
	"testing"
	"testing/synctest"
)

// Enter lets maxCalls in; the next one waits until somebody has left.
func TestEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls = make(chan struct{}, maxCalls)
		for range maxCalls {
			Enter()
		}
		in := false
		go func() {
			Enter()
			in = true
		}()
		synctest.Wait()
		if in {
			t.Error("one too many is in")
		}
		Leave()
		synctest.Wait()
		if !in {
			t.Error("there is room, and nobody comes in")
		}
		for range maxCalls {
			Leave()
		}
	})
}

// Tighten leaves fewCalls, as soon as those that are in have left.
func TestTighten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls = make(chan struct{}, maxCalls)
		defer tightened.Store(false)
		if n := Few(64); n != 64 {
			t.Errorf("before: %d", n)
		}
		for range 10 {
			Enter()
		}
		Tighten()
		Tighten() // again, it does nothing
		synctest.Wait()
		if n := Few(64); n != fewCalls {
			t.Errorf("after: %d", n)
		}
		for range 10 {
			Leave()
		}
		synctest.Wait()
		if free := cap(calls) - len(calls); free != fewCalls {
			t.Errorf("%d are left, want %d", free, fewCalls)
		}
	})
}
