package machine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/platform/groupwatch"
	"toaster/internal/platform/outside"
	"toaster/internal/tty"
	"toaster/kern"
	"toaster/netbsd"
)

// This file has process groups of the host: one stands for each group of kern's with programs
// of the host in it. Their children, of which kern knows nothing, are in it, too, so that a
// signal for the group reaches them, Ctrl-C and SIGHUP among these; and when the machine is
// closed what is left in a group is killed.
//
//   - A program of a session whose terminal is the host's, too, is in a session there (hostsession.go), in a group
//     of its own or of those before it.
//   - Of any other, a program whose process leads a session leads one of the host's, and a group.
//   - Any other is in toaster's session, in such a group.
//   - A program that is given the terminal of toaster's own session stays in toaster's group:
//     in another one it would be stopped for reading. Signals for its group reach it and its
//     descendants there one by one (shared).
//
// A child that leaves its group (setsid, setpgid) is on its own, as on NetBSD, and outlives the
// machine, unless its new group comes to stand for one of kern's (made). So does what a program
// leaves that is being started at the moment when toaster is killed: a group is watched only once
// its number is known.

// hostGroups are the groups of one machine.
type hostGroups struct {
	m *kern.Machine // set by newSystem, and not changed

	// mu is held while a program is started: the next one may want its group. The order is hostGroups.mu,
	// hostGroup.mu, hostWaiter.mu, and then the kernel's, or hosts.mu.
	mu    sync.Mutex
	all   map[*kern.Pgrp][]*hostGroup      // mostly one each; more where programs differ in session or terminal
	tried bool                             // to make watch
	watch atomic.Pointer[groupwatch.Watch] // of them; nil before the first one, and where the host has none
}

// hostGroup is a process group of the host. It is a kern.ForeignGroup.
type hostGroup struct {
	of     *hostGroups // set by add, as k is, and not changed
	k      *kern.Pgrp
	pgid   int  // 0 for shared
	leader bool // of a session, which nobody of another one can join
	shared bool
	sess   *hostSession // nil: toaster's, or the leader's

	lonely atomic.Bool // its group of kern's has gone

	mu       sync.Mutex
	waiters  []*hostWaiter // programs that were started in it, for shared
	programs int           // those that are not collected: while there are any, pgid is theirs
	watched  bool          // it is in the watch's table
	anchor   int           // has the host take the group for one under job control; 0 for none
	// left are members that were there when the last program had gone, by pid; each with the
	// time at which it was born, as the host reuses pids.
	left map[int]string
}

// start starts h for w's process, in the right group.
//
// Two failures are of one moment and not the program's. ErrGone: the session is over, so the program is started
// outside of it, as where there never was one. EPERM: setpgid(2) has found the group empty since find looked;
// another one is made in the same session. Any other error is the caller's to report, and leaves no program.
func (gs *hostGroups) start(w *hostWaiter, h *hostProgram) error {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.beWatched()
	k := w.l.Proc().Pgrp()
	err := gs.find(k, h).start(w, h)
	if errors.Is(err, outside.ErrGone) && h.sess != nil { // somebody has killed the stand-in
		h.sess, h.pgid = nil, 0
		err = gs.find(k, h).start(w, h)
	}
	if errors.Is(err, syscall.EPERM) && h.pgid != 0 { // its last member has gone just now
		h.pgid = 0
		err = gs.add(k, &hostGroup{sess: h.sess}).start(w, h)
	}
	return err
}

// errDying is of a program that is not started, as its process is to die.
var errDying = errors.New("the process is to die")

// start starts h in g. Whoever has a signal for the process or for the group waits meanwhile: it is to
// reach the program, and what that has started by then.
//
// SetForeign comes before the program is there, and asks under the kernel's lock whether the process is to die:
// a SIGKILL that comes earlier is seen there, and one that comes later waits for w.mu and finds the program.
func (g *hostGroup) start(w *hostWaiter, h *hostProgram) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.group.Store(g)
	if !w.l.Platform().SetForeign(w) {
		return errDying
	}
	err := w.sys.startHost(w, h, g)
	if err == nil {
		g.join(w)
	}
	return err
}

// Orphaned implements kern.ForeignGroup: the host is to know that, too.
func (g *hostGroup) Orphaned() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release()
}

// release takes the anchor away. g.mu is held. A group of kern's that is orphaned has no anchor any more, so
// the terminal cannot stop the programs in it (SIGTSTP and the like), as orphanpg wants it.
func (g *hostGroup) release() {
	if g.anchor != 0 {
		g.sess.Weigh(g.anchor)
		g.anchor = 0
	}
}

