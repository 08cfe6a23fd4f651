package kern

import (
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// forkFiles, forkDirs and forkVM are parts whose copies are marked.
type forkFiles struct {
	w    *world
	name string
}

func (f *forkFiles) Fork(share bool) Files {
	f.w.mark("%s fork %t", f.name, share)
	return &forkFiles{f.w, f.name + "'"}
}
func (f *forkFiles) Exec()  { f.w.mark("%s exec", f.name) }
func (f *forkFiles) Close() { f.w.mark("%s close", f.name) }

type forkDirs struct {
	w    *world
	name string
}

func (d *forkDirs) Fork(share bool) Dirs {
	d.w.mark("%s fork %t", d.name, share)
	return &forkDirs{d.w, d.name + "'"}
}
func (d *forkDirs) Close() { d.w.mark("%s close", d.name) }

type forkVM struct {
	fakeVM
	w     *world
	name  string
	errno netbsd.Errno
}

func (v *forkVM) Fork(_, _ *LWP, share bool) (AddressSpace, netbsd.Errno) {
	v.w.mark("%s fork %t", v.name, share)
	return &forkVM{w: v.w, name: v.name + "'"}, v.errno
}
func (v *forkVM) Exit(*Proc, *LWP) { v.w.mark("%s exit", v.name) }

// fork1: the child has copies, or shares what it was asked to; it lets go of its own.
func TestForkCopiesParts(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.locked(func() {
				l.p.files, l.p.dirs, l.p.vm = &forkFiles{w, "files"}, &forkDirs{w, "dirs"}, &forkVM{w: w, name: "vm"}
			})
			c := w.forkWith(l, "C", ForkArgs{ShareCwd: true, Body: func(l *LWP) {
				dirs, files, cred := l.p.Looks()
				w.is("parts", []string{files.(*forkFiles).name, dirs.(*forkDirs).name, l.p.VM().(*forkVM).name}, []string{"files'", "dirs'", "vm'"})
				w.is("cred", cred, Root)
			}})
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			w.order("files fork false", "dirs fork true", "vm fork false", "files' close", "dirs' close", "vm' exit")
			w.forkWith(l, "D", ForkArgs{ShareVM: true, ShareFiles: true, Body: exit(0)})
			w.order("files fork true", "vm fork true")
			w.fork(l, "E", exit(0))
			w.order("dirs fork true", "dirs fork false", "dirs fork false")
		})
	})
}

// A fork that fails undoes what has been made: nothing of the child is left, references included.
func TestForkThatFailsLetsGo(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			traces := 0
			ref := &fakeRef{hold: func() { traces++ }, release: func() { traces-- }}
			l.p.setKtrace(ref)
			l.p.setSystrace(ref)
			vm := &forkVM{w: w, name: "vm"}
			w.locked(func() { l.p.files, l.p.dirs, l.p.vm = &forkFiles{w, "files"}, &forkDirs{w, "dirs"}, vm })
			before := w.m.NumProcs()
			fails := func(what string, want netbsd.Errno, a ForkArgs) {
				w.Helper()
				a.Body = exit(0)
				_, errno := l.Fork(a)
				w.is(what, []any{errno, w.m.NumProcs(), traces, len(l.p.Children())}, []any{want, before, 0, 0})
			}
			fails("Prepare", netbsd.EIO, ForkArgs{Prepare: func(*LWP) netbsd.Errno {
				w.mark("prepared")
				return netbsd.EIO
			}})
			w.order("files fork false", "dirs fork false", "vm fork false", "prepared", "vm' exit", "files' close", "dirs' close")
			vm.errno = netbsd.ENOMEM
			fails("the parent's memory", netbsd.ENOMEM, ForkArgs{})
			w.order("vm' exit") // of before: this time there is none
			fails("memory of its own", netbsd.ENOSPC, ForkArgs{VM: func(*LWP) (AddressSpace, netbsd.Errno) { return vm, netbsd.ENOSPC }})
			w.never("vm exit")
			w.order("files' close", "files' close", "files' close")
		})
	})
}

// pairedPMC counts the counters that a fork has made and that nobody has ended.
type pairedPMC struct {
	fakePMC
	n *int
}

func (c *pairedPMC) Fork(*Proc) Counters { *c.n++; return c }
func (c *pairedPMC) Exit()               { *c.n-- }

