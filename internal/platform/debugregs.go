package platform

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The host kernel loads the processor's debug registers for a thread. Its tracer sets them (ptrace(2), PTRACE_POKEUSER), and the
// thread keeps them when the tracer detaches. So a thread of toaster attaches to a guest's host thread, which waits in the stub, sets the
// registers and detaches. When one of them matches, the guest traps, as by a fault. No guest can watch the host kernel or the stub:
// both lie above the addresses that a guest may name.

// DebugRegs are DR0 to DR3, DR6 and DR7. Status is not set by SetDebugRegs: TakeDebugStatus reads and clears it.
type DebugRegs struct {
	Addr            [4]uint64
	Status, Control uint64
}

// dr7Enabled are the bits of DR7 that enable a register, for a task or for all.
const dr7Enabled = 0xff

// dr7Execute is the kind of a breakpoint; the others watch data. From bit 16 on DR7 has four bits for each register, of which the
// lower two are the kind.
const dr7Execute = 0

// enables reports whether r enables the ith register.
func (r *DebugRegs) enables(i int) bool { return r.Control>>(2*i)&3 != 0 }

// traceLimit bounds how long a guest's thread may take to stop: it waits in a system call that is interrupted at once. A hostile one
// that does not wait there stops as well, as PTRACE_INTERRUPT is no signal that it could block. traceNap is the time between looks.
const (
	traceLimit = time.Second
	traceNap   = 50 * time.Microsecond
)

// SetDebugRegs has the processor watch for what r says while t's guest runs. EINVAL: the host does not do that, such as to watch ports,
// or more bytes than are aligned. EPERM: it lets nobody trace. EBUSY: a vfork child has the host thread. After an error either none is enabled or all are as before.
//
// Preconditions: t has its turn, and nobody uses it meanwhile.
func (t *Thread) SetDebugRegs(r *DebugRegs) error {
	if r.Control&dr7Enabled == 0 && !t.debugging {
		return nil
	}
	if t.borrower.Load() != nil {
		return fmt.Errorf("host: debug registers: %w", unix.EBUSY)
	}
	defer t.proc.platform.beTracer()()
	for i, addr := range r.Addr {
		if !r.enables(i) {
			continue
		}
		// The host lets a process watch all that is not the host kernel's, the stub included.
		if addr >= GuestEnd {
			return fmt.Errorf("host: debug registers: %w", unix.EINVAL)
		}
		if r.Control>>(16+4*i)&3 == dr7Execute {
			t.proc.restoreAt(addr) // there need not be any memory
		}
	}
	err := t.traced(func() error {
		if err := t.pokeDebug(7, 0); err != nil { // none is enabled while it is half set
			return err
		}
		for i, addr := range r.Addr {
			if !r.enables(i) {
				continue
			}
			if err := t.pokeDebug(i, addr); err != nil {
				return err
			}
		}
		return t.pokeDebug(7, r.Control)
	})
	if err != nil {
		return fmt.Errorf("host: debug registers: %w", err)
	}
	t.debugging = r.Control&dr7Enabled != 0
	return nil
}

// TakeDebugStatus returns what DR6 says of t's traps since the last time: the lower four bits are the registers.
// 0: the host does not say. Preconditions: those of SetDebugRegs.
func (t *Thread) TakeDebugStatus() (status uint64) {
	if !t.debugging || t.borrower.Load() != nil {
		return 0
	}
	defer t.proc.platform.beTracer()()
	t.traced(func() error {
		_, _, e := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_PEEKUSR, uintptr(t.tid), debugRegOffset(6), uintptr(unsafe.Pointer(&status)), 0, 0)
		if e != 0 {
			return e
		}
		return t.pokeDebug(6, 0)
	})
	return status
}

// Debugging reports whether a register of t's is enabled.
func (t *Thread) Debugging() bool { return t.debugging }

// clearDebugRegs is for a host thread that another LWP is going to have. It reports whether that may be.
func (t *Thread) clearDebugRegs() bool {
	return !t.debugging || t.SetDebugRegs(&DebugRegs{}) == nil
}

// debugRegOffset is where struct user (sys/user.h) has DRi.
func debugRegOffset(i int) uintptr { return 848 + 8*uintptr(i) }

// pokeDebug sets DRi. Preconditions: the caller is on the thread that traces t, and t is stopped for it (traced).
func (t *Thread) pokeDebug(i int, v uint64) error {
	_, _, e := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_POKEUSR, uintptr(t.tid), debugRegOffset(i), uintptr(v), 0, 0)
	return errOf(e)
}

// beTracer waits until no other goroutine traces, and returns the function that lets the next one trace. So tracing takes one host thread,
// however many guests ask for it, and a guest's thread has one tracer at a time.
func (p *Platform) beTracer() (done func()) {
	p.tracer <- struct{}{}
	return func() { <-p.tracer }
}

// traced attaches to t's host thread, stops it, calls f and detaches. If it cannot detach, the tracing thread ends, and the host
// kernel detaches it. PTRACE_SEIZE sends no signal (ptrace(2)), so nothing of this reaches the stub's handler. All calls come from one
// locked thread, as the host takes threads for tracers, not processes.
func (t *Thread) traced(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := t.seize()
		if err == nil {
			if err = t.stopForTracer(); err == nil {
				err = f()
			}
			if ptrace(unix.PTRACE_DETACH, t.tid) != nil {
				result <- err
				return
			}
		}
		runtime.UnlockOSThread()
		result <- err
	}()
	return <-result
}

// seize attaches the caller's thread to t's host thread, unless its id may be somebody else's by now.
func (t *Thread) seize() error {
	q := t.proc
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reaped {
		return unix.ESRCH
	}
	return ptrace(unix.PTRACE_SEIZE, t.tid)
}

// stopForTracer stops the host thread, which waits in a system call. Only a stop is waited for: the end of a process
// is the reaper's to collect. ESRCH or ECHILD: the thread is gone. ETIMEDOUT: traceLimit.
func (t *Thread) stopForTracer() error {
	if err := ptrace(unix.PTRACE_INTERRUPT, t.tid); err != nil {
		return err
	}
	for end := time.Now().Add(traceLimit); ; time.Sleep(traceNap) {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, t.tid, &info, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
		switch {
		case err == nil && info.Signo != 0:
			return nil
		case err != nil && err != unix.EINTR:
			return err
		case time.Now().After(end):
			return unix.ETIMEDOUT
		}
	}
}

func ptrace(request, tid int) error {
	_, _, e := syscall.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), 0, 0, 0, 0)
	return errOf(e)
}

func errOf(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
