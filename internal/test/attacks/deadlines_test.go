package attacks

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"toaster"
	"toaster/netbsd"
)

var deadlines = flag.Int("deadlines", 1, "how often each deadline is tried; with more than one the longest are printed")

// deafness: what the guest forges, and what it does instead of answering.
var (
	deafCalls = []string{"fork", "framefork", "vfork", "rusage", "mmap", "context", "lwp", "lwpexit"}
	deafHows  = []string{"sleep", "spin", "mask"}
)

// Ends of a guest that does not answer. Each begins when it is deaf; Wait returns after it.
var deadlineCases = []struct {
	name string
	args []string // of the guest, besides
	end  func(m *toaster.Machine, c *toaster.Cmd, cancel func())
}{
	{"SIGKILL", nil, func(_ *toaster.Machine, c *toaster.Cmd, _ func()) { c.Process.Kill() }},
	{"SIGTERM", nil, func(_ *toaster.Machine, c *toaster.Cmd, _ func()) { c.Process.Signal(netbsd.SIGTERM) }},
	{"context", nil, func(_ *toaster.Machine, _ *toaster.Cmd, cancel func()) { cancel() }},
	{"Close", nil, func(m *toaster.Machine, _ *toaster.Cmd, _ func()) { m.Close() }},
	{"other LWP's exit", []string{"exit", "20"}, func(*toaster.Machine, *toaster.Cmd, func()) {}},
	{"nobody", nil, func(*toaster.Machine, *toaster.Cmd, func()) {}},
}

// Every guest that does not answer ends, by whatever end it is given, and other guests run
// on (SECURITY.md, invariant 10).
func TestDeadlines(t *testing.T) {
	root := newRoot(t)
	longest := map[string]time.Duration{}
	for range *deadlines {
		for _, d := range deadlineCases {
			t.Run(d.name, func(t *testing.T) {
				var mu sync.Mutex
				var wg sync.WaitGroup
				for _, call := range deafCalls {
					wg.Go(func() {
						for _, how := range deafHows {
							took := meetDeadline(t, root, d.end, append([]string{call, how}, d.args...))
							mu.Lock()
							longest[d.name] = max(longest[d.name], took)
							mu.Unlock()
						}
					})
				}
				wg.Wait()
			})
		}
	}
	nobodyRemains(t)
	if *deadlines > 1 {
		var list []string
		for name, took := range longest {
			list = append(list, fmt.Sprintf("%-17s %8v at most of %d", name, took.Round(time.Millisecond), *deadlines*len(deafCalls)*len(deafHows)))
		}
		slices.Sort(list)
		for _, line := range list {
			fmt.Println(line)
		}
	}
}

// meetDeadline runs a deaf guest to its end and says how long that took. Guests that answer
// then run as before.
func meetDeadline(t *testing.T, root string, end func(*toaster.Machine, *toaster.Cmd, func()), args []string) time.Duration {
	m, err := toaster.New(context.Background(), toaster.Options{Root: root})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := m.CommandContext(ctx, "/deaf", args...)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Errorf("%v: %v", args, err)
		return 0
	}
	hang := time.AfterFunc(patience, func() { panic(fmt.Sprintf("%v hangs", args)) })
	defer hang.Stop()
	bufio.NewReader(out).ReadString('\n')
	time.Sleep(time.Millisecond) // as a rule it is deaf by now; if not, it becomes so at a bad moment
	begun := time.Now()
	end(m, c, cancel)
	c.Wait()
	took := time.Since(begun)
	select {
	case <-m.Kern().Halted():
	default:
		if err := m.Command("/deaf", "honest").Run(); err != nil {
			t.Errorf("beside %v: %v", args, err)
		}
	}
	if c.ProcessState.Success() {
		t.Errorf("%v: it has succeeded", args)
	}
	return took
}
