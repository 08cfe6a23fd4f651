package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// Tests of what wait6(2) with WNOHANG says of a child that it has looked at and does not report, and of what a wait reads of a
// zombie that it leaves (kern_exit.c).

// look is what a wait6(2) with WNOHANG says that finds nothing.
type look struct {
	pid          int
	code, status int32
	self, kids   time.Duration
}

func (w *world) looks(l *LWP, by, id, options int) (k look) {
	w.Helper()
	pid, errno := l.Wait6(by, id, options|netbsd.WNOHANG, &WaitOut{
		Info: func(i *netbsd.Siginfo) netbsd.Errno {
			k.pid, k.code, k.status = int(i.Pid), i.Code, i.Status
			return 0
		},
		Wrusage: func(s, c *netbsd.Rusage) netbsd.Errno { k.self, k.kids = s.Utime, c.Utime; return 0 },
	})
	w.is("nothing to report", []any{pid, errno}, []any{0, netbsd.Errno(0)})
	return k
}

// holdChildren has D attach to the children that P makes with first, and do then what then says. P goes on with body meanwhile.
func (w *world) holdChildren(first func(l *LWP) []*Proc, then func(l *LWP, held []*Proc), body func(l *LWP, held []*Proc)) {
	var held []*Proc
	p := w.spawn("P", func(l *LWP) {
		held = first(l)
		nap(l, 2*time.Second)
		body(l, held)
	})
	settled()
	d := w.spawn("D", func(l *LWP) {
		for _, c := range held {
			w.is("attach", l.PtraceAttach(c.Pid()), netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.StopStatus(netbsd.SIGSTOP), 0)
		}
		then(l, held)
	})
	p.Wait()
	d.Wait()
	settled()
}

// debugged_child_exists goes through allproc, which has the last to be born first, and then zombproc, which has the last to die
// first, and stops at the first child that a debugger holds and that match_process takes. It asks for no usage.
func TestWait6LooksAtHeldChildren(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return // wait6(2) is younger
		}
		kill := func(l *LWP, c *Proc) { w.is("kill", l.PtraceKill(c.Pid()), netbsd.Errno(0)) }
		stopped := func(c *Proc) look {
			return look{pid: c.Pid(), code: netbsd.CLD_KILLED, status: int32(netbsd.SIGSTOP)}
		}
		killed := func(c *Proc) look {
			return look{pid: c.Pid(), code: netbsd.CLD_KILLED, status: int32(netbsd.SIGKILL)}
		}
		w.holdChildren(func(l *LWP) (held []*Proc) {
			for _, name := range []string{"a", "b", "c", "d"} {
				c := w.fork(l, name, sleepForever)
				c.AddUsage(&netbsd.Rusage{Utime: 3 * time.Second})
				held = append(held, c)
			}
			return held
		}, func(l *LWP, held []*Proc) {
			nap(l, 5*time.Second)
			for _, i := range []int{3, 2, 0, 1} {
				kill(l, held[i])
				nap(l, 5*time.Second)
			}
			for range held {
				w.wait(l, netbsd.WaitAny, 0)
			}
		}, func(l *LWP, held []*Proc) {
			a, b, c, d := held[0], held[1], held[2], held[3]
			const ends = netbsd.WEXITED
			w.is("the last to be born", w.looks(l, netbsd.P_ALL, 0, ends), stopped(d))
			w.is("the one that is asked for", w.looks(l, netbsd.P_PID, b.Pid(), ends), stopped(b))
			nap(l, 5*time.Second)
			w.is("of the living", w.looks(l, netbsd.P_ALL, 0, ends), stopped(c))
			w.is("the zombie that is asked for", w.looks(l, netbsd.P_PID, d.Pid(), ends), killed(d))
			nap(l, 10*time.Second)
			w.is("the only one that lives", w.looks(l, netbsd.P_ALL, 0, ends), stopped(b))
			w.is("without zombies", w.looks(l, netbsd.P_ALL, 0, netbsd.WUNTRACED), stopped(b))
			_, errno := l.Wait6(netbsd.P_PID, a.Pid(), netbsd.WUNTRACED|netbsd.WNOHANG, nil)
			w.is("a zombie that is not asked for", errno, netbsd.ECHILD)
			nap(l, 5*time.Second)
			w.is("the last to die", w.looks(l, netbsd.P_ALL, 0, ends), killed(b))
			for range held {
				w.wait(l, netbsd.WaitAny, 0)
			}
		})
	})
}

