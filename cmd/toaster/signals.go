package main

import (
	"os"
	"os/signal"
	"syscall"

	"toaster"
	"toaster/netbsd"
)

// forwarded maps the signals that somebody sends to us, meaning the program, to
// NetBSD's.
var forwarded = map[os.Signal]netbsd.Signal{
	syscall.SIGHUP:  netbsd.SIGHUP,
	syscall.SIGINT:  netbsd.SIGINT,
	syscall.SIGQUIT: netbsd.SIGQUIT,
	syscall.SIGTERM: netbsd.SIGTERM,
	syscall.SIGUSR1: netbsd.SIGUSR1,
	syscall.SIGUSR2: netbsd.SIGUSR2,
	syscall.SIGALRM: netbsd.SIGALRM,
	syscall.SIGCONT: netbsd.SIGCONT,
}

// forwardSignals passes them on until stop is called. What we have been started to
// ignore stays ignored, and the program ignores it, too.
func forwardSignals(cmd *toaster.Cmd) (stop func()) {
	ch := make(chan os.Signal, 16)
	for s := range forwarded {
		if !signal.Ignored(s) {
			signal.Notify(ch, s)
		}
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-ch:
				if p := cmd.Process; p != nil {
					p.Signal(forwarded[s])
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(done)
	}
}
