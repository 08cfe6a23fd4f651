package kern

import (
	"strings"
	"testing"

	"toaster/netbsd"
)

// An LWP of the cache that is to tell of another while the process stops, as one that has woken stands at the end of its system call for a tracer,
// goes on when the process does (sa_switch, proc_stop).
func TestUpcallsWhileATracerStopsTheProcess(t *testing.T) {
	traced := func(f *fakeProgram, l *LWP) {
		f.read(l)
		l.Platform().TraceStop(netbsd.TRAP_SCX, nil)
	}
	inActivations(t, 100, traced, func(w *world, p *Proc, f *fakeProgram) {
		at := 0
		f.expect("a sleep", &at, "BLOCKED on 2 of 1 in 1.1")
		w.spawn("D", func(l *LWP) {
			w.is("attach", l.PtraceAttach(p.Pid()), netbsd.Errno(0))
			w.wait(l, p.Pid(), 0)
			pass := netbsd.SIGUSR1.Bit()
			l.PtraceSigpass(p.Pid(), &pass)
			w.is("PT_SYSCALL", l.PtraceResume(p.Pid(), ResumeArgs{Syscall: true}), netbsd.Errno(0))
			w.wait(l, p.Pid(), 0)
			w.is("PT_CONTINUE", l.PtraceResume(p.Pid(), ResumeArgs{}), netbsd.Errno(0))
			sleepForever(l)
		})
		busy := make(chan bool)
		f.then(func(l *LWP) { <-busy; f.readDisk(l) })
		settled()
		p.Kill(netbsd.SIGUSR1)
		f.expect("who is busy", &at, "SIGNAL on 2 interrupts SIGUSR1")
		f.wake(1)
		f.expect("another's call ends", &at, "read of 1: 0")
		w.is("the process stops", []any{p.has(fStopping), p.Stopped()}, []any{true, false})
		close(busy)
		f.expect("who was busy sleeps", &at)
		f.wake(2)
		settled()
		// Who has woken is told of at once or one by one, as they come by.
		told := strings.Join(f.notes(&at), "; ")
		w.is("it stops, and goes on", []bool{strings.HasPrefix(told, "read of 2: 0; BLOCKED on 3 of 2 in 2.1; UNBLOCKED on 3 of "),
			strings.Contains(told, "of 2 in 2.2"), strings.Contains(told, "of 1 in 1.2")}, []bool{true, true, true})
	})
}
