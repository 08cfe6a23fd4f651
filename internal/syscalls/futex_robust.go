package syscalls

import "toaster/netbsd"

// This file has the robust list of an LWP: the words of locks that it holds, which the kernel
// marks, and wakes somebody for, when the LWP ends without having let go of them.

// The head of the list is three words: the first entry, how far behind an entry its lock lies,
// and the entry that is being added or taken away. Of an entry the lowest bit says that it has a
// priority.
const (
	robustHeadSize = 24
	robustPI       = 1
	robustMost     = 1000000 // entries that are looked at (futex_release_all_lwp)
)

// futexSetRobustList is __futex_set_robust_list(void *head, size_t len). EINVAL: another length,
// or the head is not aligned.
func futexSetRobustList(c *Call) netbsd.Errno {
	head := c.Ptr(0)
	if c.Args[1] != robustHeadSize || head%8 != 0 {
		return netbsd.EINVAL
	}
	var end func()
	if head != 0 {
		r := robust{k: c.K, space: c.Space, head: head, tid: uint32(c.L.ID())}
		end = r.release
	}
	c.L.Platform().SetRobust(head, end)
	return 0
}

// futexGetRobustList is __futex_get_robust_list(lwpid_t lid, void **headp, size_t *lenp); 0 is the
// caller. ESRCH. EFAULT.
func futexGetRobustList(c *Call) netbsd.Errno {
	head, errno := c.L.Robust(c.Int(0))
	if errno != 0 {
		return errno
	}
	b := c.out(8)
	putLE64(b, head)
	if errno := c.copyout(c.Ptr(1), b); errno != 0 {
		return errno
	}
	putLE64(b, robustHeadSize)
	return c.copyout(c.Ptr(2), b)
}

// robust is the list of one LWP.
type robust struct {
	k     *Kernel
	space Space
	head  uint64
	tid   uint32
}

// release is futex_release_all_lwp, on the goroutine of the LWP, which ends. All that it reads may
// be anything, and may change: it gives up where there is no memory, and after many entries.
func (r robust) release() {
	var b [robustHeadSize]byte
	if r.space.Read(r.head, b[:]) != 0 {
		return
	}
	next, offset, pending := le64(b[:])&^robustPI, le64(b[8:]), le64(b[16:])&^robustPI
	for n := 0; next != r.head && n < robustMost; n++ {
		if next != pending {
			r.releaseLock(next+offset, false)
		}
		var word [8]byte
		if r.space.Read(next, word[:]) != 0 {
			break
		}
		next = le64(word[:]) &^ robustPI
	}
	if pending != 0 {
		r.releaseLock(pending+offset, true)
	}
}

// releaseLock is release_futex: the word at addr, if it is the LWP's, is marked, and one waiter
// woken. The pending one may have been let go of already, without the wakeup.
//
// Only the last byte is written, which holds the mark, FUTEX_WAITERS and a part of the id. A waiter
// that sets FUTEX_WAITERS at the same moment may lose it: so one is woken whether the bit is there
// or not, and who has not begun to sleep finds another word than it had seen.
func (r robust) releaseLock(addr uint64, pending bool) {
	var b [4]byte
	if addr&3 != 0 || r.space.Read(addr, b[:]) != 0 {
		return
	}
	word := le32(b[:])
	switch {
	case pending && word&^netbsd.FUTEX_WAITERS == 0:
	case word&netbsd.FUTEX_TID_MASK != r.tid:
		return
	default:
		b[3] |= netbsd.FUTEX_OWNER_DIED >> 24
		if r.space.Write(addr+3, b[3:]) != 0 {
			return
		}
	}
	r.wakeOne(addr)
}

// wakeOne wakes one waiter for a word, whether others share it or not.
func (r robust) wakeOne(addr uint64) {
	t := &r.k.futexes
	if obj, off, errno := r.space.Backing(addr); errno == 0 {
		key := futexKey{obj, off}
		if woken, _ := t.wake(key, 1, netbsd.FUTEX_BITSET_MATCH_ANY, key, 0); woken > 0 {
			return
		}
	}
	key := futexKey{r.space, addr}
	t.wake(key, 1, netbsd.FUTEX_BITSET_MATCH_ANY, key, 0)
}
