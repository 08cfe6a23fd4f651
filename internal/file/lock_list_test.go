package file

import (
	"testing"

	"toaster/internal/filetest"
	"toaster/netbsd"
)

// These tests are of vfs_lockf.c 1.83.

// reopened opens a file once more.
func reopened(t *testing.T, ino uint64) *Description {
	d := openPlain(ino)
	t.Cleanup(d.Release)
	return d
}

func record(typ int16, start, n int64, pid int32) netbsd.Flock {
	return netbsd.Flock{Type: typ, Start: start, Len: n, Pid: pid}
}

// lf_advlock: the locks of fcntl(2) and of flock(2) are in one list, in which an id is a process or an open file. So they are in each
// other's way, also where one process has made both, and who unlocks one kind leaves the other.
func TestLocksOfBothKinds(t *testing.T) {
	const rd, wr, un = netbsd.F_RDLCK, netbsd.F_WRLCK, netbsd.F_UNLCK
	d, a, b := openByTwo(t)
	e := reopened(t, 7)
	m := a.machine
	for i, c := range []struct {
		by    *Table // of fcntl(2)
		d     *Description
		kind  int // of flock(2)
		typ   int16
		start int64
		want  netbsd.Errno
	}{
		{by: a, typ: wr, start: 10},
		{d: d, kind: netbsd.LOCK_SH, want: netbsd.EAGAIN},
		{d: e, kind: netbsd.LOCK_EX, want: netbsd.EAGAIN},
		{by: a, typ: rd, start: 10},
		{d: d, kind: netbsd.LOCK_EX, want: netbsd.EAGAIN},
		{d: d, kind: netbsd.LOCK_SH},
		{d: e, kind: netbsd.LOCK_SH},
		{by: b, typ: rd, start: 3},
		{by: b, typ: wr, start: 4, want: netbsd.EAGAIN},
		{by: a, typ: wr, start: 10, want: netbsd.EAGAIN},
		{d: d, kind: netbsd.LOCK_UN},
		{by: a, typ: un, start: 10},
		{d: e, kind: netbsd.LOCK_EX, want: netbsd.EAGAIN}, // and e keeps what it has
		{by: a, typ: wr, start: 20, want: netbsd.EAGAIN},
		{by: b, typ: un, start: 3},
		{d: e, kind: netbsd.LOCK_EX},
		{by: a, typ: rd, start: 1 << 40, want: netbsd.EAGAIN},
		{d: d, kind: netbsd.LOCK_SH, want: netbsd.EAGAIN},
		{d: e, kind: netbsd.LOCK_SH}, // to read is less
		{by: a, typ: rd, start: 1 << 40},
		{by: a, typ: un, start: 1 << 40},
		{d: e, kind: netbsd.LOCK_UN},
		{by: a, typ: wr, start: 1},
	} {
		got := netbsd.Errno(0)
		if c.d != nil {
			got = c.d.Flock(m, nil, c.kind, true)
		} else {
			got = d.SetLock(nil, c.by, record(c.typ, c.start, 1, 7), false)
		}
		if got != c.want {
			t.Fatalf("%d: %s, want %s", i, got.Name(), c.want.Name())
		}
	}
	a.unlockClosed(d)
	if len(m.records.files) != 0 || m.records.total != 0 {
		t.Errorf("left: %v, %d", m.records.files, m.records.total)
	}
}

// lf_getlock: a lock of flock(2) is of the whole file, and nobody's.
func TestGetLockOfFlock(t *testing.T) {
	d, a, _ := openByTwo(t)
	d.Flock(a.machine, nil, netbsd.LOCK_SH, true)
	want := netbsd.Flock{Type: netbsd.F_RDLCK, Whence: netbsd.SEEK_SET, Pid: -1}
	if got, errno := d.GetLock(a, record(netbsd.F_WRLCK, 5, 5, 7)); errno != 0 || got != want {
		t.Errorf("%+v %v", got, errno)
	}
	if got, errno := d.GetLock(a, record(netbsd.F_RDLCK, 5, 5, 7)); errno != 0 || got != record(netbsd.F_UNLCK, 5, 5, 7) {
		t.Errorf("to read: %+v %v", got, errno)
	}
}

