package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call site is rewritten if in front of its system call instruction there is an instruction of
// five bytes or more that can run anywhere, its head, and behind the head, up to the call, nothing
// that cannot:
//
//	b8 nn nn nn nn  0f 05            mov $nn,%eax; syscall
//	b8 nn nn nn nn  49 89 ca  0f 05  mov $nn,%eax; mov %rcx,%r10; syscall
//	48 8b 44 24 nn  0f 05            mov nn(%rsp),%rax; syscall
//
// Which instructions can be a head is in rewrite_head.go.
//
// Five bytes of the head become a jump. It leads to the site's island, which has a copy of all
// that stood in front of the call, and then goes on into the stub:
//
//	e9 oo oo oo oo  49 89 ca  0f 05  jmp island; mov %rcx,%r10; syscall
//	island: mov $nn,%eax; mov %rcx,%r10; lea behind the site,%rcx; jmp *stub
//
// Nothing but the head is changed. So whoever gets to another instruction of the site, by a jump
// into the middle or by a context that was saved there, finds what always was there, and makes
// the system call by the instruction, the slow way. And a signal that comes in an island finds the
// guest, instruction by instruction, where it would be at the site.
//
// The islands lie in the guest's memory. A guest that writes there leads itself astray: nothing
// here is trusted, and where a signal finds a thread is judged by the platform's own copy of the
// sites.

const (
	jumpSize    = 5  // e9 and a distance
	islandSize  = 32 // one of them is the pointer's
	islandTail  = 7 + 6
	maxSiteCode = islandSize - islandTail
	maxSites    = 1000 // what one process_vm_writev takes; programs have tens, a libc hundreds
	syscallSize = 2

	// MaxSiteCode is how long a site is at most, without its system call instruction.
	MaxSiteCode = maxSiteCode

	// SiteReach is how far from a site its island may be.
	SiteReach = 1<<31 - 1<<20
)

// A Site is a call site: the address of its head, and the code from there up to the system call
// instruction, as CanRewrite has accepted it.
type Site struct {
	Addr uint64
	Code []byte
}

func (s *Site) end() uint64 { return s.Addr + uint64(len(s.Code)+syscallSize) }

// A Rewrite is what is written into a process for some sites: the islands, from one address on,
// and the jumps to them. It is never changed, so processes share it.
type Rewrite struct {
	sites   []Site
	at      uint64 // where the islands are
	islands []byte
	jumps   []byte

	runs     []remoteVec // ranges that have all sites
	runsSize uint64
}

// CanRewrite says whether this host can.
func (p *Platform) CanRewrite() bool { return p.canRewrite }

// IslandsSize is how much memory the islands of n sites take: whole pages. Of more sites than
// it has room for the last ones are left as they are.
func IslandsSize(n int) uint64 {
	return (uint64(islandSize*(1+min(n, maxSites))) + PageSize - 1) &^ (PageSize - 1)
}

// NewRewrite prepares the rewriting of the sites, which are in ascending order, with islands at
// that address, within SiteReach of them all. It returns nil if there are no sites, or this host
// can't.
func (p *Platform) NewRewrite(at uint64, sites []Site) *Rewrite {
	if !p.canRewrite || len(sites) == 0 {
		return nil
	}
	n := min(len(sites), maxSites)
	rw := &Rewrite{
		sites: sites[:n], at: at,
		islands: bytes.Repeat([]byte{0xcc}, islandSize*(1+n)), jumps: make([]byte, jumpSize*n),
	}
	binary.LittleEndian.PutUint64(rw.islands, p.stub.Enter)
	for i := range rw.sites {
		rw.link(i)
	}
	rw.findRuns()
	return rw
}

// link makes the island and the jump of a site.
func (rw *Rewrite) link(i int) {
	le, site, off := binary.LittleEndian, &rw.sites[i], islandSize*(1+i)
	b := rw.islands[off:]
	n := copy(b, site.Code)
	jump := rw.jumps[jumpSize*i:][:jumpSize]
	if !moveHead(b, site.Addr, rw.at+uint64(off)) {
		copy(jump, site.Code) // it stays as it is
		return
	}
	distance := func(from int, to uint64) uint32 { return uint32(to - (rw.at + uint64(off+from))) }
	n += copy(b[n:], "\x48\x8d\x0d") // lea behind the site,%rcx
	le.PutUint32(b[n:], distance(n+4, site.end()))
	n += 4
	n += copy(b[n:], "\xff\x25") // jmp *pointer
	le.PutUint32(b[n:], distance(n+4, rw.at))
	jump[0] = 0xe9
	le.PutUint32(jump[1:], uint32(rw.at+uint64(off)-(site.Addr+jumpSize)))
}

// Len returns how many sites it has.
func (rw *Rewrite) Len() int { return len(rw.sites) }

