package kern

import "toaster/netbsd"

// This file finds the child that a wait reports (items 79 to 88), without a scan but where pickBy says so.
//
// A child that is worth reporting is in one of its parent's queues, by what has
// happened (waitKind) and by the signal class that WALTSIG and WALLSIG choose by.
// Each queue is a pairing heap whose top is the child nearest to the head of the
// child list; that order is seq, which grows with every fork and reparent. A wait
// looks at the tops of at most twenty queues. Counts per class tell whether any
// child matches, which ECHILD depends on. A parent that has waited for a group has
// the same once more for each group its children are in.
//
// wkind and wclass of a child name the queue that it is in, and node its place in the index of groups. So
// whoever is about to change what these follow takes the child out first (unreport), and enters it again
// afterwards (report). Machine.Check works all of it out anew from the child lists and compares.

// waitKind is what a child has to report. The zero value is nothing, as of one that runs. kDead comes last: no
// wait returns it, it only says that a wait is to stay a moment longer.
type waitKind uint8

const (
	kNone      waitKind = iota
	kZombie             // SZOMB
	kStopped            // stopped, and not yet reported
	kContinued          // PS_CONTINUED
	kDead               // SDEAD: soon a zombie
)

// Wait classes: what P_EXITSIG and the raw exit signal are.
//
// WALTSIG goes by the raw signal and a plain wait by P_EXITSIG, so a tracee whose exit signal is another one
// matches both (items 80 and 81). Whether ptrace(2) traces it is apart from that, as the stops of a tracee are
// reported without WUNTRACED (item 85).
const (
	cSigchld       = iota // SIGCHLD, not traced
	cSigchldTraced        // SIGCHLD, traced
	cOtherTraced          // another signal, traced: P_EXITSIG is SIGCHLD
	cOther                // another signal, not traced
	cOtherFSTraced        // another signal, traced by procfs alone: P_EXITSIG is SIGCHLD (2003)
	numClasses
)

// pExitsig is P_EXITSIG of sys/proc.h: SIGCHLD for who is traced, in 2003 by procfs, too. mu is
// held.
func (p *Proc) pExitsig() netbsd.Signal {
	if p.flags&(fTraced|fFSTrace) != 0 {
		return netbsd.SIGCHLD
	}
	return p.exitsig
}

// class is p's wait class: what a parent that waits may choose it by. It changes with the exit
// signal, with P_TRACED and P_FSTRACE (reclass). mu is held.
func (p *Proc) class() uint8 {
	traced := p.flags&fTraced != 0
	switch {
	case p.exitsig == netbsd.SIGCHLD && !traced:
		return cSigchld
	case p.exitsig == netbsd.SIGCHLD:
		return cSigchldTraced
	case traced:
		return cOtherTraced
	case p.flags&fFSTrace != 0:
		return cOtherFSTraced
	}
	return cOther
}

// classes returns the classes that a wait with these options looks at (items 80-82).
func classes(options int) uint8 {
	switch {
	case options&netbsd.WALLSIG != 0:
		return 1<<numClasses - 1
	case options&netbsd.WALTSIG != 0:
		return 1<<cOtherTraced | 1<<cOther | 1<<cOtherFSTraced
	}
	return 1<<cSigchld | 1<<cSigchldTraced | 1<<cOtherTraced | 1<<cOtherFSTraced
}

// tracedClasses are those whose stops every wait4(2) reports: the caller is their tracer, and would wait for
// the tracee in vain, and the tracee for it.
const tracedClasses = 1<<cSigchldTraced | 1<<cOtherTraced

// waitSet holds the queues of one parent, or of one parent and group. The first index is a waitKind less one,
// as kNone has no queue. n is how many each queue has, which a heap does not know: pick takes zombies that are
// not to be found off the counts of children by it. Machine.mu guards all of it.
type waitSet struct {
	q    [kDead][numClasses]*Proc
	last [kDead][numClasses]*Proc // entered last, if it is still there: see heapInsert
	n    [kDead][numClasses]int32
}

// kidGroup is what a parent knows of its children in one group. nkids counts all of them, those that have
// nothing to report as well: a wait for a group sleeps as long as it has a child in there (item 87).
type kidGroup struct {
	nkids [numClasses]int32
	set   waitSet
}

// groupNode is a child's place in its kidGroup, with links of its own: a child that reports is in two heaps at
// a time, its parent's and the group's.
type groupNode struct {
	kg *kidGroup
	hp heapLinks
}

