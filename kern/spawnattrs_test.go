package kern

import (
	"testing"
	"time"

	"toaster/netbsd"
)

// handle_posix_spawn_attrs has the parent ask for the child's group (proc_enterpgrp), which is ESRCH for a child that its tracer has for a parent
// (do_posix_spawn), unless the tracer descends from the one that asks. Whose the group is, is asked afterwards.
func TestPosixSpawnGroupUnderATracer(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			s := w.fork(l, "S", func(l *LWP) { l.Setsid(); sleepForever(l) })
			nap(l, time.Second)
			pid := w.tracedWith(l, netbsd.PTRACE_POSIX_SPAWN, func(l *LWP) {
				for _, g := range []int{0, -1, s.Pid()} {
					_, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(0)}, Setpgroup: true, Pgroup: g})
					w.is("under a tracer", errno, netbsd.ESRCH)
				}
				l.Exit(3)
			})
			for w.goOn(l, pid, 0); ; {
				r := w.wait(l, netbsd.WaitAny, 0)
				if r.Pid == pid && r.Status.Exited() {
					w.is("the end", r.Status, netbsd.ExitStatus(3, 0))
					break
				}
				if r.Status.Stopped() {
					w.goOn(l, r.Pid, 0)
				}
			}
			_, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(0)}, Setpgroup: true, Pgroup: s.Pid()})
			w.is("a group of another session", errno, netbsd.EPERM)
			w.wait(l, netbsd.WaitAny, 0)
			s.Kill(netbsd.SIGKILL)
		})
	})
}

// handle_posix_spawn_attrs: POSIX_SPAWN_SETSCHEDPARAM is do_sched_setparam for the parent's pid, not the child's (kern_exec.c 1.518.4.2). POSIX_SPAWN_SETSCHEDULER
// is for the child.
func TestPosixSpawnSchedparamIsTheParents(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("real-time", l.SetSched(0, 0, netbsd.SCHED_RR, 5), netbsd.Errno(0))
			spawn := func(s SpawnSched, policy, pri int) netbsd.Errno {
				_, errno := l.PosixSpawn(PosixSpawnArgs{Fork: ForkArgs{Body: exit(0)}, Sched: &s,
					Exec: func(c *LWP) netbsd.Errno { w.schedIs(c, 0, 0, policy, pri); return 0 }})
				w.wait(l, netbsd.WaitAny, 0)
				return errno
			}
			w.is("SETSCHEDPARAM", spawn(SpawnSched{netbsd.SCHED_NONE, 9}, netbsd.SCHED_RR, 5), netbsd.Errno(0))
			w.schedIs(l, 0, 0, netbsd.SCHED_RR, 9)
			w.is("SETSCHEDULER", spawn(SpawnSched{netbsd.SCHED_FIFO, 3}, netbsd.SCHED_FIFO, 3), netbsd.Errno(0))
			w.schedIs(l, 0, 0, netbsd.SCHED_RR, 9)
			w.is("no such priority", spawn(SpawnSched{netbsd.SCHED_NONE, 64}, 0, 0), netbsd.EINVAL)
			w.is("nothing", spawn(SpawnSched{netbsd.SCHED_NONE, -1}, netbsd.SCHED_RR, 9), netbsd.Errno(0))
			w.is("ordinary", l.SetSched(0, 0, netbsd.SCHED_OTHER, -1), netbsd.Errno(0))
			w.is("which has no priorities", spawn(SpawnSched{netbsd.SCHED_NONE, 1}, 0, 0), netbsd.EINVAL)

			gone := w.fork(l, "gone", exit(0))
			nap(l, time.Second)
			w.is("the parent has ended", l.spawnAttrs(&PosixSpawnArgs{Sched: &SpawnSched{netbsd.SCHED_NONE, 9}}, gone), netbsd.ESRCH)
			w.wait(l, gone.Pid(), 0)
		})
	})
}
