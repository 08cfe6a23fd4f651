package platform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

// hijack is a guest that says the turn is the kernel's while it runs on, waits for an
// order to clone, and carries that out with a signal frame of its own: by rt_sigreturn to
// the clone of the stub, with what the order says in the registers.
func hijack(t testing.TB, op uint32, site uint64) []byte {
	le := binary.LittleEndian
	c := le.AppendUint64([]byte{0x48, 0xb8}, stub.WindowAddr)   // movabs $slot, %rax
	c = append(c, code(t, "b9 02 00 00 00 87 08")...)           // mov $turnKernel, %ecx; xchg %ecx, (%rax)
	c = append(c, 0x83, 0x78, stub.OffOp, byte(op), 0x75, 0xfa) // 1: cmpl $op, slotOp(%rax); jne 1b
	c = append(c, code(t, "83 38 02 73 f5")...)                 // cmpl $turnKernel, (%rax); jae 1b: not before it is the kernel's
	c = append(c, 0x48, 0x8b, 0x48, stub.OffToken, 0x48, 0x89, 0x0c, 0x25)
	c = le.AppendUint32(c, frameAt+stub.OffUCRDX) // mov slotToken(%rax), %rcx; mov %rcx, RDX of the frame
	c = append(c, 0x48, 0x8b, 0x48, stub.OffTarget, 0x48, 0x89, 0x0c, 0x25)
	c = le.AppendUint32(c, frameAt+stub.OffUCR8)
	c = le.AppendUint32(append(c, 0xbc), frameAt)       // mov $frame, %esp
	c = append(c, code(t, "b8 0f 00 00 00 48 b9")...)   // mov $15, %eax; movabs $site, %rcx
	return append(le.AppendUint64(c, site), 0xff, 0xe1) // jmp *%rcx
}

const (
	frameAt = dataAt + 0x1000
	// ownStack is where the guest would like its signals.
	ownStack = dataAt + 0x4000
)

// hijackFrame is that frame.
func hijackFrame(flags uint64, site, eflags, mask, stack, sp uint64) []byte {
	uc := make([]byte, stub.OffUCSize)
	for off, v := range map[int]uint64{
		stub.OffUCRIP: site, stub.OffUCRAX: unix.SYS_CLONE, stub.OffUCRDI: flags, stub.OffUCRSI: stub.NoStack, stub.OffUCEflags: eflags, stub.OffUCSegs: stub.Segments, stub.OffUCSigmask: mask,
		stub.OffUCStack: stack, stub.OffUCStack + 16: 0x2000, stub.OffUCR8 + 6*8: stub.ConfigAddr, stub.OffUCR8 + 7*8: stub.WindowAddr /* R14, R15 */, stub.OffUCRIP - 8: sp,
	} {
		binary.LittleEndian.PutUint64(uc[off:], v)
	}
	return uc
}

