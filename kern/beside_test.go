package kern

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"toaster/netbsd"
)

// The benchmarks here run what they compare in turns, a batch each, within one loop:
// so a busy machine burdens all alike and the ratios hold. They report, per
// contestant, the median batch and the best one in ns for each operation, and the
// ratio of the medians to the first contestant's.

const batch = 200

// contestant does an operation n times and says how long it took.
type contestant struct {
	name string
	run  func(n int) time.Duration
}

func race(b *testing.B, cs []contestant) {
	times := make([][]float64, len(cs))
	for b.Loop() {
		for i, c := range cs {
			times[i] = append(times[i], float64(c.run(batch))/batch)
		}
	}
	var first float64
	for i, c := range cs {
		slices.Sort(times[i])
		median := times[i][len(times[i])/2]
		if i == 0 {
			first = median
		}
		b.ReportMetric(median, c.name+"-ns")
		b.ReportMetric(times[i][0], c.name+"-best-ns")
		if i > 0 {
			b.ReportMetric(median/first, c.name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// guestLoop returns a contestant that runs f as a guest's LWP on m.
func guestLoop(m *Machine, name string, prepare, f func(l *LWP)) contestant {
	ask, answer := make(chan int), make(chan time.Duration)
	m.Spawn(SpawnArgs{Setpgrp: true, Body: func(l *LWP) {
		if prepare != nil {
			prepare(l)
		}
		answer <- 0
		for n := range ask {
			start := time.Now()
			for range n {
				f(l)
			}
			answer <- time.Since(start)
		}
	}})
	<-answer
	return contestant{name, func(n int) time.Duration { ask <- n; return <-answer }}
}

func forkExitWait(l *LWP) {
	c, _ := l.Fork(ForkArgs{Body: func(*LWP) {}})
	l.Wait4(c.Pid(), 0, nil)
}

// goroutines is the same without processes: a goroutine and a WaitGroup.
func goroutines() contestant {
	return contestant{"goroutine", func(n int) time.Duration {
		start := time.Now()
		for range n {
			var wg sync.WaitGroup
			wg.Add(1)
			go wg.Done()
			wg.Wait()
		}
		return time.Since(start)
	}}
}

// BenchmarkBesideGoroutine: fork, exit and wait, beside a goroutine. Targets: 2 µs in
// release 10, 3 µs in release 2003.
func BenchmarkBesideGoroutine(b *testing.B) {
	m10, m2003 := New(Config{}), New(Config{Release: Release2003})
	cs := []contestant{goroutines(), guestLoop(m10, "release10", nil, forkExitWait), guestLoop(m2003, "release2003", nil, forkExitWait)}
	race(b, cs)
	go m10.Close()
	go m2003.Close()
}

// BenchmarkBesideChildren: a wait for a child that has just been forked, by pid, by
// group and for any, with 100, 10,000 and 100,000 children that sleep. Target: flat
// within 1.5.
func BenchmarkBesideChildren(b *testing.B) {
	for _, by := range []string{"pid", "group", "any"} {
		b.Run(by, func(b *testing.B) {
			var cs []contestant
			for _, n := range []int{100, 10_000, 100_000} {
				m := New(Config{})
				defer endCrowd(m)
				cs = append(cs, guestLoop(m, strconv.Itoa(n), func(l *LWP) { forkSleepers(l, n) }, func(l *LWP) {
					c, _ := l.Fork(ForkArgs{Body: func(*LWP) {}})
					pid := map[string]int{"pid": c.Pid(), "group": 0, "any": netbsd.WaitAny}[by]
					if got, errno := l.Wait4(pid, 0, nil); got != c.Pid() || errno != 0 {
						panic(fmt.Sprint(got, errno))
					}
				}))
			}
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a crowd's stacks cost its collector, not its wait
			race(b, cs)
		})
	}
}

// BenchmarkBesideCrowd: an exit among 100 and among 100,000 live processes. Target:
// flat.
func BenchmarkBesideCrowd(b *testing.B) {
	for _, r := range releases {
		b.Run("release"+r.String(), func(b *testing.B) {
			var cs []contestant
			for _, n := range []int{100, 100_000} {
				m := New(Config{Release: r})
				defer endCrowd(m)
				ready := make(chan struct{})
				m.Spawn(SpawnArgs{Body: func(l *LWP) { forkSleepers(l, n); close(ready); l.Pause() }})
				<-ready
				cs = append(cs, guestLoop(m, strconv.Itoa(n), nil, forkExitWait))
			}
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			race(b, cs)
		})
	}
}

// endCrowd ends a machine of which one guest waits for orders in user mode.
func endCrowd(m *Machine) {
	for _, p := range m.Init().LWPs()[0].p.Children() {
		if q := m.Find(p); q != nil {
			q.KillSubtree(netbsd.SIGKILL)
		}
	}
	m.Kill(-1, netbsd.SIGKILL)
}

// TestAllocations: a fork, exit and wait takes at most 8 allocations.
func TestAllocations(t *testing.T) {
	for _, r := range releases {
		t.Run("release="+r.String(), func(t *testing.T) {
			m := New(Config{Release: r})
			p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
				n := testing.AllocsPerRun(2000, func() { forkExitWait(l) })
				t.Logf("%v allocations", n)
				if n > 8 {
					t.Errorf("%v allocations", n)
				}
			}})
			p.Wait()
			m.Close()
		})
	}
}

// TestMillion has a million live, sleeping processes in at most 4 GiB, made and
// reaped at a cost that stays the same. TOASTER_MILLION=n runs it with n.
func TestMillion(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("TOASTER_MILLION"))
	if n == 0 {
		t.Skip("set TOASTER_MILLION=1000000")
	}
	for _, r := range releases {
		t.Run("release="+r.String(), func(t *testing.T) { million(t, r, n) })
	}
}

