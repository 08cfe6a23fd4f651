package syscalls

import (
	"cmp"
	"slices"
	"sync"

	"toaster/kern"
	"toaster/netbsd"
)

// This file serves the calls of scheduler activations of release 2003 (kern_sa.c): the program registers a function that the kernel calls
// up to, and registers its stacks. Which upcalls there are, and on which LWP, is kern's to say; what they look like to the program is
// here. Each process has one virtual processor, as in kernels without MULTIPROCESSOR, of which GENERIC was one.
//
// NetBSD tells of a page fault as of any other sleep: if it waits for the disk, for memory or for another fault on the page, and then
// not on an upcall's stack, nor twice in a row of the same address (sa_pagefault). A page that is in memory, or comes from the host's
// cache, is no sleep; how long the host takes for a page it tells nobody, so there is none to tell of here.

// saMaxStacks is SA_MAXNUMSTACKS: how many stacks a process can have given.
const saMaxStacks = 16

// saData is what struct sadata has of the program's. It implements kern.Upcaller.
type saData struct {
	k      *Kernel
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
	d, _ := c.L.Proc().SAUpcaller().(*saData)
	return d
}

// saRegister is sa_register(sa_upcall_t new, sa_upcall_t *old, int flags, ssize_t stackinfo_offset). EFAULT. The flags of the first call
// count (dosa_register).
func saRegister(c *Call) netbsd.Errno {
	const (
		preempt   = 0x1 // SA_FLAG_PREEMPT
		stackinfo = 0x10000
	)
	up, errno := c.L.SARegister(c.Int(2)&preempt != 0, func() kern.Upcaller {
		d := &saData{k: c.K}
		if c.Int(2)&stackinfo != 0 {
			d.info = c.Args[3]
		}
		return d
	})
	if errno != 0 {
		return errno
	}
	b := c.out(8)
	putLE64(b, up.(*saData).register(c.Ptr(0)))
	return c.copyoutOptional(c.Ptr(1), b)
}

// register has fn called from now on, and returns what was before.
func (d *saData) register(fn uint64) (old uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, d.upcall = d.upcall, fn
	return old
}

// saStacks is sa_stacks(int num, stack_t *stacks), which returns how many it has taken. EINVAL: nothing has been registered, or less than
// none; EFAULT; EEXIST: one is there, and free; ENOMEM: there are too many. Where the generation of one cannot be read the program ends by
// SIGILL.
func saStacks(c *Call) netbsd.Errno {
	d, n := c.saOf(), c.Int(0)
	if d == nil || n < 0 {
		return netbsd.EINVAL
	}
	errno, readable := c.takeStacks(d, n)
	if !readable {
		c.L.Platform().Undeliverable()
	}
	return errno
}

// takeStacks reports false where a generation cannot be read.
func (c *Call) takeStacks(d *saData, n int) (errno netbsd.Errno, readable bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range n {
		b, errno := c.in(c.Ptr(1)+uint64(i)*netbsd.SizeofStack, netbsd.SizeofStack)
		if errno != 0 {
			return errno, true
		}
		if errno, readable := c.takeStack(d, netbsd.DecodeStack(b)); errno != 0 || !readable {
			return errno, readable
		}
		c.Ret[0]++
	}
	return 0, true
}

// takeStack takes one. d.mu is held.
func (c *Call) takeStack(d *saData, st netbsd.Stack) (errno netbsd.Errno, readable bool) {
	i := slices.IndexFunc(d.stacks, func(o saStack) bool { return o.Sp+o.Size > st.Sp && st.Sp+st.Size > o.Sp })
	known := i >= 0
	if !known {
		if len(d.stacks) >= saMaxStacks {
			return netbsd.ENOMEM, true
		}
		i, _ = slices.BinarySearchFunc(d.stacks, st.Sp, func(o saStack, sp uint64) int { return cmp.Compare(o.Sp, sp) })
		d.stacks = slices.Insert(d.stacks, i, saStack{Stack: st})
	}
	gen, errno := c.saGen(d, &d.stacks[i])
	switch {
	case errno != 0:
		return 0, false
	case known && gen == d.stacks[i].gen:
		return netbsd.EEXIST, true
	}
	d.stacks[i].gen = gen
	return 0, true
}