// Of a fork that fails neither a profiling clock nor performance counters go on: startprofclock and pmc_process_fork belong to a process
// that will come to exit1, which this one never does.
func TestForkThatFailsStopsClocks(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			counters, clocks := 0, []*profile(nil)
			l.p.PMC(func() Counters { return &pairedPMC{n: &counters} })
			w.is("profil", l.p.Profil(Profile{Size: 8, Scale: 1}), netbsd.Errno(0))
			_, errno := l.Fork(ForkArgs{Body: exit(0), Prepare: func(c *LWP) netbsd.Errno {
				clocks = append(clocks, c.p.ext.prof)
				w.is("counters", counters, 1)
				return netbsd.EIO
			}})
			w.is("fork", errno, netbsd.Errno(netbsd.EIO))
			w.is("counters", counters, 0)
			w.locked(func() { w.is("the clock is stopped", []bool{clocks[0].dead, l.p.ext.prof.dead}, []bool{true, false}) })
			w.locked(func() { l.p.ext.pmc = nil })
		})
	})
}

// posix_spawn has memory of its own made; what the hooks of the machine and of the emulation are
// told is the child and its parent.
func TestForkHooks(t *testing.T) {
	var said []*Proc
	hook := func(c, p *Proc) { said = append(said, c, p) }
	bothWith(t, func(w *world, c *Config) { c.ForkHooks = []func(c, p *Proc){hook, hook} }, func(w *world) {
		said = nil
		p := w.spawnWith("P", SpawnArgs{Image: &Image{Comm: "p", Emul: &Emul{ProcFork: hook}}, Body: func(l *LWP) {
			vm := &forkVM{w: w, name: "own"}
			c := w.forkWith(l, "C", ForkArgs{VM: func(cl *LWP) (AddressSpace, netbsd.Errno) {
				w.is("an embryo", cl.Proc().State(), StateEmbryo)
				return vm, 0
			}, Body: sleepForever})
			w.is("memory", c.VM() == AddressSpace(vm), true)
			w.is("hooks", said, []*Proc{c, l.Proc(), c, l.Proc(), c, l.Proc()})
		}})
		p.Wait()
	})
}

// A machine that begins to close while the hooks run has no new process.
func TestForkWhileTheMachineCloses(t *testing.T) {
	both(t, func(w *world) {
		vm := &forkVM{w: w, name: "vm"}
		w.spawn("P", func(l *LWP) {
			_, errno := l.Fork(ForkArgs{Body: exit(0), VM: func(*LWP) (AddressSpace, netbsd.Errno) { return vm, 0 }, Prepare: func(cl *LWP) netbsd.Errno {
				w.m.KillAll()
				return 0
			}})
			w.is("fork", errno, netbsd.Errno(netbsd.EAGAIN))
		})
		settled()
		w.order("vm exit")
		w.is("processes", len(w.m.Procs()) <= 2, true)
	})
}

// What a fork copies of the rarely used state: nice(3), restartable sequences (ras_fork), and an
// attachment of systrace(4) that is shared, about which somebody is asked then.
func TestForkCopiesTheRest(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			l.p.SetNice(27)
			l.p.RasControl(RAS{100, 10}, netbsd.RAS_INSTALL)
			l.p.setSystrace(&fakeRef{})
			c := w.fork(l, "C", func(l *LWP) { sleepForever(l) })
			w.is("nice", c.Nice(), 27)
			w.is("systrace", c.Systraced(), true)
			at, ok := c.RASStart(105)
			w.is("ras", []any{at, ok}, []any{uint64(100), true})
			l.p.RasControl(RAS{100, 10}, netbsd.RAS_PURGE)
			at, ok = c.RASStart(105)
			w.is("still the child's", []any{at, ok}, []any{uint64(100), true})
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
		})
	})
}

// fork(2): in sigsuspend(2) the mask is a loan, so that a child, or an LWP, gets the one that comes
// back; lwp_create: the child has the parent's signal stack, be the memory shared or not.
func TestForkMaskAndStack(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			usr1, usr2 := netbsd.SIGUSR1.Bit(), netbsd.SIGUSR2.Bit()
			l.Sigprocmask(netbsd.SIG_SETMASK, &usr1)
			l.Sigaltstack(&Altstack{Sp: 0x1000, Size: netbsd.MINSIGSTKSZ})
			ask := func(what string, a ForkArgs, mask netbsd.Sigset, sp uint64) {
				w.Helper()
				a.Body = func(l *LWP) {
					w.is(what, []any{l.Sigmask(), l.Altstack().Sp, l.Altstack().Flags}, []any{mask, sp, int32(under(w, 0, 0)) + map[bool]int32{true: 0, false: netbsd.SS_DISABLE}[sp != 0]})
				}
				w.forkWith(l, what, a)
				w.wait(l, netbsd.WaitAny, 0)
			}
			ask("fork", ForkArgs{}, usr1, 0x1000)
			ask("shared memory", ForkArgs{ShareVM: true}, usr1, 0x1000)
			ask("vfork", ForkArgs{ShareVM: true, Vfork: true}, usr1, 0x1000)
			w.is("Prepare sees the loan", l.hookedTempMask(usr2, func() {
				c := w.fork(l, "T", sleepForever)
				w.is("mask", c.LWPs()[0].Sigmask(), usr1)
				n, _ := l.NewLWP(0, sleepForever, false, nil)
				w.is("mask of an LWP", n.Sigmask(), usr1)
			}), true)
			l.Sigaltstack(&Altstack{Flags: netbsd.SS_DISABLE, Sp: 0x3000})
			ask("disabled", ForkArgs{}, usr1, 0)
		})
	})
}

