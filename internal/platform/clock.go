package platform

import (
	"time"
	_ "unsafe" // for go:linkname
)

// Monotonic returns the host's CLOCK_MONOTONIC, which is what the stub gives to
// guests as theirs, without an offset. Go's timers go by it as well, so that
// none ends early by a guest's clock.
func Monotonic() time.Duration { return time.Duration(nanotime()) }

// Its linkname is promised to stay, as entersyscallblock's (futex.go).
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
