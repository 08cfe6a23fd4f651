package kern

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"toaster/netbsd"
)

// The options that NetBSD lacks: handles, subreapers, parent-death signals, events, Check.

func TestHandleNeverNamesAnotherProcess(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			c := w.fork(l, "C", sleepForever)
			h, errno := w.m.OpenHandle(c.Pid(), false)
			w.is("open", []any{errno, h.Pid(), h.Proc() == c}, []any{netbsd.Errno(0), c.Pid(), true})
			w.is("look", h.Signal(0), netbsd.Errno(0))
			w.is("term", h.Signal(netbsd.SIGTERM), netbsd.Errno(0))
			w.is("status", h.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
			w.is("a zombie", h.Signal(netbsd.SIGKILL), under(w, netbsd.ESRCH, netbsd.Errno(0)))
			w.wait(l, c.Pid(), 0)
			w.is("gone", h.Signal(netbsd.SIGKILL), netbsd.ESRCH)
			// The same pid for another process: the handle stays with the first.
			w.locked(func() { w.m.cfg.Trace = nil })
			var q *Proc
			for range 40000 {
				if q, errno = l.Fork(ForkArgs{Body: sleepForever}); errno != 0 || q.Pid() == c.Pid() {
					break
				}
				q.Kill(netbsd.SIGKILL)
				l.Wait4(q.Pid(), 0, nil)
			}
			w.is("pid used again", q.Pid(), c.Pid())
			w.is("handle", h.Signal(netbsd.SIGKILL), netbsd.ESRCH)
			w.is("the other lives", q.State(), StateActive)
			w.is("handle's status", h.Wait(), netbsd.ExitStatus(0, netbsd.SIGTERM))
			_, errno = w.m.OpenHandle(31999, false)
			w.is("nobody", errno, netbsd.ESRCH)
		})
	})
}

func TestHandleKillOnClose(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			a, b := w.fork(l, "A", sleepForever), w.fork(l, "B", sleepForever)
			ha, hb := a.Handle(true), b.Handle(false)
			for range 2 {
				ha.Close()
				hb.Close()
			}
			w.waitIs(l, a.Pid(), 0, a.Pid(), netbsd.ExitStatus(0, netbsd.SIGKILL), 0)
			w.waitIs(l, b.Pid(), netbsd.WNOHANG, 0, 0, 0)
			w.is("closed", []any{ha.Signal(0), hb.Signal(0)}, []any{netbsd.EBADF, netbsd.EBADF})
			<-ha.Done()
		})
	})
}

