package kern

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// This file tests who looks at a process from outside and is no ptrace(2): procfs and systrace(4) of release 2003. Debug registers are here, too.

// in2003 runs f under release 2003.
func in2003(t *testing.T, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) { inWorld(t, Release2003, nil, f) })
}

// targets are processes that somebody might attach, and what comes of it in the order in which procfs_control and systrace_attach ask.
func (w *world) targets(l *LWP) map[string]int {
	w.m.cfg.Core = func(l *LWP, _ netbsd.Signal, _ *netbsd.Siginfo) bool { nap(l, time.Minute); return true }
	exiting := w.spawnWith("exiting", SpawnArgs{Cred: UserCred(5, 5), Body: func(l *LWP) { l.Kill(l.p.Pid(), netbsd.SIGQUIT) }})
	zombie := w.fork(l, "zombie", exit(0))
	other := w.spawnWith("other", SpawnArgs{Cred: UserCred(9, 9), Body: sleepForever})
	nap(l, time.Second)
	w.locked(func() { w.is("it exits", []any{exiting.state, exiting.flags&fWExit != 0}, []any{StateActive, true}) })
	return map[string]int{"none": 29999, "exiting": exiting.Pid(), "zombie": zombie.Pid(), "self": l.p.Pid(), "another user's": other.Pid(), "init": 1}
}

// procfs_control, PROCFS_CTL_ATTACH: who may be attached.
func TestProcfsAttachRefused(t *testing.T) {
	in2003(t, func(w *world) {
		w.guest(func(l *LWP) {
			traced := w.spawn("traced", sleepForever)
			w.is("attach", l.ProcfsAttach(traced.Pid()), netbsd.Errno(0))
			w.is("init", l.ProcfsAttach(1), netbsd.EPERM)
			own := w.spawnWith("own", SpawnArgs{Cred: UserCred(5, 5), Body: sleepForever})
			w.is("it is a user's", l.Setuid(5), netbsd.Errno(0))
			pids := w.targets(l)
			for name, want := range map[string]netbsd.Errno{"none": netbsd.ESRCH, "exiting": netbsd.ESRCH, "zombie": netbsd.ESRCH,
				"self": netbsd.EINVAL, "another user's": netbsd.EPERM, "init": netbsd.EPERM} {
				w.is(name, l.ProcfsAttach(pids[name]), want)
			}
			w.is("one that is traced, and another user's", l.ProcfsAttach(traced.Pid()), netbsd.EBUSY)
			w.is("one's own", l.ProcfsAttach(own.Pid()), netbsd.Errno(0))
		})
	})
}