// A guest carries out an order to clone by itself, with flags, a mask and a signal stack
// of its choice. What is born reports at once, or nothing is: nothing runs guest code that
// the kernel does not know of (invariants 4 to 7 of SECURITY.md).
func TestOrderedCloneHijacked(t *testing.T) {
	t.Parallel()
	const trapFlag, all = 0x302, ^uint64(0)
	text := stub.Load()
	for _, c := range []struct {
		name           string
		op             uint32
		clone          uint64
		eflags, mask   uint64
		stack, sp      uint64
		born, survives bool // whether it may succeed, and whether the guest lives on
	}{
		{"a fork as ordered", stub.OpFork, stub.ForkFlags, 0x202, all, stub.WindowAddr + stub.OffStack, stackAt, true, true},
		{"a fork that traps, signals to the guest's own stack", stub.OpFork, stub.ForkFlags, trapFlag, 0, ownStack, stackAt, false, false},
		{"a fork that traps, signals to a place in the window", stub.OpFork, stub.ForkFlags, trapFlag, 0, stub.WindowAddr + 0x20000, stackAt, false, false},
		{"a fork that traps, all signals blocked", stub.OpFork, stub.ForkFlags, trapFlag, all, ownStack, stackAt, false, false},
		{"a fork that traps, without a signal stack", stub.OpFork, stub.ForkFlags, trapFlag, 0, 0, stub.WindowAddr + 0x28000, false, false},
		{"a fork for a thread", stub.OpThread, stub.ForkFlags, 0x202, all, stub.WindowAddr + stub.OffStack, stackAt, false, true},
		{"a thread for a fork", stub.OpFork, stub.ThreadFlags, 0x202, all, stub.WindowAddr + stub.OffStack, stackAt, false, true},
		{"a thread as ordered", stub.OpThread, stub.ThreadFlags, 0x202, all, stub.WindowAddr + stub.OffStack, stackAt, true, true},
		{"a thread that traps, its stack in a slot that is free", stub.OpThread, stub.ThreadFlags, trapFlag, 0, stub.WindowAddr + stub.OffStack, stub.WindowAddr + 0x28000, false, false},
		{"a thread with its signals let through", stub.OpThread, stub.ThreadFlags, 0x202, 0, stub.WindowAddr + stub.OffStack, stackAt, true, true},
		{"a thread that traps, signals to the guest's own stack", stub.OpThread, stub.ThreadFlags, trapFlag, 0, ownStack, stackAt, false, false},
		{"a thread that traps, all signals blocked", stub.OpThread, stub.ThreadFlags, trapFlag, all, stub.WindowAddr + stub.OffStack, stackAt, false, false},
	} {
		for place, site := range map[string]uint64{"frame": text.Clone, "light": text.LightClone} {
			if c.born && c.op == stub.OpThread && place == "light" {
				continue // the order is to a thread in a frame, and so is the newborn's slot
			}
			t.Run(c.name+", "+place, func(t *testing.T) {
				t.Parallel()
				p := newPlatform(t, Options{Warm: -1})
				p.sparesHostile = true
				frame := hijackFrame(c.clone, site-2, c.eflags, c.mask, c.stack, c.sp)
				q, err := hijacked(t, p, c.op, site-2, frame, c.survives)
				// On a busy host a kick may find the guest on its way, as it seems deaf.
				for try := 0; c.born && err != nil && try < 20; try++ {
					q, err = hijacked(t, p, c.op, site-2, frame, c.survives)
				}
				if (err == nil) != c.born {
					t.Errorf("born %v, %v", err == nil, err)
				}
				if !c.born {
					waitFor(t, "strays to end", func() bool { return q.dead.Load() || len(tasks(t, q)) == 1 })
				}
				if c.survives && q.dead.Load() {
					t.Error("the guest is dead")
				}
				accounted(t, p)
			})
		}
	}
}

// hijacked has a guest carry out an order by itself, and returns what came of that.
func hijacked(t *testing.T, p *Platform, op uint32, site uint64, frame []byte, survives bool) (q *Process, err error) {
	t.Helper()
	q, th := newGuest(t, p, append(code(t, "0f 05"), hijack(t, op, site)...)...)
	q.Write(frameAt, frame)
	wantKind(t, th.Run(), Syscall)
	wantKind(t, th.runForged(), Syscall)
	if !survives { // it may just not answer
		over := make(chan struct{})
		defer close(over)
		used := cpuTimeOf(q.pid)
		go func() {
			if awaitChance(th, used, over) {
				time.AfterFunc(300*time.Millisecond, q.Kill)
			}
		}()
	}
	within(t, "the clone", func() {
		if op == stub.OpFork {
			_, _, err = th.Fork()
		} else {
			_, err = th.NewThread()
		}
	})
	return q, err
}

// runForged is Run for a guest that gives the turn without waking anybody.
func (t *Thread) runForged() Trap {
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				futexWake(t.slot.Turn())
			}
		}
	}()
	return t.Run()
}

// A signal whose frame is not in the process's own window ends the process: such a frame
// is a guest's that has moved its signal stack.
func TestFrameOutsideTheWindow(t *testing.T) {
	p := newPlatform(t, Options{})
	for _, stack := range []uint64{ownStack, stackAt, 0x100000} {
		q, th := newGuest(t, p, code(t, "0f 05")...)
		uc := make([]byte, stub.OffUCSize)
		le := binary.LittleEndian
		le.PutUint64(uc[stub.OffUCRIP:], codeAt)
		le.PutUint64(uc[stub.OffUCRIP-8:], stackAt+0x8000)
		le.PutUint64(uc[stub.OffUCEflags:], 0x202)
		le.PutUint64(uc[stub.OffUCSegs:], stub.Segments)
		le.PutUint64(uc[stub.OffUCStack:], stack)
		le.PutUint64(uc[stub.OffUCStack+16:], 0x4000)
		q.Write(dataAt, uc)
		r := th.Regs()
		r.RAX, r.RSP, r.RIP = unix.SYS_RT_SIGRETURN, dataAt, stub.Load().Clone-2
		within(t, fmt.Sprintf("signal on %#x", stack), func() { wantKind(t, th.Run(), Gone) })
	}
	accounted(t, p)
}

// Each process has control memory of its own, which no other one can map.
func TestControlMemoryIsNotShared(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, syscallLoop...)
	child, _, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Release()
	owner := map[string]int{} // by inode
	for _, q := range []*Process{q, child, p.zygote} {
		var f []string
		waitFor(t, "the window to be mapped", func() bool {
			f = mapping(t, q, "toaster-control")
			return f != nil
		})
		if other, ok := owner[f[4]]; ok || f[2] != "00000000" {
			t.Errorf("%d and %d: %s", q.pid, other, f)
		}
		owner[f[4]] = q.pid
	}
}

