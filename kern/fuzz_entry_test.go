package kern

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"toaster/netbsd"
)

// entries are all calls that take numbers from a guest, by name. Each gets three
// numbers that may be anything.
var entries = []struct {
	name string
	call func(l *LWP, a, b, c int)
}{
	{"wait4", func(l *LWP, a, b, _ int) { l.Wait4(a, b|netbsd.WNOHANG, nil) }},
	{"wait4 kernel", func(l *LWP, a, b, _ int) { l.waitKernel(a, b|netbsd.WNOHANG, nil) }},
	{"wait6", func(l *LWP, a, b, c int) { l.Wait6(a, b, c|netbsd.WNOHANG, &WaitOut{}) }},
	{"Wait", func(l *LWP, a, b, _ int) { l.Wait(a, b|netbsd.WNOHANG) }},
	{"kill", func(l *LWP, a, b, _ int) { l.Kill(a, netbsd.Signal(b)) }},
	{"sigqueue", func(l *LWP, a, b, c int) { l.Sigqueue(a, &netbsd.Siginfo{Signo: netbsd.Signal(b), Code: int32(c)}) }},
	{"machine kill", func(l *LWP, a, b, _ int) { l.p.m.Kill(a, netbsd.Signal(b)) }},
	{"setpgid", func(l *LWP, a, b, _ int) { l.Setpgid(a, b) }},
	{"getpgid", func(l *LWP, a, _, _ int) { l.Getpgid(a); l.Getsid(a); l.p.m.FindPgrp(a); l.p.m.Find(a) }},
	{"fork", func(l *LWP, a, b, _ int) {
		l.Fork(ForkArgs{ExitSignal: netbsd.Signal(a), NoExitSignal: b&1 != 0, Body: func(*LWP) {}})
	}},
	{"exec ids", func(l *LWP, a, b, _ int) { u, g := uint32(a), uint32(b); l.Exec(ExecArgs{SetUID: &u, SetGID: &g}) }},
	{"lwp_create", func(l *LWP, a, _, _ int) { l.NewLWP(a, sleepForever, false, nil) }},
	{"lwp_wait", func(l *LWP, a, _, _ int) {
		if a != 0 && l.p.LWP(a) == nil {
			l.LWPWait(a)
		}
	}},
	{"lwp_detach", func(l *LWP, a, _, _ int) { l.LWPDetach(a) }},
	{"lwp_suspend", func(l *LWP, a, _, _ int) {
		if t := l.p.LWP(a); t == nil || t != l {
			l.LWPSuspend(a)
			l.LWPContinue(a)
		}
	}},
	{"lwp_wakeup", func(l *LWP, a, _, _ int) { l.LWPWakeup(a) }},
	{"lwp_kill", func(l *LWP, a, b, _ int) { l.LWPKill(a, netbsd.Signal(b)) }},
	{"lwp_name", func(l *LWP, a, _, _ int) { l.LWPSetName(a, "n"); l.LWPGetName(a) }},
	{"unpark", func(l *LWP, a, b, c int) { l.Unpark(a, b, c); l.Park(time.Now().Add(-time.Duration(c)), b) }},
	{"attach", func(l *LWP, a, _, _ int) { l.PtraceAttach(a) }},
	{"resume", func(l *LWP, a, b, c int) {
		l.PtraceResume(a, ResumeArgs{Signal: netbsd.Signal(b), LWP: c, Step: b&1 != 0, Syscall: b&2 != 0, Detach: b&4 != 0})
	}},
	{"trace kill", func(l *LWP, a, _, _ int) { l.PtraceKill(a) }},
	{"trace stop", func(l *LWP, a, _, _ int) { l.PtraceStop(a) }},
	{"trace step", func(l *LWP, a, b, c int) {
		l.PtraceSetStep(a, b, c&1 != 0)
		l.TraceAllowed(a, b&1 != 0, c&1 != 0)
	}},
	{"trace state", func(l *LWP, a, b, c int) {
		m := uint32(b)
		l.PtraceEventMask(a, &m)
		l.PtraceState(a)
		l.PtraceSiginfo(a)
		l.PtraceSetSiginfo(a, c, netbsd.Siginfo{Signo: netbsd.Signal(b)})
		l.TraceTarget(a)
	}},
	{"sigaction", func(l *LWP, a, b, c int) {
		l.Sigaction(netbsd.Signal(a), &Action{Handler: uint64(b), Mask: netbsd.Sigset(c), Flags: int32(c)})
		l.p.Action(netbsd.Signal(a))
	}},
	{"sigprocmask", func(l *LWP, a, b, _ int) { s := netbsd.Sigset(b); l.Sigprocmask(a, &s) }},
	{"sigaltstack", func(l *LWP, a, b, c int) { l.Sigaltstack(&Altstack{Sp: uint64(a), Size: uint64(b), Flags: int32(c)}) }},
	{"sigtimedwait", func(l *LWP, a, _, _ int) { l.Sigtimedwait(netbsd.Sigset(a), time.Now().Add(-1)) }},
	{"setmask", func(l *LWP, a, b, _ int) {
		l.Platform().SetSigmask(netbsd.Sigset(a))
		l.Platform().SetTempMask(netbsd.Sigset(b))
	}},
	{"trap", func(l *LWP, a, b, _ int) { l.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.Signal(a), Code: int32(b)}) }},
	{"signal lwp", func(l *LWP, a, b, _ int) { l.signalLWP(&netbsd.Siginfo{Signo: netbsd.Signal(a), Code: int32(b)}) }},
	{"setitimer", func(l *LWP, a, b, c int) {
		l.Setitimer(a, Itimerval{time.Duration(b), time.Duration(c)})
		l.p.Getitimer(a)
	}},
	{"timers", func(l *LWP, a, b, c int) {
		id, _ := l.p.TimerCreate(netbsd.CLOCK_REALTIME, &netbsd.Siginfo{Signo: netbsd.Signal(a)})
		l.p.TimerSettime(id, Itimerval{time.Duration(b), time.Duration(c)})
		l.p.TimerSettime(a, Itimerval{time.Duration(b), time.Duration(c)})
		l.p.TimerGettime(a)
		l.p.TimerOverrun(a)
		l.p.TimerDelete(b)
	}},
	{"rlimit", func(l *LWP, a, b, c int) { l.SetRlimit(a, Rlimit{uint64(b), uint64(c)}); l.p.Rlimit(a) }},
	{"rusage", func(l *LWP, a, _, _ int) { l.p.Rusage(a) }},
	{"rasctl", func(l *LWP, a, b, c int) { l.p.RasControl(RAS{uint64(b), uint64(c)}, a); l.p.RASStart(uint64(b)) }},
	{"ids", func(l *LWP, a, b, _ int) { l.Setreuid(int64(a), int64(b)); l.Setregid(int64(b), int64(a)) }},
	{"uid", func(l *LWP, a, b, _ int) {
		l.Setuid(uint32(a))
		l.Seteuid(uint32(b))
		l.Setgid(uint32(a))
		l.Setegid(uint32(b))
	}},
	{"groups", func(l *LWP, a, _, _ int) { l.Setgroups(make([]uint32, uint(a)%40)) }},
	{"nice", func(l *LWP, _, b, _ int) { l.p.SetNice(b) }},
	{"tty", func(l *LWP, a, b, _ int) {
		t := l.p.m.NewTTY(nil)
		l.AcquireTTY(t)
		l.SetForeground(t, a)
		l.GetForeground(t)
		t.Signal(netbsd.Signal(b))
	}},
	{"ours", func(l *LWP, a, b, _ int) {
		l.p.SetParentDeathSignal(netbsd.Signal(a))
		l.p.KillSubtree(netbsd.Signal(b))
		if h, errno := l.p.m.OpenHandle(a, b&1 != 0); errno == 0 {
			h.Signal(netbsd.Signal(b))
			h.Close()
		}
	}},
	{"posix_spawn", func(l *LWP, a, b, c int) {
		s := netbsd.Sigset(b)
		l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{ExitSignal: netbsd.Signal(c), Body: func(*LWP) {}}, Setpgroup: true, Pgroup: a, Sigmask: &s, Sigdefault: s})
	}},
	{"acct", func(l *LWP, a, _, _ int) { compT(time.Duration(a)) }},
	{"exit", func(l *LWP, a, _, _ int) { l.Exit(a) }},
}

