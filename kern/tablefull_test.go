package kern

import (
	"slices"
	"testing"
	"time"

	"toaster/netbsd"
)

// A full table refuses with EAGAIN (fork(2), _lwp_create(2)), the superuser too, and the
// embedder is told of which one. What has been waited for has left its place.
func TestTableFull(t *testing.T) {
	var told []string
	conf := func(procs, lwps int) func(w *world, c *Config) {
		return func(_ *world, c *Config) {
			told = nil
			c.MaxProc, c.MaxLWPs = procs, lwps
			c.TableFull = func(table string) { told = append(told, table) }
		}
	}
	t.Run("proc", func(t *testing.T) {
		bothWith(t, conf(3, 0), func(w *world) { // init, P and one more
			w.spawn("P", func(l *LWP) {
				for range 3 {
					c, errno := l.Fork(ForkArgs{Body: exit(0)})
					w.is("a fork with room", errno, netbsd.Errno(0))
					_, errno = l.Fork(ForkArgs{Body: exit(0)})
					w.is("one too many", errno, netbsd.EAGAIN)
					w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
				}
			}).Wait()
			w.is("told", slices.Compact(told), []string{TableProc})
		})
	})
	t.Run("lwp", func(t *testing.T) {
		bothWith(t, conf(0, 2), func(w *world) {
			w.spawn("P", func(l *LWP) {
				for range 3 {
					n, errno := l.NewLWP(0, func(n *LWP) { nap(n, time.Second) }, false, nil)
					w.is("an LWP with room", errno, netbsd.Errno(0))
					_, errno = l.NewLWP(0, sleepForever, false, nil)
					w.is("one too many", errno, netbsd.EAGAIN)
					_, errno = l.Fork(ForkArgs{Body: exit(0)})
					w.is("a process has an LWP, too", errno, netbsd.EAGAIN)
					w.is("a hook refuses", fails(l), netbsd.EAGAIN)
					_, errno = l.LWPWait(n.ID())
					w.is("waited for", errno, netbsd.Errno(0))
				}
				w.waitForked(l)
			}).Wait()
			w.is("told", slices.Compact(told), []string{TableLWP})
		})
	})
}

// check_posix_spawn refuses with EAGAIN when the table is full, the superuser, too, whom no limit of his own binds; the embedder is told.
func TestSpawnIntoAFullTable(t *testing.T) {
	var told []string
	bothWith(t, func(_ *world, c *Config) {
		told = nil
		c.MaxProc = 3
		c.TableFull = func(table string) { told = append(told, table) }
	}, func(w *world) {
		w.guest(func(l *LWP) {
			w.is("with room", []any{l.MaySpawn(), len(told)}, []any{netbsd.Errno(0), 0})
			c := w.fork(l, "C", sleepForever)
			w.is("full", []any{l.MaySpawn(), told}, []any{netbsd.Errno(netbsd.EAGAIN), []string{TableProc}})
			c.Kill(netbsd.SIGKILL)
			w.wait(l, c.Pid(), 0)
			w.is("with room again", l.MaySpawn(), netbsd.Errno(0))
		})
	})
}

// fails is an LWP that is refused after it was counted, if there is room at all.
func fails(l *LWP) netbsd.Errno {
	_, errno := l.NewLWP(0, sleepForever, false, func(*LWP) netbsd.Errno { return netbsd.ENOMEM })
	return errno
}

// waitForked shows that a hook's refusal left its place, and that a child's end does.
func (w *world) waitForked(l *LWP) {
	w.is("a hook's refusal", fails(l), netbsd.ENOMEM)
	for range 3 {
		c, errno := l.Fork(ForkArgs{Body: exit(0)})
		w.is("a fork with room", errno, netbsd.Errno(0))
		w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
	}
}

// The limits are not meant for the embedder's own processes.
func TestServiceIsNotCounted(t *testing.T) {
	conf := func(_ *world, c *Config) { c.MaxProc, c.MaxLWPs = 2, 1 }
	bothWith(t, conf, func(w *world) {
		_, errno := w.m.Spawn(SpawnArgs{Body: sleepForever, Service: true})
		w.is("a service", errno, netbsd.Errno(0))
		_, errno = w.m.Spawn(SpawnArgs{Body: sleepForever})
		w.is("a guest", errno, netbsd.Errno(0))
		_, errno = w.m.Spawn(SpawnArgs{Body: sleepForever})
		w.is("another one", errno, netbsd.EAGAIN)
	})
}

// Whoever starts a process while the machine begins to close is refused, however far it
// has come (Spawn's EAGAIN).
func TestSpawnWhileTheMachineEnds(t *testing.T) {
	both(t, func(w *world) {
		p, errno := w.m.Spawn(SpawnArgs{Body: sleepForever, Prepare: func(*LWP) netbsd.Errno {
			w.m.KillAll()
			return 0
		}})
		w.is("Spawn", errno, netbsd.EAGAIN)
		w.is("a process", p == nil, true)
	})
}

// TestSetMaxLWPs: a limit that is raised has room, one that is lowered leaves who is there.
func TestSetMaxLWPs(t *testing.T) {
	bothWith(t, func(_ *world, c *Config) { c.MaxLWPs = 1 }, func(w *world) {
		w.spawn("P", func(l *LWP) {
			_, errno := l.Fork(ForkArgs{Body: exit(0)})
			w.is("one too many", errno, netbsd.EAGAIN)
			w.m.SetMaxLWPs(2)
			w.is("it is told", w.m.MaxLWPs(), 2)
			c, errno := l.Fork(ForkArgs{Body: exit(0)})
			w.is("with room", errno, netbsd.Errno(0))
			w.m.SetMaxLWPs(1)
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
			_, errno = l.Fork(ForkArgs{Body: exit(0)})
			w.is("too many again", errno, netbsd.EAGAIN)
			w.m.SetMaxLWPs(0)
			w.is("none", w.m.MaxLWPs(), 0)
			c, errno = l.Fork(ForkArgs{Body: exit(0)})
			w.is("without a limit", errno, netbsd.Errno(0))
			w.waitIs(l, c.Pid(), 0, c.Pid(), 0, 0)
		}).Wait()
	})
}
