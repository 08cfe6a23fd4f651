package guesttest

import (
	"testing"
	"testing/synctest"
	"time"
)

// Where timers fire in time the clock is right; of a second in which none fires, as in a process that is stopped, it counts two
// ticks.
func TestFairClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &FairClock{asOf: time.Now()}
		for range 10_000 {
			time.Sleep(fairTick)
			c.advance()
		}
		time.Sleep(fairTick / 2)
		if got := c.Now(); got != 10_000*fairTick+fairTick/2 {
			t.Errorf("after ten seconds and half a tick it shows %v", got)
		}
		time.Sleep(time.Second)
		c.advance()
		if got := c.Now(); got != 10_002*fairTick {
			t.Errorf("after a second in which no timer has fired it shows %v", got)
		}
	})
}