// entryNumbers are what fuzzing starts from and what the plain test tries.
var entryNumbers = []int{0, 1, -1, 2, 3, 9, 17, 31, 32, 33, 63, 64, 65, 127, -2, -3, 128, 4096, 4098, 30000, 1 << 16, 1 << 20,
	math.MaxInt32, math.MinInt32, math.MaxInt32 + 1, math.MinInt32 - 1, math.MaxInt64, math.MinInt64, 1<<32 + 2, -1 << 32}

// tryEntry makes one call on a machine that has a bit of everything: a child that
// runs, a zombie, a stopped one, a traced one, a second LWP.
func tryEntry(t *testing.T, i int, a, b, c int) {
	for _, r := range releases {
		synctest.Test(t, func(t *testing.T) {
			m := New(Config{Release: r, MaxProc: 40, Events: 8})
			m.Spawn(SpawnArgs{Setsid: true, Body: func(l *LWP) {
				l.Fork(ForkArgs{Body: sleepForever})
				l.Fork(ForkArgs{Body: func(*LWP) {}})
				s, _ := l.Fork(ForkArgs{Body: sleepForever})
				s.Kill(netbsd.SIGSTOP)
				l.Fork(ForkArgs{Body: func(l *LWP) { l.TraceMe(); l.Kill(l.p.Pid(), netbsd.SIGUSR1) }})
				l.NewLWP(0, sleepForever, false, nil)
				l.Nanosleep(time.Millisecond)
				l.Wait4(s.Pid(), netbsd.WNOHANG|netbsd.WUNTRACED, nil)
				entries[i].call(l, a, b, c)
				l.Kill(l.p.Pid(), 0) // one more way through the kernel
			}})
			time.Sleep(time.Second)
			synctest.Wait()
			check(t, m)
			m.Close()
			check(t, m)
		})
	}
}

// FuzzEntry has one call with arbitrary numbers: an errno or an effect, never a
// panic, and a whole tree after it.
func FuzzEntry(f *testing.F) {
	for i := range entries {
		f.Add(uint8(i), int64(-1), int64(9), int64(0))
		f.Add(uint8(i), int64(2), int64(math.MinInt64), int64(1<<31))
		f.Add(uint8(i), int64(math.MaxInt64), int64(-1), int64(3))
	}
	f.Fuzz(func(t *testing.T, i uint8, a, b, c int64) {
		tryEntry(t, int(i)%len(entries), int(a), int(b), int(c))
	})
}

// Every entry with every number of note in each place.
func TestEntriesWithOddNumbers(t *testing.T) {
	for i, e := range entries {
		t.Run(e.name, func(t *testing.T) {
			for k, n := range entryNumbers {
				other := entryNumbers[(k*7+i)%len(entryNumbers)]
				tryEntry(t, i, n, other, entryNumbers[(k+3)%len(entryNumbers)])
				tryEntry(t, i, other, n, 0)
			}
		})
	}
}
