package main

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"toaster"
	"toaster/netbsd"
)

// A collected signal is one of the host's that toaster passes on.
type collected struct {
	host  syscall.Signal
	guest netbsd.Signal
	sent  bool // by somebody who means the program
	typed bool // by the terminal to its foreground, which for guests is the foreground group of their session
	ends  bool // it ends the machine while toaster waits for daemons alone (--wait)
}

var collectedSignals = [...]collected{
	{syscall.SIGHUP, netbsd.SIGHUP, true, false, true},
	{syscall.SIGINT, netbsd.SIGINT, true, true, true},
	{syscall.SIGQUIT, netbsd.SIGQUIT, true, true, true},
	{syscall.SIGTERM, netbsd.SIGTERM, true, false, true},
	{syscall.SIGUSR1, netbsd.SIGUSR1, true, false, false},
	{syscall.SIGUSR2, netbsd.SIGUSR2, true, false, false},
	{syscall.SIGALRM, netbsd.SIGALRM, true, false, false},
	{syscall.SIGCONT, netbsd.SIGCONT, true, false, false},
	{syscall.SIGTSTP, netbsd.SIGTSTP, false, true, false},
	{syscall.SIGWINCH, netbsd.SIGWINCH, false, true, false},
}

// rowOf returns the row of s, which has been collected.
func rowOf(s os.Signal) (c collected) {
	for _, c := range collectedSignals {
		if c.host == s {
			return c
		}
	}
	return c
}

// forwarder passes signals on. They are collected from before the program can run, so that none is
// lost; earlier ones mean toaster itself, as there is nobody else yet.
type forwarder struct {
	ch  chan os.Signal
	job *toaster.JobControl
}

// collectSignals begins to collect. What toaster was started to ignore stays ignored,
// and the program ignores it, too.
func collectSignals(job *toaster.JobControl) *forwarder {
	f := &forwarder{make(chan os.Signal, 64), job}
	for _, c := range collectedSignals {
		if c.host != syscall.SIGTSTP && !signal.Ignored(c.host) {
			signal.Notify(f.ch, c.host)
		}
	}
	return f
}

// start passes signals on until toaster ends: to reset each of them takes longer than all
// else that is then to do.
func (f *forwarder) start(cmd *toaster.Cmd) {
	if f.job.HasTerminal() && !signal.Ignored(syscall.SIGTSTP) {
		signal.Notify(f.ch, syscall.SIGTSTP)
	}
	if cmd.WaitAll {
		go f.passUntilExit(cmd)
		return
	}
	go func() {
		for s := range f.ch {
			f.pass(cmd.Process, s)
		}
	}()
}

// passUntilExit is start for a command with WaitAll: once the program has ended, and with it its
// session's claim to the terminal, what would end the program ends the machine.
func (f *forwarder) passUntilExit(cmd *toaster.Cmd) {
	exited := make(chan struct{})
	go func() {
		cmd.Process.Wait()
		close(exited)
	}()
	for s := range f.ch {
		select {
		case <-exited:
			if rowOf(s).ends {
				go cmd.Machine.Close() // Wait hears of it
			}
		default:
			f.pass(cmd.Process, s)
		}
	}
}

func (f *forwarder) pass(p *toaster.Process, s os.Signal) {
	c := rowOf(s)
	if c.typed && f.job.Signal(c.guest) {
		return
	}
	switch s {
	case syscall.SIGHUP:
		if f.job.Hangup() {
			return
		}
	case syscall.SIGCONT:
		if f.job.Continue() {
			return
		}
	}
	if c.sent {
		p.Signal(c.guest)
	}
}

// dropChildSignals has the host drop the SIGCHLD that comes with the end of each host process. Go's runtime
// catches it though nobody collects it, which wakes a thread for nothing; the platform hears of ends by
// descriptors. The default action leaves zombies to be waited for, as SIG_IGN would not. A signal.Notify for
// SIGCHLD in this process would hear nothing from then on, so that a library may not do this.
func dropChildSignals() {
	var byDefault [4]uintptr // a struct sigaction of zeros: SIG_DFL
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGCHLD), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
}