// beWatched has what stays in the groups killed if toaster is. gs.mu is held.
//
// That is tried once. Without a watch groups are killed by kill alone, and outlive a toaster that is killed
// itself.
func (gs *hostGroups) beWatched() {
	if gs.tried {
		return
	}
	gs.tried = true
	if w, err := groupwatch.New(); err == nil {
		gs.watch.Store(w)
	}
}

// find returns the group for h among those of k, or a new one, and has h join it. gs.mu is held.
//
// A leader of a session has a new group in any case, as the host puts it there. A shared group need not be
// alive: it has no number that could become another's.
func (gs *hostGroups) find(k *kern.Pgrp, h *hostProgram) *hostGroup {
	shared := h.sess == nil && !h.session && slices.ContainsFunc(h.files, func(fd int) bool { return fd >= 0 && tty.IsControlling(fd) })
	h.setpgid = !h.session && !shared
	if !h.session {
		for _, g := range gs.all[k] {
			if g.shared == shared && !g.leader && g.sess == h.sess && (shared || g.alive()) {
				h.pgid = g.pgid
				return g
			}
		}
	}
	return gs.add(k, &hostGroup{leader: h.session, shared: shared, sess: h.sess})
}

// made returns the group of sess that programs of the host have made themselves, and that stands for k now
// since the process of st's has joined the machine.
//
// The proxy is in it and stands still, so whoever else is in it now is its member for certain: by their times of
// birth the group is known to be the same one later. The proxy alone would not do, as it goes with the process,
// and the others are to end with the machine. For the same reason the group is watched.
func (gs *hostGroups) made(sess *hostSession, k *kern.Pgrp, st *outside.Status) *hostGroup {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for _, g := range gs.all[k] {
		if g.sess == sess && g.is(st.Group) {
			return g
		}
	}
	g := &hostGroup{sess: sess, pgid: st.Group, left: membersOf(st.Group)}
	gs.add(k, g)
	sess.has(g)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watch(true)
	return g
}

// is reports whether the group has that number, and members.
func (g *hostGroup) is(pgid int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pgid == pgid && g.aliveLocked()
}

// add notes a group. gs.mu is held. Those of k whose members are gone are dropped on the way, so a group of
// kern's that starts programs again and again does not gather them.
func (gs *hostGroups) add(k *kern.Pgrp, g *hostGroup) *hostGroup {
	g.of, g.k = gs, k
	gs.unwatch()
	if gs.all == nil {
		gs.all = make(map[*kern.Pgrp][]*hostGroup)
	}
	gs.all[k] = append(slices.DeleteFunc(gs.all[k], func(o *hostGroup) bool { return !o.shared && !o.alive() }), g)
	return g
}

// unwatch takes groups out of the watch's table whose last member has gone since somebody looked, as nobody tells of that. gs.mu is held.
func (gs *hostGroups) unwatch() {
	for _, list := range gs.all {
		for _, g := range list {
			guard.Locked(&g.mu, g.ifEmpty)
		}
	}
}

// ifEmpty asks the host alone whether there are members: to find out who they are takes a look at all its processes. g.mu is held.
func (g *hostGroup) ifEmpty() {
	if g.watched && g.programs == 0 && syscall.Kill(-g.pgid, 0) == syscall.ESRCH {
		g.gone()
	}
}

// join notes that w's program has been started in g. g.mu is held. The first program makes the group, whose
// number is its pid.
func (g *hostGroup) join(w *hostWaiter) {
	if g.pgid == 0 && !g.shared {
		g.pgid = w.pid
	}
	g.watch(!g.shared)
	g.programs++
	if g.shared {
		g.waiters = append(g.waiters, w)
	}
}

// leave is called when a program has been collected. What is left is looked for at once: a
// signal that comes next is for that. g.mu is held.
func (g *hostGroup) leave(w *hostWaiter) {
	g.programs--
	switch {
	case g.shared:
		g.waiters = slices.DeleteFunc(g.waiters, func(o *hostWaiter) bool { return o == w })
	case g.programs > 0:
	default:
		// An anchor would keep the group in being, and the members could never be seen to be gone.
		g.release()
		g.left = nil
		if syscall.Kill(-g.pgid, 0) == nil {
			g.left = membersOf(g.pgid)
		}
		if len(g.left) == 0 { // or the dead alone, whom nobody has waited for
			g.gone()
		}
	}
}

// gone is due when the last member is: pgid may become another's. g.mu is held.
func (g *hostGroup) gone() {
	g.left = nil
	g.watch(false)
	if g.sess != nil {
		g.sess.forget(g)
	}
}

// watch puts the group into the watch's table, or takes it out. g.mu is held. It must be out before the number
// can be another's: the watch kills by number and asks nobody.
func (g *hostGroup) watch(on bool) {
	w := g.of.watch.Load()
	switch {
	case w == nil || g.watched == on:
	case on:
		w.Add(g.pgid)
	default:
		w.Remove(g.pgid)
	}
	g.watched = on
}

