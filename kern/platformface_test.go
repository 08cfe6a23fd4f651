package kern

import (
	"sync"
	"testing"
	"time"

	"toaster/netbsd"
)

// ExitAs ends a process as one elsewhere has ended; what is no end is none.
func TestExitAs(t *testing.T) {
	both(t, func(w *world) {
		for _, st := range []netbsd.WaitStatus{netbsd.ExitStatus(7, 0), netbsd.ExitStatus(0, netbsd.SIGTERM), netbsd.ExitStatus(0, netbsd.SIGTERM) | netbsd.CoreFlag} {
			p := w.spawn("P", func(l *LWP) {
				l.Platform().ExitAs(netbsd.StopStatus(netbsd.SIGSTOP))
				l.Platform().ExitAs(netbsd.ContinuedStatus)
				w.mark("alive")
				defer l.Platform().ExitAs(0) // too late
				l.Platform().ExitAs(st)
				w.mark("beyond")
			})
			w.is("status", p.Wait(), st)
		}
		w.order("alive", "alive", "alive")
		w.never("beyond")
	})
}

// sigaltstack(2): the stack in use cannot be disabled, but another takes its place, on which the LWP is not (sigaltstack1);
// setcontext(2) leaves it.
func TestOnStack(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			pl := l.Platform()
			w.is("none", pl.OnStack(), false)
			l.Sigaltstack(&Altstack{Sp: 0x1000, Size: netbsd.MINSIGSTKSZ})
			w.is("not on it", pl.OnStack(), false)
			pl.SetOnStack(true)
			old, errno := l.Sigaltstack(nil)
			w.is("on it", []any{pl.OnStack(), old.Flags, errno}, []any{true, int32(netbsd.SS_ONSTACK), netbsd.Errno(0)})
			_, errno = l.Sigaltstack(&Altstack{Flags: netbsd.SS_DISABLE})
			w.is("disable", errno, netbsd.Errno(netbsd.EINVAL))
			other := Altstack{Sp: 0x8000, Size: 2 * netbsd.MINSIGSTKSZ}
			_, errno = l.Sigaltstack(&Altstack{Sp: 0x8000, Size: 1})
			w.is("change for a small one", []any{errno, pl.OnStack()}, []any{netbsd.Errno(netbsd.ENOMEM), true})
			old, errno = l.Sigaltstack(&other)
			w.is("change", []any{old.Sp, old.Flags, errno, l.Altstack(), pl.OnStack()},
				[]any{uint64(0x1000), int32(netbsd.SS_ONSTACK), netbsd.Errno(0), other, false})
			pl.SetOnStack(true)
			pl.SetOnStack(false)
			w.is("left", []any{pl.OnStack(), l.Altstack().Flags}, []any{false, int32(0)})
			_, errno = l.Sigaltstack(&Altstack{Size: netbsd.MINSIGSTKSZ - 1})
			w.is("too small", errno, netbsd.Errno(netbsd.ENOMEM))
			_, errno = l.Sigaltstack(&Altstack{Size: 1, Flags: netbsd.SS_DISABLE})
			w.is("none", errno, netbsd.Errno(0))
			_, errno = l.Sigaltstack(&Altstack{Flags: 8, Size: 1 << 20})
			w.is("flags", errno, netbsd.Errno(netbsd.EINVAL))
			l.Sigaltstack(&Altstack{Sp: 0x1000, Size: netbsd.MINSIGSTKSZ})
			l.Exec(ExecArgs{Comm: "x"})
			w.is("after an exec", l.Altstack(), Altstack{Flags: netbsd.SS_DISABLE})
		})
	})
}

// sigsuspend(2) after pselect(2)'s mask: the first mask is what the handler's return restores.
func TestTempMaskTwice(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			first, usr1 := netbsd.SIGHUP.Bit(), netbsd.SIGUSR1.Bit()
			l.Sigprocmask(netbsd.SIG_SETMASK, &first)
			w.handle(l, netbsd.SIGUSR2, func(l *LWP, _ *netbsd.Siginfo) {
				w.mark("handler")
				w.is("in the handler", l.Sigmask(), usr1|netbsd.SIGUSR2.Bit())
			})
			l.Platform().SetTempMask(netbsd.SIGTERM.Bit())
			w.is("until the return", l.lockedMask(), netbsd.SIGTERM.Bit())
			w.m.Kill(l.Proc().Pid(), netbsd.SIGUSR2)
			w.is("sigsuspend", l.Sigsuspend(usr1), netbsd.Errno(netbsd.EINTR))
			w.is("restored", l.Sigmask(), first)
			l.Platform().SetTempMask(usr1)
			nap(l, time.Second)
			w.is("without a signal, too", l.Sigmask(), first)
		})
		w.order("handler")
	})
}

func (l *LWP) lockedMask() netbsd.Sigset {
	l.p.m.lock()
	defer l.p.m.unlock()
	return l.mask
}

