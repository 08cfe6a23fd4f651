package kern

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"toaster/netbsd"
)

// BenchmarkWait4 has a parent with n sleeping children fork one more, which exits,
// and wait for it: by pid, by group and for any. It must cost the same for any n.
func BenchmarkWait4(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		for _, by := range []string{"any", "pid", "group"} {
			b.Run(fmt.Sprintf("%s/%d", by, n), func(b *testing.B) { benchWait(b, n, by) })
		}
	}
}

// forkSleepers forks n children and returns when all are asleep.
func forkSleepers(l *LWP, n int) {
	var up atomic.Int64
	for range n {
		l.Fork(ForkArgs{Body: func(l *LWP) { up.Add(1); l.Pause() }})
	}
	for up.Load() < int64(n) {
		l.Nanosleep(time.Millisecond)
	}
	l.Nanosleep(20 * time.Millisecond)
	runtime.GC()
}

func benchWait(b *testing.B, n int, by string) {
	m := New(Config{})
	defer m.Close()
	p, _ := m.Spawn(SpawnArgs{Setpgrp: true, Body: func(l *LWP) {
		forkSleepers(l, n)
		for b.Loop() {
			c, _ := l.Fork(ForkArgs{Body: func(*LWP) {}})
			pid := netbsd.WaitAny
			switch by {
			case "pid":
				pid = c.Pid()
			case "group":
				pid = 0
			}
			if got, errno := l.Wait4(pid, 0, nil); got != c.Pid() {
				b.Fatal(got, errno)
			}
		}
		l.Proc().KillSubtree(netbsd.SIGKILL)
	}})
	p.Wait()
}

// BenchmarkExit has one process exit and be reaped among n others.
func BenchmarkExit(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, ready := New(Config{}), make(chan struct{})
			defer m.Close()
			crowd, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
				forkSleepers(l, n)
				close(ready)
				l.Pause()
			}})
			<-ready
			p, _ := m.Spawn(SpawnArgs{Body: func(l *LWP) {
				for b.Loop() {
					l.Fork(ForkArgs{Body: func(*LWP) {}})
					l.Wait4(netbsd.WaitAny, 0, nil)
				}
			}})
			p.Wait()
			crowd.KillSubtree(netbsd.SIGKILL)
		})
	}
}

// BenchmarkGoroutine is the same without processes: a goroutine and a WaitGroup.
func BenchmarkGoroutine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
}