// saGen is sa_fetchstackgen. EFAULT. d.mu is held.
func (c *Call) saGen(d *saData, st *saStack) (uint32, netbsd.Errno) {
	b, errno := c.in(st.Sp+d.info, 4)
	return le32(b), errno
}

// getStack is sa_getstack: the next free stack, which is in use from now on. ENOMEM: there is none; EFAULT. d.mu is held.
func (c *Call) getStack(d *saData) (*saStack, netbsd.Errno) {
	for range d.stacks {
		if d.next >= len(d.stacks) {
			d.next = 0
		}
		st := &d.stacks[d.next]
		gen, errno := c.saGen(d, st)
		switch {
		case errno != 0:
			return nil, errno
		case gen == st.gen:
			st.gen++
			return st, 0
		}
		d.next++
	}
	return nil, netbsd.ENOMEM
}

// saEnable is sa_enable(): the first upcall, which tells of the caller. EINVAL: nothing has been registered; EBUSY: it is on;
// ENOMEM: there is no stack. Where there is no memory the program ends by SIGILL.
func saEnable(c *Call) netbsd.Errno {
	d := c.saOf()
	switch {
	case d == nil:
		return netbsd.EINVAL
	case c.L.Proc().SAEnabled():
		return netbsd.EBUSY
	}
	u := Ucontext(c.L, c.CPU, 0)
	switch errno := d.Upcall(c.L, &kern.Upcall{
		Type:   netbsd.SA_UPCALL_NEWPROC,
		Events: []kern.UpcallEvent{{LWP: c.L.ID(), Context: &u, Mask: c.L.Sigmask()}},
	}); errno {
	case 0:
		c.L.SAEnable()
		return netbsd.EJUSTRETURN
	case netbsd.ENOMEM:
		return errno
	}
	c.L.Platform().Undeliverable()
	return 0
}

// saOn returns what has been registered if the caller's process takes upcalls, else nil.
func (c *Call) saOn() *saData {
	if !c.L.Proc().SAEnabled() {
		return nil
	}
	return c.saOf()
}

// saSetconcurrency is sa_setconcurrency(int concurrency), which returns by how many LWPs more the program runs: none, as without
// MULTIPROCESSOR. EINVAL.
func saSetconcurrency(c *Call) netbsd.Errno {
	if c.saOn() == nil || c.Int(0) < 1 {
		return netbsd.EINVAL
	}
	return 0
}

// saYield is sa_yield(): the caller sleeps for want of something to do, and ends by an upcall. EINVAL: the process takes no upcalls.
func saYield(c *Call) netbsd.Errno { return c.L.SAYield() }

// Context implements kern.Upcaller. It is called in the middle of l's system call, whose scratch space is in use.
func (d *saData) Context(l *kern.LWP) any {
	u := Ucontext(l, d.k.CallOf(l).CPU, 0)
	return &u
}

// NewLWP implements kern.Upcaller.
func (d *saData) NewLWP(l, n *kern.LWP) netbsd.Errno {
	_, errno := d.k.NewThread(d.k.CallOf(l), n)
	return errno
}

// Body implements kern.Upcaller.
func (d *saData) Body(n *kern.LWP) { d.k.LWPBody(n) }

// sizeofSa is the size of struct sa_t: a context, the LWP's id, its processor. saPtr is that of a pointer to one.
const (
	sizeofSa = 16
	saPtr    = 8
)