// hookedTempMask runs f in a call whose mask is a loan.
func (l *LWP) hookedTempMask(s netbsd.Sigset, f func()) bool {
	ran := false
	l.call(func() netbsd.Errno {
		l.tempMaskLocked(s)
		l.p.unlocked(func() { ran = l.hook(f) })
		return 0
	})
	return ran
}

// A parent that is of another machine, that has begun to exit or that is dead adopts nobody: init
// does.
func TestSpawnParent(t *testing.T) {
	both(t, func(w *world) {
		parentOf := func(what string, p, want *Proc) {
			w.Helper()
			c, errno := w.m.Spawn(SpawnArgs{Parent: p, Body: sleepForever})
			w.is(what, []any{errno, c.Parent()}, []any{netbsd.Errno(0), want})
			c.Kill(netbsd.SIGKILL)
			settled()
		}
		init := w.m.Init()
		live := w.spawn("live", sleepForever)
		settled()
		parentOf("alive", live, live)
		other := New(Config{})
		o, _ := other.Spawn(SpawnArgs{Body: sleepForever})
		parentOf("another machine's", o, init)
		other.Close()
		dead := w.spawn("dead", exit(0))
		dead.Wait()
		settled()
		parentOf("dead", dead, init)
		gate := make(chan struct{})
		dying := w.spawn("dying", func(l *LWP) {
			w.give(l.Proc(), func() { <-gate }, nil, nil)
		})
		settled()
		w.is("state", dying.State(), StateExiting)
		parentOf("closing its files", dying, init)
		close(gate)
		// P_WEXIT is set before the body's deferred functions, the state after them.
		held := make(chan struct{})
		leaving := w.spawn("leaving", func(l *LWP) {
			defer func() { <-held }()
			l.Exit(0)
		})
		synctest.Wait()
		w.is("state", []any{leaving.State(), leaving.Exiting()}, []any{StateActive, true})
		parentOf("running what it deferred", leaving, init)
		close(held)
	})
}

// A job that the embedder spawns: its group is new, in the parent's session, and in the foreground
// of its terminal if that is the session's.
func TestSpawnForeground(t *testing.T) {
	both(t, func(w *world) {
		tty := w.m.NewTTY(&fakeDev{})
		sh := w.spawnWith("sh", SpawnArgs{Setsid: true, Body: func(l *LWP) {
			l.AcquireTTY(tty)
			sleepForever(l)
		}})
		settled()
		spawn := func(a SpawnArgs) *Proc {
			a.Body, a.Parent = sleepForever, sh
			p, errno := w.m.Spawn(a)
			w.is("spawn", errno, netbsd.Errno(0))
			return p
		}
		p := spawn(SpawnArgs{})
		w.is("the parent's group", []int{p.Pgid(), p.Sid()}, []int{sh.Pid(), sh.Pid()})
		spawn(SpawnArgs{Foreground: true})
		w.is("no group to put there", tty.Foreground(), sh.Pgrp())
		p = spawn(SpawnArgs{Setpgrp: true})
		w.is("a group", []any{p.Pgid(), p.Sid(), tty.Foreground(), p.TTY()}, []any{p.Pid(), sh.Pid(), sh.Pgrp(), tty})
		p = spawn(SpawnArgs{Setpgrp: true, Foreground: true})
		w.is("foreground", []any{p.Pgid(), tty.Foreground()}, []any{p.Pid(), p.Pgrp()})
		p = spawn(SpawnArgs{Setsid: true})
		w.is("a session", []any{p.Sid(), p.TTY() == nil}, []any{p.Pid(), true})
		// Nothing is put in the foreground of a terminal that the session has lost.
		old := tty.Foreground()
		tty.Closed()
		spawn(SpawnArgs{Setpgrp: true, Foreground: true})
		w.is("closed", []any{tty.Foreground() == old, tty.Foreground() == nil}, []any{false, true})
		tty.Revoked()
		spawn(SpawnArgs{Setpgrp: true, Foreground: true})
		w.is("revoked", tty.Foreground() == nil, true)
		w.m.Kill(-sh.Pid(), netbsd.SIGKILL)
		time.Sleep(time.Second)
	})
}
