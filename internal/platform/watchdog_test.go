package platform

import (
	"encoding/binary"
	goflag "flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

var deafRounds = goflag.Int("deaf", 1, "how often each deadline of TestDeafGuests is tried; with more than one the longest are printed")

// Threads that do not do what they have been told. They say that a turn is the kernel's (the
// first part), in a light trap or in a signal frame, and so a call of the platform finds them stopped
// that are not.
const (
	forgeAt = codeAt + 0x100
	goAt    = dataAt + 0xa000 // not 0 when they may
)

// forge: in R12 the slot; behind it comes what the thread does instead.
var forge = map[bool]string{
	// movl $modeLight,slotMode(%r12); mov $codeAt,%eax; mov %rax,lightRCX(%r12); movl $turnKernel,(%r12)
	true: "41 c7 44 24 3c 01 00 00 00 b8 00 00 40 00 49 89 84 24 98 08 00 00 41 c7 04 24 02 00 00 00",
	// movl $kickSignal,slotSigno(%r12); movl $turnKernel,(%r12)
	false: "41 c7 44 24 0c 17 00 00 00 41 c7 04 24 02 00 00 00",
}

// deafness is what a thread does that has been told to do something else.
var deafness = []struct {
	name string
	text string // machine code; RCX is what prepare says
	rcx  func(t *testing.T, th *Thread) uint64
}{
	{"computes", "eb fe", nil}, // 1: jmp 1b
	{"sleeps in the host", "ff e1", func(t *testing.T, th *Thread) uint64 { return codeAt }}, // jmp *%rcx, to a sleeper's code
	{"sleeps in the stub", "ff e1", func(t *testing.T, th *Thread) uint64 {
		// In R15 a slot of its own, in which it is never its turn.
		th.Regs().R15 = dataAt + 0x8000
		th.proc.Write(dataAt+0x8000, []byte{stub.TurnKernel, 0, 0, 0})
		return gadgets(t, "41 8b 47 34")[0] // MOVL slotGuestCPU(R15), AX: AWAIT
	}},
	{"hears no signal", "89 cc b8 0f 00 00 00 ff e2", func(t *testing.T, th *Thread) uint64 {
		// mov %ecx,%esp; mov $15,%eax; jmp *%rdx: rt_sigreturn to a loop with all blocked
		const spinAt, frameAt = codeAt + 0x80, dataAt + 0x9000
		uc, le := make([]byte, stub.OffUCSize), binary.LittleEndian
		le.PutUint64(uc[stub.OffUCRIP:], spinAt)
		le.PutUint64(uc[stub.OffUCSegs:], stub.Segments)
		le.PutUint64(uc[stub.OffUCSigmask:], ^uint64(0))
		th.proc.Write(frameAt, uc)
		th.proc.Write(spinAt, spinLoop)
		th.Regs().RDX = stub.Load().Clone - 2
		return frameAt
	}},
}

// orders are what threads can be told. Each is given, and comes back when it is clear that
// nothing will come of it.
var orders = []struct {
	name  string
	light bool
	give  func(t *testing.T, th *Thread)
}{
	{"frame", true, func(t *testing.T, th *Thread) { th.Fork() }},
	{"fork", false, func(t *testing.T, th *Thread) { th.Fork() }},
	{"thread", true, func(t *testing.T, th *Thread) { th.NewThread() }},
	{"mmap", true, func(t *testing.T, th *Thread) { th.proc.Map(th, dataAt, 4096, 3, unix.MAP_PRIVATE, -1, 0) }},
	{"file", false, func(t *testing.T, th *Thread) {
		f, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		th.proc.Map(th, dataAt, 4096, 1, unix.MAP_PRIVATE, int(f.Fd()), 0)
	}},
	{"savefp", true, func(t *testing.T, th *Thread) { th.FP() }},
	{"savex", true, func(t *testing.T, th *Thread) { th.SaveX() }},
	{"rusage", true, func(t *testing.T, th *Thread) { th.CPUTime() }},
	{"exit", true, func(t *testing.T, th *Thread) { th.Exit(); <-th.proc.Gone() }},
	{"run", false, func(t *testing.T, th *Thread) {
		time.AfterFunc(20*time.Millisecond, th.Kick)
		if th.Run().Kind == Kicked { // it is not deaf to that
			th.proc.Kill()
		}
	}},
}

// enders are who ends a process that is deaf; nobody but the watchdog, first.
var enders = []struct {
	name string
	end  func(q *Process)
}{
	{"nobody", func(*Process) {}},
	{"Doom", func(q *Process) { q.Doom(func() (still, now bool) { return true, true }) }},
	{"Kill", (*Process).Kill},
}

// newDeaf returns a thread that has said that it has stopped, and has not.
func newDeaf(t *testing.T, p *Platform, light bool, how int) *Thread {
	t.Helper()
	q, th := newSleeper(t, p)
	// 1: cmpl $0,goAt; je 1b
	q.Write(forgeAt, code(t, "83 3c 25 00 a0 50 00 00 74 f6"+forge[light]+deafness[how].text))
	r := th.Regs()
	r.RIP, r.R12 = forgeAt, th.slot.Addr()
	if f := deafness[how].rcx; f != nil {
		r.RCX = f(t, th)
	}
	over := make(chan struct{})
	go func() {
		waitFor(t, "the guest to run", func() bool { return th.state.Load() == threadRunning })
		th.kicked.Store(!light)
		q.Write(goAt, []byte{1})
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				futexWakeAll(th.slot.Turn()) // the guest wakes nobody
			}
		}
	}()
	trap := th.Run()
	close(over)
	if want := map[bool]Kind{true: Syscall, false: Kicked}[light]; trap.Kind != want {
		t.Errorf("%+v, want %v", trap, want)
	}
	th.kicked.Store(false)
	return th
}