// procfs_control: the tracer is the parent and gets no SIGCHLD (P_FSTRACE); what it may do, and when. ptrace(2) has no part in it, nor procfs in
// what ptrace(2) traces.
func TestProcfsTracing(t *testing.T) {
	in2003(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.catch(l, "tracer", netbsd.SIGCHLD)
			parent := w.spawn("Q", func(l *LWP) {
				w.fork(l, "C", func(l *LWP) {
					w.catch(l, "C", netbsd.SIGUSR1)
					for {
						l.Sleep(true, noDeadline)
					}
				})
				nap(l, time.Minute)
			})
			nap(l, time.Second)
			c := w.find("C")
			pid := c.Pid()
			w.is("a child that is not traced", parent.lwps.TracesProc(pid), false)
			w.is("not yet", []any{l.TracesProc(pid), l.ProcfsRun(pid, 0, false), l.ProcfsDetach(pid), l.ProcfsWait(pid)},
				[]any{false, netbsd.EPERM, netbsd.EPERM, netbsd.EPERM})
			w.is("attach", l.ProcfsAttach(pid), netbsd.Errno(0))
			w.is("parents", []any{c.Ppid(), l.TracesProc(pid), w.m.Init().lwps.TracesProc(pid)}, []any{l.p.Pid(), true, false})
			w.is("it has not stopped", l.ProcfsRun(pid, 0, false), netbsd.EBUSY)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGSTOP), 0)
			w.is("ptrace(2)", l.PtraceResume(pid, ResumeArgs{}), netbsd.EBUSY)
			w.is("wait", l.ProcfsWait(pid), netbsd.Errno(0))
			w.is("run", l.ProcfsRun(pid, netbsd.SIGUSR1, true), netbsd.Errno(0))
			w.is("it steps", c.lwps.Platform().SingleStep(), true)
			nap(l, time.Second)
			w.is("it runs", c.Stopped(), false)
			c.Kill(netbsd.SIGUSR2)
			w.waitIs(l, pid, 0, pid, netbsd.StopStatus(netbsd.SIGUSR2), 0)
			w.is("detach", l.ProcfsDetach(pid), netbsd.Errno(0))
			nap(l, time.Second)
			w.is("it runs on", []any{c.Ppid(), c.Traced(), c.Stopped(), c.lwps.Platform().SingleStep()}, []any{parent.Pid(), false, false, false})
			w.is("no more", []any{l.TracesProc(pid), l.ProcfsDetach(pid)}, []any{false, netbsd.EPERM})
			w.is("attach", l.ProcfsAttach(pid), netbsd.Errno(0))
			nap(l, time.Second)
			w.is("detach", l.ProcfsDetach(pid), netbsd.Errno(0)) // without having waited for the stop
			nap(l, time.Second)
			w.is("it runs on", c.Stopped(), false)
			w.is("no process", []any{l.TracesProc(29999), l.ProcfsSignal(29999, netbsd.SIGUSR1)}, []any{false, netbsd.ESRCH})
			w.is("a signal", l.ProcfsSignal(pid, netbsd.SIGTERM), netbsd.Errno(0))
			nap(l, time.Second)
			w.is("it ends", c.State(), StateZombie)
		})
		w.order("C.SIGUSR1")
		w.never("tracer.SIGCHLD")
		w.guest(func(l *LWP) {
			pid := w.tracedWith(l, 0, sleepForever)
			w.is("ptrace(2)'s", []any{l.ProcfsRun(pid, 0, false), l.ProcfsDetach(pid), l.ProcfsWait(pid), l.TracesProc(pid)},
				[]any{netbsd.EBUSY, netbsd.EBUSY, netbsd.EBUSY, true})
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
	})
}

// A forkingTracer is an attachment of which each child gets one of its own.
type forkingTracer struct {
	fakeRef
	forked func(c *Proc) Ref
}

func (s *forkingTracer) Forked(c *Proc) Ref { return s.forked(c) }

// systrace_attach: who may be attached.
func TestSystraceAttachRefused(t *testing.T) {
	in2003(t, func(w *world) {
		w.guest(func(l *LWP) {
			ref := func(*Proc) Ref { return &fakeRef{} }
			traced := w.spawn("traced", sleepForever)
			w.is("attach", l.SystraceAttach(traced.Pid(), ref), netbsd.Errno(0))
			w.is("init", l.SystraceAttach(1, ref), netbsd.EPERM)
			own := w.spawnWith("own", SpawnArgs{Cred: UserCred(5, 5), Body: sleepForever})
			own.AddUsage(&netbsd.Rusage{}) // it has what most processes have not
			w.is("it is a user's", l.Setuid(5), netbsd.Errno(0))
			pids := w.targets(l)
			for name, want := range map[string]netbsd.Errno{"none": netbsd.ESRCH, "exiting": netbsd.ESRCH, "zombie": netbsd.ESRCH,
				"self": netbsd.EINVAL, "another user's": netbsd.EPERM, "init": netbsd.EPERM} {
				w.is(name, l.SystraceAttach(pids[name], ref), want)
			}
			w.is("one that is attached, and another user's", l.SystraceAttach(traced.Pid(), ref), netbsd.EBUSY)
			w.is("one's own", l.SystraceAttach(own.Pid(), ref), netbsd.Errno(0))
		})
	})
}