func million(t *testing.T, r Release, n int) {
	debug.FreeOSMemory()
	rss0, heap0 := rss(t), goMemory()
	m := New(Config{Release: r})
	const parts = 10
	p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
		for i := range parts {
			start := time.Now()
			for range n / parts {
				if _, errno := l.Fork(ForkArgs{Body: sleepForever}); errno != 0 {
					t.Error(errno)
					return
				}
			}
			t.Logf("made    %2d/10: %v each", i+1, time.Since(start)/time.Duration(n/parts))
		}
		l.Nanosleep(2 * time.Second) // all are asleep
		live := m.NumProcs()
		runtime.GC()
		t.Logf("%d live: %.0f bytes each of the runtime's memory, %.0f of RSS, %.2f GiB RSS",
			live, float64(goMemory()-heap0)/float64(n), float64(rss(t)-rss0)/float64(n), float64(rss(t))/(1<<30))
		if g := rss(t); g > 4<<30 {
			t.Errorf("RSS is %d bytes", g)
		}
		start := time.Now()
		l.Proc().KillSubtree(netbsd.SIGKILL)
		for w := -1; w < n; { // none of them is left running
			l.Nanosleep(time.Millisecond)
			m.lock()
			w = m.nzombies
			m.unlock()
		}
		t.Logf("killed: %v each, to the zombie", time.Since(start)/time.Duration(n))
		for i := range parts {
			start := time.Now()
			for range n / parts {
				if _, errno := l.Wait4(netbsd.WaitAny, 0, nil); errno != 0 {
					t.Error(errno)
					return
				}
			}
			t.Logf("reaped  %2d/10: %v each", i+1, time.Since(start)/time.Duration(n/parts))
		}
	}})
	p.Wait()
	m.Close()
	if errs := m.Check(); len(errs) > 0 {
		t.Errorf("%d inconsistencies, the first: %v", len(errs), errs[0])
	}
	t.Logf("RSS at most %.2f GiB", float64(status(t, "VmHWM"))/(1<<30))
}

func rss(t *testing.T) int { return status(t, "VmRSS") }

// status reads a size from /proc/self/status.
func status(t *testing.T, key string) int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == key+":" {
			kb, _ := strconv.Atoi(f[1])
			return kb << 10
		}
	}
	t.Skipf("no %s", key)
	return 0
}

// goMemory is what the runtime holds: heap objects, stacks and its own.
func goMemory() int {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64() - s[1].Value.Uint64())
}