func TestSubreaperInheritsAndKillsItsTree(t *testing.T) {
	both(t, func(w *world) {
		p := w.spawn("S", func(l *LWP) {
			s := l.Proc()
			w.is("set", s.SetSubreaper(true), netbsd.Errno(0))
			w.handle(l, netbsd.SIGCHLD, func(_ *LWP, si *netbsd.Siginfo) { w.mark("S.SIGCHLD %s", w.names[int(si.Pid)]) })
			a := w.fork(l, "A", func(l *LWP) {
				w.is("not inherited", l.Proc().Subreaper(), false)
				w.fork(l, "Z", func(l *LWP) { l.Nanosleep(time.Millisecond); l.Exit(1) }) // after B's birth
				w.forkWith(l, "B", ForkArgs{ExitSignal: netbsd.SIGUSR1, Body: func(l *LWP) {
					w.fork(l, "C", sleepForever)
					sleepForever(l)
				}})
				nap(l, time.Second)
			})
			nap(l, 500*time.Millisecond)
			st := s.ReapStatus()
			w.is("status", st, ReapStatus{Reaper: s.Pid(), Children: 1, Descendants: 4, First: a.Pid()})
			w.is("descendants", w.namesOf(s.Descendants()), "A B C Z")
			w.is("A's reaper", a.ReapStatus().Reaper, s.Pid())
			w.waitIs(l, a.Pid(), 0, a.Pid(), 0, 0)
			w.is("orphans come here", w.kids(s), under(w, "Z B", "B Z")) // 10: Z was at the head of A's
			w.is("getppid", w.find("B").Ppid(), s.Pid())
			w.waitIs(l, netbsd.WaitAny, 0, w.find("Z").Pid(), netbsd.ExitStatus(1, 0), 0)
			n, errno := s.KillSubtree(netbsd.SIGKILL)
			w.is("kill", []any{n, errno}, []any{2, netbsd.Errno(0)})
			for range 2 { // B with SIGCHLD now, and its orphan C
				r := w.wait(l, netbsd.WaitAny, 0)
				w.is("killed", r.Status.TermSignal(), netbsd.SIGKILL)
			}
			n, errno = s.KillSubtree(netbsd.SIGKILL)
			w.is("nobody left", []any{n, errno, s.ReapStatus().Descendants}, []any{0, netbsd.ESRCH, 0})
			_, errno = s.KillSubtree(99)
			w.is("no signal", errno, netbsd.EINVAL)
			// One below another: the nearest takes the orphans; without it the next.
			w.fork(l, "T", func(l *LWP) {
				l.Proc().SetSubreaper(true)
				w.fork(l, "D", func(l *LWP) { w.fork(l, "E", sleepForever) })
				w.wait(l, netbsd.WaitAny, 0)
				w.is("T's", w.kids(l.Proc()), "E")
				l.Nanosleep(time.Second)
			})
			w.wait(l, netbsd.WaitAny, 0)
			w.is("S's", w.kids(s), "E")
			w.is("off", s.SetSubreaper(false), netbsd.Errno(0))
		})
		p.Wait()
		settled()
		w.is("without it init's", w.find("E").Ppid(), 1)
		w.is("of a dead one", p.SetSubreaper(true), netbsd.ESRCH)
		w.never("S.SIGCHLD Z") // inherited, as init inherits
	})
}

func (w *world) namesOf(pids []int) string {
	var s []string
	for _, p := range pids {
		s = append(s, w.names[p])
	}
	slices.Sort(s)
	return strings.Join(s, " ")
}

func (w *world) find(name string) *Proc {
	for _, p := range w.m.Procs() {
		if w.names[p.Pid()] == name {
			return p
		}
	}
	w.Errorf("no process %s", name)
	return w.m.Init()
}

func TestParentDeathSignal(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			w.fork(l, "C", func(l *LWP) {
				w.is("set", l.Proc().SetParentDeathSignal(netbsd.SIGUSR1), netbsd.Errno(0))
				w.catch(l, "C", netbsd.SIGUSR1)
				w.fork(l, "G", func(l *LWP) { w.catch(l, "G", netbsd.SIGUSR1); sleepForever(l) }) // not inherited
				sleepForever(l)
			})
			w.fork(l, "off", func(l *LWP) {
				l.Proc().SetParentDeathSignal(netbsd.SIGKILL)
				l.Proc().SetParentDeathSignal(0)
				sleepForever(l)
			})
			l.Nanosleep(time.Second)
		}).Wait()
		settled()
		w.order("C.SIGUSR1")
		w.is("off", w.find("off").State(), StateActive)
		c := w.find("C")
		w.is("no signal", c.SetParentDeathSignal(99), netbsd.EINVAL)
		c.Kill(netbsd.SIGKILL)
		settled()
		w.never("G.SIGUSR1")
	})
}

