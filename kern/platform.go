package kern

import "toaster/netbsd"

// Platform is the face of an LWP for the platform that carries it: for whoever runs a real
// guest's machine code rather than a Go function. An embedder whose processes are Go
// functions needs none of it; all else that kern offers is the same for both.
//
// Such an LWP's body, started with Manual, is a run loop:
//
//	for {
//		pl.UserRet(deliver)                  // signals, stops, the end: may not return
//		mask, ok := pl.PublishMask()         // if the platform lends, see SetLent
//		... user mode, until the guest traps ...
//		pl.CollectMask(mask)
//		... the system call, or pl.Trap for what the processor refused ...
//	}
//
// The methods are called on the LWP's own goroutine unless they say otherwise.
type Platform LWP

// Platform returns l as its platform sees it.
func (l *LWP) Platform() *Platform { return (*Platform)(l) }

// Machdep returns what SetMachdep stored: the platform's part of the LWP.
func (pl *Platform) Machdep() any { return pl.machdep }

// SetMachdep stores the platform's part; before the LWP runs, or from its own
// goroutine.
func (pl *Platform) SetMachdep(v any) { pl.machdep = v }

// SetKicker tells how to get l out of user mode: f is called, and must not sleep,
// whenever something waits for l at its next UserRet.
func (pl *Platform) SetKicker(f func()) {
	l := (*LWP)(pl)
	l.p.m.lock()
	l.kicker = f
	l.p.m.unlock()
}

// ExitAs is Exit with any status of an end, that of a signal too: for an emulation
// whose program has ended elsewhere.
func (pl *Platform) ExitAs(w netbsd.WaitStatus) {
	l := (*LWP)(pl)
	if l.mode.Load() == modeDead || w.Stopped() || w.Continued() {
		return
	}
	l.exitWith(endingOf(w))
}
