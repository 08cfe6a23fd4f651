package kern

import (
	"fmt"
	"slices"
	"time"

	"toaster/netbsd"
)

// This file has the reference that the model test compares kern with: processes as
// plain structs and lists, every rule written as doc/lifecycle.md words it, nothing
// shared with the package under test.

type refState int

const (
	refRun refState = iota
	refStopped
	refZombie
	refGone
)

type refProc struct {
	id     int // index, also its name in the log
	pid    int
	state  refState
	parent *refProc
	op     *refProc // original parent while traced
	dead   int      // its pid, if it has ended meanwhile
	kids   []*refProc
	pgid   int
	sid    int
	leader bool // leads its session still

	exitsig netbsd.Signal
	status  netbsd.WaitStatus
	code    int32         // what exit(2) was given
	own     time.Duration // used by itself, and by children that were waited for
	cru     time.Duration
	chld    int // how often it was sent SIGCHLD
	stopSig netbsd.Signal
	traced  bool
	inTrace bool // stopped for its tracer
	waited  bool
	cont    bool // release 10: a continuation to report
	execed  bool
	ppwait  bool // its parent waits in vfork
	orphPG  bool // PL_ORPHANPG: it had stopped when its group was orphaned
	quals   bool // it connected its group with the session when that was last looked at
	ignore  netbsd.Sigset
	noCld   bool // NOCLDWAIT, or SIG_IGN in release 10
	pend    netbsd.Sigset
	mask    netbsd.Sigset
	catch   netbsd.Sigset         // with a handler
	restart netbsd.Sigset         // and SA_RESTART
	due     map[netbsd.Signal]int // handlers that have become due since the last quiet moment
	info    netbsd.Siginfo        // of the SIGCHLD sent last
	puts    int                   // how many have been sent since the last quiet moment
	vague   bool                  // so which was the last is the scheduler's
	uid     uint32
	sugid   bool   // has changed its user since its last exec
	nproc   uint64 // RLIMIT_NPROC; 0 is none
	needSig bool   // stopped for its tracer by one of pend: kern says which
	fresh   bool   // something new to report since the last quiet moment
	back    bool   // given back by a debugger since then
	passed  bool   // it has been continued since then, and has died of what was pending
	told    bool   // traced, it was sent SIGCHLD since then, and stops for it

	lwps, zlwps int // besides the first
	vforking    *refProc
	wait        *refWait
}

type refWait struct {
	idtype, id, options int

	efault bool         // the status cannot be written
	intr   netbsd.Errno // a handler has interrupted it: EINTR or ERESTART
	maybe  bool         // or, where the process has other LWPs, has run on one of them
}

type ref struct {
	r2003 bool
	procs []*refProc
	init  *refProc
	// must has the waiters that an event has to wake even if nothing is to be found.
	must map[*refProc]bool
	// exits and hangups of this step: where one end brings others their order is
	// the scheduler's.
	exits, hangups int
	racy           bool
	// dying is set during an end; later has the ends that it brings: they come when it is
	// over, as who is killed has to run first.
	dying bool
	later []refEnd
}

type refEnd struct {
	p *refProc
	w netbsd.WaitStatus
}

// ambiguous reports whether this step could have ended in more than one way.
func (r *ref) ambiguous() bool {
	return r.racy || r.hangups > 0 && (r.exits > 2 || r.exits > 1 && slices.ContainsFunc(r.procs, func(p *refProc) bool { return p.traced }))
}

func newRef(r2003 bool) *ref {
	return &ref{r2003: r2003, init: &refProc{id: -1, pid: 1, pgid: 1, sid: 1}, must: map[*refProc]bool{}}
}

func (p *refProc) alive() bool { return p.state <= refStopped }

func (r *ref) add(parent *refProc, c *refProc) {
	c.parent = parent
	parent.kids = slices.Insert(parent.kids, 0, c)
}

func (r *ref) reparent(c, to *refProc) {
	if c.parent == to {
		return
	}
	c.parent.kids = slices.DeleteFunc(c.parent.kids, func(k *refProc) bool { return k == c })
	if to == r.init {
		c.exitsig = netbsd.SIGCHLD
	}
	r.add(to, c)
}