// closef, fd_close: a lock of flock(2) goes with the last reference to the open file, one of fcntl(2) with the close of any descriptor of
// the file, and neither with what ends the other.
func TestLocksAtClose(t *testing.T) {
	m := NewMachine(MachineConfig{})
	a, b := m.NewTable(), m.NewTable()
	defer b.Close()
	defer a.Close()
	d := openPlain(7)
	fd, _ := a.Install(d, 0, noLimit, 0)
	dup, _ := a.Dup(fd, 0, noLimit, 0)
	other, _ := a.Install(openPlain(7), 0, noLimit, 0)
	asked := reopened(t, 7)
	ask := func(want netbsd.Errno, when string) {
		t.Helper()
		if errno := asked.SetLock(nil, b, record(netbsd.F_RDLCK, 0, 1, 9), false); errno != want {
			t.Errorf("%s: %s, want %s", when, errno.Name(), want.Name())
		}
		b.unlockClosed(asked)
	}
	d.SetLock(nil, a, record(netbsd.F_WRLCK, 0, 1, 7), false)
	ask(netbsd.EAGAIN, "locked")
	a.CloseFD(other)
	ask(0, "another descriptor is closed")
	d.Flock(m, nil, netbsd.LOCK_EX, true)
	a.CloseFD(fd)
	ask(netbsd.EAGAIN, "one descriptor of flock(2)'s is closed")
	a.CloseFD(dup)
	ask(0, "the last one is")
}

// lf_setlock sleeps until nobody is in the way, and who waits in flock(2) to write lets go of what it has first.
func TestLockWaitsForTheOther(t *testing.T) {
	d, a, b := openByTwo(t)
	e := reopened(t, 7)
	m := a.machine
	d.SetLock(nil, a, record(netbsd.F_RDLCK, 0, 1, 7), false)
	e.Flock(m, nil, netbsd.LOCK_SH, true)
	l, done := filetest.NewSleeper(), make(chan netbsd.Errno, 1)
	l.Asleep = make(chan struct{}, 100)
	go func() { done <- e.Flock(m, l, netbsd.LOCK_EX, false) }()
	<-l.Asleep
	if errno := d.SetLock(nil, a, record(netbsd.F_WRLCK, 0, 1, 7), false); errno != 0 {
		t.Errorf("the shared lock of who waits: %s", errno.Name())
	}
	d.SetLock(nil, a, record(netbsd.F_UNLCK, 0, 0, 7), false)
	if errno := <-done; errno != 0 {
		t.Fatal(errno)
	}
	w := filetest.NewSleeper()
	w.Asleep = make(chan struct{}, 100)
	go func() { done <- d.SetLock(w, b, record(netbsd.F_WRLCK, 5, 1, 8), true) }()
	<-w.Asleep
	e.Flock(m, nil, netbsd.LOCK_UN, true)
	if errno := <-done; errno != 0 {
		t.Fatal(errno)
	}
	go func() { done <- e.Flock(m, l, netbsd.LOCK_SH, false) }()
	for len(l.Asleep) > 0 {
		<-l.Asleep
	}
	b.unlockClosed(d)
	if errno := <-done; errno != 0 {
		t.Fatal(errno)
	}
}

