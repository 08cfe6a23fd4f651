package kern

import "fmt"

// Release says whose behaviour a machine has.
type Release int

// The releases. The zero value of a Config means Release11.
const (
	Release11   Release = 0    // NetBSD 11
	Release10   Release = 10   // NetBSD 10
	Release2003 Release = 2003 // NetBSD 11, but for the life of processes: that is kern_exit.c 1.127 of November 2003
)

// releaseRow is a row of the table of what differs by release. All that one release does otherwise than another has a column
// here, and the code asks for it by the method of the column's name, so that this page says where to look. What comments say
// of "release 10" holds for release 11, too, unless they name both.
type releaseRow struct {
	release     Release
	name        string // what --release calls it
	osRelease   string // kern.osrelease, uname -r
	lastCall    int    // the highest number of a system call; above it there is none
	closeOnFork bool   // O_CLOFORK and its like mean something
	sigwaitOld  bool   // sigtimedwait(2) that another signal interrupts is ECANCELED, or 0: before PR 59586
	timerfdOld  bool   // timerfd(2) before PR 58914: it can be written to
	futexOld    bool   // __futex(2) before PR 59129 and 59132: see FutexOld
	timerOld    bool   // timer_settime(2) of a negative time is ETIMEDOUT
	breakOld    bool   // sbrk(2) and sstk(2) are calls, which do nothing
	spawnOld    bool   // posix_spawn(3) fails for a close of what is closed
	oldLife     bool   // exit, wait and signals as kern_exit.c 1.127 has them: r2003, beside the items' numbers
}

var releaseTable = [...]releaseRow{
	{Release11, "11", "11.0", 506, true, false, false, false, false, false, false, false},
	{Release10, "10", "10.1", 499, false, true, true, true, true, true, true, false},
	{Release2003, "2003", "11.0", 506, true, false, false, false, false, false, false, true},
}

// row returns what there is to know of r. It is asked in system calls, so it looks in no map. A number that is no release's
// is taken for the default.
func (r Release) row() *releaseRow {
	for i := range releaseTable {
		if releaseTable[i].release == r {
			return &releaseTable[i]
		}
	}
	return &releaseTable[0]
}

// Release returns whose behaviour the machine has.
func (m *Machine) Release() Release { return m.cfg.Release }

// ReleaseNames returns the names that ReleaseNamed knows, the default's first.
func ReleaseNames() (names []string) {
	for i := range releaseTable {
		names = append(names, releaseTable[i].name)
	}
	return names
}

// ReleaseNamed returns the release of a name: "11", "10" or "2003". Others are an error.
func ReleaseNamed(name string) (Release, error) {
	for i := range releaseTable {
		if releaseTable[i].name == name {
			return releaseTable[i].release, nil
		}
	}
	return 0, fmt.Errorf("there is no release %q", name)
}

// String returns the release's name: "11", "10" or "2003".
func (r Release) String() string { return r.row().name }

// OSRelease returns what kern.osrelease of sysctl(7) is: "11.0".
func (r Release) OSRelease() string { return r.row().osRelease }

// LastCall returns the highest number of a system call that the release has. Those above it are nobody's (sys_nosys).
func (r Release) LastCall() int { return r.row().lastCall }

// SigwaitOld reports whether sigtimedwait(2) that a signal interrupts which it does not wait for is ECANCELED, or if it has a time 0, and
// is not restarted then.
func (r Release) SigwaitOld() bool { return r.row().sigwaitOld }

// TimerfdOld reports whether poll(2) says of a timerfd(2) that it can be written to.
func (r Release) TimerfdOld() bool { return r.row().timerfdOld }

// FutexOld reports whether FUTEX_REQUEUE and FUTEX_CMP_REQUEUE of __futex(2) count those alone that they wake, FUTEX_CMP_REQUEUE
// compares only if somebody waits, and the arguments of FUTEX_WAKE_OP have no sign.
func (r Release) FutexOld() bool { return r.row().futexOld }

// SetcontextExits reports whether setcontext(2) of a null pointer is exit(2).
func (r Release) SetcontextExits() bool { return r.row().oldLife }

// TimerOld reports whether timer_settime(2) of a negative time is ETIMEDOUT.
func (r Release) TimerOld() bool { return r.row().timerOld }

// BreakOld reports whether sbrk(2) and sstk(2) are calls still, if ones that do nothing.
func (r Release) BreakOld() bool { return r.row().breakOld }

// SpawnOld reports whether posix_spawn(3) fails if it is to close a descriptor that is closed.
func (r Release) SpawnOld() bool { return r.row().spawnOld }

// CloseOnFork reports whether a descriptor can be one that fork(2) closes (FD_CLOFORK of fcntl(2)). Where it cannot, the flags
// that ask for it are unknown ones.
func (r Release) CloseOnFork() bool { return r.row().closeOnFork }