// selector is the idtype and id of a wait. Both are numbers that a guest may have made up: what is no idtype
// matches nobody, and so the wait fails with ECHILD, not EINVAL (item 79).
type selector struct {
	by int
	id int
}

// foundWhat says what a wait is to do that has found nothing to report: fail with ECHILD, sleep, or sleep even
// with WNOHANG. pickOne keeps the greatest that it has met, so the order of the constants counts.
type foundWhat uint8

const (
	foundNone  foundWhat = iota
	foundChild           // a child matches but has nothing to report
	foundDead            // and one of them will be a zombie in a moment (item 87)
)

// findChild returns the child that a wait with s and options is to report, or says whether one
// could still come: foundNone is ECHILD. It changes nothing.
//
// In release 10 a parent whose child is with a debugger does not get ECHILD
// (debugged_child_exists): the child will come back. mu is held.
func (p *Proc) findChild(s selector, options int) (c *Proc, kind waitKind, found foundWhat) {
	cl := classes(options)
	switch s.by {
	case netbsd.P_ALL:
		c, kind, found = p.pick(&p.nkids, p.waits, cl, options)
	case netbsd.P_PGID:
		g := p.m.pids.findGroup(s.id)
		if kg := p.groupIndex()[g]; g != nil && kg != nil {
			c, kind, found = p.pick(&kg.nkids, &kg.set, cl, options)
		}
	default:
		c, kind, found = p.pickBy(s, cl, options)
	}
	if found == foundNone && !p.m.r2003 && p.flags&fChTraced != 0 && p.stolenMatches(s, options) {
		found = foundChild // item 90: a debugger holds it
	}
	return c, kind, found
}

// wantKinds returns, per kind, the classes that the options ask for.
//
// Release 2003 knows no WEXITED and no WTRAPPED: waitPid adds both. A child that is dead but no zombie yet
// counts in release 10 alone, which waits the short moment for it (item 87). WNOZOMBIE takes both away from
// what is reported, not from what is found: a wait that meets zombies alone sleeps, and does not fail
// (item 84).
func (p *Proc) wantKinds(cl uint8, options int) (w [kDead + 1]uint8) {
	if options&netbsd.WNOZOMBIE == 0 {
		if options&netbsd.WEXITED != 0 {
			w[kZombie] = cl
		}
		if !p.m.r2003 {
			w[kDead] = cl
		}
	}
	if options&(netbsd.WTRAPPED|netbsd.WUNTRACED) != 0 {
		w[kStopped] = cl & tracedClasses
	}
	if options&netbsd.WUNTRACED != 0 {
		w[kStopped] = cl
	}
	if options&netbsd.WCONTINUED != 0 {
		w[kContinued] = cl
	}
	return w
}

// hidden reports whether zombies do not match at all: wait6 without WEXITED.
//
// In NetBSD 10 match_process skips them before they count as found, so they do not keep a wait
// from ECHILD.
func (p *Proc) hidden(options int) bool {
	return !p.m.r2003 && options&netbsd.WEXITED == 0
}

// pick chooses from queues and counts: those of all children, or of one group. Counts decide
// whether there is anybody to wait for, the tops of the queues who is reported: the one
// nearest to the head of the child list, whatever has happened to it (item 83). mu is held.
func (p *Proc) pick(nkids *[numClasses]int32, ws *waitSet, cl uint8, options int) (best *Proc, kind waitKind, found foundWhat) {
	for i := range nkids {
		n := nkids[i]
		if ws != nil && p.hidden(options) {
			n -= ws.n[kZombie-1][i]
		}
		if cl&(1<<i) != 0 && n > 0 {
			found = foundChild
		}
	}
	if ws == nil || found == foundNone {
		return nil, kNone, found
	}
	want := p.wantKinds(cl, options)
	for k := kZombie; k <= kDead; k++ {
		for i, c := range ws.q[k-1] {
			if c == nil || want[k]&(1<<i) == 0 {
				continue
			}
			if k == kDead {
				found = foundDead
			} else if best == nil || c.seq > best.seq {
				best, kind = c, k
			}
		}
	}
	return best, kind, found
}

