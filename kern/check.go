package kern

import "fmt"

// Check verifies the whole process tree and returns an error for each inconsistency,
// in words; none means that all is well. It may be called at any time.
//
// It holds mu and looks at everything, so it takes as long as there are processes: it is for
// tests, after each step of a random play, and for a machine in which a panic has been caught
// (bug.go), where it decides whether the machine can go on. It changes nothing, and must not
// trust what it walks: a damaged list may be a circle.
//
// The caller must not hold mu, so a hook that is called under it (Config.Trace, Config.SchedWait)
// cannot call Check. Between two holds of mu everything is to be consistent: a fork, an exit or a
// move between groups that drops mu half-way must leave what is looked at here in order.
func (m *Machine) Check() []error {
	m.lock()
	defer m.unlock()
	c := checker{m: m, seen: make(map[*Proc]bool)}
	// lists comes first: it fills seen, by which all the others tell a process of the machine from
	// one that a stale pointer leads to. No check ends those after it, so one fault may be told twice.
	c.lists()
	c.table()
	c.circles()
	for p := range c.seen {
		c.proc(p)
	}
	c.groups()
	c.users()
	return c.errs
}

// checker collects what is wrong; seen has every process on the two lists.
type checker struct {
	m    *Machine
	seen map[*Proc]bool
	// In the order of the checks; damage (bug.go) quotes the first alone.
	errs []error
}

// bad notes one inconsistency, in words that name the processes. Tests of damage that they have done
// themselves (TestCheckFindsCorruption) look for these words.
func (c *checker) bad(format string, a ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, a...))
}

// whole returns the head of a list that has an end, and reports one that has none: who walks that does not come
// back, with mu held. One of two that follow the links goes twice as fast, and meets the other in a circle alone.
func whole[T comparable](c *checker, head T, next func(T) T, what string, id int32) (none T) {
	slow, fast := head, head
	for fast != none && next(fast) != none {
		slow, fast = next(slow), next(next(fast))
		if slow == fast {
			c.bad("the list of %s of %d is a circle", what, id)
			return none
		}
	}
	return head
}

func nextProc(p *Proc) *Proc   { return p.allNext }
func nextKid(p *Proc) *Proc    { return p.sibNext }
func nextMember(p *Proc) *Proc { return p.pgNext }
func nextLWP(l *LWP) *LWP      { return l.next }

// proc checks one process. Its lists are walked several times, and so looked through for a circle here: in
// family, lwps and waits they have an end.
func (c *checker) proc(p *Proc) {
	if p.lwps == nil || whole(c, p.lwps, nextLWP, "LWPs", p.pid) != nil {
		c.lwps(p)
		c.activations(p)
	}
	if p.kids == nil || whole(c, p.kids, nextKid, "children", p.pid) != nil {
		c.family(p)
		c.waits(p)
	}
}

// lists walks allproc and zombproc.
//
// A process that exits stays on allproc until setDead moves it, in one hold of mu with the change of
// its state; an embryo is on neither list until begin makes it active. One pair of links serves both
// lists, so a process that is found on both means that they have grown together.
func (c *checker) lists() {
	m := c.m
	for p := whole(c, m.all.head, nextProc, "the living", 0); p != nil; p = p.allNext {
		c.seen[p] = true
		if p.state != StateActive && p.state != StateExiting {
			c.bad("process %d is %v and on the list of the living", p.pid, p.state)
		}
	}
	n := 0
	for p := whole(c, m.zombies.head, nextProc, "zombies", 0); p != nil; p = p.allNext {
		n++
		if c.seen[p] {
			c.bad("process %d is on both lists", p.pid)
		}
		c.seen[p] = true
		if p.state != StateDead && p.state != StateZombie {
			c.bad("process %d is %v and on the zombie list", p.pid, p.state)
		}
	}
	if n != m.nzombies {
		c.bad("%d zombies on the list, %d counted", n, m.nzombies)
	}
}

