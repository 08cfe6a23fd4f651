package syscalls

import (
	"slices"
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

// kern_sa.c: which errors there are before anything happens; and an upcall, whose registers are cpu_upcall's.
func TestSchedulerActivations(t *testing.T) {
	newRigOf(t, kern.Release2003).run(func(p *player) {
		stack := func(at uint64) []byte {
			b := make([]byte, netbsd.SizeofStack)
			putLE64(b, at)
			putLE64(b[8:], 4096)
			return b
		}
		first := p.mem.put(make([]byte, 4096))
		p.cpu.gregs[netbsd.REG_RSP] = p.mem.put(make([]byte, 4096)) + 4096
		p.play([]row{
			{"sa_stacks(2): EINVAL before sa_register(2)", netbsd.SYS_compat_60_sa_stacks, args{0, 0}, netbsd.EINVAL, nil, nil},
			{"sa_enable(2): EINVAL before sa_register(2)", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EINVAL, nil, nil},
			{"EFAULT for the old one", netbsd.SYS_compat_60_sa_register, args{0x1000, bad, 0, 0}, netbsd.EFAULT, nil, nil},
			{"sa_register(2)", netbsd.SYS_compat_60_sa_register, args{0x2000, room(8), 0, 0}, 0, out{1, longs(0x1000)}, nil},
			{"EINVAL: less than none", netbsd.SYS_compat_60_sa_stacks, args{-1, 0}, netbsd.EINVAL, nil, nil},
			{"EFAULT", netbsd.SYS_compat_60_sa_stacks, args{1, bad}, netbsd.EFAULT, nil, nil},
			{"sa_enable(2): ENOMEM without a stack", netbsd.SYS_compat_60_sa_enable, nil, netbsd.ENOMEM, nil, nil},
			{"sa_stacks(2)", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, 0, 1, nil},
			{"EEXIST: it is free", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, netbsd.EEXIST, nil, nil},
			{"sa_yield(2): EINVAL before sa_enable(2)", netbsd.SYS_compat_60_sa_yield, nil, netbsd.EINVAL, nil, nil},
			{"sa_setconcurrency(2): EINVAL before sa_enable(2)", netbsd.SYS_compat_60_sa_setconcurrency, args{1}, netbsd.EINVAL, nil, nil},
			{"sa_enable(2)", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EJUSTRETURN, func(r *result) string {
				g := r.p.cpu.gregs
				if g[netbsd.REG_RIP] != 0x2000 || g[netbsd.REG_RDI] != 0 || g[netbsd.REG_RDX] != 1 || g[netbsd.REG_RCX] != 0 || g[netbsd.REG_RSP]%16 != 8 {
					return "the registers are wrong"
				}
				return ""
			}, nil},
			{"sa_enable(2): EBUSY", netbsd.SYS_compat_60_sa_enable, nil, netbsd.EBUSY, nil, nil},
			{"sa_setconcurrency(2)", netbsd.SYS_compat_60_sa_setconcurrency, args{4}, 0, 0, nil},
			{"sys_sa_preempt: ENOSYS, and no SIGSYS", netbsd.SYS_compat_60_sa_preempt, args{lid}, netbsd.ENOSYS, nil, nil},
			{"sa_stacks(2): a stack that was in use", netbsd.SYS_compat_60_sa_stacks, args{1, stack(first)}, 0, 1, nil},
		})
	})
}

// An upcall as the program finds it: the registers, the contexts of each struct sa_t, whose they are.
type toldUpcall struct {
	kind, events, interrupted int
	arg                       uint64
	lwps                      []int
	contexts                  []netbsd.Ucontext
}

// upcall reads the upcall that p goes on in.
func (p *player) upcall() (u toldUpcall) {
	g := p.cpu.gregs
	u.kind, u.events, u.interrupted, u.arg = int(g[netbsd.REG_RDI]), int(g[netbsd.REG_RDX]), int(g[netbsd.REG_RCX]), g[netbsd.REG_R8]
	word := func(at uint64) uint64 {
		var b [8]byte
		if errno := p.mem.Read(at, b[:]); errno != 0 {
			p.t.Errorf("nothing at %#x", at)
		}
		return le64(b[:])
	}
	for i := range uint64(1 + u.events + u.interrupted) {
		sa := word(g[netbsd.REG_RSI] + 8*i)
		b := make([]byte, netbsd.SizeofUcontext)
		if errno := p.mem.Read(word(sa), b); errno != 0 {
			p.t.Errorf("no context %d", i)
		}
		u.lwps = append(u.lwps, int(uint32(word(sa+8))))
		u.contexts = append(u.contexts, netbsd.DecodeUcontext(b))
	}
	return u
}

// check demands what an upcall is and whom it tells of: the LWP that makes it, the events, who was interrupted.
func (p *player) check(what string, u toldUpcall, kind, events, interrupted int, lwps ...int) {
	p.t.Helper()
	if u.kind != kind || u.events != events || u.interrupted != interrupted || !slices.Equal(u.lwps, lwps) {
		p.t.Errorf("%s: %+v", what, u)
	}
	g, st := p.cpu.gregs, u.contexts[0].Stack
	sp := g[netbsd.REG_RSP]
	if g[netbsd.REG_RIP] != 0x2000 || sp%16 != 8 || sp >= g[netbsd.REG_RSI] || sp < st.Sp || sp >= st.Sp+st.Size {
		p.t.Errorf("%s: the registers are wrong: %#x", what, g)
	}
}

// startSA registers stacks and an upcall function with flags, and has upcalls made. What an LWP that comes out of the cache does is p.cpu.next.
func (p *player) startSA(flags int) {
	var b []byte
	for range 6 {
		b = le.AppendUint64(b, p.mem.put(make([]byte, 4096)))
		b = le.AppendUint64(b, 4096)
		b = le.AppendUint64(b, 0)
	}
	p.cpu.gregs[netbsd.REG_RSP] = p.mem.put(make([]byte, 4096)) + 4096
	p.ok(netbsd.SYS_compat_60_sa_register, 0x2000, 0, flags, 0)
	p.ok(netbsd.SYS_compat_60_sa_stacks, 6, b)
	if r := p.do(netbsd.SYS_compat_60_sa_enable); r.errno != netbsd.EJUSTRETURN {
		p.t.Errorf("sa_enable(2): %v", r.errno)
	}
	p.cpu.gregs[netbsd.REG_RSP] = p.mem.put(make([]byte, 4096)) + 4096 // the context goes on
}

// sa_makeupcalls and cpu_upcall: SA_UPCALL_BLOCKED has the context of the call, SA_UPCALL_UNBLOCKED that of its end and the interrupted one,
// SA_UPCALL_SIGNAL the siginfo, SA_UPCALL_SIGEV comes of a timer.
func TestUpcalls(t *testing.T) {
	newRigOf(t, kern.Release2003).run(func(p *player) {
		var fds [2]int
		ended := false
		p.cpu.next = func(n *player) {
			u := n.upcall()
			n.check("SA_UPCALL_BLOCKED", u, netbsd.SA_UPCALL_BLOCKED, 1, 0, 2, 1)
			if got := u.contexts[1]; got.Gregs[netbsd.REG_RAX] != netbsd.SYS_read || got.Mask != netbsd.SIGHUP.Bit() || u.arg != 0 {
				n.t.Errorf("the context of the call: %+v", got)
			}
			n.ok(netbsd.SYS_write, fds[1], "x", 1)
			n.do(netbsd.SYS_compat_60_sa_yield)
			u = n.upcall()
			n.check("SA_UPCALL_UNBLOCKED", u, netbsd.SA_UPCALL_UNBLOCKED, 1, 1, 2, 1, 2)
			if u.contexts[1].TLSBase != 0x1234 || n.cpu.interrupted == 0 {
				n.t.Errorf("the contexts: %+v", u.contexts[1:])
			}
			n.do(netbsd.SYS_kill, self, netbsd.SIGUSR1)
			u = n.upcall()
			n.check("SA_UPCALL_SIGNAL", u, netbsd.SA_UPCALL_SIGNAL, 0, 1, 2, 2)
			b := make([]byte, netbsd.SizeofSiginfo)
			if errno := n.mem.Read(u.arg, b); errno != 0 || netbsd.DecodeSiginfo(b).Signo != netbsd.SIGUSR1 {
				n.t.Errorf("its siginfo: %x", b)
			}
			if len(n.delivered) > 0 {
				n.t.Error("a handler was called")
			}
			n.ok(netbsd.SYS_timer_create, netbsd.CLOCK_REALTIME, sigevent(netbsd.SIGEV_SA, 0), room(4))
			n.ok(netbsd.SYS___timer_settime50, 4, 0, itimer(0, 0, 0, 1), 0)
			n.do(netbsd.SYS_compat_60_sa_yield)
			n.check("SA_UPCALL_SIGEV", n.upcall(), netbsd.SA_UPCALL_SIGEV, 0, 1, 2, 2)
			ended = true
			n.do(netbsd.SYS_exit, 0)
		}
		r := p.do(netbsd.SYS_pipe)
		fds = [2]int{int(r.ret[0]), int(r.ret[1])}
		p.c.L.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: 0x1000})
		p.startSA(0)
		hup := netbsd.SIGHUP.Bit()
		p.c.L.Sigprocmask(netbsd.SIG_SETMASK, &hup)
		p.cpu.gregs[netbsd.REG_RAX], p.cpu.tls = netbsd.SYS_read, 0x1234
		defer func() {
			if !ended {
				t.Error("it has ended early")
			}
		}()
		p.do(netbsd.SYS_read, fds[0], room(1), 1)
		t.Error("the read has returned to who made it")
	})
}

