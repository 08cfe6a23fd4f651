package machine

import (
	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// This file lets the stub have the signal actions of a process with one LWP
// (internal/platform/actions.go), from its first sigaction(2) on.

const sysSigaction = 340

// post is the place of a thread where its guest changes actions: kern.PostedActions.
type post struct{ t *platform.Thread }

// Take implements kern.PostedActions. What the guest left there is what it could have
// said in a call, or it is nothing.
func (p post) Take(settle bool, set func(netbsd.Signal, *kern.Action)) {
	p.t.TakePosted(settle, func(sig int, a platform.Action) {
		if a.Handler > netbsd.SIG_IGN && a.Version != syscalls.TrampVersion {
			return
		}
		set(netbsd.Signal(sig), &kern.Action{
			Handler: a.Handler, Mask: netbsd.Sigset(a.Mask), Flags: int32(a.Flags),
			Vers: int32(a.Version), Tramp: a.Tramp,
		})
	})
}

// showActions follows a sigaction(2) that the kernel has served.
func (g *Guest) showActions(sig int) {
	show := func(s netbsd.Signal, a *kern.Action) {
		g.thread.ShowAction(int(s), platform.Action{
			Handler: a.Handler, Mask: uint64(a.Mask), Flags: uint32(a.Flags),
			Version: uint32(a.Vers), Tramp: a.Tramp,
		})
	}
	s := netbsd.Signal(sig)
	switch {
	case g.thread.ActionsShown():
		if s.Valid() {
			a := g.l.Proc().Action(s)
			show(s, &a)
		}
	case g.l.ShowActions(post{g.thread}, show):
		g.posts = true
		g.thread.ActionsComplete()
	}
}

// offerActions shows them to a new program, and to a new process.
func (g *Guest) offerActions() {
	if g.alone && !g.offered {
		g.offered = true
		g.showActions(0)
	}
}

// takeActions is due after each trap.
func (g *Guest) takeActions() {
	if g.thread.Posted() {
		g.l.TakeActions()
	}
}

// hideActions is due before the process gets another LWP or other actions, other than
// by a sigaction(2) of its own.
func (g *Guest) hideActions() {
	if g.posts {
		g.posts = false
		g.l.HideActions()
		g.thread.HideActions()
	}
}