func (r *ref) fork(p *refProc, exitsig netbsd.Signal, vfork bool) *refProc {
	c := &refProc{id: len(r.procs), own: time.Duration(len(r.procs)+1) * time.Second, pgid: p.pgid, sid: p.sid, exitsig: exitsig, ignore: p.ignore, noCld: p.noCld, ppwait: vfork,
		mask: p.mask, catch: p.catch, restart: p.restart, due: map[netbsd.Signal]int{}, uid: p.uid, sugid: p.sugid, nproc: p.nproc}
	r.procs = append(r.procs, c)
	r.add(p, c)
	if vfork {
		p.vforking = c
	}
	r.requalify()
	return c
}

// requalify is fixjobc's other half: who begins to connect its group is no longer one of an orphaned group.
func (r *ref) requalify() {
	for _, p := range r.procs {
		pp := r.real(p)
		now := p.alive() && pp != nil && pp.alive() && pp.pgid != p.pgid && pp.sid == p.sid
		if now && !p.quals {
			p.orphPG = false
		}
		p.quals = now
	}
}

// real is the parent that job control looks at.
func (r *ref) real(p *refProc) *refProc {
	if p.traced && p.op != p.parent {
		if p.op == nil {
			return r.init
		}
		return p.op
	}
	return p.parent
}

// ppid is getppid(2): the tracer in 2003; in 10 who was the parent before, even if that has ended.
func (r *ref) ppid(p *refProc) int {
	switch {
	case r.r2003:
		return p.parent.pid
	case p.traced && p.op == nil:
		return p.dead
	}
	return r.real(p).pid
}

func (r *ref) group(pgid int) (m []*refProc) {
	for _, p := range r.procs {
		if p.state != refGone && p.pgid == pgid {
			m = append(m, p)
		}
	}
	return m
}

// connected counts what connects a group with its session; without is left out.
func (r *ref) connected(pgid int, without *refProc) (n int) {
	for _, p := range r.group(pgid) {
		pp := r.real(p)
		if p.alive() && p != without && pp != without && pp.pgid != p.pgid && pp.sid == p.sid {
			n++
		}
	}
	return n
}

func (r *ref) orphaned(p *refProc) bool { return r.connected(p.pgid, nil) == 0 }

// takesNoTSTP is what issignal asks before it stops for the terminal: in 10 for those alone that had stopped when their group was
// orphaned (orphanpg).
func (r *ref) takesNoTSTP(p *refProc) bool {
	if r.r2003 {
		return r.orphaned(p)
	}
	return p.orphPG
}

// orphan sends what a group gets that has just been orphaned.
func (r *ref) orphan(pgid int) {
	var to []*refProc
	stopped := false
	for _, p := range r.group(pgid) {
		if p.state == refStopped {
			stopped, p.orphPG = true, !r.r2003
		}
		if p.state == refStopped || r.r2003 {
			to = append(to, p)
		}
	}
	if !stopped {
		return
	}
	r.hangups++
	for _, p := range to {
		r.send(p, netbsd.SIGHUP)
		r.send(p, netbsd.SIGCONT)
	}
}

const refStops = 1<<(17-1) | 1<<(18-1) | 1<<(21-1) | 1<<(22-1)

func isStop(s netbsd.Signal) bool { return refStops&s.Bit() != 0 }

// usersProcs is what RLIMIT_NPROC counts: zombies, too (item 94).
func (r *ref) usersProcs(uid uint32) (n uint64) {
	for _, p := range r.procs {
		if p.state != refGone && p.uid == uid {
			n++
		}
	}
	return n
}

// may is CANSIGNAL where all of a process's user ids are the same.
func (r *ref) may(from, to *refProc, s netbsd.Signal) bool {
	return from.uid == 0 || from.uid == to.uid || s == netbsd.SIGCONT && from.sid == to.sid
}

// says is the siginfo of kill(2).
func (p *refProc) says(s netbsd.Signal) netbsd.Siginfo {
	return netbsd.Siginfo{Signo: s, Code: netbsd.SI_USER, Pid: int32(p.pid), UID: p.uid}
}