// sa_preempt and SA_FLAG_PREEMPT: who has run for a tenth of a second is told so, with its context as an event, which goes on where it was.
func TestPreemptedUpcall(t *testing.T) {
	newRigOf(t, kern.Release2003).run(func(p *player) {
		const preempt = 1
		p.startSA(preempt)
		p.cpu.gregs[netbsd.REG_R15] = 0x77
		enabled := p.cpu.gregs
		for p.cpu.gregs[netbsd.REG_RSI] == enabled[netbsd.REG_RSI] {
			p.do(netbsd.SYS_getpid)
		}
		u := p.upcall()
		p.check("SA_UPCALL_PREEMPTED", u, netbsd.SA_UPCALL_PREEMPTED, 1, 0, 1, 1)
		if g := u.contexts[1].Gregs; g[netbsd.REG_RIP] != enabled[netbsd.REG_RIP] || g[netbsd.REG_R15] != 0x77 || u.arg != 0 || p.cpu.interrupted == 0 {
			t.Errorf("its context: %#x", g)
		}
	})
}

// Where there is no memory for an upcall the program ends by SIGILL, whether it catches that or not (sigexit in sa_makeupcalls).
func TestUpcallWithoutMemory(t *testing.T) {
	signal := func(p *player) { p.do(netbsd.SYS_kill, self, netbsd.SIGUSR1) }
	for name, die := range map[string]func(p *player, st *saStack){
		"the event's stack": func(p *player, _ *saStack) {
			p.cpu.gregs[netbsd.REG_RSP] = bad
			signal(p)
		},
		"the upcall's stack": func(p *player, st *saStack) {
			st.Size = bad - st.Sp
			signal(p)
		},
		"the stack's generation": func(p *player, _ *saStack) {
			p.c.saOf().info = bad
			signal(p)
		},
		"the generation of a stack that is passed": func(p *player, st *saStack) {
			p.do(netbsd.SYS_compat_60_sa_stacks, 1, le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, bad), 4096), 0))
		},
		"the function to go on in": func(p *player, _ *saStack) {
			p.c.saOf().register(userEnd)
			signal(p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			newRigOf(t, kern.Release2003).run(func(p *player) {
				p.cpu.next = func(c *player) {
					c.c.L.Sigaction(netbsd.SIGILL, &kern.Action{Handler: 0x1000})
					c.c.L.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: 0x1000})
					c.startSA(0)
					d := c.c.saOf()
					d.next, d.stacks = 0, d.stacks[1:2]
					die(c, &d.stacks[0])
				}
				p.ok(netbsd.SYS_fork)
				r := p.do(netbsd.SYS___wait450, -1, room(4), 0, 0)
				if w := netbsd.WaitStatus(le32(r.mem(1, 4))); !w.Signaled() || w.TermSignal() != netbsd.SIGILL {
					t.Errorf("status %#x", w)
				}
			})
		})
	}
}