// table compares the pid table with the lists. Embryos are in the table alone.
//
// A slot whose id is not its process's pid is that of an LWP, for which proc returns nil. Release 2003
// has no such slots, and none is expected of a process that is dead, but for the LWP that exits. Slot 0 belongs
// to the kernel and is never free.
func (c *checker) table() {
	t := &c.m.pids
	procs, free := 0, 0
	for i := range t.slots {
		s := &t.slots[i]
		// The low bits of an id say where it is looked up and freed: in another slot it would be neither.
		if s.p != nil && int(s.id)&(len(t.slots)-1) != i {
			c.bad("pid slot %d has id %d and process %d", i, s.id, s.p.pid)
		}
		if p := s.proc(); p != nil {
			procs++
			if !c.seen[p] && p.state != StateEmbryo {
				c.bad("process %d is in the table and on no list", p.pid)
			}
		} else if s.p != nil && (c.m.r2003 || s.p.state >= StateDead && !c.exits(s)) {
			c.bad("pid slot %d has id %d and process %d", i, s.id, s.p.pid)
		}
		if g := s.g; g != nil && int(g.id)&(len(t.slots)-1) != i {
			c.bad("pid slot %d has group %d", i, g.id)
		}
		if s.p == nil && s.g == nil && i > 0 {
			free++
		}
	}
	for p := range c.seen {
		// The other direction: whoever names the pid must come to this process and no other.
		if t.find(int(p.pid)) != p {
			c.bad("process %d is not in the pid table", p.pid)
		}
	}
	if procs != c.m.nprocs {
		c.bad("%d processes in the table, %d counted", procs, c.m.nprocs)
	}
	c.freeList(free)
}

// exits reports whether the slot is that of the LWP that carries out a dead process's exit: it is kept until
// NOTE_EXIT has been told, for which mu is dropped (bury10).
func (c *checker) exits(s *pidSlot) bool {
	for l := whole(c, s.p.lwps, nextLWP, "LWPs", s.p.pid); l != nil; l = l.next {
		if l.lid == s.id {
			return s.p.state == StateDead
		}
	}
	return false
}

// freeList passes the slots that have never been used and follows the free list, no further than there
// can be slots, and compares both with the slots that are free.
//
// A slot that is free and in use would be handed out a second time, and two processes have one pid; one
// that is on no list is lost to the machine for good.
func (c *checker) freeList(free int) {
	t := &c.m.pids
	n := 0
	count := func(i int32) {
		if t.slots[i].p != nil || t.slots[i].g != nil {
			c.bad("pid slot %d is free and in use", i)
		}
		n++
	}
	size := int32(len(t.slots))
	for i := size - t.unused; i < size; i++ {
		count(i)
	}
	for i := t.head; i >= 0 && n <= free; i = t.slots[i].next {
		if i >= size {
			c.bad("the list of free pid slots leads to %d", i)
			break
		}
		count(i)
	}
	if n != free || n != t.nfree {
		c.bad("%d free pid slots, %d on the list, %d counted", free, n, t.nfree)
	}
}

// circles checks that everybody descends from init, by original parents: a child that traces an ancestor
// has it as a child.
//
// A circle of these would have whoever walks up, as an exit does for a subreaper, walk for
// ever with mu held. good has everybody whose way up has been seen, so that each process is visited
// once and each circle told once. A way that ends before init is family's to tell.
func (c *checker) circles() {
	good := map[*Proc]bool{c.m.init: true}
	for p := range c.seen {
		path := make(map[*Proc]bool)
		for q := p; q != nil && !good[q]; q = q.realParent() {
			if path[q] {
				c.bad("process %d descends from itself", q.pid)
				break
			}
			path[q] = true
		}
		for q := range path {
			good[q] = true
		}
	}
}

// family checks p's parent and children, and who traces whom.
//
// The order of the child list is seq's, by which the queues of wait(2) choose (item 83). An exit hands
// all children on before its process is dead (items 33 and 40), so nobody has a dead parent.
//
// wclass is the class that a child was counted under, class the one that follows from its flags now:
// they differ where reclass was forgotten, and a wait by class would look into the wrong queue then.
func (c *checker) family(p *Proc) {
	if p.parent == nil && p != c.m.init {
		c.bad("process %d has no parent", p.pid)
	}
	if pp := p.parent; pp != nil && (!c.seen[pp] || pp.state >= StateDead) {
		c.bad("process %d has parent %d, which is %v", p.pid, pp.pid, pp.state)
	}
	var n [numClasses]int32
	var prev *Proc
	for k := p.kids; k != nil; k = k.sibNext {
		if k.parent != p || k.sibPrev != prev {
			c.bad("process %d is on %d's child list with wrong links", k.pid, p.pid)
		}
		if prev != nil && k.seq >= prev.seq {
			c.bad("child list of %d: %d comes after %d", p.pid, k.pid, prev.pid)
		}
		if k.wclass != k.class() {
			c.bad("process %d has wait class %d, should have %d", k.pid, k.wclass, k.class())
		}
		n[k.class()]++
		prev = k
	}
	if n != p.nkids {
		c.bad("process %d has children by class %v, counted %v", p.pid, n, p.nkids)
	}
	c.tracing(p)
}