// childSignal is SIGCHLD for a stop or a continuation (child_psignal).
func (r *ref) childSignal(c *refProc) {
	i := netbsd.Siginfo{Signo: netbsd.SIGCHLD, Code: netbsd.CLD_STOPPED, Pid: int32(c.pid), UID: c.uid, Status: int32(c.stopSig)}
	if c.needSig {
		i.Status = anySignal
	}
	if c.state != refStopped || c.stopSig == netbsd.SIGCONT { // child_psignal looks at p_xsig alone
		i.Code, i.Status = netbsd.CLD_CONTINUED, int32(netbsd.SIGCONT)
	}
	r.sendInfo(c.parent, i)
}

// anySignal is the status of a tracee's stop: which of several signals it is kern says
// (traceSignal).
const anySignal = -1

// exitSignal is exit_psignal (items 66 to 69).
func (r *ref) exitSignal(c *refProc, sig netbsd.Signal) {
	i := r.siginfo(c)
	if sig != netbsd.SIGCHLD {
		i.Code = 0
	}
	if r.r2003 {
		i.Status, i.Utime = int32(c.status), int64((c.own+c.cru)/time.Second)
	}
	i.Signo = sig
	r.sendInfo(c.parent, i)
}

// send is kill's effect on one process.
func (r *ref) send(p *refProc, s netbsd.Signal) { r.sendInfo(p, netbsd.Siginfo{Signo: s}) }

func (r *ref) sendInfo(p *refProc, i netbsd.Siginfo) {
	s := i.Signo
	if p == r.init || !p.alive() || s == 0 {
		return
	}
	if s == netbsd.SIGCHLD {
		p.chld++
		if p.told {
			r.racy = true // whether the first has been taken is the scheduler's
		}
		p.told = p.traced && p.state != refStopped
	}
	if !p.traced {
		if s == netbsd.SIGCHLD && !p.catch.Has(s) || p.ignore.Has(s) || s == netbsd.SIGTSTP && r.orphaned(p) {
			return
		}
	}
	if s == netbsd.SIGCONT {
		p.pend &^= refStops
	}
	if isStop(s) {
		p.pend &^= netbsd.SIGCONT.Bit()
	}
	p.pend |= s.Bit()
	if s == netbsd.SIGCHLD {
		p.puts++
		p.info, p.vague = i, p.puts > 1
	}
	if p.state == refStopped && s != netbsd.SIGKILL {
		switch {
		case p.traced:
		case s == netbsd.SIGCONT:
			p.pend &^= s.Bit()
			p.state = refRun
			if !r.r2003 {
				p.cont, p.waited, p.fresh = true, false, true
				r.childSignal(p)
			}
			r.resolve(p)
		case isStop(s):
			p.pend &^= s.Bit()
		}
		return
	}
	if s == netbsd.SIGCONT && !p.traced {
		p.pend &^= s.Bit()
		return
	}
	if s == netbsd.SIGKILL {
		p.state = refRun
	}
	r.resolve(p)
}

// resolve takes pending signals as far as the process can.
func (r *ref) resolve(p *refProc) {
	for p.state == refRun && p.vforking == nil && p.pend&^p.mask != 0 {
		if p.pend.Has(netbsd.SIGKILL) {
			r.exit(p, netbsd.ExitStatus(0, netbsd.SIGKILL))
			return
		}
		if p.traced {
			p.needSig, p.inTrace = true, true
			r.stop(p)
			return
		}
		s := firstsig(p.pend &^ p.mask)
		if p.ppwait {
			late := netbsd.Sigset(refStops)
			if !r.r2003 {
				late &^= netbsd.SIGSTOP.Bit() // vforksigmask
			}
			if s = firstsig(p.pend &^ p.mask &^ late); s == 0 {
				return
			}
		}
		p.pend &^= s.Bit()
		switch {
		case p.catch.Has(s):
			r.handle(p, s)
		case isStop(s):
			if s == netbsd.SIGTSTP && r.takesNoTSTP(p) {
				break
			}
			p.stopSig, p.inTrace = s, false
			r.stop(p)
		case s == netbsd.SIGCONT || s == netbsd.SIGCHLD || p.ignore.Has(s):
		default:
			w := netbsd.ExitStatus(0, s)
			r.exit(p, w)
			return
		}
	}
}