// lf_getblock names the first lock of the list, which is in the order in which the processes came, but for each one's own.
func TestGetLockNamesTheFirst(t *testing.T) {
	const rd, wr = netbsd.F_RDLCK, netbsd.F_WRLCK
	type step struct {
		by       int // 0 or 1
		typ      int16
		start, n int64
	}
	all := record(wr, 0, 0, 0)
	for name, c := range map[string]struct {
		steps []step
		want  netbsd.Flock
	}{
		"behind another's":               {[]step{{0, wr, 10, 1}, {1, wr, 0, 1}}, record(wr, 10, 1, 1)},
		"before one's own":               {[]step{{0, wr, 10, 1}, {1, wr, 20, 1}, {0, wr, 0, 1}}, record(wr, 0, 1, 1)},
		"part of one of the same kind":   {[]step{{0, rd, 0, 10}, {0, rd, 4, 2}}, record(rd, 0, 10, 1)},
		"part of one of another kind":    {[]step{{0, rd, 0, 10}, {0, wr, 4, 2}}, record(rd, 0, 4, 1)},
		"in place of two":                {[]step{{0, rd, 0, 2}, {1, rd, 0, 1}, {0, rd, 5, 2}, {0, rd, 0, 9}}, record(rd, 0, 9, 1)},
		"its end is in another":          {[]step{{0, rd, 5, 5}, {0, rd, 3, 4}}, record(rd, 3, 4, 1)},
		"its beginning is in another":    {[]step{{0, rd, 3, 4}, {0, rd, 5, 5}}, record(rd, 3, 2, 1)},
		"the first part is of this kind": {[]step{{0, rd, 0, 10}, {1, rd, 0, 1}, {0, wr, 2, 2}}, record(rd, 0, 2, 1)},
	} {
		m := NewMachine(MachineConfig{})
		tables := []*Table{m.NewTable(), m.NewTable()}
		asker, d := m.NewTable(), openPlain(7)
		for _, s := range c.steps {
			if errno := d.SetLock(nil, tables[s.by], record(s.typ, s.start, s.n, int32(s.by+1)), false); errno != 0 {
				t.Errorf("%s: %s", name, errno.Name())
			}
		}
		if got, errno := d.GetLock(asker, all); errno != 0 || got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		for _, tab := range append(tables, asker) {
			tab.unlockClosed(d)
			tab.Close()
		}
		if d.Release(); len(m.records.files) != 0 || m.records.total != 0 {
			t.Errorf("%s: left: %v, %d", name, m.records.files, m.records.total)
		}
	}
}

// user is an LWP of a user.
type user struct {
	*filetest.Sleeper
	uid uint32
}

// ofUsers is a machine in which an LWP's user counts.
func ofUsers(max int, table func(Sleeper) *Table) *Machine {
	return NewMachine(MachineConfig{Quota: &Quota{Max: max}, TableOf: table, UserOf: func(l Sleeper) uint32 { return l.(user).uid }})
}

// lf_alloc: locks are counted for the effective user, whichever process has them, with those that the call may need: two for fcntl(2),
// one for flock(2). ENOMEM, before EAGAIN, but for the superuser. lf_advlock: to unlock is refused at twice as many, where that may split.
func TestLocksAreCountedForUsers(t *testing.T) {
	m := ofUsers(4, nil) // so that a user has 8
	a, b := m.NewTable(), m.NewTable()
	defer b.Close()
	defer a.Close()
	d, e := reopened(t, 7), reopened(t, 8)
	wr, un := int16(netbsd.F_WRLCK), int16(netbsd.F_UNLCK)
	one, two, root := user{uid: 1}, user{uid: 2}, user{}
	set := func(l user, tab *Table, typ int16, start, n int64) netbsd.Errno {
		return d.SetLock(l, tab, record(typ, start, n, 7), false)
	}
	must := func(what string, got, want netbsd.Errno) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: %s, want %s", what, got.Name(), want.Name())
		}
	}
	for i := range int64(6) {
		must("the first six", set(one, a, wr, 100*i, 50), 0)
	}
	must("the seventh, by another process", set(one, b, wr, 1000, 1), 0)
	must("the eighth", set(one, b, wr, 2000, 1), netbsd.ENOMEM)
	must("one that is another's, too", set(one, b, wr, 0, 1), netbsd.ENOMEM)
	must("another user's", set(two, b, wr, 2000, 1), 0)
	must("the superuser's", set(root, b, wr, 3000, 1), 0)
	must("flock(2)", e.Flock(m, one, netbsd.LOCK_SH, true), 0)
	if n := m.LocksOf(1); n != 8 {
		t.Errorf("the user has %d", n)
	}
	must("flock(2), once more", d.Flock(m, one, netbsd.LOCK_SH, true), netbsd.ENOMEM)
	for i := range int64(7) {
		must("to split", set(one, a, un, 2*i+1, 1), 0)
	}
	must("to split without end", set(one, a, un, 31, 1), netbsd.ENOMEM)
	must("to unlock what is no lock in the middle", set(one, a, un, 900, 1), netbsd.ENOMEM)
	must("to unlock from the beginning", set(one, a, un, 0, 0), 0)
	must("once more", set(one, b, wr, 2001, 1), 0)
	a.unlockClosed(d)
	b.unlockClosed(d)
	e.Flock(m, one, netbsd.LOCK_UN, true)
	if len(m.records.users) != 0 || m.records.total != 0 {
		t.Errorf("left: %v", m.records.users)
	}
}