// Every order ends, whatever the guest does instead: it is killed for it. Meanwhile others
// fork and run.
func TestDeafGuests(t *testing.T) {
	p := newPlatform(t, Options{})
	_, base := newGuest(t, p, syscallLoop...)
	over := make(chan struct{})
	var others atomic.Int64
	var bystander sync.WaitGroup
	bystander.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			q, th, err := base.Fork()
			if err != nil {
				t.Errorf("beside a deaf guest: %v", err)
				return
			}
			if trap := th.Run(); trap.Kind != Syscall {
				t.Errorf("beside a deaf guest: %+v", trap)
			}
			q.Release()
			others.Add(1)
		}
	})
	longest := map[string]time.Duration{}
	for range *deafRounds {
		for _, e := range enders {
			giveOrders(t, p, e.name, e.end, longest)
		}
	}
	close(over)
	within(t, "bystander", bystander.Wait)
	if others.Load() == 0 {
		t.Error("nobody else could fork")
	}
	accounted(t, p)
	if *deafRounds > 1 {
		report(longest, *deafRounds, others.Load())
	}
}

// giveOrders gives each order to a thread of each kind of deafness, all at once, and notes
// how long it takes until its process has ended. end is due a moment later.
func giveOrders(t *testing.T, p *Platform, ender string, end func(*Process), longest map[string]time.Duration) {
	t.Helper()
	var list []func()
	var mu sync.Mutex
	for _, o := range orders {
		for how := range deafness {
			th := newDeaf(t, p, o.light, how)
			list = append(list, func() {
				begin := time.Now()
				time.AfterFunc(20*time.Millisecond, func() { end(th.proc) })
				o.give(t, th)
				<-th.proc.Gone()
				mu.Lock()
				defer mu.Unlock()
				what := fmt.Sprintf("%-7s %-7s", o.name, ender)
				longest[what] = max(longest[what], time.Since(begin))
			})
		}
	}
	var wg sync.WaitGroup
	for _, f := range list {
		wg.Go(f)
	}
	within(t, "orders ended by "+ender, wg.Wait)
}

// Close ends guests that do not answer.
func TestCloseBesideDeafGuests(t *testing.T) {
	p := newPlatform(t, Options{})
	var once sync.Once
	giveOrders(t, p, "Close", func(*Process) { once.Do(p.Close) }, map[string]time.Duration{})
}

func report(longest map[string]time.Duration, rounds int, others int64) {
	var names []string
	for name := range longest {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%s %8v at most of %d\n", name, longest[name].Round(time.Millisecond), rounds*len(deafness))
	}
	fmt.Printf("%d other guests meanwhile\n", others)
}

// A guest that the watchdog cannot look after, for a bug of toaster's, is killed: nobody else would end what waits for it. Others are
// looked after as before.
func TestLookPanics(t *testing.T) {
	p := newPlatform(t, Options{})
	for name, suspect := range map[string]func(q *Process){
		"thread":  func(q *Process) { (&Thread{proc: q}).assign(assignedQuick) }, // it has no slot
		"process": func(q *Process) { q.Doom(func() (still, now bool) { panic("a bug, for a test") }) },
	} {
		q, _ := newGuest(t, p, spinLoop...)
		other, _ := newGuest(t, p, spinLoop...)
		suspect(q)
		other.Doom(func() (still, now bool) { return true, true })
		within(t, name, func() { <-q.Gone(); <-other.Gone() })
	}
	waitFor(t, "nobody to be looked after", func() bool {
		p.watchdog.mu.Lock()
		defer p.watchdog.mu.Unlock()
		return !p.watchdog.armed
	})
}
