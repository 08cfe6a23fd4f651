package toaster

import (
	"io"
	"os"
	"syscall"
	"time"

	"toaster/internal/trace"
	"toaster/kern"
)

// Options configure a machine. The zero value is good.
type Options struct {
	// Release says whose behaviour the machine has; the default is NetBSD 11.
	Release kern.Release
	// Root is the directory that guests see as "/"; no path leaves it. "" is the host's
	// own tree, and programs of the host can then be run by guests, too.
	Root string
	// Mounts are what lies on the root, in the order that they are mounted in; ReadOnly has
	// nothing be changed in the root, nor in those that follow it. Both need a Root.
	Mounts   []Mount
	ReadOnly bool
	// Dir is the working directory in the guest's view; "" is this process's, or "/"
	// under Root.
	Dir string
	// Hostname is what guests are told; "" is the host's, or "toaster" under Root.
	Hostname string
	// User is who programs run as; nil is who this process is. Another one takes root, or a Root without NoOwners.
	User *User
	// NoOwners leaves files under Root whose they are on the host. Otherwise, unless root runs this process, guests
	// may give files away, set set-id bits and make devices, and User may be anybody: what the host's files, which
	// stay this user's, cannot have is kept beside them, in extended attributes. See SECURITY.md.
	NoOwners bool
	// Network says what the guests' sockets reach. Unless it is the host's, programs of the
	// host cannot be run, as they reach all.
	Network Network
	// NoHostExec keeps programs of the host, such as /bin/sh, from running NetBSD programs, which
	// otherwise join the machine as processes: without it the host's kernel takes one for a
	// program of its own, and it crashes. Programs of the host are not watched then.
	NoHostExec bool
	// Trace receives a line for each system call and signal, in one Write each and one
	// after the other; the LWP that makes the call waits for it. With it the kernel answers
	// all calls itself, which is slower.
	Trace io.Writer
	// Timeline receives the life of every process as Chrome trace events: a JSON array that
	// is whole once the machine is closed.
	Timeline io.Writer
	// Syslog, if it is not nil, has the machine have a logger: syslog(3), and who sends to /dev/log or /var/run/log, is
	// heard by it, and each message is one Write, of 8 KiB at most, as it was sent: a priority as "<14>", then text as RFC 3164
	// or RFC 5424 has it. Nothing of that is checked. Who logs waits for a Write that takes long; Close waits for a
	// second. Messages count as output (MaxOutput). Without it there is no logger under Root, and outside it is the host's.
	Syslog io.Writer
	// TimerSlack, if positive, is how late timed sleeps of this process's own threads may
	// end that have waited for guests (prctl(2), PR_SET_TIMERSLACK). It holds for the rest
	// of their lives, and for programs that they start. Go's scheduler then moves
	// goroutines less often: with 500 µs guests spawn and fork 4% faster, make LWPs 17% and
	// talk through pipes 30% faster, but timers, theirs and this process's, are that much
	// later. 0 leaves it alone.
	TimerSlack time.Duration
	// Log receives what there is to say of a panic in toaster's own goroutines, in text for
	// people: a bug. It kills the process that was served, or ends the machine, but never
	// this process. nil is standard error.
	Log io.Writer
	// Grace is how long what is left when the machine is closed has between SIGHUP and
	// SIGKILL. 0 is no time at all.
	Grace time.Duration

	// MaxProcs is how many processes there may be at once, MaxLWPs how many LWPs in all of
	// them together: fork(2) and _lwp_create(2) then fail with EAGAIN. 0 is no limit.
	MaxProcs, MaxLWPs int
	// MaxFiles is how many files all processes together may have open: open(2) and its
	// like then fail with ENFILE. 0 leaves it to the host's limit of descriptors.
	MaxFiles int
	// Memory is how many bytes the guests may have, and what they are told that the
	// machine has: see the page SECURITY.md for how it is counted. mmap(2), brk(2) and
	// fork(2) then fail with ENOMEM. 0 is no limit; guests are told of the host's memory
	// then, or of 1 GiB under Root.
	Memory int64
	// MaxOutput is how many bytes may be written to the standard output and error of all
	// commands and to Syslog together, and WallTime and CPUTime are how long the machine may run, and
	// how much processor time guests may use. Beyond them the machine is ended: Wait
	// returns a *LimitError. 0 is no limit. Neither the toaster process's own time nor
	// what programs of the host use and write is counted.
	MaxOutput         int64
	WallTime, CPUTime time.Duration
	// SpeculationSafe switches off, for guests, speculative store bypass and speculation at
	// indirect branches, where these are not off already. They are slower then. New fails
	// where the host does not let a process do so. See SECURITY.md.
	SpeculationSafe bool
	// NoLend lends guests none of their open files: every read and write is made by the kernel, which is slower.
	// It is for comparison, and for who wants that no host process of a guest ever has a file. See ARCHITECTURE.md.
	NoLend bool
	// OnLimit, if it is not nil, is told of the first time that each limit is met, one after
	// the other. Wait and Close give it a moment to return, and no more.
	OnLimit func(*LimitError)
}

// sink returns what the machine reports to; nil if nobody asked.
func (o *Options) sink() trace.Sink {
	var sinks []trace.Sink
	if o.Trace != nil {
		sinks = append(sinks, trace.NewText(o.Trace, trace.TextOptions{Times: true, Durations: true}))
	}
	if o.Timeline != nil {
		sinks = append(sinks, trace.NewTimeline(o.Timeline))
	}
	return trace.Multi(sinks...)
}

// rootHostname and rootMemory are what guests are told under a root, where they are to
// learn nothing of the host.
const (
	rootHostname = "toaster"
	rootMemory   = 1 << 30
)

// setDefaults fills in what depends on other options or on the host.
func (o *Options) setDefaults() {
	if o.Root != "" && o.Dir == "" {
		o.Dir = "/"
	}
	switch {
	case o.Hostname != "":
	case o.Root != "":
		o.Hostname = rootHostname
	default:
		o.Hostname, _ = os.Hostname()
	}
}

// physicalMemory is what guests are told of the machine's memory.
func (o *Options) physicalMemory() uint64 {
	switch {
	case o.Memory > 0:
		return uint64(o.Memory)
	case o.Root != "":
		return rootMemory
	}
	return hostMemory()
}

func hostMemory() uint64 {
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return 0
	}
	return si.Totalram * uint64(si.Unit)
}
