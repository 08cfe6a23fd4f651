package syscalls

import (
	"bytes"
	"strings"
	"sync"

	"toaster/kern"
	"toaster/netbsd"
)

// This file has what is written to procfs: /proc/PID/ctl, which release 2003 alone has, where a process is traced, and signalled, by
// words (procfs_doctl of procfs_ctl.c); and notes.

// procWordMax and procNoteMax are PROCFS_CTLLEN and PROCFS_NOTELEN.
const (
	procWordMax = 8
	procNoteMax = 64
)

// procNote is procfs_donote: NetBSD knows nobody to tell a note.
func procNote(*Call, *kern.Proc, string) netbsd.Errno { return netbsd.EOPNOTSUPP }

// tell has the file's process do what is written, in one piece (vfs_getuserstr). EINVAL: it is not at the beginning; EMSGSIZE: no
// word is as long.
func (f *procReader) tell(c *Call, b []byte, off int64) (int, netbsd.Errno) {
	switch {
	case off != 0:
		return 0, netbsd.EINVAL
	case len(b) > f.node.words:
		return 0, netbsd.EMSGSIZE
	}
	word, _, _ := bytes.Cut(b, []byte{0})
	if errno := f.node.write(c, f.p, strings.TrimSuffix(string(word), "\n")); errno != 0 {
		return 0, errno
	}
	return len(b), 0
}

// procSignals are signames.
var procSignals = sync.OnceValue(func() map[string]netbsd.Signal {
	return map[string]netbsd.Signal{
		"hup": netbsd.SIGHUP, "int": netbsd.SIGINT, "quit": netbsd.SIGQUIT, "ill": netbsd.SIGILL,
		"trap": netbsd.SIGTRAP, "abrt": netbsd.SIGABRT, "iot": netbsd.SIGABRT, "emt": netbsd.SIGEMT,
		"fpe": netbsd.SIGFPE, "kill": netbsd.SIGKILL, "bus": netbsd.SIGBUS, "segv": netbsd.SIGSEGV,
		"sys": netbsd.SIGSYS, "pipe": netbsd.SIGPIPE, "alrm": netbsd.SIGALRM, "term": netbsd.SIGTERM,
		"urg": netbsd.SIGURG, "stop": netbsd.SIGSTOP, "tstp": netbsd.SIGTSTP, "cont": netbsd.SIGCONT,
		"chld": netbsd.SIGCHLD, "ttin": netbsd.SIGTTIN, "ttou": netbsd.SIGTTOU, "io": netbsd.SIGIO,
		"xcpu": netbsd.SIGXCPU, "xfsz": netbsd.SIGXFSZ, "vtalrm": netbsd.SIGVTALRM, "prof": netbsd.SIGPROF,
		"winch": netbsd.SIGWINCH, "info": netbsd.SIGINFO, "usr1": netbsd.SIGUSR1, "usr2": netbsd.SIGUSR2,
	}
})

// procControl is what the word does. EOPNOTSUPP: there is no such word. A signal for a process that the caller traces lets it go on.
func procControl(c *Call, p *kern.Proc, word string) netbsd.Errno {
	pid := p.Pid()
	switch word {
	case "attach":
		return c.L.ProcfsAttach(pid)
	case "detach":
		c.procStep(pid, &kern.ResumeArgs{Detach: true}) // of no use if the process runs, and no harm
		return c.L.ProcfsDetach(pid)
	case "wait":
		return c.L.ProcfsWait(pid)
	case "run", "step":
		return c.procRun(pid, 0, word == "step")
	}
	sig, ok := procSignals()[word]
	switch {
	case !ok:
		return netbsd.EOPNOTSUPP
	case c.L.TracesProc(pid):
		return c.procRun(pid, sig, false)
	}
	return c.L.ProcfsSignal(pid, sig)
}

// procRun has a tracee go on.
func (c *Call) procRun(pid int, sig netbsd.Signal, step bool) netbsd.Errno {
	c.procStep(pid, &kern.ResumeArgs{Signal: sig, Step: step})
	return c.L.ProcfsRun(pid, sig, step)
}

// procStep sets the processor's flag of a tracee that stands (process_sstep). What is wrong with the request is found out by who
// makes it.
func (c *Call) procStep(pid int, a *kern.ResumeArgs) {
	c.L.Look(pid, func(t *kern.Proc) netbsd.Errno {
		l, errno := t.MayResume(a)
		if errno != 0 {
			return errno
		}
		return prepareResume(t, l, a, 1)
	})
}
