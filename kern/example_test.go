package kern_test

import (
	"fmt"
	"time"

	"toaster/kern"
	"toaster/netbsd"
)

// A process forks another one and waits for it.
func Example() {
	m := kern.New(kern.Config{})
	defer m.Close()
	p, errno := m.Spawn(kern.SpawnArgs{Comm: "parent", Body: func(l *kern.LWP) {
		child, _ := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Exit(7) }})
		r, errno := l.Wait(child.Pid(), 0)
		fmt.Println("child exited with", r.Status.ExitCode(), errno == 0)
	}})
	if errno != 0 {
		fmt.Println(errno)
		return
	}
	fmt.Println("parent exited with", p.Wait().ExitCode())
	// Output:
	// child exited with 7 true
	// parent exited with 0
}

// A supervisor is a subreaper: what its service leaves behind comes to it, and it
// ends all of it.
func Example_supervisor() {
	m := kern.New(kern.Config{})
	defer m.Close()
	up := make(chan bool)
	daemon := func(l *kern.LWP) {
		up <- true
		l.Pause()
	}
	p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		l.Proc().SetSubreaper(true)
		l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { // a service that goes to the background
			l.Setsid()
			l.Fork(kern.ForkArgs{Body: daemon})
			l.Fork(kern.ForkArgs{Body: daemon})
		}})
		l.Wait(netbsd.WaitAny, 0)
		<-up
		<-up
		fmt.Println("orphans:", l.Proc().ReapStatus().Children)
		l.Proc().KillSubtree(netbsd.SIGTERM)
		for {
			r, errno := l.Wait(netbsd.WaitAny, 0)
			if errno == netbsd.ECHILD {
				return
			}
			fmt.Println("reaped:", r.Status.TermSignal())
		}
	}})
	p.Wait()
	// Output:
	// orphans: 2
	// reaped: SIGTERM
	// reaped: SIGTERM
}

// A shell runs a job in a group of its own, stops it as ^Z does, and continues it.
func Example_jobControl() {
	m := kern.New(kern.Config{})
	defer m.Close()
	tty := m.NewTTY(nil)
	shell, _ := m.Spawn(kern.SpawnArgs{Setsid: true, Body: func(l *kern.LWP) {
		l.AcquireTTY(tty)
		job, _ := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Nanosleep(time.Hour) }})
		l.Setpgid(job.Pid(), job.Pid())
		l.SetForeground(tty, job.Pid())
		fmt.Println("the job is a group of its own:", len(job.Pgrp().Members()))

		tty.Signal(netbsd.SIGTSTP) // what the line discipline does for ^Z
		r, _ := l.Wait(job.Pid(), netbsd.WUNTRACED)
		fmt.Println("stopped:", r.Status.StopSignal())

		l.Kill(-job.Pid(), netbsd.SIGCONT)
		tty.Signal(netbsd.SIGINT) // ^C
		r, _ = l.Wait(job.Pid(), 0)
		fmt.Println("ended:", r.Status.TermSignal())
	}})
	shell.Wait()
	// Output:
	// the job is a group of its own: 1
	// stopped: SIGTSTP
	// ended: SIGINT
}

// A handle names one process for good: after the process has gone, its signal reaches
// nobody, whoever has the pid now. A parent-death signal ends a helper with its parent.
func Example_handle() {
	m := kern.New(kern.Config{})
	helper := make(chan *kern.Handle, 1)
	p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		ready := make(chan bool)
		c, _ := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) {
			l.Proc().SetParentDeathSignal(netbsd.SIGTERM)
			close(ready)
			l.Pause()
		}})
		h, errno := m.OpenHandle(c.Pid(), false)
		fmt.Println("the helper is", h.Proc() == c, h.Pid() == c.Pid(), errno == 0)
		<-ready
		fmt.Println("it is there:", c.Signal(&netbsd.Siginfo{}) == 0) // signal 0 only looks
		helper <- c.Handle(false)                                     // without a pid in between
	}})
	h := <-helper
	p.Wait()
	<-h.Done()
	fmt.Println("the helper died of", h.Wait().TermSignal())
	m.Close() // init has reaped it then
	fmt.Println("a signal afterwards:", h.Signal(netbsd.SIGKILL))
	h.Close()
	// Output:
	// the helper is true true true
	// it is there: true
	// the helper died of SIGTERM
	// a signal afterwards: no such process
}