// At returns where the islands are, and Size how many bytes of guest memory they take: whole
// pages.
func (rw *Rewrite) At() uint64   { return rw.at }
func (rw *Rewrite) Size() uint64 { return IslandsSize(len(rw.sites)) }

// Span returns the pages that the sites lie in, and those between them.
func (rw *Rewrite) Span() (start, end uint64) {
	last := &rw.sites[len(rw.sites)-1]
	return rw.sites[0].Addr &^ (PageSize - 1), (last.end() + PageSize - 1) &^ (PageSize - 1)
}

// Pages calls f for each page that the sites change, those that lie next to each other at once.
func (rw *Rewrite) Pages(f func(start, end uint64)) {
	start, end := uint64(0), uint64(0)
	for i := range rw.sites {
		from, to := rw.sites[i].Addr&^(PageSize-1), (rw.sites[i].Addr+jumpSize+PageSize-1)&^(PageSize-1)
		if from > end && end > 0 {
			f(start, end)
			start = from
		} else if end == 0 {
			start = from
		}
		end = to
	}
	f(start, end)
}

// contains says whether addr is in an island.
func (rw *Rewrite) contains(addr uint64) bool {
	return addr >= rw.at+islandSize && addr < rw.at+uint64(len(rw.islands))
}

// jump returns what the head of a site has become.
func (rw *Rewrite) jump(i int) []byte { return rw.jumps[jumpSize*i:][:jumpSize] }

// within returns the sites that are touched by a range, by their first and the one behind the
// last.
func (rw *Rewrite) within(start, end uint64) (from, to int) {
	from = sort.Search(len(rw.sites), func(i int) bool { return rw.sites[i].end() > start })
	to = sort.Search(len(rw.sites), func(i int) bool { return rw.sites[i].Addr >= end })
	return from, max(from, to)
}

// Rewrite puts rw into the process. Preconditions: its memory, the islands' and the sites', can
// be written; the sites have the code that rw was made for, and no thread is about to execute it.
//
// Of a program few pages are touched, as each is copied.
func (q *Process) Rewrite(rw *Rewrite) error {
	remote := make([]remoteVec, 1, len(rw.sites)+1)
	remote[0] = remoteVec{rw.at, uint64(len(rw.islands))}
	for i := range rw.sites {
		remote = append(remote, remoteVec{rw.sites[i].Addr, jumpSize})
	}
	if err := q.moveAll(unix.SYS_PROCESS_VM_WRITEV, remote, rw.islands, rw.jumps); err != nil {
		return fmt.Errorf("host: rewrite: %w", err)
	}
	q.Know(rw)
	return nil
}

// RewriteText is Rewrite for what a guest has mapped: it compares the sites with the code that rw
// was made for first, as the file may be another one by now, and the guest may have changed what
// it has of it. The error then is errOtherCode, and nothing is changed.
//
// Sites lie side by side where functions are nothing but a call. To read and write what lies
// between them, too, takes a tenth of the time that hundreds of small pieces take.
func (q *Process) RewriteText(rw *Rewrite) error {
	b := make([]byte, rw.runsSize)
	if err := q.moveAll(unix.SYS_PROCESS_VM_READV, rw.runs, b); err != nil {
		return fmt.Errorf("host: rewrite: %w", err)
	}
	if !rw.patch(b) {
		return errOtherCode
	}
	remote := append([]remoteVec{{rw.at, uint64(len(rw.islands))}}, rw.runs...)
	if err := q.moveAll(unix.SYS_PROCESS_VM_WRITEV, remote, rw.islands, b); err != nil {
		return fmt.Errorf("host: rewrite: %w", err)
	}
	q.Know(rw)
	return nil
}

var errOtherCode = errors.New("host: rewrite: the code is another one")

// runGap is how far apart sites of one run may be.
const runGap = 512

// findRuns says which ranges have all sites, whole.
func (rw *Rewrite) findRuns() {
	for i := range rw.sites {
		site := &rw.sites[i]
		if n := len(rw.runs); n > 0 && site.Addr-(rw.runs[n-1].base+rw.runs[n-1].size) < runGap {
			rw.runs[n-1].size = site.end() - rw.runs[n-1].base
			continue
		}
		rw.runs = append(rw.runs, remoteVec{site.Addr, site.end() - site.Addr})
	}
	for _, r := range rw.runs {
		rw.runsSize += r.size
	}
}

// patch puts the jumps into b, what the runs hold one after the other. It reports false if a site
// has other code.
func (rw *Rewrite) patch(b []byte) bool {
	run, from := 0, uint64(0) // from is where the run is in b
	for i := range rw.sites {
		site := &rw.sites[i]
		for site.Addr >= rw.runs[run].base+rw.runs[run].size {
			from += rw.runs[run].size
			run++
		}
		code := b[from+site.Addr-rw.runs[run].base:]
		if !bytes.HasPrefix(code, site.Code) || !bytes.HasPrefix(code[len(site.Code):], []byte{0x0f, 0x05}) {
			return false
		}
		copy(code, rw.jump(i))
	}
	return true
}

