package machine

import (
	"sync"

	"toaster/internal/platform"
	"toaster/internal/vm"
	"toaster/kern"
)

// This file keeps programs at hand that are executed again and again: copies of a host
// process that has one mapped, its system calls rewritten, and has not run (warm copies). A
// shell's commands, a compiler, a test that starts itself: for them an execve is what remains
// to be done, which is to write the stack.
//
//	take   before a program is mapped: is there a copy of it?
//	learn  after it was mapped: is it time to make copies?
//
// A copy never has run guest code, so it holds nothing of an earlier execution.

// imageCache knows programs by the state of their files, their own and that of the dynamic linker:
// a file that changes is another program. mu is held while a nursery is asked for a copy: either there is one or there is not.
//
// A template holds the file's pages mapped, so a file that is changed in place changes copies
// that were made before: its ctime then is another, the program another one, and the copies are
// never taken.
type imageCache struct {
	mu    sync.Mutex
	known map[warmID]*cachedImage
	clock int
}

// All of it is guarded by imageCache.mu, except that m and texts are never changed once they are here.
type cachedImage struct {
	seen    int // executions, up to the one that made it warm
	used    int // when it was executed last, by imageCache.clock
	nursery *platform.Nursery
	pax     bool // its copies have PaX MPROTECT, which can be set otherwise since
	m       *vm.Map
	texts   []text

	taught  bool // a lesson has ended, or been tried
	lessons int
	shelf   []piece    // of its copies
	user    *kern.Cred // whose it is
}

// Each copy is a host process to make and to keep, so only what is executed again gets
// copies, and few programs at a time.
const (
	warmFrom   = 2 // the execution that shows that a program is executed again
	warmCopies = 2
	maxWarm    = 4 // programs with copies
	maxLessons = 8 // for a program that maps now this and now that
)

// A warmID names all that execve(2) maps of a program: its file and its dynamic linker's, which is
// zero for a static one. What the linker maps it maps itself, in each copy anew.
type warmID struct{ program, interp fileID }

func (p *program) warmID() (id warmID, ok bool) {
	if id.program, ok = p.fileID(); !ok || p.interp == nil {
		return id, ok
	}
	id.interp, ok = p.interp.fileID()
	return id, ok
}

// take returns an address space with p in it, or nil if there is none at hand.
//
// The copy is the caller's, as a process of fill's is. It is charged by build as any other:
// copies at hand count for nothing. mu comes before the nursery's own lock.
func (c *imageCache) take(s *System, p *program) *Context {
	id, ok := p.warmID()
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.known[id]
	if i == nil || i.nursery == nil || i.pax != s.mprotects(p) {
		return nil
	}
	c.clock++
	i.used = c.clock
	hp, t, ok := i.nursery.Take()
	if !ok {
		return nil
	}
	m, _ := i.m.Fork()
	space := s.spaceOf(hp, m, i.nursery)
	space.texts = i.texts
	space.image, space.shelf = i, i.shelf
	c.begin(p, id, i, space)
	if (space.lesson != nil || !sameUser(p.user, i.user)) && space.clearShelf(t) != nil {
		space.release()
		return nil
	}
	return &Context{sys: s, thread: t, space: space, trapped: trappedAST}
}

// begin has a process of p looked at if its program's copies have no shelf, or one that another process has found
// outdated. mu is held.
func (c *imageCache) begin(p *program, id warmID, i *cachedImage, space *Space) {
	if !i.taught && p.user != nil {
		space.lesson = &lesson{id: id, image: i, user: p.user}
	}
}

// outdated is told of a process that has left things on its shelf, and missed others: a file has changed, perhaps.
func (c *imageCache) outdated(i *cachedImage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i.taught = i.lessons == maxLessons
}

// claim returns the nursery of l's program for l to take a copy of, nil if another lesson was first or the program is another one
// by now.
func (c *imageCache) claim(l *lesson) *platform.Nursery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := l.image; c.known[l.id] == i && !i.taught {
		i.taught = true
		i.lessons++
		return i.nursery
	}
	return nil
}

// install has the cache take copies of l's program from n from now on, which come with that shelf. Copies that the
// old nursery has handed out run on. Where the cache has dropped the program meanwhile, n is closed.
func (c *imageCache) install(l *lesson, n *platform.Nursery, shelf []piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := l.image
	if c.known[l.id] != i {
		n.Close()
		return
	}
	i.nursery.Close()
	i.nursery, i.shelf, i.user = n, shelf, l.user
}

// learn counts an execution of p, for which mc is ready and has not run, and makes the program
// warm if it is time: a copy of mc's process becomes the template of a nursery. What fails
// here costs the next execution time, and nothing else.
//
// The fork is made without mu: it takes as long as a fork does, and others execute meanwhile.
// mc's own process goes to its guest. It knows the nursery (Space.drop), to tell it how many
// LWPs it had.
func (c *imageCache) learn(s *System, p *program, mc *Context) {
	id, ok := p.warmID()
	if !ok || s.Platform.Lean() || !c.due(id) {
		return
	}
	_, t, err := mc.thread.Fork()
	if err != nil {
		return // it goes without
	}
	n, err := s.Platform.NewNursery(t, warmCopies)
	if err != nil {
		return
	}
	m, _ := mc.space.m.Fork()
	mc.space.nursery = n
	i := &cachedImage{nursery: n, pax: mc.space.m.Mprotects(), m: m, texts: mc.space.texts}
	c.begin(p, id, i, mc.space)
	c.add(id, i)
}

// due counts an execution, and says whether it is the one to make the program warm: only
// one caller is told so, however many execute it at once.
// A failure is not tried again unless forget has been there.
func (c *imageCache) due(id warmID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[warmID]*cachedImage{}
	}
	i := c.known[id]
	if i == nil {
		c.forget()
		i = new(cachedImage)
		c.known[id] = i
	}
	i.seen++
	return i.seen == warmFrom
}

// forget bounds what is remembered of programs that are not warm, as a guest can execute any
// number. mu is held.
//
// Warm ones stay, maxWarm at most. What is lost is a count: the program is warm one execution
// later.
func (c *imageCache) forget() {
	if len(c.known) < maxKnown {
		return
	}
	for id, i := range c.known {
		if i.nursery == nil {
			delete(c.known, id)
		}
	}
}

// add makes a program warm, and the one cold that was not executed for longest if there
// are too many.
//
// Nursery.Close ends the template's host process and the copies that are ready. A process that
// was taken from the nursery runs on, and its Space may still call Expect.
func (c *imageCache) add(id warmID, i *cachedImage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	i.used = c.clock
	if old := c.known[id]; old != nil && old.nursery != nil { // forget has been there while both were made
		old.nursery.Close()
	}
	c.known[id] = i
	warm, oldest := 0, id
	for id, i := range c.known {
		if i.nursery == nil {
			continue
		}
		if warm++; i.used < c.known[oldest].used {
			oldest = id
		}
	}
	if warm > maxWarm {
		c.known[oldest].nursery.Close()
		delete(c.known, oldest)
	}
}
