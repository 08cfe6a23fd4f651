package syscalls

import (
	"sync"
	"sync/atomic"

	"toaster/kern"
	"toaster/netbsd"
)

// The table of system calls: each call of NetBSD is one row in one of the table_*.go
// files, a family each. Dispatch, the number of arguments, traces and
// doc/system-calls.md all come from the row.

//go:generate go test -run TestPageIsCurrent -update .

// Syscall is a row of the table.
type Syscall struct {
	Nr      int
	Sig     string        // the arguments, as netbsd.ParseArgs reads them
	Ret     netbsd.Result // what a success returns
	Support Support
	Serve   Handler // nil for a call without support
	Note    string  // what differs from NetBSD, or what the call belongs to
}

// Support says how much of a call there is.
type Support uint8

// Levels of support.
const (
	None    Support = iota // fails with ENOSYS
	Full                   // as NetBSD does it
	Partial                // the note says what is missing
	Refused                // what NetBSD answers to who lacks a right, a device or a module; the note says which
)

// String returns the level's name in doc/system-calls.md.
func (s Support) String() string { return [...]string{"none", "full", "partial", "refused"}[s&3] }

// Name returns the call's name in NetBSD's sys/syscall.h, without SYS_.
func (s *Syscall) Name() string { return netbsd.SyscallName(s.Nr) }

// Family is a group of calls, as the manual and the files of this package have them.
type Family struct {
	Name  string
	Calls []Syscall // in order of their numbers
}

// Families returns the table. It is shared: the caller must not change it.
func Families() []Family {
	tabled.Do(func() {
		families = []Family{
			{"process", processCalls},
			{"signal", signalCalls},
			{"lwp", lwpCalls},
			{"identity", identityCalls},
			{"memory", memoryCalls},
			{"descriptor", descriptorCalls},
			{"file", fileCalls},
			{"attribute", attributeCalls()},
			{"socket", socketCalls},
			{"event", eventCalls},
			{"time", timeCalls},
			{"ipc", ipcCalls},
			{"system", systemCalls},
			{"compat", compatCalls()},
			{"old", oldCalls()},
		}
	})
	return families
}

var (
	tabled   sync.Once
	families []Family // once there are Families
)

// The table by number. The arrays that every call of a guest reads are apart from the
// rows: a handler and a count of arguments are one load each.
var (
	handlers   [netbsd.MaxSyscall]Handler
	argCounts  [netbsd.MaxSyscall]uint8
	rows       [netbsd.MaxSyscall]*Syscall
	prototypes [netbsd.MaxSyscall]atomic.Pointer[netbsd.Prototype]
)

// Index fills the arrays, once. Whoever serves calls does it first; each start of toaster would wait for it if it came with the
// package. A handler may use the table, so that it cannot be an initial value of the arrays.
func Index() { indexed.Do(index) }

var indexed sync.Once

func index() {
	for _, f := range Families() {
		for i := range f.Calls {
			s := &f.Calls[i]
			rows[s.Nr] = s
			handlers[s.Nr] = s.Serve
			if s.Nr > kern.Release10.LastCall() && s.Serve != nil {
				handlers[s.Nr] = later(s.Serve)
			}
			argCounts[s.Nr] = uint8(min(netbsd.NArgs(s.Sig), len(Call{}.Args)))
		}
	}
	for nr, s := range rows {
		if s == nil {
			handlers[nr] = nosys
		}
	}
}

// later serves a call that not every release has. Where it is not there its number is nobody's.
func later(serve Handler) Handler {
	return func(c *Call) netbsd.Errno {
		if !c.has(c.Nr) {
			return nosys(c)
		}
		return serve(c)
	}
}

// has reports whether the machine's release has call nr.
func (c *Call) has(nr int) bool { return nr <= c.K.M.Release().LastCall() }

// nosys is sys_nosys, which serves numbers that are no call's, and calls of modules that NetBSD does not have: ENOSYS,
// and SIGSYS for the process. A call that NetBSD has and nobody serves here is ENOSYS alone, as a program may well go
// on without it.
func nosys(c *Call) netbsd.Errno {
	c.L.Proc().Signal(&netbsd.Siginfo{Signo: netbsd.SIGSYS, Code: netbsd.SI_NOINFO})
	return netbsd.ENOSYS
}

// Lookup returns the handler of call nr, once there is Index; nil if nobody serves a call of NetBSD's. The run loop has
// bounded nr as the processor's entry code does: to 0 up to netbsd.MaxSyscall-1.
func Lookup(nr int) Handler { return handlers[nr] }

// NArgs returns how many arguments call nr takes, once there is Index; at most as many as a Call holds.
func NArgs(nr int) int { return int(argCounts[nr]) }

// Row returns the row of call nr, nil where NetBSD has no call.
func Row(nr int) *Syscall {
	if nr < 0 || nr >= len(rows) {
		return nil
	}
	Index()
	return rows[nr]
}

// Prototype returns what call nr takes and returns, nil where NetBSD has no call. A
// signature is parsed once, when somebody first looks.
func Prototype(nr int) *netbsd.Prototype {
	s := Row(nr)
	if s == nil {
		return nil
	}
	if p := prototypes[nr].Load(); p != nil {
		return p
	}
	args, err := netbsd.ParseArgs(s.Sig)
	if err != nil {
		panic("syscalls: signature of " + s.Name() + ": " + err.Error())
	}
	p := &netbsd.Prototype{Args: args, Ret: s.Ret}
	prototypes[nr].Store(p)
	return p
}

// indirect serves syscall(2) and __syscall(2) named by another one of them. The run loop
// has already replaced the outer one by the call that it names, and sys_syscall takes
// none that is indirect itself.
func indirect(*Call) netbsd.Errno { return netbsd.ENOSYS }

// Indirect says whether call nr has its number in the first argument.
func Indirect(nr int) bool { return nr == netbsd.SYS_syscall || nr == netbsd.SYS___syscall }