func TestEventStream(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Events = 64 }, func(w *world) {
		ev := w.m.Events()
		p := w.guest(func(l *LWP) {
			c := w.fork(l, "C", func(l *LWP) {
				l.Exec(ExecArgs{Comm: "x"})
				l.Kill(l.Proc().Pid(), netbsd.SIGSTOP)
				w.fork(l, "G", sleepForever)
				l.Exit(3)
			})
			w.wait(l, c.Pid(), netbsd.WUNTRACED)
			l.Kill(c.Pid(), netbsd.SIGCONT)
			w.wait(l, c.Pid(), 0)
		})
		var got []string
		last := uint64(0)
		for {
			e, ok := ev.TryNext()
			if !ok {
				break
			}
			w.is("numbers without holes", e.Seq, last+1)
			last = e.Seq
			s := fmt.Sprint(e.Kind, " ", w.names[int(e.Pid)])
			switch e.Kind {
			case EventFork, EventReparent:
				s += " " + w.names[int(e.Other)]
			case EventStop:
				s += fmt.Sprint(" ", e.Signal)
			case EventReap:
				s += fmt.Sprintf(" %#x", int(e.Status))
			}
			got = append(got, s)
		}
		w.is("events", strings.Join(got, ", "), "fork P init, fork C P, exec C, stop C SIGSTOP, continue C, fork G C, reparent G init, exit C, reap C 0x300, exit P, reap P 0x0")
		_ = p
	})
}

func TestEventStreamIsNotHeldUpByASlowReader(t *testing.T) {
	bothWith(t, func(w *world, c *Config) { c.Events = 8 }, func(w *world) {
		slow := w.m.Events()
		w.guest(func(l *LWP) {
			for range 10 {
				w.wait(l, w.fork(l, "C", exit(0)).Pid(), 0)
			}
		})
		// 1 for P, 3 each for the ten, 2 for P's end: 33, of which 8 are kept.
		e, ok := slow.TryNext()
		w.is("gap", []any{ok, e.Kind, e.Lost, e.Seq}, []any{true, EventGap, uint64(25), uint64(25)})
		for i := range 8 {
			e, ok = slow.TryNext()
			w.is("then", []any{ok, e.Seq}, []any{true, uint64(26 + i)})
		}
		_, ok = slow.TryNext()
		w.is("no more", ok, false)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := slow.Next(ctx)
		w.is("waits", errors.Is(err, context.DeadlineExceeded), true)
		got := make(chan Event)
		go func() { e, _ := slow.Next(context.Background()); got <- e }()
		w.spawn("Q", exit(0))
		w.is("wakes", (<-got).Kind, EventFork)
		w.m.Close()
		for {
			if _, err := slow.Next(context.Background()); err != nil {
				w.is("end", err, io.EOF)
				return
			}
		}
	})
}

// Check must say what is wrong: each corruption is found, in words, and mending it
// makes the machine clean again.
func TestCheckFindsCorruption(t *testing.T) {
	both(t, func(w *world) {
		w.spawn("P", func(l *LWP) {
			l.Wait4(w.fork(l, "F", exit(0)).Pid(), 0, nil) // a pid that has been used and is free
			w.fork(l, "Y", exit(0))
			w.fork(l, "Z", exit(0))
			w.fork(l, "C", func(l *LWP) { l.Setpgid(0, 0); sleepForever(l) })
			s := w.fork(l, "S", sleepForever)
			l.Kill(s.Pid(), netbsd.SIGSTOP)
			l.Wait4(-9999, netbsd.WNOHANG, nil) // makes the index by group
			sleepForever(l)
		})
		settled()
		for _, x := range w.corruptions() {
			w.finds(x)
		}
	})
}

// finds demands that Check says what is to be said of x, and nothing once it is mended.
func (w *world) finds(x corruption) {
	check(w.T, w.m)
	w.locked(x.break_)
	errs := w.m.Check()
	w.locked(x.un)
	all := fmt.Sprint(errs)
	switch said := slices.ContainsFunc(strings.Split(x.says, "|"), func(s string) bool { return strings.Contains(all, s) }); {
	case x.not && said:
		w.Errorf("%s: Check says %v, which is none", x.name, all)
	case !x.not && !said:
		w.Errorf("%s: Check says %v", x.name, all)
	}
}