// mapping returns the fields of a mapping in /proc/PID/maps, nil if there is none.
func mapping(t testing.TB, q *Process, name string) []string {
	t.Helper()
	maps, err := os.ReadFile("/proc/" + itoa(q.pid) + "/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, name) {
			return strings.Fields(line)
		}
	}
	return nil
}

// What a process has left in its window is not there for the next one, even in slots that
// no thread of its had. The pages of slots that it had stay, all else goes back to the host.
func TestWindowsAreCleaned(t *testing.T) {
	const slot = 8192
	a := newArena(slot)
	defer a.close()
	end := a.windowSize - 1
	for _, c := range []struct {
		name  string
		slots int   // that the process takes
		marks []int // what it writes
		stay  int   // slots whose pages stay
	}{
		{"new", 0, nil, 0},
		{"own slot", 1, []int{0, 100, slot - 1}, 1},
		{"anywhere", 1, []int{0, slot, 5 * slot, end - stub.FilesSize, end}, 1},
		{"what an earlier one had", 0, []int{slot - 1}, 1},
		{"several slots", 4, []int{4*slot - 1}, 4},
		{"fewer again", 1, []int{3 * slot, 4 * slot}, 4},
		{"table of files", 1, []int{end}, 4},
		{"many slots", 100, []int{0, 20 * slot, 99 * slot, end}, 8},
	} {
		w, err := a.acquire(0)
		if err != nil {
			t.Fatal(err)
		}
		w.high = c.slots
		for _, at := range c.marks {
			w.mem[at] = 1
		}
		a.release(w)
		if w, err = a.acquire(0); err != nil {
			t.Fatal(err)
		}
		if got, want := a.allocated(w), int64(c.stay*slot+stub.FilesSize); got != want {
			t.Errorf("%s: the host holds %d bytes for the next process, want %d", c.name, got, want)
		}
		for i, b := range w.mem {
			if b != 0 {
				t.Fatalf("%s: byte %#x is left", c.name, i)
			}
		}
		w.high = 0
		a.release(w)
	}
}

// The pass is nowhere where a guest could read it, and no clone of a process that has run
// guest code has it.
func TestPassIsNotToBeFound(t *testing.T) {
	p := newPlatform(t, Options{})
	pass := binary.LittleEndian.AppendUint64(nil, p.pass)
	q, th := newGuest(t, p, syscallLoop...)
	if th.pass() != p.pass {
		t.Error("a process that has not run asks for its clones")
	}
	if err := th.Prepare(2); err != nil {
		t.Fatal(err)
	}
	child, _, err := th.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Release()
	for _, q := range []*Process{q, child, p.zygote} {
		if bytes.Contains(q.win.mem, pass) {
			t.Errorf("process %d has it in its window", q.pid)
		}
	}
	if bytes.Contains(p.zygoteImage(1).Bytes(), pass) {
		t.Error("the zygote's image has it")
	}
	wantKind(t, th.Run(), Syscall)
	for _, light := range []bool{true, false} {
		if th.light = light; th.pass() != 0 {
			t.Errorf("a process that has run has it, light %v", light)
		}
	}
}

// A process that is born while a sibling of its creator is being given a file has no
// descriptor of it.
func TestNewbornHasNoFile(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p, syscallLoop...)
	sibling, err := th.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			default:
			}
			if err := q.Map(sibling, dataAt, 4096, unix.PROT_READ, unix.MAP_PRIVATE, int(self.Fd()), 0); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 200 {
		child, _, err := th.Fork()
		if err != nil {
			t.Error(err)
			break
		}
		waitFor(t, "the window's descriptor to be closed", func() bool {
			list, _ := os.ReadDir("/proc/" + itoa(child.pid) + "/fd")
			return len(list) == 0
		})
		child.Release()
	}
	close(over)
	<-done
}

// The sentinel ends what is in the zygote's group, even if PDEATHSIG of it is not set.
func TestSentinel(t *testing.T) {
	cmd, pgid := startVictim(t)
	leader, err := strconv.Atoi(pgid)
	if err != nil {
		t.Fatal(err)
	}
	// A process of the test's in that group: nobody has told it to die with anybody.
	stray := exec.Command("sleep", "1000")
	stray.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: leader}
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	over := time.AfterFunc(60*time.Second, func() { stray.Process.Kill() })
	defer over.Stop()
	stray.Wait()
	if st := stray.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGKILL || !over.Stop() {
		t.Errorf("the stray ended with %v", stray.ProcessState)
	}
	waitFor(t, "the group to end", func() bool { return len(group(t, pgid)) == 0 })
}
