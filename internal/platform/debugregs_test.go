package platform

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// storeAndCall writes four bytes at dataAt, twice, and makes a system call.
const storeAndCall = "89 04 25 00 00 50 00 89 04 25 00 00 50 00 0f 05"

// watchData enables DR0 for writes of four bytes at dataAt.
var watchData = DebugRegs{Addr: [4]uint64{dataAt}, Control: 0x400 | 1<<1 | 1<<16 | 3<<18}

func wantDebugTrap(t *testing.T, th *Thread, rip, status uint64) {
	t.Helper()
	got := th.Run()
	if got.Kind != Fault || got.Signo != int(syscall.SIGTRAP) || got.Trapno != 1 || th.Regs().RIP != rip {
		t.Fatalf("%+v at %#x, want a trap at %#x", got, th.Regs().RIP, rip)
	}
	if s := th.TakeDebugStatus() & 0xf; s != status {
		t.Errorf("DR6 is %#x, want %#x", s, status)
	}
	if s := th.TakeDebugStatus() & 0xf; s != 0 {
		t.Errorf("DR6 is still %#x", s)
	}
}

// A data breakpoint traps behind the instruction (Intel's manual, 3B, 19.2.5), each time, until it is taken away.
func TestWatchpoint(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, storeAndCall)...)
	if err := th.SetDebugRegs(&watchData); err != nil {
		t.Fatal(err)
	}
	wantDebugTrap(t, th, codeAt+7, 1)
	wantDebugTrap(t, th, codeAt+14, 1)
	wantKind(t, th.Run(), Syscall)
	if err := th.SetDebugRegs(&DebugRegs{Addr: watchData.Addr, Control: 0x400}); err != nil {
		t.Fatal(err)
	}
	th.Regs().RIP = codeAt
	wantKind(t, th.Run(), Syscall)
}

// An instruction breakpoint traps before it.
func TestBreakpointRegister(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, storeAndCall)...)
	if err := th.SetDebugRegs(&DebugRegs{Addr: [4]uint64{3: codeAt + 7}, Control: 0x400 | 1<<7}); err != nil {
		t.Fatal(err)
	}
	wantDebugTrap(t, th, codeAt+7, 8)
}

// What the host cannot watch is refused, and then nothing is watched.
func TestDebugRegsRefused(t *testing.T) {
	p := newPlatform(t, Options{})
	_, th := newGuest(t, p, code(t, storeAndCall)...)
	for _, test := range []struct {
		what string
		regs DebugRegs
	}{
		{"a port", DebugRegs{Addr: [4]uint64{0x60}, Control: 1<<1 | 2<<16}},
		{"four bytes that are not aligned", DebugRegs{Addr: [4]uint64{dataAt + 1}, Control: 1<<1 | 1<<16 | 3<<18}},
		{"the second of two", DebugRegs{Addr: [4]uint64{dataAt, dataAt + 1}, Control: 1<<1 | 1<<16 | 3<<18 | 1<<3 | 1<<20 | 3<<22}},
	} {
		if err := th.SetDebugRegs(&test.regs); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v, want EINVAL", test.what, err)
		}
	}
	wantKind(t, th.Run(), Syscall)
}

// Another LWP may have the host thread of one that has ended, and nothing is watched for it.
func TestDebugRegsEndWithTheLWP(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, storeAndCall)...)
	n := newLWP(t, th)
	if err := n.SetDebugRegs(&watchData); err != nil {
		t.Fatal(err)
	}
	wantDebugTrap(t, n, codeAt+7, 1)
	n.Exit()
	waitForParked(t, q)
	next := newLWP(t, th)
	if next.tid != n.tid {
		t.Fatal("not born in the thread that rested")
	}
	if next.Debugging() {
		t.Error("the next LWP is watched")
	}
	wantKind(t, next.Run(), Syscall)
}

// Once a guest has been collected its thread's id may be that of anybody, who is not traced: here it is a child of the test's.
func TestDebugRegsOfAnotherProcess(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, storeAndCall)...)
	q.Kill()
	within(t, "the guest to end", func() { <-q.Gone() })
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	th.tid = cmd.Process.Pid
	if err := th.traced(func() error { t.Error("it is traced"); return nil }); err == nil {
		t.Error("no error")
	}
}

// A dead guest has no debug registers, and nobody waits for it.
func TestDebugRegsOfTheDead(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, code(t, storeAndCall)...)
	q.Kill()
	wantKind(t, th.Run(), Gone)
	if err := th.SetDebugRegs(&watchData); err == nil {
		t.Error("a dead guest is watched")
	}
	if s := th.TakeDebugStatus(); s != 0 {
		t.Errorf("DR6 is %#x", s)
	}
}
