package syscalls

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves the calls of scheduler activations of release 2003 (kern_sa.c): the program registers a function that the kernel calls
// up to, and registers its stacks. Of the upcalls that there were, SA_UPCALL_NEWPROC and SA_UPCALL_USER are made, on the LWP that asks
// for them; that an LWP blocks, or that it goes on, nobody is told.

// Types of upcalls (sys/sa.h).
const (
	saUpcallNewproc = 0
	saUpcallUser    = 6
)

// saMaxStacks is SA_MAXNUMSTACKS: how many stacks a process can have given.
const saMaxStacks = 16

// saData is struct sadata.
type saData struct {
	mu     sync.Mutex // guards what follows
	upcall uint64
	info   uint64    // sa_stackinfo_offset: where on a stack its generation is
	stacks []saStack // by address (sast_compare)
	next   int       // sa_stacknext
}

// saStack is a stack. It is free while its generation is the one that the program has written on it (sa_stackused).
type saStack struct {
	netbsd.Stack
	gen uint32
}

// saOf returns what has been registered, nil if nothing has.
func (c *Call) saOf() *saData {
	d, _ := c.L.Proc().SAData(nil).(*saData)
	return d
}

// saRegister is sa_register(sa_upcall_t new, sa_upcall_t *old, int flags, ssize_t stackinfo_offset). EFAULT.
func saRegister(c *Call) netbsd.Errno {
	const stackinfo = 0x10000
	d := c.L.Proc().SAData(func() any {
		d := &saData{}
		if c.Int(2)&stackinfo != 0 {
			d.info = c.Args[3]
		}
		return d
	}).(*saData)
	b := c.out(8)
	putLE64(b, d.register(c.Ptr(0)))
	return c.copyoutOptional(c.Ptr(1), b)
}

// register has fn called from now on, and returns what was before.
func (d *saData) register(fn uint64) (old uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, d.upcall = d.upcall, fn
	return old
}

// saStacks is sa_stacks(int num, stack_t *stacks), which returns how many it has taken. EINVAL: nothing has been registered, or less
// than none; EFAULT; EEXIST: one is there, and free; ENOMEM: there are too many.
func saStacks(c *Call) netbsd.Errno {
	d, n := c.saOf(), c.Int(0)
	if d == nil || n < 0 {
		return netbsd.EINVAL
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range n {
		b, errno := c.in(c.Ptr(1)+uint64(i)*netbsd.SizeofStack, netbsd.SizeofStack)
		if errno != 0 {
			return errno
		}
		if errno := c.saStack(d, netbsd.DecodeStack(b)); errno != 0 {
			return errno
		}
		c.Ret[0]++
	}
	return 0
}

// saStack takes a stack. d.mu is held.
func (c *Call) saStack(d *saData, st netbsd.Stack) netbsd.Errno {
	i := slices.IndexFunc(d.stacks, func(o saStack) bool { return o.Sp+o.Size > st.Sp && st.Sp+st.Size > o.Sp })
	switch {
	case i >= 0 && !c.saUsed(d, &d.stacks[i]):
		return netbsd.EEXIST
	case i < 0 && len(d.stacks) >= saMaxStacks:
		return netbsd.ENOMEM
	case i < 0:
		i, _ = slices.BinarySearchFunc(d.stacks, st.Sp, func(o saStack, sp uint64) int { return cmp.Compare(o.Sp, sp) })
		d.stacks = slices.Insert(d.stacks, i, saStack{Stack: st})
	}
	d.stacks[i].gen = c.saGen(d, &d.stacks[i])
	return 0
}

// saGen is sa_fetchstackgen. Where it cannot be read the program ends by SIGILL. d.mu is held.
func (c *Call) saGen(d *saData, st *saStack) uint32 {
	b, errno := c.in(st.Sp+d.info, 4)
	if errno != 0 {
		c.L.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGILL, Code: netbsd.SI_NOINFO})
		return st.gen
	}
	return le32(b)
}

func (c *Call) saUsed(d *saData, st *saStack) bool { return c.saGen(d, st) != st.gen }

// getStack is sa_getstack: the next free stack, which is in use from now on; nil if there is none. d.mu is held.
func (c *Call) getStack(d *saData) *saStack {
	for range d.stacks {
		if d.next >= len(d.stacks) {
			d.next = 0
		}
		st := &d.stacks[d.next]
		if !c.saUsed(d, st) {
			st.gen++
			return st
		}
		d.next++
	}
	return nil
}

// saEnable is sa_enable(): the first upcall, which tells of the caller. EINVAL: nothing has been registered; EBUSY: it is on;
// ENOMEM: there is no stack.
func saEnable(c *Call) netbsd.Errno {
	d := c.saOf()
	switch {
	case d == nil:
		return netbsd.EINVAL
	case c.L.Proc().SAEnabled():
		return netbsd.EBUSY
	}
	u := Ucontext(c.L, c.CPU, c.L.Sigmask())
	if errno := c.upcall(d, saUpcallNewproc, &u); errno != netbsd.EJUSTRETURN {
		return errno
	}
	c.L.SAEnable()
	return netbsd.EJUSTRETURN
}