// Machdep, SetVM, Borrows: what the platform keeps and asks.
func TestPlatformKeeps(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.Platform().SetMachdep("x")
			w.is("machdep", l.Platform().Machdep(), any("x"))
			vm := &fakeVM{}
			l.Proc().SetVM(vm)
			w.is("memory", l.Proc().VM() == AddressSpace(vm), true)
			w.locked(func() { l.p.flags |= fDoomed })
			l.Proc().SetVM(nil)
			w.is("new memory knows of no doom", []any{l.Proc().has(fDoomed), l.Proc().VM() == nil}, []any{false, true})
			w.is("own memory", l.Proc().Borrows(), false)
			w.forkWith(l, "V", ForkArgs{Vfork: true, Body: func(l *LWP) {
				w.is("the parent's", l.Proc().Borrows(), true)
				l.Exec(ExecArgs{Comm: "x"})
				w.is("its own", l.Proc().Borrows(), false)
			}})
			w.wait(l, netbsd.WaitAny, 0)
		})
	})
}

// A fork has the watcher of forks told, detached ones not; NOTE_EXEC and NOTE_SIGNAL likewise.
func TestKnotesOfAProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			var mu sync.Mutex // a knote is told on the goroutine of whoever has caused it
			var got []NoteEvent
			keep := note(func(e NoteEvent) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, e)
			})
			gone := note(func(e NoteEvent) { w.mark("gone") })
			p.DetachKnote(gone) // none yet
			for _, k := range []Knote{gone, keep, gone} {
				w.is("attach", p.AttachKnote(k), netbsd.Errno(0))
			}
			p.DetachKnote(gone)
			c := w.fork(l, "C", func(l *LWP) { nap(l, time.Second) })
			l.Kill(p.Pid(), netbsd.SIGURG)
			l.Exec(ExecArgs{Comm: "x"})
			w.wait(l, c.Pid(), 0)
			nap(l, time.Second)
			mu.Lock()
			defer mu.Unlock()
			chld := NoteEvent{Kind: NoteSignal, Proc: p, Signal: netbsd.SIGCHLD}
			w.is("notes", got, []NoteEvent{{Kind: netbsd.NOTE_FORK, Proc: p, Data: int64(c.Pid())}, {Kind: NoteSignal, Proc: p, Signal: netbsd.SIGURG},
				{Kind: netbsd.NOTE_EXEC, Proc: p}, chld})
			w.is("gone", c.AttachKnote(keep), netbsd.Errno(netbsd.ESRCH))
		})
		w.never("gone")
	})
}

// A knote that is attached while NOTE_EXIT is told would wait for good: ESRCH, as filt_procattach
// has it for what is not found any more.
func TestKnoteDuringNoteExit(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			p := l.Proc()
			p.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == netbsd.NOTE_EXIT {
					w.is("attach", p.AttachKnote(note(func(NoteEvent) {})), netbsd.Errno(netbsd.ESRCH))
					w.mark("told")
				}
			}))
		}).Wait()
		settled()
		w.order("told")
	})
}

// rasctl(2): ras_install, ras_purge and ras_lookup of kern_ras.c.
func TestRasRules(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			ctl := func(addr, n uint64, op int, want netbsd.Errno) {
				w.Helper()
				w.is("rasctl", p.RasControl(RAS{addr, n}, op), want)
			}
			at := func(pc, want uint64, ok bool) {
				w.Helper()
				got, is := p.RASStart(pc)
				w.is("lookup", []any{got, is}, []any{want, ok})
			}
			in, out := netbsd.RAS_INSTALL, netbsd.RAS_PURGE
			ctl(100, 0, in, netbsd.EINVAL)
			ctl(1<<64-4, 5, in, netbsd.EINVAL)
			ctl(100, 10, 77, netbsd.EINVAL)
			ctl(100, 10, out, netbsd.ESRCH)
			ctl(100, 10, in, 0)
			ctl(100, 1, in, netbsd.EEXIST)
			ctl(109, 1, in, netbsd.EEXIST)
			ctl(95, 6, in, netbsd.EEXIST)
			ctl(95, 5, in, 0)   // ends where the other begins
			ctl(110, 10, in, 0) // begins where it ends
			ctl(200, 1, in, 0)
			at(100, 0, false) // the first instruction has nothing to make again
			at(101, 100, true)
			at(109, 100, true)
			at(110, 0, false)
			at(111, 110, true)
			at(96, 95, true)
			ctl(100, 9, out, netbsd.ESRCH)
			ctl(100, 10, out, 0)
			at(105, 0, false)
			at(96, 95, true)
			at(115, 110, true)
			for i := range uint64(maxRAS - 3) {
				ctl(1000+100*i, 10, in, 0)
			}
			ctl(90000, 10, in, netbsd.EINVAL) // too many
			ctl(1005, 10, in, netbsd.EEXIST)  // the list is looked through from the newest to the oldest, but one: see ras_install
			ctl(95, 10, in, netbsd.EINVAL)    // the oldest
			c := w.fork(l, "C", sleepForever)
			w.is("a copy is the other way round", []any{c.RasControl(RAS{95, 10}, in), c.RasControl(RAS{1000 + 100*(maxRAS-4), 10}, in)},
				[]any{netbsd.EEXIST, netbsd.EINVAL})
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
			ctl(0, 0, netbsd.RAS_PURGE_ALL, 0)
			at(1005, 0, false)
			ctl(90000, 10, in, 0)
			l.Exec(ExecArgs{Comm: "x"})
			at(90005, 0, false)
		})
	})
}