// handle runs a handler, which ends a wait: with ERESTART if it has SA_RESTART.
func (r *ref) handle(p *refProc, s netbsd.Signal) {
	p.due[s]++
	if p.wait == nil || p.wait.intr != 0 {
		return
	}
	p.wait.intr = netbsd.EINTR
	if p.restart.Has(s) {
		p.wait.intr = netbsd.ERESTART
	}
	p.wait.maybe = p.lwps > 0
}

func (r *ref) stop(p *refProc) {
	p.state, p.waited, p.cont, p.fresh = refStopped, false, false, true
	r.childSignal(p)
}

// exit ends p, and those whom that kills.
func (r *ref) exit(p *refProc, w netbsd.WaitStatus) {
	if r.dying {
		r.later = append(r.later, refEnd{p, w})
		return
	}
	r.dying = true
	r.exit1(p, w)
	r.dying = false
	if len(r.later) > 1 && slices.ContainsFunc(r.later, func(e refEnd) bool { return e.p.traces() }) {
		r.racy = true // who of them is first decides the order in which others come back
	}
	for len(r.later) > 0 {
		next := r.later[0]
		r.later = r.later[1:]
		r.exit(next.p, next.w)
	}
}

func (p *refProc) traces() bool {
	return slices.ContainsFunc(p.kids, func(k *refProc) bool { return k.traced })
}

// exit1 is exit1 to the zombie.
func (r *ref) exit1(p *refProc, w netbsd.WaitStatus) {
	if !p.alive() {
		return
	}
	r.exits++
	p.passed = p.cont && p.fresh
	p.state = refZombie // ignores signals from here
	p.status, p.cont, p.fresh, p.wait, p.pend = w, false, true, nil, 0
	p.lwps, p.zlwps = 0, 0
	if p.ppwait && p.parent.pend != 0 {
		r.racy = true // its parent takes a signal while it is dying
	}
	r.endVfork(p)
	p.leader = false
	r.fixjobc(p)
	for len(p.kids) > 0 {
		c := p.kids[0]
		traced := c.traced
		if traced {
			r.giveBack(c)
			if r.r2003 && c.state == refZombie {
				c.fresh = false // proc_reparent wakes nobody
			}
			r.send(c, netbsd.SIGKILL)
		} else {
			r.reparent(c, r.init)
			if c.state == refZombie {
				r.free(c)
			}
		}
	}
	for _, q := range r.procs {
		if q.op == p && (q.alive() || !r.r2003) {
			q.op, q.dead = nil, p.pid
		}
	}
	pp := p.parent
	if !r.r2003 { // to the head of the list (item 83)
		pp.kids = slices.DeleteFunc(pp.kids, func(k *refProc) bool { return k == p })
		pp.kids = slices.Insert(pp.kids, 0, p)
	}
	if pp.noCld {
		r.reparent(p, r.init)
		if len(pp.kids) == 0 {
			r.must[pp] = true
		}
	}
	if p.exitsig != 0 {
		s := p.exitsig
		if p.traced {
			s = netbsd.SIGCHLD
		}
		r.exitSignal(p, s)
	}
	if p.parent == r.init {
		r.free(p)
	}
}

// fixjobc: p stops connecting its group, and its children theirs.
func (r *ref) fixjobc(p *refProc) {
	// p counts no more as anybody's member or parent; before that it did.
	p.state = refRun
	var had []int
	for _, g := range r.groupsOf(p) {
		if r.connected(g, nil) > 0 {
			had = append(had, g)
		}
	}
	p.state = refZombie
	for _, g := range had {
		if r.connected(g, p) == 0 {
			r.orphan(g)
		}
	}
	r.requalify()
}

