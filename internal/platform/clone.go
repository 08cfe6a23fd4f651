package platform

// A guest can jump to the stub's clone with registers, flags and a signal stack of its
// choice. What it would gain is a host process or thread that nobody knows; or, if it
// may take the place of one that is awaited, one that has been let in and then does as
// the guest likes. So each clone is a question to the supervisor, and what is born runs
// nothing but the stub until it has reported.

// A process that has not run guest code asks nobody: its clones have the pass in a
// register, which the filter knows. That spares copies of programs that are kept ready
// (nursery.go), and their threads, a question each. The pass is in no memory of a process
// that runs guest code: it is in the slot for as long as such a clone takes, and in the
// zygote's window until its filter is installed.

// pass returns what the filter lets t's next clone through with, 0 if that is a question.
func (t *Thread) pass() uint64 {
	if t.light || t.proc.ranGuest.Load() {
		return 0
	}
	return t.proc.platform.pass
}

// cloneArgs are what the registers of a clone say. The host hands them over with the question,
// and the asker cannot change them until it is answered.
type cloneArgs struct{ flags, token, target uint64 }

// maxGrants bounds how often one clone may be tried: a signal from outside to the host process
// (SIGSTOP) makes the host restart the call, and ask again.
const maxGrants = 16

// answerClone grants what was ordered. The registers of the notification cannot change
// before the asker is answered. A trap on the newborn's way to its report kills it, so that
// it never runs guest code before: its signal frame could be nowhere (noStack, which the
// filter insists on; and stubHandler ends a process whose frame is not in its window).
func (p *Platform) answerClone(n *notification, t *Thread) {
	if n.args[3] != 0 || !p.grantable(t, cloneArgs{n.args[0], n.args[2], n.args[4]}) {
		p.deny(n)
		return
	}
	p.grant(n)
}

// grantable says whether c is what t was told to make, and counts it.
func (p *Platform) grantable(t *Thread, c cloneArgs) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &t.order
	if o.kind != orderClone || o.args != c || o.grants == maxGrants {
		return false
	}
	o.grants++
	return true
}