// saOn returns what has been registered if the caller's process takes upcalls, else nil.
func (c *Call) saOn() *saData {
	if !c.L.Proc().SAEnabled() {
		return nil
	}
	return c.saOf()
}

// saSetconcurrency is sa_setconcurrency(int concurrency), which returns by how many LWPs more the program runs: none, as on one
// processor. EINVAL.
func saSetconcurrency(c *Call) netbsd.Errno {
	if c.saOn() == nil || c.Int(0) < 1 {
		return netbsd.EINVAL
	}
	return 0
}

// saYield is sa_yield(): the caller sleeps for want of something to do. No upcall comes, so what it ends by is a signal, behind whose handler it goes on.
// EINVAL: the process takes no upcalls.
func saYield(c *Call) netbsd.Errno {
	if c.saOn() == nil {
		return netbsd.EINVAL
	}
	for {
		if c.L.Sleep(true, time.Time{}) != 0 {
			return netbsd.ERESTART
		}
	}
}

// saPreempt is sa_preempt(int sa_id): an upcall, of the caller whoever is named, and that tells of the caller (sys_sa_preempt). EINVAL;
// ESRCH: there is no such LWP; ENOMEM: there is no stack.
func saPreempt(c *Call) netbsd.Errno {
	d, lid := c.saOn(), c.Int(0)
	if d == nil || lid < 1 {
		return netbsd.EINVAL
	}
	if !slices.ContainsFunc(c.L.Proc().LWPs(), func(l *kern.LWP) bool { return l.ID() == lid }) {
		return netbsd.ESRCH
	}
	u := Ucontext(c.L, c.CPU, c.L.Sigmask())
	const carry = 1
	u.Gregs[netbsd.REG_RAX], u.Gregs[netbsd.REG_RDX] = 0, 0 // it is looked at behind the call (SAU_FLAG_DEFERRED_EVENT)
	u.Gregs[netbsd.REG_RFLAGS] &^= carry
	return c.upcall(d, saUpcallUser, &u)
}

// sizeofSa is the size of struct sa_t: a context, the LWP's id, its processor.
const sizeofSa = 16

// upcall is sa_makeupcalls and cpu_upcall: the caller goes on in the registered function, on a stack of the program's, with the contexts
// of itself and of the event:
//
//	the event's stack                 the upcall's stack
//	its stack pointer                 ss_sp + ss_size
//	128 bytes that are the ABI's      struct ucontext: uc_stack alone
//	struct ucontext                   struct sa_t of itself, and of the event
//	                                  a pointer to each
//
// ENOMEM: no stack is free. Where there is no memory the program ends by SIGILL.
func (c *Call) upcall(d *saData, kind int, event *netbsd.Ucontext) netbsd.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := c.getStack(d)
	if st == nil {
		return netbsd.ENOMEM
	}
	at := (event.Gregs[netbsd.REG_RSP]-128)&^15 - netbsd.SizeofUcontext
	own := (st.Sp+st.Size)&^15 - netbsd.SizeofUcontext
	sas := own - 2*sizeofSa
	list := sas - 2*8
	ok := c.putContext(at, event) && c.putContext(own, &netbsd.Ucontext{Flags: netbsd.UC_STACK, Stack: st.Stack})
	for i, context := range [...]uint64{own, at} {
		b := c.out(sizeofSa)
		putLE64(b, context)
		putLE32(b[8:], uint32(c.L.ID()))
		ok = ok && c.copyout(sas+uint64(i)*sizeofSa, b) == 0
		putLE64(b, sas+uint64(i)*sizeofSa)
		ok = ok && c.copyout(list+uint64(i)*8, b[:8]) == 0
	}
	if !ok {
		c.L.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGILL, Code: netbsd.SI_NOINFO})
		return 0
	}
	return c.enterUpcall(kind, list, d.upcall)
}

func (c *Call) putContext(at uint64, u *netbsd.Ucontext) bool {
	b := make([]byte, netbsd.SizeofUcontext)
	u.Encode(b)
	return c.copyout(at, b) == 0
}

// enterUpcall is cpu_upcall with one event and nobody interrupted.
func (c *Call) enterUpcall(kind int, list, fn uint64) netbsd.Errno {
	var g [netbsd.NGREG]uint64
	c.CPU.Gregs(&g)
	g[netbsd.REG_RDI], g[netbsd.REG_RSI], g[netbsd.REG_RDX] = uint64(kind), list, 1
	g[netbsd.REG_RCX], g[netbsd.REG_R8], g[netbsd.REG_RBP] = 0, 0, 0
	g[netbsd.REG_RIP], g[netbsd.REG_RSP] = fn, list&^15-8
	g[netbsd.REG_RFLAGS] &^= regFlagTrap
	if errno := c.CPU.SetGregs(&g); errno != 0 {
		return errno
	}
	return netbsd.EJUSTRETURN
}
