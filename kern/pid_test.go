package kern

import (
	"slices"
	"testing"
	"time"

	"toaster/netbsd"
)

// The table grows while slots are free that were never used, used once, and in use:
// every process is found under its pid, no pid is given twice, and all slots are free
// in the end.
func TestPidTableGrows(t *testing.T) {
	for _, n := range []int{1, 2097, 5000} {
		both(t, func(w *world) {
			w.locked(func() { w.m.cfg.Trace = nil })
			w.guest(func(l *LWP) {
				for range 100 { // slots that have been used
					c, _ := l.Fork(ForkArgs{Body: func(*LWP) {}})
					l.Wait4(c.Pid(), 0, nil)
				}
				kids := map[int]*Proc{}
				for range n {
					c, errno := l.Fork(ForkArgs{Body: sleepForever})
					if errno != 0 || kids[c.Pid()] != nil {
						w.Errorf("fork %d: %v, pid given twice", len(kids), errno)
					}
					kids[c.Pid()] = c
				}
				check(w.T, w.m)
				for pid, c := range kids {
					if w.m.Find(pid) != c || l.Kill(pid, netbsd.SIGKILL) != 0 {
						w.Errorf("%d live: pid %d is not found", n, pid)
					}
				}
				for range n {
					if pid, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != 0 || kids[pid] == nil {
						w.Errorf("wait: %d, %v", pid, errno)
					}
				}
			})
			w.is("left", w.m.NumProcs(), 1)
		})
	}
}

// proc_alloc_lwpid and proc_free_lwpid of NetBSD 10's kern_proc.c: LWP ids are process ids. The
// first LWP has its process's own, which is given again once that LWP has gone; the others' are
// nobody's pid and come back no sooner. In 2003 each process counts from 1.
func TestLWPIdsComeFromThePidTable(t *testing.T) {
	both(t, func(w *world) {
		w.guest(func(l *LWP) {
			p := l.Proc()
			w.is("the first", l.ID(), under(w, 1, p.Pid()))
			seen := map[int]bool{l.ID(): true}
			for range 3 {
				n, _ := l.NewLWP(0, (*LWP).ExitLWP, false, nil)
				if seen[n.ID()] {
					w.Errorf("id %d was given twice", n.ID())
				}
				seen[n.ID()] = true
				if !w.r2003 {
					w.is("no process", []any{w.m.Find(n.ID()) == nil, l.Kill(n.ID(), 0)}, []any{true, netbsd.ESRCH})
				}
				check(w.T, w.m)
				l.LWPWait(n.ID())
			}
			c := w.fork(l, "C", func(l *LWP) {
				l.NewLWP(0, func(l *LWP) {
					l.Nanosleep(time.Second) // the first has ended
					w.is("wait for the first", func() bool { n, _ := l.LWPWait(0); return n == under(w, 1, l.Proc().Pid()) }(), true)
					n, _ := l.NewLWP(0, sleepForever, false, nil)
					w.is("the process's id again", n.ID(), under(w, 3, l.Proc().Pid()))
					l.Exit(4)
				}, false, nil)
				l.ExitLWP()
			})
			if !w.r2003 && seen[c.Pid()] {
				w.Errorf("pid %d has been an LWP's", c.Pid())
			}
			w.waitIs(l, c.Pid(), 0, c.Pid(), netbsd.ExitStatus(4, 0), 0)
			_, errno := l.NewLWP(0, sleepForever, false, func(*LWP) netbsd.Errno { return netbsd.ENOMEM })
			w.is("one that came to nothing", errno, netbsd.ENOMEM)
		})
		check(t, w.m)
	})
}

// smallTable is a pid table of n slots whose ids end at most; it does not grow by itself.
func smallTable(n int, most int32) *pidTable {
	t := &pidTable{slots: make([]pidSlot, n), head: -1, tail: -1, max: most}
	for i := 1; i < n; i++ {
		t.slots[i].id = int32(i - n)
		t.pushFree(int32(i))
	}
	t.nfree += 1 << 20 // alloc lets it grow when few are free
	return t
}

// expand_pid_table of kern_proc.c: whoever has an id keeps it and is found; slots that were free before are used first, in their
// order, then the new ones; the id of each use of a slot is the table's size above the last one's, or
// the slot's number again.
func TestPidTableDoubles(t *testing.T) {
	for _, c := range []struct {
		most int32
		want []int32 // the ids after it has grown
	}{
		{20, []int32{20, 13, 17, 9, 2, 11, 12, 5, 14, 15, 8}},
		{1000, []int32{20, 29, 17, 9, 2, 11, 12, 5, 14, 15, 8}},
	} {
		tab := smallTable(8, c.most)
		procs := map[int32]*Proc{}
		take := func() int32 {
			p := new(Proc)
			p.pid = tab.alloc(p)
			if procs[p.pid] != nil {
				t.Errorf("id %d is given twice", p.pid)
			}
			procs[p.pid] = p
			return p.pid
		}
		free := func(id int32) {
			delete(procs, id)
			tab.free(id)
		}
		for range 7 {
			take() // 1 to 7
		}
		free(2)
		free(5)
		take() // 10
		take() // 13
		free(4)
		free(13)
		free(1)
		tab.setGroup(3, &Pgrp{id: 3})
		tab.grow()
		if tab.nfree != 11 || len(tab.slots) != 16 {
			t.Errorf("%d of %d are free", tab.nfree, len(tab.slots))
		}
		for id, p := range procs {
			if tab.find(int(id)) != p || tab.find(int(id)+16) != nil {
				t.Errorf("id %d is not found, or another as well", id)
			}
		}
		if tab.findGroup(3) == nil {
			t.Error("the group is lost")
		}
		tab.nfree += 1 << 20
		var got []int32
		for range c.want {
			got = append(got, take())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("up to %d: got %v, want %v", c.most, got, c.want)
		}
	}
}

// A table that has outgrown the ids has twice as many of them as it has slots, so that an id rests.
func TestPidTableOutgrowsItsIds(t *testing.T) {
	tab := smallTable(8, 12)
	for range 7 {
		tab.alloc(new(Proc))
	}
	tab.grow()
	tab.nfree += 1 << 20
	for range 8 {
		if id := tab.alloc(new(Proc)); id < 8 || id > 16 {
			t.Errorf("id %d", id)
		}
	}
	tab.free(9)
	if id := tab.alloc(new(Proc)); id != 25 {
		t.Errorf("id %d, want 25", id)
	}
}

// proc_find and pgrp_find take any number that a guest makes up.
func TestPidsThatAreNone(t *testing.T) {
	tab := smallTable(8, 100)
	p := new(Proc)
	p.pid = tab.alloc(p)
	tab.setGroup(p.pid, &Pgrp{id: p.pid})
	for _, bad := range []int{0, -1, -7, 1 << 31, 1<<32 + int(p.pid), -1 << 63, 9} {
		if tab.find(bad) != nil || tab.findGroup(bad) != nil {
			t.Errorf("%d is found", bad)
		}
	}
	if tab.find(int(p.pid)) != p || tab.findGroup(int(p.pid)) == nil {
		t.Error("the process is not found")
	}
}
