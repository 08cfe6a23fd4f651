package kern

import (
	"testing"

	"toaster/netbsd"
)

// PT_SYSCALLEMU of ptrace(2): a tracee that has stopped at a system call does not make it, once; of one that does not stop
// at system calls it is EINVAL, and the errors of a wrong tracee are those of any request.
func TestPtraceSyscallEmu(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			var emulated []bool
			pid := w.tracedWith(l, 0, func(l *LWP) {
				pl := l.Platform()
				emulated = append(emulated, pl.TakeSyscallEmu())
				l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
				for range 2 {
					pl.TraceStop(netbsd.TRAP_SCE, nil)
					emulated = append(emulated, pl.TakeSyscallEmu(), pl.TakeSyscallEmu())
				}
				l.Exit(3)
			})
			other := w.fork(l, "other", sleepForever)
			w.is("nobody", l.PtraceSyscallEmu(9999), netbsd.ESRCH)
			w.is("no tracee", l.PtraceSyscallEmu(other.Pid()), netbsd.EPERM)
			w.next(l, pid, 0)
			w.is("it does not stop at calls", l.PtraceSyscallEmu(pid), netbsd.EINVAL)
			resume := func() {
				w.is("resume", l.PtraceResume(pid, ResumeArgs{Syscall: true}), netbsd.Errno(0))
				w.wait(l, pid, 0)
			}
			resume()
			w.is("it has stopped at one", l.PtraceSyscallEmu(pid), netbsd.Errno(0))
			resume()
			resume()
			w.is("emulated", emulated, []bool{false, true, false, false, false})
			w.is("gone", l.PtraceSyscallEmu(pid), netbsd.ESRCH)
		})
	})
}

// trace_enter and trace_exit (kern_syscall.c): PT_SYSCALLEMU means the call at whose beginning the tracee has stopped, and is off
// with its end, where it may have been asked for too late. A detach leaves that call to the tracer that was, and none after it.
func TestSyscallEmuIsForOneCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		stop   int // at which stop it is asked for: the signal, the first call's beginning, its end
		detach bool
		want   []bool
	}{
		{"at the beginning", 1, false, []bool{true, false, false}},
		{"at the end", 2, false, []bool{false, false, false}},
		{"at the beginning, detached", 1, true, []bool{true, false, false}},
		{"at the end, detached", 2, true, []bool{false, false, false}},
		{"between calls", 3, false, []bool{false, true, false}},
		{"between calls, detached", 3, true, []bool{false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(w *world) {
				w.guest(func(l *LWP) {
					var emulated []bool
					pid := w.tracedWith(l, 0, func(l *LWP) {
						w.handle(l, netbsd.SIGUSR1, func(*LWP, *netbsd.Siginfo) {})
						l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
						for range 3 {
							pl := l.Platform()
							pl.TraceStop(netbsd.TRAP_SCE, nil)
							emulated = append(emulated, pl.TakeSyscallEmu())
							if !emulated[len(emulated)-1] {
								pl.TraceStop(netbsd.TRAP_SCX, nil)
							}
							l.Kill(l.Proc().Pid(), netbsd.SIGUSR1)
						}
						l.Exit(3)
					})
					w.next(l, pid, 0)
					for stop := 1; ; stop++ {
						w.is("resume", l.PtraceResume(pid, ResumeArgs{Syscall: true}), netbsd.Errno(0))
						if r := w.wait(l, pid, 0); !r.Status.Stopped() {
							break
						}
						if stop != c.stop {
							continue
						}
						w.is("emulate", l.PtraceSyscallEmu(pid), netbsd.Errno(0))
						if c.detach {
							w.is("detach", l.PtraceResume(pid, ResumeArgs{Detach: true}), netbsd.Errno(0))
							w.wait(l, pid, 0)
							break
						}
					}
					w.is("emulated", emulated, c.want)
				})
			})
		})
	}
}