// What ps(1) shows: the table of processes, their places in the tree, and their states.
func Example_processTable() {
	m := kern.New(kern.Config{})
	defer m.Close()
	shell, _ := m.Spawn(kern.SpawnArgs{Comm: "shell", Setsid: true, Body: func(l *kern.LWP) {
		job, _ := l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) { l.Pause() }})
		l.Kill(job.Pid(), netbsd.SIGSTOP)
		l.Wait(job.Pid(), netbsd.WUNTRACED)
		for _, p := range m.Procs() {
			if p == m.Init() {
				continue
			}
			fmt.Println(p.Comm(), "a session's leader:", p.Sid() == p.Pid(), "children:", len(p.Children()),
				"state:", p.State(), "stopped:", p.Stopped(), "below init:", p.Parent() == m.Init(),
				"old:", p.StartTime().Before(m.BootTime()))
		}
		l.Kill(job.Pid(), netbsd.SIGKILL)
	}})
	shell.Wait()
	// Output:
	// shell a session's leader: false children: 0 state: active stopped: true below init: false old: false
	// shell a session's leader: true children: 1 state: active stopped: false below init: true old: false
}

// Accounting has a record for each process that ends (acct(5)), and an event stream all
// that happens in between.
func Example_accounting() {
	m := kern.New(kern.Config{Events: 64})
	events := m.Events()
	m.SetAcct(func(r kern.AcctRecord) error {
		fmt.Println("acct:", r.Comm, "by a signal:", r.Flag&netbsd.AXSIG != 0, r.Utime)
		return nil
	})
	p, _ := m.Spawn(kern.SpawnArgs{Comm: "worker", Body: func(l *kern.LWP) {
		l.Proc().OnExit(func(p *kern.Proc) { fmt.Println("exiting:", p.Exiting()) })
		l.Proc().AddUsage(&netbsd.Rusage{Utime: time.Second})
		m.Kill(l.Proc().Pid(), netbsd.SIGTERM)
		l.Pause()
	}})
	p.Wait()
	m.Close()
	fmt.Println("halted:", m.Wait())
	for e, ok := events.TryNext(); ok; e, ok = events.TryNext() {
		fmt.Println("event:", e.Kind)
	}
	// Output:
	// exiting: true
	// acct: worker by a signal: true 1s
	// halted: <nil>
	// event: fork
	// event: exit
	// event: reap
}

// A Go function does what SA_RESTART does for a program: a call that a signal has
// interrupted is made again.
func ExampleRestart() {
	m := kern.New(kern.Config{})
	defer m.Close()
	p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		l.Sigaction(netbsd.SIGUSR1, &kern.Action{Handler: 1000, Flags: netbsd.SA_RESTART, Func: func(*kern.LWP, *netbsd.Siginfo) { fmt.Println("signal") }})
		parent := l.Proc().Pid()
		l.Fork(kern.ForkArgs{Body: func(l *kern.LWP) {
			l.Kill(parent, netbsd.SIGUSR1)
			l.Nanosleep(10 * time.Millisecond)
			l.Exit(3)
		}})
		var status netbsd.WaitStatus
		errno := kern.Restart(func() netbsd.Errno {
			_, errno := l.Wait4(netbsd.WaitAny, 0, &kern.WaitOut{Status: func(w netbsd.WaitStatus) netbsd.Errno { status = w; return 0 }})
			return errno
		})
		fmt.Println(errno == 0, status.ExitCode())
	}})
	p.Wait()
	// Output:
	// signal
	// true 3
}

// A restartable atomic sequence begins again if the process is interrupted inside, before
// its last instruction; the platform asks at each interruption.
func ExampleProc_RasControl() {
	m := kern.New(kern.Config{})
	defer m.Close()
	p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		p := l.Proc()
		p.RasControl(kern.RAS{Addr: 0x1000, Len: 16}, netbsd.RAS_INSTALL)
		restart, inside := p.RASStart(0x1008)
		fmt.Printf("%#x %v\n", restart, inside)
		_, inside = p.RASStart(0x1010)
		fmt.Println(inside)
	}})
	p.Wait()
	// Output:
	// 0x1000 true
	// false
}

// An emulation can have the last word on the exit status, as Linux's thread groups need it.
func ExampleProc_SetExitStatus() {
	m := kern.New(kern.Config{})
	defer m.Close()
	emul := &kern.Emul{Name: "linux", ProcExit: func(p *kern.Proc) { p.SetExitStatus(netbsd.ExitStatus(7, 0)) }}
	p, _ := m.Spawn(kern.SpawnArgs{Body: func(l *kern.LWP) {
		l.Exec(kern.ExecArgs{Comm: "program", Emul: emul})
		l.Exit(0)
	}})
	fmt.Println(p.Wait().ExitCode())
	// Output:
	// 7
}