// corruption is damage that Check must find, in one of these words; or, with not, something that
// happens and is none.
type corruption struct {
	name       string
	break_, un func()
	says       string
	not        bool
}

func (w *world) corruptions() (all []corruption) {
	all = append(all, w.corruptCounts()...)
	all = append(all, w.corruptLists()...)
	all = append(all, w.corruptIntoCircles()...)
	all = append(all, w.corruptIDs()...)
	return append(all, w.corruptTracing()...)
}

func (w *world) corruptCounts() []corruption {
	p, c, z, m := w.find("P"), w.find("C"), w.find("Z"), w.m
	node, groups, old := c.node, p.ext.groups, *c.pgrp
	return []corruption{
		{"zombie count", func() { m.nzombies++ }, func() { m.nzombies-- }, "zombies on the list", false},
		{"process count", func() { m.nprocs++ }, func() { m.nprocs-- }, "processes in the table", false},
		{"children count", func() { p.nkids[0]++ }, func() { p.nkids[0]-- }, "children by class", false},
		{"LWP count", func() { c.nlwps++ }, func() { c.nlwps-- }, "LWPs", false},
		{"zombie LWP count", func() { c.nzlwps++ }, func() { c.nzlwps-- }, "LWPs", false},
		{"queue", func() { z.wkind = kNone }, func() { z.wkind = kZombie }, "should be in", false},
		{"queue count", func() { p.waits.n[0][0]++ }, func() { p.waits.n[0][0]-- }, "has reports", false},
		{"group index", func() { c.node = nil }, func() { c.node = node }, "index of groups", false},
		{"no index", func() { p.ext.groups = nil }, func() { p.ext.groups = groups }, "in an index of groups that", false},
		{"group without children", func() { p.ext.groups[nil] = new(kidGroup) }, func() { delete(p.ext.groups, nil) }, "in its index", false},
		{"children by group", func() { node.kg.nkids[0]++ }, func() { node.kg.nkids[0]-- }, "by class", false},
		{"reports by group", func() { z.node.kg.set.n[0][0]++ }, func() { z.node.kg.set.n[0][0]-- }, "has reports", false},
		{"group count", func() { c.pgrp.n++ }, func() { c.pgrp.n-- }, "members, counted", false},
		{"jobc", func() { c.pgrp.jobc++ }, func() { c.pgrp.jobc-- }, "jobc", false},
		{"who counts", func() { c.flags ^= fQualifies; c.pgrp.jobc-- }, func() { c.flags ^= fQualifies; c.pgrp.jobc++ }, "counts for group", false},
		{"empty group", func() { c.pgrp.members, c.pgrp.n, c.pgrp.jobc = nil, 0, 0 }, func() { *c.pgrp = old }, "is empty", false},
		{"nobody's group", func() { c.pgrp.members, c.pgrp.n, c.pgrp.jobc = nil, 0, 0 }, func() { *c.pgrp = old }, "are in groups, of", false},
		{"session refs", func() { c.pgrp.sess.refs++ }, func() { c.pgrp.sess.refs-- }, "references", false},
		{"session leader", func() { m.init.pgrp.sess.leader = c }, func() { m.init.pgrp.sess.leader = m.init }, "is led by", false},
		{"user count", func() { m.uids[0]++ }, func() { m.uids[0]-- }, "user 0 has", false},
		{"user of none", func() { m.uids[7] = 0 }, func() { delete(m.uids, 7) }, "has no process, counted", false},
		{"LWPs of a user", func() { m.ulwps[0]++ }, func() { m.chglwpcnt(0, -1) }, "has no further LWP, counted", false},
	}
}