// ptrace(2): all that looks at a tracee or changes it is ESRCH for nobody, EPERM for one that nobody traces, EBUSY for another's
// tracee, for one that runs, and for one whose stop has not been waited for. Nothing has changed then.
func TestPtraceOfTheWrongProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			info, mask := netbsd.Siginfo{Signo: netbsd.SIGHUP}, uint32(netbsd.PTRACE_FORK)
			set := netbsd.SIGHUP.Bit()
			requests := map[string]func(*LWP, int) netbsd.Errno{
				"target": func(l *LWP, pid int) netbsd.Errno { _, e := l.TraceTarget(pid); return e },
				"look": func(l *LWP, pid int) netbsd.Errno {
					return l.Look(pid, func(*Proc) netbsd.Errno { w.mark("looked"); return 0 })
				},
				"resume":  func(l *LWP, pid int) netbsd.Errno { return l.PtraceResume(pid, ResumeArgs{}) },
				"siginfo": func(l *LWP, pid int) netbsd.Errno { _, _, e := l.PtraceSiginfo(pid); return e },
				"set":     func(l *LWP, pid int) netbsd.Errno { return l.PtraceSetSiginfo(pid, 0, info) },
				"sigpass": func(l *LWP, pid int) netbsd.Errno { _, e := l.PtraceSigpass(pid, &set); return e },
				"mask":    func(l *LWP, pid int) netbsd.Errno { _, e := l.PtraceEventMask(pid, &mask); return e },
				"state":   func(l *LWP, pid int) netbsd.Errno { _, e := l.PtraceState(pid); return e },
				"suspend": func(l *LWP, pid int) netbsd.Errno { return l.PtraceSuspend(pid, pid, true) },
				"emulate": func(l *LWP, pid int) netbsd.Errno { return l.PtraceSyscallEmu(pid) },
			}
			try := func(l *LWP, what string, pid int, want netbsd.Errno) {
				w.Helper()
				for name, f := range requests {
					w.is(name+", "+what, f(l, pid), want)
				}
			}
			free := w.fork(l, "free", sleepForever)
			pid := w.tracedWith(l, 0, func(l *LWP) {
				l.Pause()
			})
			try(l, "nobody", 9999, netbsd.ESRCH)
			try(l, "not traced", free.Pid(), netbsd.EPERM)
			d := w.fork(l, "D", func(l *LWP) {
				try(l, "another's", pid, netbsd.EBUSY)
				w.is("kill", l.PtraceKill(pid), netbsd.EBUSY)
			})
			w.wait(l, d.Pid(), 0)
			w.goOn(l, pid, 0)
			try(l, "it runs", pid, netbsd.EBUSY)
			l.Kill(pid, netbsd.SIGUSR1)
			nap(l, 1)
			try(l, "not waited for", pid, netbsd.EBUSY)
			w.wait(l, pid, 0)
			got, _, errno := l.PtraceSiginfo(pid)
			w.is("as it was", []any{got.Signo, errno}, []any{netbsd.SIGUSR1, netbsd.Errno(0)})
			old, errno := l.PtraceEventMask(pid, nil)
			w.is("no events", []any{old, errno}, []any{uint32(0), netbsd.Errno(0)})
			pass, errno := l.PtraceSigpass(pid, nil)
			w.is("no signals pass", []any{pass, errno}, []any{netbsd.Sigset(0), netbsd.Errno(0)})
			w.is("no such signal", l.PtraceSetSiginfo(pid, 0, netbsd.Siginfo{Signo: netbsd.NSIG}), netbsd.EINVAL)
			bad := uint32(1 << 30)
			_, errno = l.PtraceEventMask(pid, &bad)
			w.is("no such event is not looked at", errno, netbsd.Errno(0)) // ptrace_set_event_mask
			w.is("resume with no signal", l.PtraceResume(pid, ResumeArgs{Signal: netbsd.NSIG}), netbsd.EINVAL)
			w.is("detach of one LWP", l.PtraceResume(pid, ResumeArgs{LWP: 1, Detach: true}), netbsd.EINVAL)
			w.is("no such LWP", l.PtraceResume(pid, ResumeArgs{LWP: 9999}), netbsd.ESRCH)
			l.PtraceKill(pid)
			w.wait(l, pid, 0)
		})
		w.never("looked")
	})
}