// pickBy is for what has no queue: one pid, and the rarely used id types, for
// which it walks the child list.
//
// A pid is looked up in the table, whose answer may be anybody: that the process is a child of p is asked
// after. The walk begins at the head, so the first child with something to report is the one to return
// (item 83). mu is held.
func (p *Proc) pickBy(s selector, cl uint8, options int) (*Proc, waitKind, foundWhat) {
	found := foundNone
	want := p.wantKinds(cl, options)
	if s.by == netbsd.P_PID {
		c := p.m.pids.find(s.id)
		if c == nil || c.parent != p {
			return nil, kNone, foundNone
		}
		return p.pickOne(c, cl, &want, options, &found)
	}
	for c := p.kids; c != nil; c = c.sibNext {
		if !s.matches(c) {
			continue
		}
		if r, k, f := p.pickOne(c, cl, &want, options, &found); r != nil {
			return r, k, f
		}
	}
	return nil, kNone, found
}

// pickOne judges one child; found is what is known of those before it, as a child that has
// nothing to report must not hide that another is dying. mu is held.
func (p *Proc) pickOne(c *Proc, cl uint8, want *[kDead + 1]uint8, options int, found *foundWhat) (*Proc, waitKind, foundWhat) {
	bit := uint8(1) << c.wclass
	if cl&bit == 0 || p.hidden(options) && c.wkind == kZombie {
		return nil, kNone, *found
	}
	*found = max(*found, foundChild)
	switch {
	case c.wkind == kNone || want[c.wkind]&bit == 0:
		return nil, kNone, *found
	case c.wkind == kDead:
		*found = foundDead
		return nil, kNone, *found
	}
	return c, c.wkind, *found
}

// matches reports whether c is meant; idtypes that NetBSD does not honour match nobody. User and group are the
// effective ones. A zombie keeps its group until it is reaped, so that a wait for the group finds it. mu is
// held.
func (s selector) matches(c *Proc) bool {
	switch s.by {
	case netbsd.P_ALL:
		return true
	case netbsd.P_PID:
		return int(c.pid) == s.id
	case netbsd.P_PGID:
		return c.pgrp != nil && int(c.pgrp.id) == s.id
	case netbsd.P_SID:
		return c.pgrp != nil && int(c.pgrp.sess.sid) == s.id
	case netbsd.P_UID:
		return c.cred.EUID == uint32(s.id)
	case netbsd.P_GID:
		return c.cred.EGID == uint32(s.id)
	}
	return false
}

// stolenMatches reports whether a child that a debugger took would match
// (debugged_child_exists).
//
// Such a child is in the debugger's counts and queues and in none of p's, so it is looked for by hand. A zombie
// does not match a wait that has not asked for ends (hidden), as everywhere else. mu is held.
func (p *Proc) stolenMatches(s selector, options int) bool {
	if p.ext == nil {
		return false
	}
	for _, c := range p.ext.stolen {
		if s.matches(c) && !(p.hidden(options) && c.state == StateZombie) {
			return true
		}
	}
	return false
}

// addChild puts c at the head of p's child list.
//
// Its place in the list is seq, which only grows, so that queues can compare two children
// without walking the list. A parent that has an index of groups keeps it complete. mu is
// held.
func (p *Proc) addChild(c *Proc) {
	m := p.m
	m.seq++
	c.parent, c.seq = p, m.seq
	c.sibPrev, c.sibNext = nil, p.kids
	if p.kids != nil {
		p.kids.sibPrev = c
	}
	p.kids = c
	c.wclass = c.class()
	p.nkids[c.wclass]++
	if p.ext != nil && p.ext.groups != nil {
		p.joinKidGroup(c)
	}
}

// toHead moves c to the head of p's child list, as NetBSD 10 does with a child that dies, so
// that a wait which walks the list finds it quickly (item 83). c has nothing to report
// afterwards. mu is held.
func (p *Proc) toHead(c *Proc) {
	c.unreport()
	m := p.m
	m.seq++
	c.seq = m.seq
	if c.sibPrev == nil {
		return
	}
	c.sibPrev.sibNext = c.sibNext
	if c.sibNext != nil {
		c.sibNext.sibPrev = c.sibPrev
	}
	c.sibPrev, c.sibNext = nil, p.kids
	p.kids.sibPrev = c
	p.kids = c
}

// dropChild takes c off p's child list. c reports nothing then.
//
// mu is held.
func (p *Proc) dropChild(c *Proc) {
	c.unreport()
	if c.node != nil {
		p.leaveKidGroup(c)
	}
	p.nkids[c.wclass]--
	if c.sibNext != nil {
		c.sibNext.sibPrev = c.sibPrev
	}
	if c.sibPrev != nil {
		c.sibPrev.sibNext = c.sibNext
	} else {
		p.kids = c.sibNext
	}
	c.sibNext, c.sibPrev, c.parent = nil, nil, nil
}