func (w *world) corruptLists() []corruption {
	p, c, z, y, s, m := w.find("P"), w.find("C"), w.find("Z"), w.find("Y"), w.find("S"), w.m
	tail := m.all.head
	for tail.allNext != nil {
		tail = tail.allNext
	}
	swap := func() { z.seq, y.seq = y.seq, z.seq }
	seq := z.seq
	return []corruption{
		{"state", func() { c.state = StateZombie }, func() { c.state = StateActive }, "on the list of the living", false},
		{"living zombie", func() { z.state = StateActive }, func() { z.state = StateZombie }, "and on the zombie list", false},
		{"both lists", func() { tail.allNext = m.zombies.head }, func() { tail.allNext = nil }, "is on both lists", false},
		{"no list", func() { m.all.remove(c) }, func() { m.all.pushFront(c) }, "on no list", false},
		{"parent", func() { c.parent = s }, func() { c.parent = p }, "wrong links", false},
		{"no parent", func() { c.parent = nil }, func() { c.parent = p }, "has no parent", false},
		{"zombie parent", func() { c.parent = z }, func() { c.parent = p }, "which is zombie", false},
		{"dead parent", func() { c.parent, z.state = z, StateDead }, func() { c.parent, z.state = p, StateZombie }, "which is dead", false},
		{"circle", func() { c.parent, s.parent = s, c }, func() { c.parent, s.parent = p, p }, "descends from itself", false},
		{"child order", func() { s.seq, c.seq = c.seq, s.seq }, func() { s.seq, c.seq = c.seq, s.seq }, "comes after", false},
		{"children at one place", func() { z.seq = y.seq }, func() { z.seq = seq }, "comes after", false},
		{"queue order", swap, swap, "wait queue", false},
		{"reports at one place", func() { z.seq = y.seq }, func() { z.seq = seq }, "wait queue", false},
		{"wait class", func() { c.exitsig = netbsd.SIGUSR1 }, func() { c.exitsig = netbsd.SIGCHLD }, "wait class", false},
		{"LWP links", func() { c.lwps.prev = c.lwps }, func() { c.lwps.prev = nil }, "wrong links", false},
		{"LWP state", func() { c.lwps.stat = LWPRunning }, func() { c.lwps.stat = LWPSleeping }, "parked", false},
		{"no live LWP", func() { c.lwps.stat, c.nzlwps = LWPZombie, 1 }, func() { c.lwps.stat, c.nzlwps = LWPSleeping, 0 }, "has no live LWP", false},
		{"init has died", func() { m.init.lwps.stat, m.init.nzlwps = LWPZombie, 1 }, func() { m.init.lwps.stat, m.init.nzlwps = LWPSleeping, 0 }, "has no live LWP", true},
		{"stopped", func() { s.lwps.stat = LWPSleeping }, func() { s.lwps.stat = LWPStopped }, "is stopped and", false},
		{"stopped and running", func() { s.lwps.stat = LWPRunning }, func() { s.lwps.stat = LWPStopped }, "is stopped and", false},
		{"stopped zombie", func() { z.flags |= fStopped }, func() { z.flags &^= fStopped }, "is zombie and stopped", false},
		{"stopping, dead", func() { z.flags |= fStopping; z.state = StateDead }, func() { z.flags &^= fStopping; z.state = StateZombie }, "is dead and stopped", false},
		{"living LWP of a zombie", func() { c.state = StateZombie }, func() { c.state = StateActive }, "live LWPs", false},
		{"in no group", func() { c.pgrp = p.pgrp }, func() { c.pgrp = p.pgrp.sess.m.pids.findGroup(int(c.pid)) }, "list and not in it", false},
	}
}