// groupsOf returns p's group and those of its real children.
func (r *ref) groupsOf(p *refProc) []int {
	gs := []int{p.pgid}
	for _, c := range r.procs {
		if c.alive() && r.real(c) == p && !slices.Contains(gs, c.pgid) {
			gs = append(gs, c.pgid)
		}
	}
	return gs
}

func (r *ref) endVfork(p *refProc) {
	if !p.ppwait {
		return
	}
	p.ppwait = false
	for _, q := range r.procs {
		if q.vforking == p {
			q.vforking = nil
			r.resolve(q)
		}
	}
}

// giveBack ends a tracing; the child goes to whom it had before.
func (r *ref) giveBack(c *refProc) {
	to := c.op
	if to == c.parent {
		to = r.init // its tracer dies and is its parent
	}
	if to == nil || !to.alive() {
		to = r.init
	}
	c.op, c.traced, c.waited, c.inTrace = nil, false, false, false
	c.back = true
	r.reparent(c, to)
	if c.state == refZombie && to == r.init {
		r.free(c)
	}
}

// free is proc_free of a zombie.
func (r *ref) free(p *refProc) {
	if p.traced && p.op != p.parent {
		r.giveBack(p)
		if p.exitsig != 0 && p.state == refZombie {
			r.exitSignal(p, p.exitsig)
		}
		p.fresh = true
		return
	}
	p.parent.kids = slices.DeleteFunc(p.parent.kids, func(k *refProc) bool { return k == p })
	p.parent.cru += p.own + p.cru
	p.state = refGone
}

// usage is what a wait tells that c has used. 2003: p_ru with descendants, of zombies alone (items
// 39 and 78). 10: match_process has the child's own, to which proc_free adds its descendants' when
// it frees it, so not under WNOWAIT, nor for a debugger, from which it goes back to its parent.
func (r *ref) usage(c *refProc, w *refWait) time.Duration {
	switch {
	case c.state != refZombie && r.r2003:
		return 0
	case !r.r2003 && !r.frees(c, w):
		return c.own
	}
	return c.own + c.cru
}

// frees says whether a wait has c freed.
func (r *ref) frees(c *refProc, w *refWait) bool {
	return c.state == refZombie && w.options&netbsd.WNOWAIT == 0 && !(c.traced && c.op != c.parent)
}

// kidsUsage is what wait6 tells that c's descendants have used: match_process has c's own times there (calcru), proc_free theirs.
func (r *ref) kidsUsage(c *refProc, w *refWait) time.Duration {
	if r.frees(c, w) {
		return c.cru
	}
	return c.own
}

// siginfo is what wait6 tells of c (match_process and find_stopped_child).
func (r *ref) siginfo(c *refProc) netbsd.Siginfo {
	i := netbsd.Siginfo{Signo: netbsd.SIGCHLD, Pid: int32(c.pid), UID: c.uid}
	if c.state == refZombie { // p_stats has no times before the end
		i.Utime = int64(c.own / time.Second)
	}
	switch {
	case c.state == refZombie && c.status.Signaled():
		i.Code, i.Status = netbsd.CLD_KILLED, int32(c.status.TermSignal())
	case c.state == refZombie:
		i.Code, i.Status = netbsd.CLD_EXITED, c.code
	case c.state == refStopped && c.traced:
		i.Code, i.Status = netbsd.CLD_TRAPPED, int32(c.stopSig)
	case c.state == refStopped:
		i.Code, i.Status = netbsd.CLD_STOPPED, int32(c.stopSig)
	default:
		i.Code, i.Status = netbsd.CLD_CONTINUED, int32(netbsd.SIGCONT)
	}
	return i
}