// tracing checks that a process and its original parent know of each other; an exit relies on
// it to find those that debuggers hold (item 37).
//
// A dead original parent may be unaware of its child: forgetStolen of release 2003 leaves the link of a
// zombie as it is, and giveBack does not follow a link to the dead.
func (c *checker) tracing(p *Proc) {
	if p.flags&fTraced == 0 && p.opptr != nil {
		c.bad("process %d is not traced and has original parent %d", p.pid, p.opptr.pid)
	}
	if op := p.opptr; op != nil && op != p.parent {
		found := false
		if op.ext != nil {
			for _, s := range op.ext.stolen {
				found = found || s == p
			}
		}
		if !found && op.state < StateDead {
			c.bad("process %d is unknown to its original parent %d", p.pid, op.pid)
		}
	}
	if p.ext == nil {
		return
	}
	// An entry without a link back would stay when its child is reaped, and name a process that is gone.
	for _, s := range p.ext.stolen {
		if s.opptr != p {
			c.bad("process %d thinks that a debugger has its child %d", p.pid, s.pid)
		}
	}
}

// lwps checks p's LWPs against what p counts and what its state allows: an active process
// without a live LWP would never end, one that is stopped must stand still. init is exempt: it stays
// active when its body has returned (item 3).
func (c *checker) lwps(p *Proc) {
	n, z, live, unstopped := int32(0), int32(0), 0, 0
	var prev *LWP
	for l := p.lwps; l != nil; l = l.next {
		n++
		if l.p != p || l.prev != prev {
			c.bad("LWP %d.%d has wrong links", p.pid, l.lid)
		}
		switch {
		case l.stat == LWPZombie:
			z++
		case p.state == StateDead && l.mode.Load() == modeHook: // carries out the exit, in noteExit
		case l.stat < LWPDead:
			live++
		}
		if l.stat == LWPRunning || l.stat == LWPSleeping {
			unstopped++
		}
		// resume sends to the LWP's channel if parked is set. If it is set wrongly the send finds the channel
		// full one day and blocks with mu held; if it is missing, the LWP waits for a send that never comes.
		if l.parked != (l.stat == LWPSleeping || l.stat == LWPStopped || l.stat == LWPSuspended) {
			c.bad("LWP %d.%d is %v, parked %t", p.pid, l.lid, l.stat, l.parked)
		}
		c.standing(l)
		// A stop that finds an LWP asleep leaves asleep set, so that the LWP sleeps on when it is continued.
		if l.asleep && l.stat != LWPSleeping && l.stat != LWPStopped {
			c.bad("LWP %d.%d is asleep and %v", p.pid, l.lid, l.stat)
		}
		prev = l
	}
	// exit_lwps waits until nlwps is 1: a count that is too high is an exit that never ends.
	if n != p.nlwps || z != p.nzlwps {
		c.bad("process %d: %d LWPs, %d zombie; counted %d, %d", p.pid, n, z, p.nlwps, p.nzlwps)
	}
	if p.state == StateActive && live == 0 && p != c.m.init {
		c.bad("process %d is active and has no live LWP", p.pid)
	}
	if p.state >= StateDead && live != 0 {
		c.bad("process %d is %v and has %d live LWPs", p.pid, p.state, live)
	}
	if p.flags&(fStopped|fStopping) != 0 && p.state >= StateDead {
		c.bad("process %d is %v and stopped", p.pid, p.state)
	}
	if p.flags&fStopped != 0 && unstopped != 0 {
		c.bad("process %d is stopped and %d of its LWPs are not", p.pid, unstopped)
	}
}

// standing checks that l stands still for a reason that somebody takes back: it would do so for ever otherwise. What
// LWPs are told of a pause is what the machine is in.
//
// The ends of an LWP and of a process clear attn as a whole, and with it the mark of a pause. That is no
// fault: who leaves does not return to user mode, where a pause would have it stand.
func (c *checker) standing(l *LWP) {
	a := l.attn.Load()
	if l.stat == LWPSuspended && a&(aSuspend|aHold|aPause|aExit) == 0 && !l.isCached() {
		c.bad("LWP %d.%d is suspended, and nobody wants it to be", l.p.pid, l.lid)
	}
	want := c.m.paused && l.p.pauses()
	leaves := l.stat >= LWPDead || l.flags&lLeaving != 0 || l.p.state != StateActive
	if paused := a&aPause != 0; paused && !want || want && !paused && !leaves {
		c.bad("LWP %d.%d is paused: %t, should be %t", l.p.pid, l.lid, paused, want)
	}
}