// A walk along any of these links would not end.
func (w *world) corruptIntoCircles() []corruption {
	p, c, z, m := w.find("P"), w.find("C"), w.find("Z"), w.m
	last := func(head *Proc, next func(*Proc) *Proc) *Proc {
		for next(head) != nil {
			head = next(head)
		}
		return head
	}
	living, zombie, kid, member := last(m.all.head, nextProc), last(m.zombies.head, nextProc), last(p.kids, nextKid), last(p.pgrp.members, nextMember)
	own, group := z.hp, z.node.hp
	free := &m.pids.slots[m.pids.head]
	next := free.next
	return []corruption{
		{"circle of the living", func() { living.allNext = m.all.head }, func() { living.allNext = nil }, "list of the living of 0 is a circle", false},
		{"circle of zombies", func() { zombie.allNext = m.zombies.head }, func() { zombie.allNext = nil }, "list of zombies of 0 is a circle", false},
		{"circle of children", func() { kid.sibNext = kid }, func() { kid.sibNext = nil }, "list of children of 2 is a circle", false},
		{"circle of LWPs", func() { c.lwps.next = c.lwps }, func() { c.lwps.next = nil }, "is a circle", false},
		{"circle of a dead process's LWPs", func() { free.p, c.state, c.lwps.next = c, StateDead, c.lwps }, func() { free.p, c.state, c.lwps.next = nil, StateActive, nil }, "is a circle", false},
		{"circle of members", func() { member.pgNext = p.pgrp.members }, func() { member.pgNext = nil }, "list of members of 1 is a circle", false},
		{"circle beside", func() { z.hp.next = z }, func() { z.hp = own }, "is in a circle", false},
		{"circle below", func() { z.hp.child = z }, func() { z.hp = own }, "is in a circle", false},
		{"circle in a group", func() { z.node.hp.next = z }, func() { z.node.hp = group }, "is in a circle", false},
		{"report in no group", func() { z.node.hp.next = m.init }, func() { z.node.hp = group }, "is in no index of groups", false},
		{"a free id that there is not", func() { free.next = 1 << 30 }, func() { free.next = next }, "leads to", false},
	}
}

func (w *world) corruptIDs() []corruption {
	c, z, m := w.find("C"), w.find("Z"), w.m
	t := &m.pids
	slot := func(id int32) *pidSlot { return &t.slots[id&int32(len(t.slots)-1)] }
	free := func() *pidSlot { return &t.slots[t.head] }
	return []corruption{
		{"free ids", func() { t.nfree++ }, func() { t.nfree-- }, "free pid slots", false},
		{"circle of free ids", func() { t.slots[t.tail].next = t.head }, func() { t.slots[t.tail].next = -1 }, "free pid slots", false},
		{"unused id in use", func() { t.slots[len(t.slots)-1].p = c }, func() { t.slots[len(t.slots)-1].p = nil }, "is free and in use", false},
		{"free id in use", func() { free().p = c }, func() { free().p = nil }, "is free and in use", false},
		{"another id", func() { slot(c.pid).id++ }, func() { slot(c.pid).id-- }, "is not in the pid table", false},
		{"an id of another place", func() { slot(c.pid).id++; c.pid++ }, func() { c.pid--; slot(c.pid).id-- }, "pid slot", false},
		{"a group at another place", func() { c.pgrp.id++ }, func() { c.pgrp.id-- }, "has group", false},
		{"an LWP's id of a zombie", func() { free().p = z }, func() { free().p = nil }, "and process", false},
		{"an LWP's id of a dead process", func() { free().p, z.state = z, StateDead }, func() { free().p, z.state = nil, StateZombie }, "and process", false},
	}
}

func (w *world) corruptTracing() []corruption {
	p, c, z, s := w.find("P"), w.find("C"), w.find("Z"), w.find("S")
	traced := func(op *Proc) func() { return func() { c.flags |= fTraced; c.opptr = op } }
	untraced := func() { c.flags &^= fTraced; c.opptr = nil }
	return []corruption{
		{"original parent", func() { c.opptr = p }, func() { c.opptr = nil }, "not traced", false},
		{"child of nobody", traced(s), untraced, "unknown to its original parent", false},
		{"child of the dead", traced(z), untraced, "unknown to its original parent", true},
		{"child of the dying", func() { traced(z)(); z.state = StateDead }, func() { untraced(); z.state = StateZombie }, "unknown to its original parent", true},
		{"stolen", func() { p.ext.stolen = []*Proc{s} }, func() { p.ext.stolen = nil }, "thinks that a debugger has its child", false},
	}
}

