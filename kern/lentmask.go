package kern

import "toaster/netbsd"

// A MaskPlace is where an LWP in user mode changes its signal mask without a call, if
// its platform lets it: most changes are never looked at.
//
// A signal that such an LWP blocks could be let through there the moment after somebody
// looked. So whoever leaves a signal pending kicks the LWP, and as long as one is pending
// the mask is not lent.
type MaskPlace interface {
	// Mask gives the mask, and false if the LWP is not in user mode. It is called with
	// the machine's lock held.
	Mask() (netbsd.Sigset, bool)
}

// LendMask gives the mask that l returns to user mode with, for place; false says that
// changes of it are to be calls. l's run loop calls it after UserRet.
func (l *LWP) LendMask(place MaskPlace) (mask netbsd.Sigset, ok bool) {
	if l.place != place || l.blocked {
		l.p.m.lock()
		l.place = place
		l.seeBlocked()
		l.p.m.unlock()
	}
	return l.mask, !l.blocked
}

// seeBlocked is due whenever l has looked at what is pending and taken what it may.
func (l *LWP) seeBlocked() { l.blocked = l.pend.set|l.p.pend.set != 0 }

// TakeMask follows the return from user mode, where l had its mask; s is what has become
// of it. What l has blocked although it was to take it is left to the process's other
// LWPs.
func (l *LWP) TakeMask(s netbsd.Sigset) {
	if s &= maskable; s == l.mask {
		return
	}
	p := l.p
	p.m.lock()
	defer p.m.unlock()
	late := p.pend.set & s &^ l.mask
	l.setMaskLocked(s)
	for ; late != 0; late &^= firstsig(late).Bit() {
		l.passOn(firstsig(late))
	}
}

// passOn offers a signal of the process to its other LWPs.
func (l *LWP) passOn(sig netbsd.Signal) {
	for o := l.p.lwps; o != nil; o = o.next {
		if o != l && o.sigpost(sig) {
			return
		}
	}
}

// maskable are the signals that a mask can hold.
var maskable = netbsd.AllSignals &^ cantMask

// maskNow gives l's mask, wherever it is. Of a guest that runs it may be another one each
// time.
func (l *LWP) maskNow() netbsd.Sigset {
	if l.place != nil {
		if s, ok := l.place.Mask(); ok {
			return s & maskable
		}
	}
	return l.mask
}
