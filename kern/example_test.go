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
	// stopped: SIGTSTP
	// ended: SIGINT
}