// Upcall implements kern.Upcaller. It is sa_makeupcalls and cpu_upcall: the caller goes on in the registered function, on a stack of the
// program's, with the contexts of itself, of the events, and of itself as it was interrupted:
//
//	an event's stack                  the upcall's stack
//	its stack pointer                 ss_sp + ss_size
//	128 bytes that are the ABI's      struct ucontext: uc_stack alone
//	struct ucontext                   struct sa_t of itself, of the events, of the interrupted one
//	                                  a pointer to each
//	                                  siginfo_t, of a signal
//
// ENOMEM: no stack is free. EFAULT: there is no memory; EINVAL: the function is outside of user space.
func (d *saData) Upcall(l *kern.LWP, u *kern.Upcall) netbsd.Errno {
	c := d.k.CallOf(l)
	d.mu.Lock()
	defer d.mu.Unlock()
	st, errno := c.getStack(d)
	if errno != 0 {
		return errno
	}
	own := (st.Sp+st.Size)&^15 - netbsd.SizeofUcontext
	list := []saEntry{{own, l.ID()}}
	errno = c.putContext(own, &netbsd.Ucontext{Flags: netbsd.UC_STACK, Stack: st.Stack})
	told := u.Events
	if u.Interrupted {
		told = append(slices.Clip(told), kern.UpcallEvent{LWP: l.ID()})
	}
	for i := 0; i < len(told) && errno == 0; i++ {
		var at uint64
		at, errno = c.putEvent(&told[i])
		list = append(list, saEntry{at, told[i].LWP})
	}
	n := uint64(len(list))
	sp := own - n*(sizeofSa+saPtr)
	if errno == 0 {
		errno = c.copyout(sp, encodeSas(list, sp+n*saPtr))
	}
	sas, arg := sp, uint64(0)
	if u.Info != nil && errno == 0 {
		b := c.out(netbsd.SizeofSiginfo)
		u.Info.Encode(b)
		sp -= netbsd.SizeofSiginfo
		arg, errno = sp, c.copyout(sp, b)
	}
	if errno != 0 {
		return errno
	}
	return c.enterUpcall(u, sas, arg, sp, d.upcall)
}

// saEntry is what a struct sa_t says.
type saEntry struct {
	context uint64
	lwp     int
}

// encodeSas makes the pointers to, and behind them the struct sa_t of list, of which the first one is at sas.
func encodeSas(list []saEntry, sas uint64) []byte {
	n := len(list)
	b := make([]byte, n*(saPtr+sizeofSa))
	for i, e := range list {
		putLE64(b[i*saPtr:], sas+uint64(i)*sizeofSa)
		sa := b[n*saPtr+i*sizeofSa:]
		putLE64(sa, e.context)
		putLE32(sa[8:], uint32(e.lwp))
	}
	return b
}

// putEvent puts the context of an event on its stack, and returns where. One without is the caller's, which is being interrupted: what of its
// state the context has no room for is kept as a signal's.
func (c *Call) putEvent(e *kern.UpcallEvent) (uint64, netbsd.Errno) {
	u, known := e.Context.(*netbsd.Ucontext)
	if known {
		u.Mask = e.Mask
	} else {
		now := Ucontext(c.L, c.CPU, c.L.Sigmask())
		u = &now
	}
	at := (u.Gregs[netbsd.REG_RSP]-128)&^15 - netbsd.SizeofUcontext
	errno := c.putContext(at, u)
	if errno == 0 && !known {
		c.CPU.Interrupted(at)
	}
	return at, errno
}

func (c *Call) putContext(at uint64, u *netbsd.Ucontext) netbsd.Errno {
	x := bufferPool.Get().(*contextBuffer)
	defer bufferPool.Put(x)
	u.Encode(x.b[:])
	return c.copyout(at, x.b[:])
}

// enterUpcall is cpu_upcall.
func (c *Call) enterUpcall(u *kern.Upcall, sas, arg, sp, fn uint64) netbsd.Errno {
	var g [netbsd.NGREG]uint64
	c.CPU.Gregs(&g)
	g[netbsd.REG_RDI], g[netbsd.REG_RSI], g[netbsd.REG_RDX] = uint64(u.Type), sas, uint64(len(u.Events))
	g[netbsd.REG_RCX], g[netbsd.REG_R8], g[netbsd.REG_RBP] = 0, arg, 0
	if u.Interrupted {
		g[netbsd.REG_RCX] = 1
	}
	g[netbsd.REG_RIP], g[netbsd.REG_RSP] = fn, sp&^15-8
	g[netbsd.REG_RFLAGS] &^= regFlagTrap
	return c.CPU.SetGregs(&g)
}