// matches is the choice of children by a wait's id and signal options.
func (r *ref) matches(p, c *refProc, w *refWait) bool {
	switch w.idtype {
	case netbsd.P_ALL:
	case netbsd.P_PID:
		if c.pid != w.id {
			return false
		}
	case netbsd.P_PGID:
		if c.pgid != w.id {
			return false
		}
	case netbsd.P_SID:
		if c.sid != w.id {
			return false
		}
	case netbsd.P_UID:
		if w.id != int(c.uid) {
			return false
		}
	default:
		return false
	}
	eff := c.exitsig
	if c.traced {
		eff = netbsd.SIGCHLD
	}
	switch {
	case w.options&netbsd.WALLSIG != 0:
	case w.options&netbsd.WALTSIG != 0:
		if c.exitsig == netbsd.SIGCHLD {
			return false
		}
	case eff != netbsd.SIGCHLD:
		return false
	}
	return c.state != refZombie || w.options&netbsd.WEXITED != 0
}

// reports returns the status that c would report, if any.
func (r *ref) reports(c *refProc, w *refWait) (netbsd.WaitStatus, bool) {
	switch {
	case c.state == refZombie:
		return c.status, w.options&netbsd.WNOZOMBIE == 0
	case c.state == refStopped && !c.waited:
		return netbsd.StopStatus(c.stopSig), w.options&netbsd.WUNTRACED != 0 || c.traced && w.options&netbsd.WTRAPPED != 0
	case c.cont:
		return netbsd.ContinuedStatus, w.options&netbsd.WCONTINUED != 0
	}
	return 0, false
}

// look returns the children that a wait would report, the first being the one that it
// must if nothing moves, and whether any matches at all.
func (r *ref) look(p *refProc, w *refWait) (found []*refProc, any bool) {
	for _, c := range p.kids {
		if !r.matches(p, c, w) {
			continue
		}
		any = true
		if _, ok := r.reports(c, w); ok {
			found = append(found, c)
		}
	}
	if !r.r2003 {
		for _, c := range r.procs { // a debugger has it
			if c.traced && c.op == p && c.parent != p && c.state != refGone && r.matchesStolen(p, c, w) {
				any = true
			}
		}
	}
	return found, any
}

// onlyBack reports whether every child that w is for has come back in this step. In 2003
// who looks before that rightly finds no child: another child's end wakes it while the
// debugger is dying, or, where a traced zombie of a parent with NOCLDWAIT goes to init
// (item 44), the loss of the last child (item 45), before init's collecting it brings it
// back (item 90).
func (r *ref) onlyBack(p *refProc, w *refWait) bool {
	for _, c := range p.kids {
		if r.matches(p, c, w) && !c.back {
			return false
		}
	}
	return r.r2003
}

// hadPassed reports whether a wait can have seen pid between its continuation and its end.
func (r *ref) hadPassed(pid int, w *refWait) bool {
	return w.options&netbsd.WCONTINUED != 0 && slices.ContainsFunc(r.procs, func(p *refProc) bool {
		return p.pid == pid && p.passed
	})
}

// matchesStolen: for a child that a debugger has only the id counts.
func (r *ref) matchesStolen(p, c *refProc, w *refWait) bool {
	v := *w
	v.options |= netbsd.WALLSIG
	return r.matches(p, c, &v)
}

// take is what reporting c does to it.
func (r *ref) take(c *refProc, options int) {
	if options&netbsd.WNOWAIT != 0 {
		return
	}
	switch {
	case c.state == refZombie:
		r.free(c)
	case c.state == refStopped:
		c.waited = true
	default:
		c.cont = false
	}
}

func (r *ref) inferior(p, q *refProc) bool {
	seen := map[*refProc]bool{}
	for p = p.parent; p != nil && !seen[p]; p = p.parent {
		if p == q {
			return true
		}
		seen[p] = true
	}
	return false
}

func (r *ref) setpgid(cur, p *refProc, pgid int) netbsd.Errno {
	members := r.group(pgid)
	if p != cur {
		switch {
		case !p.alive() || !r.inferior(p, cur):
			return netbsd.ESRCH
		case p.sid != cur.sid || len(members) > 0 && members[0].sid != p.sid:
			return netbsd.EPERM
		case p.execed:
			return netbsd.EACCES
		}
	}
	switch {
	case p.leader && p.pgid == pgid:
		return 0
	case p.leader, len(members) == 0 && pgid != p.pid:
		return netbsd.EPERM
	case p.pgid == pgid:
		return 0
	}
	if len(members) == 0 && r.sessionLives(pgid) {
		return netbsd.EPERM // an empty group that its session keeps
	}
	sid := p.sid // of a group that there is it is that one's, which may be another where p moves itself
	if len(members) > 0 {
		sid = members[0].sid
	}
	r.move(p, pgid, sid)
	return 0
}