// systrace_attach, systrace_detach, systrace_sys_fork: an attachment of a process, and of its children. Who runs comes by, as its next call is asked
// about.
func TestSystraceAttachment(t *testing.T) {
	in2003(t, func(w *world) {
		var kicks atomic.Int32
		p := w.spawnWith("P", SpawnArgs{Manual: true, Prepare: func(l *LWP) netbsd.Errno {
			l.Platform().SetKicker(func() { kicks.Add(1) })
			return 0
		}, Body: func(l *LWP) {
			time.Sleep(2 * time.Second)
			c, _ := l.Fork(ForkArgs{Body: sleepForever})
			w.name(c, "C")
			time.Sleep(2 * time.Second)
			l.Platform().UserRet(nil)
			l.Exit(0)
		}})
		var of []*Proc
		theirs := &fakeRef{}
		s := &forkingTracer{forked: func(c *Proc) Ref { of = append(of, c); return theirs }}
		w.is("without", []any{p.Systraced(), p.Systrace(), p.CallsTrap()}, []any{false, nil, false})
		p.SystraceDetach(s)
		op := w.operator()
		time.Sleep(time.Second)
		kicks.Store(0)
		op(func(l *LWP) {
			w.is("attach", l.SystraceAttach(p.Pid(), func(at *Proc) Ref { of = append(of, at); return s }), netbsd.Errno(0))
		})
		w.is("attached", []any{p.Systraced(), p.Systrace() == Ref(s), p.CallsTrap(), kicks.Load()}, []any{true, true, true, int32(1)})
		p.SystraceDetach(theirs)
		w.is("another's detach", p.Systraced(), true)
		settledFor(2 * time.Second)
		c := w.find("C")
		w.is("of whom", of, []*Proc{p, c})
		w.is("the child's", []any{c.Systraced(), c.Systrace() == Ref(theirs)}, []any{true, true})
		c.SystraceDetach(theirs)
		w.is("detached", []any{c.Systraced(), c.Systrace(), p.Systraced()}, []any{false, nil, true})
		p.Wait()
		settled()
		w.is("exit takes it away", p.Systraced(), false)
		c.Kill(netbsd.SIGKILL)
	})
}

// systrace_seteuid, systrace_setegid: the effective ids for a call.
func TestSystraceIDs(t *testing.T) {
	in2003(t, func(w *world) {
		w.guest(func(l *LWP) {
			u, g := uint32(7), uint32(8)
			euid, egid := l.SystraceIDs(&u, nil)
			w.is("the user", []any{euid, egid, l.p.Cred().EUID, l.p.Cred().EGID}, []any{uint32(0), uint32(0), u, uint32(0)})
			euid, egid = l.SystraceIDs(nil, &g)
			w.is("the group", []any{euid, egid, l.p.Cred().EUID, l.p.Cred().EGID}, []any{u, uint32(0), u, g})
			euid, egid = l.SystraceIDs(nil, nil)
			w.is("neither", []any{euid, egid, l.p.Cred().EUID, l.p.Cred().EGID}, []any{u, g, u, g})
		})
	})
}

// x86_dbregs_init, x86_dbregs_clear: debug registers are an LWP's, and gone after an exec. x86_dbregs_user_trap, x86_dbregs_store_dr6: DR6 has what
// trapped, of what is enabled for all tasks.
func TestDebugRegisters(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pl, began := l.Platform(), DebugRegs{6: 0xffff0ff0, 7: 0x400}
			w.is("at first", []any{pl.DebugRegs(), pl.Debugged(1)}, []any{began, false})
			w.locked(func() { l.extra() })
			w.is("with other things that few have", []any{pl.DebugRegs(), pl.Debugged(1)}, []any{began, false})
			set := DebugRegs{0: 0x1000, 6: 0xffff0ff0, 7: 0x401}
			pl.SetDebugRegs(set)
			w.is("set, for the task alone", []any{pl.DebugRegs(), pl.Debugged(1), pl.DebugRegs()}, []any{set, false, set})
			set[7] = 0x402
			pl.SetDebugRegs(set)
			w.is("none has trapped", []any{pl.Debugged(0), pl.DebugRegs()}, []any{false, set})
			w.is("one has", pl.Debugged(2), true)
			set[6] = 0xffff0ff2
			w.is("DR6", pl.DebugRegs(), set)
			n, _ := l.NewLWP(0, sleepForever, false, nil)
			w.is("another LWP", n.Platform().DebugRegs(), began)
			w.is("exec", l.Exec(ExecArgs{Comm: "x"}), netbsd.Errno(0))
			w.is("after it", pl.DebugRegs(), began)
		})
	})
}
