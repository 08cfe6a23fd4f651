package toaster

import (
	"os/signal"
	"syscall"

	"toaster/kern"
	"toaster/netbsd"
)

// inheritIgnored is machine.Process.Setup: the program ignores what this process ignores,
// as a child of its own would (execve(2)). nohup and "&" of a shell count on it.
func inheritIgnored(l *kern.LWP) netbsd.Errno {
	for sig := netbsd.Signal(1); sig < netbsd.NSIG; sig++ {
		n := sig.ToLinux()
		if n == 0 || !signal.Ignored(syscall.Signal(n)) {
			continue
		}
		if _, errno := l.Sigaction(sig, &kern.Action{Handler: netbsd.SIG_IGN}); errno != 0 {
			return errno
		}
	}
	return 0
}