// remoteVec is a range of a guest's memory. Its address must not look like a pointer, which the
// collector would follow.
type remoteVec struct{ base, size uint64 }

// moveAll is process_vm_readv or process_vm_writev of many ranges.
func (q *Process) moveAll(nr uintptr, remote []remoteVec, bufs ...[]byte) error {
	const most = 1024 // IOV_MAX
	if len(remote) > most || q.dead.Load() {
		return syscall.E2BIG
	}
	local, size := make([]unix.Iovec, len(bufs)), 0
	for i, b := range bufs {
		local[i].Base = &b[0]
		local[i].SetLen(len(b))
		size += len(b)
	}
	n, _, e := syscall.Syscall6(nr, uintptr(q.pid), uintptr(unsafe.Pointer(&local[0])), uintptr(len(local)),
		uintptr(unsafe.Pointer(&remote[0])), uintptr(len(remote)), 0)
	switch {
	case e != 0:
		return e
	case int(n) != size:
		return syscall.EFAULT
	}
	return nil
}

// Know makes rw known, by which a signal in an island is understood. Whoever has not had it written here
// has moved code to its place that was rewritten elsewhere, islands at the same distance. From now on the
// process's threads have the stub's GS when they resume. One that is not stopped gets it at its
// next trap: until then its calls at rewritten sites fault in the stub, and go the slow way.
func (q *Process) Know(rw *Rewrite) {
	q.changeRewrites(func(list []*Rewrite) []*Rewrite { return append(list, rw) })
}

// Forget removes rw from what is known, once its sites are gone or restored.
func (q *Process) Forget(rw *Rewrite) {
	q.changeRewrites(func(list []*Rewrite) []*Rewrite {
		kept := list[:0]
		for _, r := range list {
			if r != rw {
				kept = append(kept, r)
			}
		}
		return kept
	})
}

// changeRewrites replaces the list by a changed copy, as traps of other threads read it without
// a lock.
func (q *Process) changeRewrites(f func([]*Rewrite) []*Rewrite) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := f(append([]*Rewrite(nil), q.rewrites()...))
	q.rewritten.Store(&list)
}

// rewrites returns what has been rewritten in the process. Nobody changes it.
func (q *Process) rewrites() []*Rewrite {
	if list := q.rewritten.Load(); list != nil {
		return *list
	}
	return nil
}

// OwnGS leaves GS to the process's guest from now on, and to those that it forks: its base is a register as that of FS is. No call site of its
// leads to the stub then, which finds the slot by GS. For threads that have not had it loaded since, the base is the stub's still.
//
// Preconditions: all that has been rewritten is restored, and nothing will be. What is known stays known, as a thread that has stopped in an
// island has yet to leave it.
func (q *Process) OwnGS() { q.ownGS.Store(true) }

// stubHasGS says whether the stub needs GS.
func (q *Process) stubHasGS() bool { return q.rewrites() != nil && !q.ownGS.Load() }

// island returns the rewriting that has an island at addr, nil if there is none.
func (q *Process) island(addr uint64) *Rewrite {
	for _, rw := range q.rewrites() {
		if rw.contains(addr) {
			return rw
		}
	}
	return nil
}

// leaveIsland puts a guest that a signal met in an island where it would be at the site: an
// island begins with the site's code, instruction by instruction, and from there on the guest is
// in front of the system call. At the island's beginning the jump has been executed, which was the
// head's place: so the head is, too, unless it faults. Who steps would never get on otherwise.
//
// A step that would fault there is no step: the guest stays in the island then, and leaveIsland reports false, as it
// has to go on, to its fault. If the island has just been given up, by a sibling that has unmapped its text, the guest stays
// where it is, too.
func (t *Thread) leaveIsland(signo int) bool {
	r := &t.regs
	rw := t.proc.island(r.RIP)
	if rw == nil {
		return true
	}
	n := r.RIP - rw.at - islandSize
	site, off := &rw.sites[n/islandSize], n%islandSize
	faulted := signo == int(unix.SIGSEGV) || signo == int(unix.SIGBUS)
	if off == 0 && !faulted && t.emulate(site) {
		r.RIP = site.Addr + uint64(headSize(site.Code))
		return true
	}
	if off == 0 && signo == int(unix.SIGTRAP) {
		return false
	}
	r.RIP = site.Addr + min(off, uint64(len(site.Code)))
	return true
}

// CanRewrite says whether code, some instructions and a system call instruction behind them, is
// a site as NewRewrite takes it, by its length and its head. That the instructions behind the
// head can run anywhere the caller knows.
func CanRewrite(code []byte) bool {
	n := len(code) - syscallSize
	if n < jumpSize || n > maxSiteCode || code[n] != 0x0f || code[n+1] != 0x05 {
		return false
	}
	head := headSize(code)
	return head > 0 && head <= n
}
