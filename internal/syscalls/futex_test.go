package syscalls

import (
	"testing"

	"toaster/kern"
	"toaster/netbsd"
)

const (
	wait     = netbsd.FUTEX_WAIT | netbsd.FUTEX_PRIVATE_FLAG
	waitBits = netbsd.FUTEX_WAIT_BITSET | netbsd.FUTEX_PRIVATE_FLAG
	wake     = netbsd.FUTEX_WAKE | netbsd.FUTEX_PRIVATE_FLAG
	wakeBits = netbsd.FUTEX_WAKE_BITSET | netbsd.FUTEX_PRIVATE_FLAG
	requeue  = netbsd.FUTEX_REQUEUE | netbsd.FUTEX_PRIVATE_FLAG
	wakeOp   = netbsd.FUTEX_WAKE_OP | netbsd.FUTEX_PRIVATE_FLAG
	cmpReq   = netbsd.FUTEX_CMP_REQUEUE | netbsd.FUTEX_PRIVATE_FLAG
)

func TestFutex(t *testing.T) {
	word := words(7, 7)
	odd := func(p *player) uint64 { return p.mem.put(make([]byte, 8)) + 2 }
	stages(t, map[string][]row{
		"arguments": {
			{"futex_func_wait: EAGAIN for another value", netbsd.SYS___futex, args{word, wait, 8, 0, 0, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"futex_test: no memory has another value", netbsd.SYS___futex, args{bad, wait, 0, 0, 0, 0, 0}, netbsd.EAGAIN, nil, nil},
			{"futex_lookup_create: EINVAL for no word", netbsd.SYS___futex, args{odd, wait, 0, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"sys___futex: EFAULT for the time", netbsd.SYS___futex, args{word, wait, 7, bad, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"futex_func_wait: what is no time is computed with", netbsd.SYS___futex, args{word, wait, 7, timespec(0, -1), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"futex_func_wait: a time that has been", netbsd.SYS___futex, args{word, wait, 7, timespec(-1, 0), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"futex_func_wait: EINVAL for no bits", netbsd.SYS___futex, args{word, waitBits, 7, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"futex_wait: ETIMEDOUT", netbsd.SYS___futex, args{word, wait, 7, timespec(0, 1), 0, 0, 0}, netbsd.ETIMEDOUT, nil, nil},
			{"futex_wait: ETIMEDOUT of CLOCK_REALTIME", netbsd.SYS___futex, args{word, waitBits | netbsd.FUTEX_CLOCK_REALTIME, 7, soon, 0, 0, 1}, netbsd.ETIMEDOUT, nil, nil},
			{"futex_wait: a time of CLOCK_MONOTONIC that is over", netbsd.SYS___futex, args{word, waitBits, 7, timespec(0, 1), 0, 0, 1}, netbsd.ETIMEDOUT, nil, nil},
			{"futex_func_wake: nobody waits", netbsd.SYS___futex, args{word, wake, 9, 0, 0, 0, 0}, 0, 0, nil},
			{"futex_func_wake: EINVAL for a negative number", netbsd.SYS___futex, args{word, wake, -1, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"futex_lookup: EINVAL for no word", netbsd.SYS___futex, args{odd, wake, 1, 0, 0, 0, 0}, netbsd.EINVAL, nil, nil},
			{"futex_key_init: EFAULT for memory that others may share", netbsd.SYS___futex, args{bad, netbsd.FUTEX_WAKE, 1, 0, 0, 0, 0}, netbsd.EFAULT, nil, nil},
			{"futex_key_init: one's own is not looked at", netbsd.SYS___futex, args{bad, wake, 1, 0, 0, 0, 0}, 0, 0, nil},
			{"futex_func_requeue: EINVAL for a negative number", netbsd.SYS___futex, args{word, requeue, 0, 0, word, -1, 0}, netbsd.EINVAL, nil, nil},
			{"futex_func_requeue: nothing to do", netbsd.SYS___futex, args{word, requeue, 1, 0, odd, 1, 99}, 0, 0, nil},
			{"futex_func_requeue: EINVAL for what is not aligned", netbsd.SYS___futex, args{word, cmpReq, 1, 0, odd, 1, 99}, netbsd.EINVAL, nil, nil},
			{"futex_func_wake_op: the word changes", netbsd.SYS___futex, args{word, wakeOp, 1, 0, words(7), 1, 1<<28 | 5<<12}, 0, out{4, words(12)}, nil},
			{"futex_func_wake_op: EINVAL for a negative number", netbsd.SYS___futex, args{word, wakeOp, 1, 0, word, -1, 0}, netbsd.EINVAL, nil, nil},
			{"futex_validate_op_cmp: EINVAL", netbsd.SYS___futex, args{word, wakeOp, 1, 0, word, 1, 0x50000000}, netbsd.EINVAL, nil, nil},
			{"futex_func_wake_op: EINVAL for no word", netbsd.SYS___futex, args{word, wakeOp, 1, 0, odd, 1, 0}, netbsd.EINVAL, nil, nil},
			{"futex_load: EFAULT", netbsd.SYS___futex, args{word, wakeOp, 1, 0, bad, 1, 0}, netbsd.EFAULT, nil, nil},
			{"do_futex: ENOSYS for FUTEX_FD", netbsd.SYS___futex, args{word, 2, 0, 0, 0, 0, 0}, netbsd.ENOSYS, nil, nil},
			{"do_futex: ENOSYS for priorities", netbsd.SYS___futex, args{word, 6, 0, 0, 0, 0, 0}, netbsd.ENOSYS, nil, nil},
		},
		"robust list": {
			{"sys___futex_get_robust_list: none", netbsd.SYS___futex_get_robust_list, args{0, room(8), room(8)}, 0, out{1, longs(0)}, nil},
			{"sys___futex_set_robust_list: EINVAL for a length", netbsd.SYS___futex_set_robust_list, args{0x1000, 16}, netbsd.EINVAL, nil, nil},
			{"sys___futex_set_robust_list: EINVAL for an address", netbsd.SYS___futex_set_robust_list, args{0x1004, 24}, netbsd.EINVAL, nil, nil},
			{"__futex_set_robust_list(2)", netbsd.SYS___futex_set_robust_list, args{0x1000, 24}, 0, nil, nil},
			{"__futex_get_robust_list(2)", netbsd.SYS___futex_get_robust_list, args{lid, room(8), room(8)}, 0, out{1, longs(0x1000)}, nil},
			{"__futex_get_robust_list(2): the length", netbsd.SYS___futex_get_robust_list, args{0, room(8), room(8)}, 0, out{2, longs(24)}, nil},
			{"futex_robust_head_lookup: ESRCH", netbsd.SYS___futex_get_robust_list, args{nobody, room(8), room(8)}, netbsd.ESRCH, nil, nil},
			{"__futex_get_robust_list(2): EFAULT", netbsd.SYS___futex_get_robust_list, args{0, bad, room(8)}, netbsd.EFAULT, nil, nil},
			{"__futex_get_robust_list(2): EFAULT for the length", netbsd.SYS___futex_get_robust_list, args{0, room(8), bad}, netbsd.EFAULT, nil, nil},
		},
	})
}

// waiting has an LWP wait for the word at addr, with bits, and returns once it is on the queue.
func (p *player) waiting(addr uint64, bits uint32) {
	p.t.Helper()
	key := futexKey{p.mem, addr}
	before := p.k.futexes.count(key)
	p.cpu.next = func(p *player) {
		if r := p.do(netbsd.SYS___futex, addr, waitBits, 7, 0, 0, 0, bits); r.errno != 0 {
			p.t.Errorf("woken: %s", r.errno.Name())
		}
		p.do(netbsd.SYS__lwp_exit)
	}
	p.ok(netbsd.SYS__lwp_create, context(at(0x5000)), 0, room(4))
	for p.k.futexes.count(key) == before {
		p.do(netbsd.SYS_sched_yield)
	}
}

func (t *futexTable) count(key futexKey) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q := t.queues[key]; q != nil {
		for w := q.head; w != nil; w = w.next {
			n++
		}
	}
	return n
}

// futex_wake: those who came first, of those whose bits match; what is left of the number is moved.
func TestFutexWake(t *testing.T) {
	newRig(t).run(func(p *player) {
		a := p.mem.put(words(7))
		b := p.mem.put(words(7))
		for _, bits := range []uint32{1, 2, 3, 4} {
			p.waiting(a, bits)
		}
		p.play([]row{
			{"FUTEX_WAKE_BITSET: none matches", netbsd.SYS___futex, args{a, wakeBits, 9, 0, 0, 0, 8}, 0, 0, nil},
			{"FUTEX_WAKE_BITSET: the first two", netbsd.SYS___futex, args{a, wakeBits, 2, 0, 0, 0, 3}, 0, 2, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
			{"FUTEX_CMP_REQUEUE: EAGAIN for another value", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 8}, netbsd.EAGAIN, nil, nil},
			{"FUTEX_CMP_REQUEUE: one is woken, one is moved", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 7}, 0, 2, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
			{"FUTEX_WAKE: nobody waits there any more", netbsd.SYS___futex, args{a, wake, 9, 0, 0, 0, 0}, 0, 0, nil},
			{"FUTEX_REQUEUE: to the same word", netbsd.SYS___futex, args{b, requeue, 0, 0, b, 9, 0}, 0, 1, nil},
			{"FUTEX_CMP_REQUEUE compares though nobody waits", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 8}, netbsd.EAGAIN, nil, nil},
			{"FUTEX_CMP_REQUEUE: nobody waits", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 7}, 0, 0, nil},
			{"FUTEX_WAKE: but here", netbsd.SYS___futex, args{b, wake, 9, 0, 0, 0, 0}, 0, 1, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
		})
		if n := len(p.k.futexes.queues); n != 0 {
			t.Errorf("%d words are remembered that nobody waits for", n)
		}
	})
}

// Release 10's futex_func_requeue: those that are moved do not count, and nothing is compared where nobody waits.
func TestFutexRequeueOld(t *testing.T) {
	newRigOf(t, kern.Release10).run(func(p *player) {
		a := p.mem.put(words(7))
		b := p.mem.put(words(7))
		p.play([]row{{"FUTEX_CMP_REQUEUE: nobody waits", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 8}, 0, 0, nil}})
		p.waiting(a, 1)
		p.waiting(a, 1)
		p.play([]row{
			{"FUTEX_CMP_REQUEUE: one is woken, one is moved", netbsd.SYS___futex, args{a, cmpReq, 1, 0, b, 9, 7}, 0, 1, nil},
			{"FUTEX_WAKE", netbsd.SYS___futex, args{b, wake, 9, 0, 0, 0, 0}, 0, 1, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
			{"_lwp_wait(2)", netbsd.SYS__lwp_wait, args{0, 0}, 0, nil, nil},
		})
		if o := (futexOp{0xfff << 12, !p.k.M.Release().FutexOld()}); o.apply(0) != 0xfff {
			t.Errorf("%#x: the argument has a sign", o.apply(0))
		}
	})
}

// lock is an entry of a robust list: the next one, and the word.
func lock(next uint64, word uint32) []byte { return append(longs(next), words(word, 0)...) }

// futex_release_all_lwp: the words that the LWP holds are marked, others not, and one waiter of each
// is woken. The pending entry may be a lock that has been let go of without the wakeup. A list that
// leads nowhere, or round and round, does no harm.
func TestFutexRobust(t *testing.T) {
	for _, c := range []struct {
		name          string
		words         [3]uint32 // of two entries and the pending one; 1 is the LWP's id
		next          uint64    // behind the second entry; 0 is the head
		marked, woken [3]bool
	}{
		{"its own", [3]uint32{1, 1 | netbsd.FUTEX_WAITERS, 1}, 0, [3]bool{true, true, true}, [3]bool{true, true, true}},
		{"others'", [3]uint32{2, netbsd.FUTEX_WAITERS, 4}, 0, [3]bool{}, [3]bool{}},
		{"let go of", [3]uint32{0, 0, 0}, 0, [3]bool{}, [3]bool{false, false, true}},
		{"nowhere", [3]uint32{1, 1, 1}, bad, [3]bool{true, true, true}, [3]bool{true, true, true}},
		{"only the bit", [3]uint32{0, 0, netbsd.FUTEX_WAITERS}, 0, [3]bool{}, [3]bool{false, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			newRig(t).run(func(p *player) {
				head := p.mem.put(make([]byte, robustHeadSize))
				next := c.next
				if next == 0 {
					next = head
				}
				const tid = 4711
				var entries [3]uint64
				for _, i := range []int{2, 1, 0} {
					word := c.words[i]
					if word&1 != 0 {
						word = word&^1 | tid
					}
					entries[i] = p.mem.put(lock(next, word))
					if i < 2 {
						next = entries[i] | robustPI
					}
				}
				p.mem.Write(head, longs(entries[0], 8, entries[2]))
				var waiters [3]futexWaiter
				for i := range waiters {
					waiters[i] = futexWaiter{l: p.c.L, bits: netbsd.FUTEX_BITSET_MATCH_ANY}
					p.k.futexes.enter(futexKey{p.mem, entries[i] + 8}, &waiters[i])
				}
				robust{k: p.k, space: p.mem, head: head, tid: tid}.release()
				for i := range waiters {
					var b [4]byte
					p.mem.Read(entries[i]+8, b[:])
					if marked := le.Uint32(b[:])&netbsd.FUTEX_OWNER_DIED != 0; marked != c.marked[i] {
						t.Errorf("word %d: marked: %v", i, marked)
					}
					if woken := !p.k.futexes.leave(&waiters[i]); woken != c.woken[i] {
						t.Errorf("word %d: woken: %v", i, woken)
					}
				}
			})
		})
	}
}

// A list that leads to itself, but not to its head, ends.
func TestFutexRobustLoop(t *testing.T) {
	newRig(t).run(func(p *player) {
		entry := p.mem.put(lock(0, 0))
		p.mem.Write(entry, longs(entry))
		head := p.mem.put(longs(entry, 8, 0))
		robust{k: p.k, space: p.mem, head: head, tid: 1}.release()
	})
}

// futex_validate_op_cmp, futex_compute_op and futex_compute_cmp: the arguments have 12 bits and a sign (futex_opcmp_arg), but in release 10.
func TestFutexOp(t *testing.T) {
	const shift = netbsd.FUTEX_OP_OPARG_SHIFT
	make := func(op, arg, cmp, cmparg uint32) futexOp { return futexOp{op<<28 | cmp<<24 | arg<<12 | cmparg, true} }
	for _, c := range []struct {
		op, arg, old, want uint32
	}{
		{netbsd.FUTEX_OP_SET, 5, 9, 5}, {netbsd.FUTEX_OP_ADD, 5, 0xffffffff, 4}, {netbsd.FUTEX_OP_OR, 5, 8, 13},
		{netbsd.FUTEX_OP_ANDN, 5, 15, 10}, {netbsd.FUTEX_OP_XOR, 5, 15, 10}, {netbsd.FUTEX_OP_SET, 0xfff, 0, 0xffffffff}, {netbsd.FUTEX_OP_ADD, 0x800, 0x801, 1},
		{netbsd.FUTEX_OP_OR | shift, 31, 1, 0x80000001}, {netbsd.FUTEX_OP_SET | shift, 0, 9, 1},
	} {
		if o := make(c.op, c.arg, 0, 0); !o.valid() || o.apply(c.old) != c.want {
			t.Errorf("operation %d, %d of %#x: %#x, want %#x", c.op, c.arg, c.old, o.apply(c.old), c.want)
		}
	}
	for _, c := range []struct {
		cmp              uint32
		below, at, above bool
	}{
		{netbsd.FUTEX_OP_CMP_EQ, false, true, false}, {netbsd.FUTEX_OP_CMP_NE, true, false, true},
		{netbsd.FUTEX_OP_CMP_LT, true, false, false}, {netbsd.FUTEX_OP_CMP_LE, true, true, false},
		{netbsd.FUTEX_OP_CMP_GT, false, false, true}, {netbsd.FUTEX_OP_CMP_GE, false, true, true},
	} {
		if o := make(0, 0, c.cmp, 0xff9); o.compare(-8) != c.below || o.compare(-7) != c.at || o.compare(-6) != c.above {
			t.Errorf("comparison %d with -7", c.cmp)
		}
		o := make(0, 0, c.cmp, 7)
		if o.compare(-8) != c.below || o.compare(7) != c.at || o.compare(8) != c.above {
			t.Errorf("comparison %d", c.cmp)
		}
	}
	for _, o := range []futexOp{make(5, 0, 0, 0), make(7|shift, 0, 0, 0), make(0, 0, 6, 0), make(0, 0, 15, 0), make(shift, 32, 0, 0)} {
		if o.valid() {
			t.Errorf("%#x is an operation", o.bits)
		}
	}
}