// Bad input gets an error, never a panic, and harms nothing.
func TestForeignAndDeadObjects(t *testing.T) {
	both(t, func(w *world) {
		other := New(Config{Release: w.m.Release()})
		foreign := other.NewTTY(nil)
		op, _ := other.Spawn(SpawnArgs{Body: sleepForever})
		var dead *LWP
		w.guest(func(l *LWP) {
			w.is("foreign tty", []netbsd.Errno{l.AcquireTTY(foreign), l.SetForeground(foreign, 1), l.Background(foreign, true), l.AcquireTTY(nil)},
				[]netbsd.Errno{netbsd.EINVAL, netbsd.EINVAL, netbsd.EINVAL, netbsd.EINVAL})
			dead = l
		})
		p := dead.Proc()
		_, e1 := dead.Fork(ForkArgs{Body: exit(0)})
		_, e2 := dead.Wait4(-1, 0, nil)
		_, e3 := dead.Wait6(0, 0, netbsd.WEXITED, nil)
		_, e4 := dead.Setsid()
		_, e5 := dead.NewLWP(0, exit(0), false, nil)
		for i, errno := range []netbsd.Errno{e1, e2, e3, e4, e5, dead.Kill(1, 0), dead.Sleep(true, time.Time{}), dead.Setpgid(0, 0),
			dead.Setuid(1), dead.Pause(), dead.PtraceAttach(1), dead.TraceMe(), dead.DropTTY(), dead.Exec(ExecArgs{}),
			dead.LWPKill(1, 0), dead.LWPDetach(1), dead.LWPSuspend(1), dead.LWPContinue(1), dead.LWPWakeup(1), dead.Unpark(1),
			dead.Park(time.Time{}, 0), p.Kill(0), p.OnExit(func(*Proc) {}), p.SetSubreaper(true), p.AttachKnote(note(func(NoteEvent) {}))} {
			if errno != netbsd.ESRCH {
				w.Errorf("call %d of a dead LWP or process: %v", i, errno)
			}
		}
		dead.Exit(1)
		dead.ExitLWP()
		dead.Wake()
		dead.Setitimer(0, Itimerval{Value: time.Second})
		p.Pgid()
		p.Sid()
		p.Ppid()
		p.Children()
		p.Rusage(0)
		p.Cred()
		p.ReapStatus()
		p.SetParentDeathSignal(netbsd.SIGKILL)
		p.setKtrace(nil)
		p.Getlogin()
		p.Comm()
		p.Rlimit(0)
		dead.SetRlimit(0, Rlimit{})
		dead.Setlogin("x")
		dead.Sigaction(netbsd.SIGUSR1, &Action{})
		dead.Sigsuspend(0)
		dead.Platform().SetTempMask(1)
		dead.Platform().UserRet(nil)
		dead.Platform().Trap(&netbsd.Siginfo{Signo: netbsd.SIGSEGV})
		dead.signalLWP(&netbsd.Siginfo{Signo: netbsd.SIGSEGV})
		dead.TraceTarget(1)
		dead.PtraceState(1)
		dead.PtraceSiginfo(1)
		dead.PtraceEventMask(1, nil)
		dead.Getsid(0)
		dead.Getpgid(0)
		dead.GetForeground(w.m.NewTTY(nil))
		dead.Sigtimedwait(netbsd.AllSignals, time.Now())
		var none *LWP
		w.is("no LWP", none.Sleep(true, time.Time{}), netbsd.EINVAL)
		// A call as an LWP that is inside already, from another goroutine.
		q := w.spawn("Q", sleepForever)
		settled()
		w.is("busy", q.LWPs()[0].Kill(1, 0), netbsd.EBUSY)
		op.Kill(netbsd.SIGKILL)
		check(t, other)
		other.Close()
	})
}
