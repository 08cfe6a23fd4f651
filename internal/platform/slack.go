package platform

import (
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// Linux lets a thread's timed sleeps end a little late (prctl(2), PR_SET_TIMERSLACK),
// usually 50 µs, so that several end at once. Two kinds of sleeps are made often, by
// nobody's wish: Go programs have a thread that looks after the others every 20 µs; and a
// thread of toaster's own runtime that finds nothing to do naps for 3 µs before it takes a
// goroutine away from another one that is about to run it. On two cores each of these
// wakes up where somebody works.

// guestSlack is that of guests: a tenth of the tick by which all sleeps end on NetBSD.
const guestSlack time.Duration = stub.GuestSlack

// originalSlack is that of this process before toaster changes any.
var originalSlack = sync.OnceValue(func() uintptr {
	n, _, e := syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_TIMERSLACK, 0, 0)
	if e != 0 {
		return uintptr(50 * time.Microsecond)
	}
	return n
})

// RestoreTimerSlack gives the calling thread the timers that this process began with, for the
// programs that it starts: they inherit them.
func RestoreTimerSlack() {
	syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, originalSlack(), 0)
}