func (r *ref) sessionLives(sid int) bool {
	for _, p := range r.procs {
		if p.state != refGone && p.sid == sid {
			return true
		}
	}
	return false
}

func (r *ref) setsid(p *refProc) netbsd.Errno {
	if len(r.group(p.pid)) > 0 || r.sessionLives(p.pid) {
		return netbsd.EPERM
	}
	r.move(p, p.pid, p.pid)
	p.leader = true
	return 0
}

func (r *ref) move(p *refProc, pgid, sid int) {
	gs := r.groupsOf(p)
	var had []int
	for _, g := range gs {
		if r.connected(g, nil) > 0 {
			had = append(had, g)
		}
	}
	p.pgid, p.sid = pgid, sid
	for _, g := range had {
		if len(r.group(g)) > 0 && r.connected(g, nil) == 0 {
			r.orphan(g)
		}
	}
	r.requalify()
}

func (r *ref) attach(d, t *refProc) netbsd.Errno {
	switch {
	case !t.alive():
		return netbsd.ESRCH
	case t == d:
		return netbsd.EINVAL
	case t.traced:
		return netbsd.EBUSY
	case d.ppwait && d.parent == t:
		return netbsd.EPERM
	case d.uid != 0 && (d.uid != t.uid || t.sugid):
		return netbsd.EPERM
	}
	op := t.parent
	sig := t.exitsig
	r.reparent(t, d)
	t.exitsig, t.traced, t.op = sig, true, op
	if t.state == refStopped {
		t.waited, t.stopSig, t.fresh = false, netbsd.SIGSTOP, true
		r.childSignal(t)
		return 0
	}
	r.send(t, netbsd.SIGSTOP)
	return 0
}

func (r *ref) traceme(p *refProc) netbsd.Errno {
	switch {
	case p.traced:
		return netbsd.EBUSY
	case p.uid != 0 && p.sugid:
		return netbsd.EPERM // ptrace_listener_cb
	}
	p.traced, p.op = true, p.parent
	return 0
}

func (r *ref) resume(d, t *refProc, sig netbsd.Signal, detach bool) netbsd.Errno {
	switch {
	case !t.alive():
		return netbsd.ESRCH
	case !t.traced:
		return netbsd.EPERM
	case t.parent != d || t.state != refStopped || !t.waited:
		return netbsd.EBUSY
	}
	in := t.inTrace
	if detach {
		if t.op == t.parent {
			t.op, t.traced, t.waited, t.inTrace = nil, false, false, false
		} else {
			r.giveBack(t)
		}
		t.fresh = true
	}
	if isStop(sig) && (detach || !r.r2003) { // it stays stopped, which is news
		t.stopSig, t.waited, t.fresh = sig, false, true
		r.childSignal(t)
		return 0
	}
	t.state, t.inTrace = refRun, false
	switch {
	case sig == 0, detach: // who is traced no more takes nothing from a tracer
	case !in && r.r2003:
		t.pend |= sig.Bit()
	case t.mask.Has(sig): // sigchecktrace drops it, setrunnable of 2003 leaves it pending
		if r.r2003 {
			t.pend |= sig.Bit()
		}
	case t.catch.Has(sig):
		r.handle(t, sig)
	case sig == netbsd.SIGCONT || sig == netbsd.SIGCHLD || isStop(sig) || t.ignore.Has(sig):
	default:
		r.exit(t, netbsd.ExitStatus(0, sig))
		return 0
	}
	r.resolve(t)
	return 0
}

func (p *refProc) String() string {
	return fmt.Sprintf("p%d(pid %d, %s, pgid %d, sid %d, traced %t, pend %#x)", p.id, p.pid,
		[]string{"running", "stopped", "zombie", "gone"}[p.state], p.pgid, p.sid, p.traced, uint64(p.pend))
}