// lf_setlock follows who waits for a lock of fcntl(2), be it in flock(2); who waits in flock(2) is itself told of no deadlock.
func TestDeadlockThroughFlock(t *testing.T) {
	tables := map[Sleeper]*Table{}
	m := NewMachine(MachineConfig{TableOf: func(l Sleeper) *Table { return tables[l] }})
	a, b := m.NewTable(), m.NewTable()
	la, lb := filetest.NewSleeper(), filetest.NewSleeper()
	tables[la], tables[lb] = a, b
	lb.Asleep = make(chan struct{}, 100)
	d, e := reopened(t, 7), reopened(t, 8)
	d.SetLock(nil, a, record(netbsd.F_WRLCK, 0, 1, 1), false)
	e.SetLock(nil, b, record(netbsd.F_WRLCK, 0, 1, 2), false)
	done := make(chan netbsd.Errno, 1)
	go func() { done <- d.Flock(m, lb, netbsd.LOCK_EX, false) }()
	<-lb.Asleep
	if errno := e.SetLock(la, a, record(netbsd.F_WRLCK, 0, 1, 1), true); errno != netbsd.EDEADLK {
		t.Errorf("%s, want EDEADLK", errno.Name())
	}
	a.unlockClosed(d)
	if errno := <-done; errno != 0 {
		t.Error(errno)
	}
	b.unlockClosed(e)
	a.Close()
	b.Close()
}

// maxlockdepth: a chain of fifty processes that wait for each other counts as a circle.
func TestDeadlockIsAssumed(t *testing.T) {
	r := &NewMachine(MachineConfig{}).records
	chain := make([]*Table, maxLockDepth+1)
	for i := range chain {
		if chain[i] = new(Table); i > 0 {
			r.waiting[chain[i]] = chain[i-1]
		}
	}
	asker := new(Table)
	for n, want := range map[int]bool{1: false, maxLockDepth - 1: false, maxLockDepth: true} {
		if got := r.deadlockLocked(asker, &span{owner: chain[n-1]}); got != want {
			t.Errorf("%d processes: %v", n, got)
		}
	}
}

// spec_advlock: a device has locks, the same through whatever name, and no size. genfs_einval: a FIFO has none.
func TestLocksOfDevices(t *testing.T) {
	m := NewMachine(MachineConfig{})
	a, b := m.NewTable(), m.NewTable()
	defer a.Close()
	defer b.Close()
	open := func(mode uint32, ino uint64) *Description {
		d := New(&plain{st: Stat{Dev: 1, Ino: ino, Mode: mode, Rdev: 77, Size: 50}}, netbsd.O_RDWR)
		t.Cleanup(d.Release)
		return d
	}
	d, e := open(netbsd.S_IFCHR, 1), open(netbsd.S_IFCHR, 2)
	lk := record(netbsd.F_WRLCK, 0, 1, 1)
	lk.Whence = netbsd.SEEK_END
	if errno := d.SetLock(nil, a, lk, false); errno != 0 {
		t.Fatal(errno)
	}
	if got, errno := e.GetLock(b, record(netbsd.F_WRLCK, 0, 1, 2)); errno != 0 || got != record(netbsd.F_WRLCK, 0, 1, 1) {
		t.Errorf("%+v %v", got, errno)
	}
	if errno := e.Flock(m, nil, netbsd.LOCK_EX, true); errno != netbsd.EAGAIN {
		t.Errorf("flock(2): %s", errno.Name())
	}
	if errno := open(netbsd.S_IFBLK, 1).SetLock(nil, b, lk, false); errno != 0 {
		t.Errorf("another kind of device: %s", errno.Name())
	}
	fifo := open(netbsd.S_IFIFO, 1)
	if errno := fifo.Flock(m, nil, netbsd.LOCK_EX, true); errno != netbsd.EINVAL {
		t.Errorf("a FIFO: %s", errno.Name())
	}
	a.unlockClosed(d)
}