// hasKids reports whether p has children, zombies included. mu is held.
func (p *Proc) hasKids() bool { return p.kids != nil }

// report puts p in its parent's queues.
//
// A process has one thing to report at a time: a later one takes the place of the earlier, as
// a zombie does that of a stop. The queues are made at a parent's first report. mu is held.
func (p *Proc) report(k waitKind) {
	p.unreport()
	pp := p.parent
	if pp == nil {
		return
	}
	if pp.waits == nil {
		pp.waits = new(waitSet)
	}
	p.wkind = k
	pp.waits.add(p, false)
	if gn := p.node; gn != nil {
		gn.kg.set.add(p, true)
	}
}

// unreport takes p out of its parent's queues.
//
// It must be called before p's class, place or parent changes, as these are what the queues
// are found by. mu is held.
func (p *Proc) unreport() {
	if p.wkind == kNone {
		return
	}
	p.parent.waits.del(p, false)
	if gn := p.node; gn != nil {
		gn.kg.set.del(p, true)
	}
	p.wkind = kNone
}

// reclass is due when the exit signal, P_TRACED or P_FSTRACE has changed.
//
// wclass stays the old class until p has left the queue that it names, and every count moves with it: a child
// that was counted in one class and taken off another would leave its parent asleep for nobody, or with ECHILD
// before its time. What p had to report it still has. mu is held.
func (p *Proc) reclass() {
	pp, n := p.parent, p.class()
	if pp == nil || n == p.wclass {
		return
	}
	k := p.wkind
	p.unreport()
	pp.nkids[p.wclass]--
	pp.nkids[n]++
	if gn := p.node; gn != nil {
		gn.kg.nkids[p.wclass]--
		gn.kg.nkids[n]++
	}
	p.wclass = n
	if k != kNone {
		p.report(k)
	}
}

// add enters p by its kind and class. Children mostly report in the order of their birth, and
// so last is where the next one belongs: see heapInsert. mu is held.
func (ws *waitSet) add(p *Proc, group bool) {
	q := &ws.q[p.wkind-1][p.wclass]
	last := &ws.last[p.wkind-1][p.wclass]
	*q = heapInsert(*q, *last, p, group)
	*last = p
	ws.n[p.wkind-1][p.wclass]++
}

// del takes p out of the queue that add put it in. mu is held.
func (ws *waitSet) del(p *Proc, group bool) {
	q := &ws.q[p.wkind-1][p.wclass]
	*q = heapRemove(*q, p, group)
	if last := &ws.last[p.wkind-1][p.wclass]; *last == p {
		*last = nil
	}
	ws.n[p.wkind-1][p.wclass]--
}

// groupIndex returns p's children by group. The first call walks the child list; from
// then on the index is kept up to date.
//
// Parents that never wait for a group pay nothing for it. mu is held.
func (p *Proc) groupIndex() map[*Pgrp]*kidGroup {
	x := p.extra()
	if x.groups == nil {
		x.groups = make(map[*Pgrp]*kidGroup)
		for c := p.kids; c != nil; c = c.sibNext {
			p.joinKidGroup(c)
		}
	}
	return x.groups
}

// joinKidGroup enters c in p's index of groups, which there must be; c's group is the one it is in now. What c
// has to report is entered, too: it may have come before the index was made, or before setpgid(2) moved c. mu
// is held.
func (p *Proc) joinKidGroup(c *Proc) {
	kg := p.ext.groups[c.pgrp]
	if kg == nil {
		kg = new(kidGroup)
		p.ext.groups[c.pgrp] = kg
	}
	kg.nkids[c.wclass]++
	c.node = &groupNode{kg: kg}
	if c.wkind != kNone {
		kg.set.add(c, true)
	}
}

// leaveKidGroup takes c out, which must be in the group still that it was entered for: a move leaves the index
// before the group. A group without children of p's leaves the index, or a parent whose children come and go in
// groups of their own would grow without bound. mu is held.
func (p *Proc) leaveKidGroup(c *Proc) {
	kg := c.node.kg
	if c.wkind != kNone {
		kg.set.del(c, true)
	}
	c.node = nil
	kg.nkids[c.wclass]--
	if kg.nkids == [numClasses]int32{} {
		delete(p.ext.groups, c.pgrp)
	}
}
