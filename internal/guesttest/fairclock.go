package guesttest

import (
	"sync"
	"testing"
	"time"
)

// A FairClock tells how much time a promise of "within a second" has had. On an idle machine it goes as every clock does. On a
// busy one, on which a plain timer of this process fires late, as it waits for a core, the clock is slower to the same
// extent, for what is to keep the promise waits, too; and it stands still while the process is stopped.
type FairClock struct {
	mu    sync.Mutex
	now   time.Duration
	asOf  time.Time
	ended bool
}

// fairTick is how long the timer is set for. One that fires within as long again is not late.
const fairTick = time.Millisecond

// NewFairClock starts a clock, which ends with the test.
func NewFairClock(t testing.TB) *FairClock {
	c := &FairClock{asOf: time.Now()}
	t.Cleanup(c.end)
	go c.run()
	return c
}

// Now returns what the clock shows.
func (c *FairClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now + min(time.Since(c.asOf), 2*fairTick)
}

func (c *FairClock) run() {
	for c.advance() {
		time.Sleep(fairTick)
	}
}

// advance adds what has passed since the last time, but no more than a timer takes that is not late.
func (c *FairClock) advance() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	c.now += min(at.Sub(c.asOf), 2*fairTick)
	c.asOf = at
	return !c.ended
}

func (c *FairClock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}
