package main

import (
	"os"
	"os/signal"
	"syscall"

	"toaster"
	"toaster/netbsd"
)

// sent are the signals that somebody sends to toaster, meaning the program.
var sent = map[os.Signal]netbsd.Signal{
	syscall.SIGHUP:  netbsd.SIGHUP,
	syscall.SIGINT:  netbsd.SIGINT,
	syscall.SIGQUIT: netbsd.SIGQUIT,
	syscall.SIGTERM: netbsd.SIGTERM,
	syscall.SIGUSR1: netbsd.SIGUSR1,
	syscall.SIGUSR2: netbsd.SIGUSR2,
	syscall.SIGALRM: netbsd.SIGALRM,
	syscall.SIGCONT: netbsd.SIGCONT,
}

// typed are those that the terminal sends to its foreground, which for guests is the
// foreground group of their session.
var typed = map[os.Signal]netbsd.Signal{
	syscall.SIGINT:   netbsd.SIGINT,
	syscall.SIGQUIT:  netbsd.SIGQUIT,
	syscall.SIGTSTP:  netbsd.SIGTSTP,
	syscall.SIGWINCH: netbsd.SIGWINCH,
}

// ends are those that end the machine while toaster waits for daemons alone (--wait).
var ends = map[os.Signal]bool{syscall.SIGHUP: true, syscall.SIGINT: true, syscall.SIGQUIT: true, syscall.SIGTERM: true}

// forwarder passes signals on. They are collected from the beginning, so that none is
// lost while the program starts.
type forwarder struct {
	ch  chan os.Signal
	job *toaster.JobControl
}

// collectSignals begins to collect. What toaster was started to ignore stays ignored,
// and the program ignores it, too.
func collectSignals(job *toaster.JobControl) *forwarder {
	f := &forwarder{make(chan os.Signal, 64), job}
	for _, set := range []map[os.Signal]netbsd.Signal{sent, typed} {
		for s := range set {
			if s != syscall.SIGTSTP && !signal.Ignored(s) {
				signal.Notify(f.ch, s)
			}
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
			if ends[s] {
				go cmd.Machine.Close() // Wait hears of it
			}
		default:
			f.pass(cmd.Process, s)
		}
	}
}

func (f *forwarder) pass(p *toaster.Process, s os.Signal) {
	if n, ok := typed[s]; ok && f.job.Signal(n) {
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
	if n, ok := sent[s]; ok {
		p.Signal(n)
	}
}