// activations checks who stands for want of an upcall: each is in the cache, or among the woken, or being told of, so that there is
// something that it waits for. Who is in neither and has the virtual processor does not stand.
func (c *checker) activations(p *Proc) {
	if p.ext == nil || p.ext.sa == nil || p.state != StateActive || p.flags&(fWExit|fExecing) != 0 {
		return
	}
	s := p.ext.sa
	seen := make(map[*LWP]bool)
	for _, list := range [][]*LWP{s.cached, s.woken} {
		for _, l := range list {
			if seen[l] || !l.isCached() || l.stat >= LWPDead {
				c.bad("LWP %d.%d is %v, and in the cache or among the woken twice, or does not stand", p.pid, l.lid, l.stat)
			}
			seen[l] = true
		}
	}
	if s.vp != nil && (seen[s.vp] || s.vp.isCached() || s.vp.stat >= LWPDead) {
		c.bad("LWP %d.%d has the virtual processor and is %v, in the cache %t", p.pid, s.vp.lid, s.vp.stat, s.vp.isCached())
	}
}

// waits checks that what p should be told of is in its queues, and nothing else.
//
// The numbers are counted anew from the children's own states, so a report that was never made is found
// as well as one that was not taken back. A report that is missing is a wait4(2) that sleeps for ever.
func (c *checker) waits(p *Proc) {
	var n [kDead][numClasses]int32
	for k := p.kids; k != nil; k = k.sibNext {
		want := k.shouldReport()
		if k.wkind != want {
			c.bad("process %d is in queue %d of %d, should be in %d", k.pid, k.wkind, p.pid, want)
		}
		if k.wkind != kNone {
			n[k.wkind-1][k.wclass]++
		}
	}
	if p.waits != nil {
		c.queues(p, p.waits, &n, false)
	}
	c.kidGroups(p)
}

// queues compares a waitSet with what should be in it: the counts, by which a wait leaves out zombies that
// it must not see (hidden), and the heaps, whose tops it reports. group says by which links the heaps are
// joined.
func (c *checker) queues(p *Proc, ws *waitSet, n *[kDead][numClasses]int32, group bool) {
	if *n != ws.n {
		c.bad("process %d has reports %v, counted %v", p.pid, *n, ws.n)
	}
	for kind := range ws.q {
		for class, top := range ws.q[kind] {
			room := len(c.seen)
			if got := c.heap(top, nil, group, &room); got != n[kind][class] {
				c.bad("process %d: queue %d, %d has %d, should have %d", p.pid, kind+1, class, got, n[kind][class])
			}
		}
	}
}

// kidGroups checks the index by group that a wait for one has made: each child is counted, and
// reports, in its own group.
func (c *checker) kidGroups(p *Proc) {
	if p.ext == nil || p.ext.groups == nil {
		for k := p.kids; k != nil; k = k.sibNext {
			if k.node != nil {
				c.bad("process %d is in an index of groups that %d has not", k.pid, p.pid)
			}
		}
		return
	}
	want := make(map[*Pgrp]*kidGroup)
	// The first child that is missing ends the look: its counts would be missing in all that follows.
	for k := p.kids; k != nil; k = k.sibNext {
		if k.node == nil || k.node.kg != p.ext.groups[k.pgrp] {
			c.bad("process %d is not in %d's index of groups", k.pid, p.pid)
			return
		}
		if want[k.pgrp] == nil {
			want[k.pgrp] = new(kidGroup)
		}
		want[k.pgrp].nkids[k.wclass]++
		if k.wkind != kNone {
			want[k.pgrp].set.n[k.wkind-1][k.wclass]++
		}
	}
	if len(want) != len(p.ext.groups) {
		c.bad("process %d has children in %d groups, %d in its index", p.pid, len(want), len(p.ext.groups))
	}
	for g, kg := range want {
		have := p.ext.groups[g]
		if kg.nkids != have.nkids {
			c.bad("process %d has children of group %d by class %v, counted %v", p.pid, g.id, kg.nkids, have.nkids)
		}
		c.queues(p, &have.set, &kg.set.n, true)
	}
}

// shouldReport works out anew what p's parent may be told of it.
//
// The cases are in the order in which one report takes the place of another: a death that of a stop, a
// stop that of a continuation. A waiter that copies a status out has claimed its child, which nobody
// else may be told of meanwhile. mu is held.
func (p *Proc) shouldReport() waitKind {
	switch {
	case p.flags&fClaimed != 0:
		return kNone
	case p.state == StateZombie:
		return kZombie
	case p.state == StateDead:
		return kDead
	case p.flags&fStopped != 0 && p.flags&fWaited == 0:
		return kStopped
	case p.flags&fContinued != 0:
		return kContinued
	}
	return kNone
}

