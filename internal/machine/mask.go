package machine

import (
	"toaster/internal/platform"
	"toaster/kern"
	"toaster/netbsd"
)

// This file lets the stub have the signal mask and the signal stack of an LWP in user
// mode (internal/platform/mask.go).

// maskPlace is the place of a thread where its guest changes its mask.
type maskPlace struct{ t *platform.Thread }

// Mask implements kern.MaskPlace.
func (p maskPlace) Mask() (netbsd.Sigset, bool) {
	mask, ok := p.t.Mask()
	return netbsd.Sigset(mask), ok
}

// showMask is due before each Run, behind UserRet.
func (g *Guest) showMask() {
	mask, ok := g.l.LendMask(maskPlace{g.thread})
	g.thread.ShowMask(uint64(mask), ok, !g.l.OnStack())
}

// takeMask is due after each trap.
func (g *Guest) takeMask() {
	if mask, ok := g.thread.TakeMask(); ok {
		g.l.TakeMask(netbsd.Sigset(mask))
	}
	if s, ok := g.thread.TakeStack(); ok {
		g.l.Sigaltstack(&kern.Altstack{Sp: s.Sp, Size: s.Size, Flags: int32(s.Flags)})
	}
}
