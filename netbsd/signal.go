package netbsd

import "strconv"

// Signal is a NetBSD signal number, 1 to 63 (signal(7)); 0 is none.
type Signal int8

// NSIG is one more than the highest signal number.
const NSIG = 64

// Signals of signal(7).
const (
	SIGHUP    Signal = 1
	SIGINT    Signal = 2
	SIGQUIT   Signal = 3
	SIGILL    Signal = 4
	SIGTRAP   Signal = 5
	SIGABRT   Signal = 6
	SIGEMT    Signal = 7
	SIGFPE    Signal = 8
	SIGKILL   Signal = 9
	SIGBUS    Signal = 10
	SIGSEGV   Signal = 11
	SIGSYS    Signal = 12
	SIGPIPE   Signal = 13
	SIGALRM   Signal = 14
	SIGTERM   Signal = 15
	SIGURG    Signal = 16
	SIGSTOP   Signal = 17
	SIGTSTP   Signal = 18
	SIGCONT   Signal = 19
	SIGCHLD   Signal = 20
	SIGTTIN   Signal = 21
	SIGTTOU   Signal = 22
	SIGIO     Signal = 23
	SIGXCPU   Signal = 24
	SIGXFSZ   Signal = 25
	SIGVTALRM Signal = 26
	SIGPROF   Signal = 27
	SIGWINCH  Signal = 28
	SIGINFO   Signal = 29
	SIGUSR1   Signal = 30
	SIGUSR2   Signal = 31
	SIGPWR    Signal = 32
	SIGRTMIN  Signal = 33
	SIGRTMAX  Signal = 63
)

var signalNames = [...]string{
	1:  "SIGHUP",
	2:  "SIGINT",
	3:  "SIGQUIT",
	4:  "SIGILL",
	5:  "SIGTRAP",
	6:  "SIGABRT",
	7:  "SIGEMT",
	8:  "SIGFPE",
	9:  "SIGKILL",
	10: "SIGBUS",
	11: "SIGSEGV",
	12: "SIGSYS",
	13: "SIGPIPE",
	14: "SIGALRM",
	15: "SIGTERM",
	16: "SIGURG",
	17: "SIGSTOP",
	18: "SIGTSTP",
	19: "SIGCONT",
	20: "SIGCHLD",
	21: "SIGTTIN",
	22: "SIGTTOU",
	23: "SIGIO",
	24: "SIGXCPU",
	25: "SIGXFSZ",
	26: "SIGVTALRM",
	27: "SIGPROF",
	28: "SIGWINCH",
	29: "SIGINFO",
	30: "SIGUSR1",
	31: "SIGUSR2",
	32: "SIGPWR",
}

// Valid reports whether s is a signal that can be sent.
func (s Signal) Valid() bool { return s > 0 && s < NSIG }

// String returns the symbol, "SIGCHLD", or SIGRTMIN+N.
func (s Signal) String() string {
	switch {
	case s >= 0 && int(s) < len(signalNames) && signalNames[s] != "":
		return signalNames[s]
	case s >= SIGRTMIN && s <= SIGRTMAX:
		return "SIGRTMIN+" + strconv.Itoa(int(s-SIGRTMIN))
	}
	return "signal " + strconv.Itoa(int(s))
}

// Sigset is a set of signals: bit n-1 is signal n. In guest memory it is 16 bytes
// (sigset(3)), of which the upper 8 are always zero.
type Sigset uint64

// SigsetOf makes a set of the signals given.
func SigsetOf(sigs ...Signal) Sigset {
	var s Sigset
	for _, g := range sigs {
		s |= g.Bit()
	}
	return s
}

// AllSignals is the full set.
const AllSignals Sigset = 1<<(NSIG-1) - 1

// Bit returns the set that holds s alone; the empty set if s is not valid.
func (s Signal) Bit() Sigset {
	if !s.Valid() {
		return 0
	}
	return 1 << (s - 1)
}

// Has reports whether g is in the set.
func (s Sigset) Has(g Signal) bool { return s&g.Bit() != 0 }
