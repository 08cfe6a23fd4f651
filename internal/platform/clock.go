package platform

import (
	"time"
	_ "unsafe" // for go:linkname
)

// Monotonic returns the host's CLOCK_MONOTONIC, with which the stub answers guests
// as with theirs, without an offset. Go's timers go by it as well, so that
// none ends early by a guest's clock.
func Monotonic() time.Duration { return time.Duration(nanotime()) }

// Its linkname is promised to stay, as entersyscallblock's (futex.go).
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