// find_stopped_child fills in who matches but has another exit signal, and finds nobody; debugged_child_exists, which asks for no exit
// signal, writes its siginfo over that, and not the usage.
func TestWait6LooksAtHeldChildrenAfterItsOwn(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		var other *Proc
		w.holdChildren(func(l *LWP) []*Proc {
			held := w.fork(l, "held", sleepForever)
			other = w.forkWith(l, "other", ForkArgs{Body: sleepForever, ExitSignal: netbsd.SIGUSR1})
			other.AddUsage(&netbsd.Rusage{Utime: 4 * time.Second})
			return []*Proc{held}
		}, func(l *LWP, held []*Proc) {
			nap(l, 5*time.Second)
			l.PtraceResume(held[0].Pid(), ResumeArgs{Detach: true})
		}, func(l *LWP, held []*Proc) {
			w.is("the one that is held", w.looks(l, netbsd.P_ALL, 0, netbsd.WEXITED),
				look{held[0].Pid(), netbsd.CLD_KILLED, int32(netbsd.SIGSTOP), 4 * time.Second, 4 * time.Second})
			w.is("its own", w.looks(l, netbsd.P_ALL, 0, netbsd.WEXITED|netbsd.WALTSIG),
				look{other.Pid(), netbsd.CLD_EXITED, 0, 4 * time.Second, 4 * time.Second})
			for _, c := range []*Proc{held[0], other} {
				c.Kill(netbsd.SIGKILL)
				w.wait(l, c.Pid(), netbsd.WALLSIG)
			}
		})
	})
}

// match_process: who does not match is not looked at, and of a child in SDEAD, which a wait that takes no zombies does not sleep
// for, it says how that has ended.
func TestWait6LooksAtItsOwnChildren(t *testing.T) {
	both(t, func(w *world) {
		if w.r2003 {
			return
		}
		w.guest(func(l *LWP) {
			older, younger := w.fork(l, "older", sleepForever), w.fork(l, "younger", sleepForever)
			for _, c := range []*Proc{older, younger} {
				w.is("by pid", w.looks(l, netbsd.P_PID, c.Pid(), netbsd.WEXITED), look{pid: c.Pid(), code: netbsd.CLD_EXITED})
			}
			release := make(chan struct{})
			older.AttachKnote(note(func(e NoteEvent) {
				if e.Kind == netbsd.NOTE_EXIT {
					<-release
				}
			}))
			older.Kill(netbsd.SIGTERM)
			nap(l, time.Second)
			w.is("state", older.State(), StateDead)
			w.is("as it ended", w.looks(l, netbsd.P_PID, older.Pid(), netbsd.WEXITED|netbsd.WNOZOMBIE),
				look{pid: older.Pid(), code: netbsd.CLD_KILLED, status: int32(netbsd.SIGTERM)})
			close(release)
			younger.Kill(netbsd.SIGKILL)
			for range 2 {
				w.wait(l, netbsd.WaitAny, 0)
			}
		})
	})
}

// sys_wait4 of 1.127 copies out p_ru, in which exit1 has put the descendants, whether it reaps or not (WNOWAIT); do_sys_waitid of
// NetBSD 10 has the child's own alone (TestUsageOfAWaitWithoutAReapIsTheChildsOwn). While it copies out, the kernel is in order.
func TestUsageOfAZombieThatIsLeft(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				g := w.fork(l, "G", func(l *LWP) { l.Proc().AddUsage(&netbsd.Rusage{Utime: 5 * time.Second}) })
				w.wait(l, g.Pid(), 0)
				l.Proc().AddUsage(&netbsd.Rusage{Utime: 2 * time.Second})
			})
			for _, x := range []struct {
				options int
				want    time.Duration
			}{
				{netbsd.WNOWAIT, under(w, 7*time.Second, 2*time.Second)},
				{0, 7 * time.Second},
			} {
				var got time.Duration
				pid, errno := l.waitKernel(c.Pid(), x.options, &WaitOut{Rusage: func(u *netbsd.Rusage) netbsd.Errno {
					check(w.T, w.m)
					got = u.Utime
					return 0
				}})
				w.is("usage", []any{pid, errno, got}, []any{c.Pid(), netbsd.Errno(0), x.want})
			}
		})
	})
}