// heap counts a heap's members and checks its order: no node lies below one that is older in the child
// list, or the top would not be the child that a wait has to report (item 83). room is how many there may be
// yet: the links of more lead in a circle.
func (c *checker) heap(top, above *Proc, group bool, room *int) int32 {
	n := int32(0)
	for p := top; p != nil && *room >= 0; p = p.links(group).next {
		*room--
		switch {
		case *room < 0:
			c.bad("wait queue: %d is in a circle", p.pid)
			return n
		case group && p.node == nil:
			c.bad("wait queue: %d is in no index of groups", p.pid)
			return n
		case above != nil && p.seq >= above.seq:
			c.bad("wait queue: %d is below %d", p.pid, above.pid)
		}
		n += 1 + c.heap(p.links(group).child, p, group, room)
	}
	return n
}

// groups checks the groups and sessions in the table.
//
// A session is referred to by each of its groups that has members, and by the terminal that it controls
// (s_count). An empty group may be in the table only for the session of its id, whose id must not be used
// again (item 96). The terminal's reference is counted at the group of that id, which is in the table as
// long as the session, and so once.
func (c *checker) groups() {
	refs := make(map[*Session]int32)
	members := 0
	for i := range c.m.pids.slots {
		g := c.m.pids.slots[i].g
		if g == nil {
			continue
		}
		members += c.group(g)
		if g.n > 0 {
			refs[g.sess]++
		} else if g.id != g.sess.sid {
			c.bad("group %d is empty", g.id)
		}
		if t := g.sess.tty; t != nil && t.sess == g.sess && g.id == g.sess.sid {
			refs[g.sess]++
		}
	}
	// Everybody is in one group until the reap, zombies included.
	if members != len(c.seen) {
		c.bad("%d processes are in groups, of %d", members, len(c.seen))
	}
	for s, n := range refs {
		if n != s.refs {
			c.bad("session %d has %d references, counted %d", s.sid, n, s.refs)
		}
		if l := s.leader; l != nil && (l.pid != s.sid || l.pgrp == nil || l.pgrp.sess != s) {
			c.bad("session %d is led by %d", s.sid, l.pid)
		}
	}
}

// group checks one group, and returns its number of members. A parent that has inherited a
// process is left out where the counts are compared: NetBSD, too, does not count again when it
// reparents.
func (c *checker) group(g *Pgrp) (n int) {
	jobc := int32(0)
	for p := whole(c, g.members, nextMember, "members", g.id); p != nil; p = p.pgNext {
		n++
		if p.pgrp != g || !c.seen[p] {
			c.bad("process %d is on group %d's list and not in it", p.pid, g.id)
		}
		q := p.flags&fQualifies != 0
		if q {
			jobc++
		}
		// A parent that inherited p is not counted as one that p is apart from.
		rp := p.realParent()
		inherited := rp == nil || rp == c.m.init || rp.flags&fSubreaper != 0
		if p.state == StateActive && q != p.qualifies() && (q || !inherited) {
			c.bad("process %d counts for group %d: %t, should be %t", p.pid, g.id, q, !q)
		}
	}
	if int32(n) != g.n {
		c.bad("group %d has %d members, counted %d", g.id, n, g.n)
	}
	if jobc != g.jobc {
		c.bad("group %d has jobc %d, counted %d", g.id, jobc, g.jobc)
	}
	return n
}

// users checks the numbers of processes and of LWPs by real user. Embryos count, too.
//
// RLIMIT_NPROC and RLIMIT_NTHR are judged by these numbers: one that is too high locks a user out, one that is too
// low lets it have more. A user without any must have no entry, or the map would grow with every id that a guest
// has used (chgcnt).
func (c *checker) users() {
	procs, lwps := make(map[uint32]int), make(map[uint32]int)
	for i := range c.m.pids.slots {
		if p := c.m.pids.slots[i].proc(); p != nil {
			procs[p.cred.RUID]++
			lwps[p.cred.RUID] += p.furtherLWPs()
		}
	}
	c.byUser("process", procs, c.m.uids)
	c.byUser("further LWP", lwps, c.m.ulwps)
}

// byUser compares what there is with what has been counted.
func (c *checker) byUser(what string, are, counted map[uint32]int) {
	for uid, n := range are {
		if counted[uid] != n {
			c.bad("user %d has %d times a %s, counted %d", uid, n, what, counted[uid])
		}
	}
	for uid := range counted {
		if are[uid] == 0 {
			c.bad("user %d has no %s, counted %d", uid, what, counted[uid])
		}
	}
}
