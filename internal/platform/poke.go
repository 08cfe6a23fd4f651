package platform

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// Peek copies guest memory at addr into b whatever its protection, as a debugger does. It
// reports whether all of it is there. It takes an open(2) of /proc, where Read takes one call;
// whether the caller's guest may look at all, ptrace(2)'s rules, is asked before.
//
// A call site that has been rewritten reads as it was: a debugger compares code with the file, and
// disassembles it.
func (q *Process) Peek(addr uint64, b []byte) bool {
	return q.accessMemory(unix.O_RDONLY, addr, b, func(m guestMemory) bool {
		return m.move(unix.Pread, addr, b) && q.veil(m, addr, b)
	})
}

// Poke copies b into guest memory at addr whatever its protection, as Peek does in the other
// direction. A private mapping gets a page of its own, so that a breakpoint is in no file.
//
// Call sites that b touches are first what they were, and stay so: a breakpoint at any of their
// instructions is met, and whoever writes back what Peek has read leaves no half of a jump.
// Preconditions: none of the process's threads runs. It waits for the end of a freeze, as Write does.
func (q *Process) Poke(addr uint64, b []byte) (ok bool) {
	q.freezing.unfrozen(addr, len(b), func() {
		ok = q.accessMemory(unix.O_RDWR, addr, b, func(m guestMemory) bool {
			return q.restore(m, addr, addr+uint64(len(b))) && m.move(unix.Pwrite, addr, b)
		})
	})
	return ok
}

// restoreAt makes the site at addr what it was, for good: a breakpoint of a debug register is met at each of its instructions.
// Preconditions: those of Poke.
func (q *Process) restoreAt(addr uint64) bool {
	return q.accessMemory(unix.O_RDWR, addr, nil, func(m guestMemory) bool { return q.restore(m, addr, addr+1) })
}

// Restore makes the sites of rw what they were, all that the guest itself has not changed since.
// Preconditions: no thread is about to execute them, nor in an island.
func (q *Process) Restore(rw *Rewrite) bool {
	start, end := rw.Span()
	return q.accessMemory(unix.O_RDWR, start, nil, func(m guestMemory) bool {
		return q.restore(m, start, end)
	})
}

// jumps calls f for each site in a range whose head is a jump, until f returns false; site's
// memory may be gone. It returns what f did.
func (q *Process) jumps(m guestMemory, start, end uint64, f func(site *Site) bool) bool {
	for _, rw := range q.rewrites() {
		from, to := rw.within(start, end)
		for i := from; i < to; i++ {
			var now [jumpSize]byte
			site := &rw.sites[i]
			if m.move(unix.Pread, site.Addr, now[:]) && bytes.Equal(now[:], rw.jump(i)) && !f(site) {
				return false
			}
		}
	}
	return true
}

// veil puts what sites were in place of the jumps in b, a copy of the memory at addr.
func (q *Process) veil(m guestMemory, addr uint64, b []byte) bool {
	return q.jumps(m, addr, addr+uint64(len(b)), func(site *Site) bool {
		for i, c := range site.Code[:jumpSize] {
			if at := site.Addr + uint64(i) - addr; at < uint64(len(b)) {
				b[at] = c
			}
		}
		return true
	})
}

// restore puts what sites were in place of the jumps in memory.
func (q *Process) restore(m guestMemory, start, end uint64) bool {
	return q.jumps(m, start, end, func(site *Site) bool {
		return m.move(unix.Pwrite, site.Addr, site.Code[:jumpSize])
	})
}

// guestMemory is a descriptor of the host's view of a guest's memory.
type guestMemory int

// move copies between b and the memory at addr.
func (m guestMemory) move(how func(int, []byte, int64) (int, error), addr uint64, b []byte) bool {
	for len(b) > 0 {
		n, err := how(int(m), b, int64(addr))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		b, addr = b[n:], addr+uint64(n)
	}
	return true
}

// accessMemory calls f with the process's memory, if b at addr is in the guest's part of it.
func (q *Process) accessMemory(mode int, addr uint64, b []byte, f func(guestMemory) bool) bool {
	if addr >= GuestEnd || uint64(len(b)) > GuestEnd-addr {
		return false
	}
	fd, ok := q.openMemory(mode)
	if !ok {
		return false
	}
	defer unix.Close(fd)
	return f(guestMemory(fd))
}

// openMemory opens the host's view of the memory, by pid, which may be another process's by
// now. The signal that follows, which is none, proves that the process was still there to be
// reaped, and so its pid its own, when the name was used.
func (q *Process) openMemory(mode int) (fd int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return -1, false
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(q.pid)+"/mem", mode|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	if unix.PidfdSendSignal(q.pidfd, 0, nil, 0) != nil {
		unix.Close(fd)
		return -1, false
	}
	return fd, true
}
