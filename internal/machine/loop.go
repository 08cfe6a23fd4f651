// Package machine carries guests: one loop that runs an LWP's machine context to its next
// trap, serves the trap, lets the kernel deliver signals, and resumes.
//
//	Thread.Run -> trap -> syscalls.Lookup -> handler -> kern -> encode -> UserRet -> Thread.Run
package machine

import (
	"encoding/binary"

	"toaster/internal/platform"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// Body is what every LWP of a guest runs (kern.SpawnArgs.Body and its like). It does
// not return: the kernel ends the goroutine in one of its calls.
//
// The order of a turn matters. UserRet comes first, as it may change the mask, run handlers or
// end the LWP; publish then puts what it has left in the slot. collect comes before handle: a
// handler must find the mask and the actions that the guest has made in user mode. A kick that
// falls between UserRet and Run makes Run return at once, so nothing that waits for the LWP is
// missed.
func (s *System) Body(l *kern.LWP) {
	mc := l.Platform().Machdep().(*Context)
	mc.call.K, mc.call.CPU = &s.Kernel, mc
	for {
		l.Platform().UserRet(mc.deliver)
		mc.publish()
		trap := mc.thread.Run()
		mc.collect()
		s.handle(mc, &trap)
	}
}

// handle does what a trap asks for. What it leaves for the LWP to do before guest code
// runs again, such as a signal, is UserRet's.
//
// A Kicked trap asks for nothing: whoever kicked the LWP has left the reason where UserRet looks.
func (s *System) handle(mc *Context, trap *platform.Trap) {
	l := mc.l
	switch trap.Kind {
	case platform.Syscall:
		mc.trapped = trappedCall
		// The Call is the LWP's only one: what is not set anew would be the last call's.
		mc.call.Napped, mc.call.Left, mc.call.Part, mc.call.Waited = trap.Napped, trap.Left, trap.Part, trap.Waited
		if mc.call.Refused = 0; trap.Refused != 0 {
			mc.call.Refused = netbsd.FromLinux(int(trap.Refused))
		}
		if trap.Events {
			mc.serveWithEvents()
		} else {
			s.serve(mc)
		}
	case platform.Fault:
		if mc.stepsThroughSequence(trap) {
			return
		}
		mc.revoke(platform.LentActions) // the kernel may set what the guest ignores to its default
		info := mc.faultInfo(trap)
		if trap.Trapno == x86Debug && l.Platform().SingleStep() {
			// The flag is the tracer's doing and not the guest's, in whose signal frame it would stand
			// otherwise.
			mc.thread.Regs().RFLAGS &^= userFlagTF
		}
		if trap.Trapno == x86Debug {
			mc.noteDebugged(&info)
		}
		l.Platform().Trap(&info)
	case platform.Kicked:
		mc.trapped = trappedAST
		if trap.Part > 0 {
			mc.hasRead()
		}
		mc.restartSequence()
		if ticks, profile := l.Platform().ProfileTicks(); ticks > 0 {
			mc.count(ticks, &profile)
		}
	case platform.Gone:
		// toaster has killed the host process, or somebody outside of it has: the guest
		// dies of it.
		l.Platform().Lost()
	}
}

// restartSequence has an LWP that was interrupted inside a restartable atomic sequence begin that again, as
// cpu_switchto does (ras_lookup). What the host switches between meanwhile is not seen here.
func (mc *Context) restartSequence() {
	r := mc.thread.Regs()
	if start, inside := mc.l.Proc().RASStart(r.RIP); inside {
		r.RIP = start
	}
}

// stepsThroughSequence reports whether trap is one that trap() of amd64 overlooks: within a restartable sequence neither a breakpoint nor a
// step is a signal. A step goes on until it has left the sequence, as its flag stays.
func (mc *Context) stepsThroughSequence(trap *platform.Trap) bool {
	if trap.Trapno != x86Debug && trap.Trapno != x86Breakpoint {
		return false
	}
	_, inside := mc.l.Proc().RASStart(mc.thread.Regs().RIP)
	return inside
}

// count is addupc_task: ticks more for where the program is. A counter that is nowhere ends the profile.
// Reading and writing are two steps, as in addupc_task: of two LWPs that count at once one tick can be lost.
func (mc *Context) count(ticks int, f *kern.Profile) {
	slot, counted := f.Slot(mc.thread.Regs().RIP)
	if !counted {
		return
	}
	var b [2]byte
	errno := mc.call.Space.Read(f.Base+slot, b[:])
	if errno == 0 {
		binary.LittleEndian.PutUint16(b[:], binary.LittleEndian.Uint16(b[:])+uint16(ticks))
		errno = mc.call.Space.Write(f.Base+slot, b[:])
	}
	if errno != 0 {
		mc.l.Proc().Profil(kern.Profile{})
	}
}

// Doing implements kern.Doer: what a report of a bug names as the place.
// The number is the last one decoded, and so masked.
func (mc *Context) Doing() string { return "serving " + netbsd.SyscallName(mc.call.Nr) }

// serve dispatches one system call and puts its result in the registers: syscall() of
// sys/arch/x86/x86/syscall.c. It may not return, as for exit(2).
//
// A tracer that wants to see calls (PT_SYSCALL) stops the LWP before and after. It may change
// registers at the first stop, and it may come or go while the call is served, so whether
// there is a second stop is decided at the first one.
//
// Number and result are the kernel's own copy: the slot is memory that the guest's other LWPs
// can write to, but Regs is not, and what a handler checks in c.Args cannot change under it.
func (s *System) serve(mc *Context) {
	c := &mc.call
	traced := c.L.Proc().CallsTraced()
	sysTraced := traced && c.L.Proc().SyscallTraced()
	if sysTraced {
		c.Ret = [2]uint64{}
		c.L.Platform().TraceStop(netbsd.TRAP_SCE, mc.syscallInfo(decode(c, mc, mc.thread.Regs()), 0))
		if c.L.Platform().TakeSyscallEmu() {
			return // trace_enter: EJUSTRETURN, and no stop behind it
		}
	}
	r := mc.thread.Regs()
	nr := r.RAX
	ok := decode(c, mc, r)
	h := syscalls.Lookup(c.Nr)
	if !ok {
		h = noArguments
	}
	// Behind the lookup, so that a test's panic comes where one of the handler's would.
	if s.Fault != nil {
		s.Fault(c)
	}
	c.Ret = [2]uint64{}
	errno := netbsd.ENOSYS
	switch {
	case traced:
		errno = s.ktraced(mc, h)
	case s.Sink != nil:
		errno = s.traced(mc, h)
	case h != nil:
		errno = h(c)
	}
	// A handler can have changed the machine context (execve).
	r = mc.thread.Regs()
	encode(r, c, errno, nr)
	mc.stale |= staleAfter[c.Nr]
	if sysTraced {
		c.L.Platform().TraceStop(netbsd.TRAP_SCX, mc.syscallInfo(ok, errno))
	}
}

// syscallInfo is what a tracer's stop says of the call: proc_stoptrace of kern_sig.c. ok: its arguments could be read.
func (mc *Context) syscallInfo(ok bool, errno netbsd.Errno) *netbsd.SiginfoSyscall {
	c := &mc.call
	i := &netbsd.SiginfoSyscall{Nr: int32(c.Nr), Error: int32(errno)}
	if errno == 0 {
		i.Ret = [2]int32{int32(c.Ret[0]), int32(c.Ret[1])}
	}
	if ok {
		copy(i.Args[:], c.Args[:syscalls.NArgs(c.Nr)])
	}
	return i
}

// noArguments serves a call whose arguments cannot be read.
func noArguments(*syscalls.Call) netbsd.Errno { return netbsd.EFAULT }

// decode takes number and arguments from the registers; a 7th and later argument
// lies above the return address on the stack. It returns false if there is no memory.
//
// The number is masked, as NetBSD does (SYS_NSYSENT): it is an index of tables from here on,
// and a guest can put anything in RAX. syscall(2) and __syscall(2) take the number as their
// first argument, which leaves five registers for the rest. Arguments on the stack are read
// once.
func decode(c *syscalls.Call, mc *Context, r *platform.Regs) bool {
	c.Nr = int(r.RAX & (netbsd.MaxSyscall - 1))
	c.Args = [8]uint64{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
	n := 6
	if syscalls.Indirect(c.Nr) {
		c.Nr = int(c.Args[0] & (netbsd.MaxSyscall - 1))
		copy(c.Args[:], c.Args[1:6])
		n = 5
	}
	if want := syscalls.NArgs(c.Nr); n < want {
		b := mc.scratch[:8*(want-n)]
		if !mc.thread.Fetched(r.RSP+8, b) && c.Space.Read(r.RSP+8, b) != 0 {
			return false
		}
		for i := n; i < want; i++ {
			c.Args[i] = le.Uint64(b[8*(i-n):])
		}
	}
	return true
}

// encode stores the outcome, as syscall() of NetBSD does. Success clears the carry flag and
// sets RAX and RDX; an error sets the carry flag and puts the errno in RAX; a restart leads back
// to the instruction, with the number that it was entered with, which may be syscall(2)'s.
func encode(r *platform.Regs, c *syscalls.Call, errno netbsd.Errno, nr uint64) {
	switch errno {
	case 0:
		r.RAX, r.RDX = c.Ret[0], c.Ret[1]
		r.RFLAGS &^= flagCarry
	// The handler has set all registers, or the LWP has new ones: setcontext(2), execve(2).
	case netbsd.EJUSTRETURN:
	case netbsd.ERESTART:
		r.RIP -= syscallLen
		r.RAX = nr
	default:
		r.RAX = uint64(errno)
		r.RFLAGS |= flagCarry
	}
}

// What encode needs to know of the processor: the carry flag in RFLAGS, and how long SYSCALL is, behind which
// RIP stands.
const (
	flagCarry  = 1
	syscallLen = 2 // 0f 05
)