// alive reports whether pgid is the group's still.
func (g *hostGroup) alive() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.aliveLocked()
}

// aliveLocked is alive, with g.mu held. Once the last program is gone only its children keep pgid from being
// somebody else's, so they are looked for. A number cannot have been another's in between if one of those who
// were there last time still is: so each look remembers whom it has found, those born since among them. A group
// that is given up stays so.
func (g *hostGroup) aliveLocked() bool {
	if g.programs > 0 || g.pgid == 0 {
		return g.programs > 0
	}
	if len(g.left) == 0 {
		return false
	}
	now := membersOf(g.pgid)
	same := false
	for pid, born := range now {
		same = same || g.left[pid] == born
	}
	if g.left = now; !same {
		g.gone()
	}
	return same
}

// Signal implements kern.ForeignGroup.
//
// A signal that Linux does not have reaches nobody, and is no reason to look whether there are members. The
// group is forgotten only once its group of kern's has gone, as a program may be started in it until then.
func (g *hostGroup) Signal(sig netbsd.Signal) {
	n := syscall.Signal(sig.ToLinux())
	if n == 0 && sig != 0 {
		return
	}
	if !g.signal(n) && g.lonely.Load() {
		g.of.m.ForgetForeign(g)
		g.of.forget(g)
	}
}

// Has implements kern.ForeignGroup.
func (g *hostGroup) Has(sig netbsd.Signal) bool { return sig.ToLinux() != 0 }

// signal sends it to all members. False: there are none.
//
// A member that has left the shared group, or been started since its parent was looked at, is missed; the host
// offers no way to signal some of a group at once. Errors are not told: who may not be signalled, as another
// user's process, is left alone.
func (g *hostGroup) signal(n syscall.Signal) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.aliveLocked() {
		return false
	}
	if !g.shared {
		syscall.Kill(-g.pgid, n)
		return true
	}
	for _, w := range g.waiters {
		below := descendants(w.pid, syscall.Getpgrp())
		w.signal(n) // first: it must not see its children end before
		for _, pid := range below {
			syscall.Kill(pid, n)
		}
	}
	return true
}

// Left implements kern.ForeignGroup.
//
// A shared group has no number by which its members could be found later, so it ends with kern's.
func (g *hostGroup) Left() bool {
	if !g.shared && g.alive() {
		g.lonely.Store(true)
		return true
	}
	g.of.forget(g)
	return false
}

// forget removes a group without members, whose group of kern's has gone.
func (gs *hostGroups) forget(g *hostGroup) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if list := slices.DeleteFunc(gs.all[g.k], func(o *hostGroup) bool { return o == g }); len(list) > 0 {
		gs.all[g.k] = list
	} else {
		delete(gs.all, g.k)
	}
}

// kill ends what is left in all groups. There must be no more starts. The watch goes last: what is killed here
// it need not know, and until then it covers an end of toaster in between.
func (gs *hostGroups) kill() {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for _, list := range gs.all {
		for _, g := range list {
			g.signal(syscall.SIGKILL)
		}
	}
	gs.all = nil
	if w := gs.watch.Load(); w != nil {
		w.Close()
	}
}

// membersOf looks for the members of a process group of the host, by pid with the times of their
// birth. The dead that nobody has waited for are none. The look is not of one moment: a member that forks and
// ends meanwhile may be seen as neither, so who is missed is taken for gone. What is born is field 22 of
// proc_pid_stat(5), in ticks since the host has started.
func membersOf(pgid int) map[int]string {
	members := make(map[int]string)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if st := statOf(pid); st != nil && st[2] == strconv.Itoa(pgid) && st[0] != "Z" && st[0] != "X" {
			members[pid] = st[19]
		}
	}
	return members
}

// statOf returns the fields of /proc/pid/stat behind the name, which is proc(5)'s second one; nil
// if there is no such process. The name may have blanks and parentheses in it, whatever its process likes, so
// the last parenthesis is what ends it. Of the result 0 is the state, 2 the group and 19 the time of birth.
func statOf(pid int) []string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, ok := bytes.Cut(b[bytes.LastIndexByte(b, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 20 {
		return nil
	}
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(f)
	}
	return out
}

// descendants returns those of pid that are in the group pgid.
//
// A child in another group is looked through, too: a grandchild may be in this one. Children of each of its
// threads count. Who is adopted by init is no descendant any more, and not found.
func descendants(pid, pgid int) (list []int) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, word := range bytes.Fields(b) {
			child, _ := strconv.Atoi(string(word))
			if st := statOf(child); st != nil && st[2] == strconv.Itoa(pgid) {
				list = append(list, child)
			}
			list = append(list, descendants(child, pgid)...)
		}
	}
	return list
}
