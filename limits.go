package toaster

import (
	"fmt"
	"sync"
	"time"

	"toaster/internal/file"
	"toaster/kern"
)

// This file has the limits of a machine. Some refuse: the guest's call fails as it does
// on a NetBSD whose tables are full, and the guest goes on. The others end the machine.

// The names of the limits, which are those of toaster run's flags, too. The last three end
// the machine.
const (
	LimitProcs  = "max-procs"
	LimitLWPs   = "max-lwps"
	LimitFiles  = "max-files"
	LimitMemory = "memory"
	LimitHost   = "host" // what the host refuses, or would next

	LimitWall   = "wall-time"
	LimitCPU    = "cpu-time"
	LimitOutput = "max-output"
)

// A LimitError says which limit of a machine was met. Wait returns it if the limit has
// ended the machine, wrapped around the *ExitError of the program, and Options.OnLimit
// gets it.
type LimitError struct {
	Limit string // one of the names above
	Value string // how much is allowed
	Err   error  // from Wait: how the program ended
}

// limitTexts say what a limit did; %s is its value.
var limitTexts = sync.OnceValue(func() map[string]string {
	return map[string]string{
		LimitProcs:  "there are %s processes, which is the limit (max-procs): fork fails with EAGAIN",
		LimitLWPs:   "there are %s LWPs, which is the limit (max-lwps): fork and _lwp_create fail with EAGAIN",
		LimitFiles:  "there are %s open files, which is the limit (max-files): open and its like fail with ENFILE",
		LimitMemory: "the guests would have more than %s of memory, which is the limit (memory): mmap, brk and fork fail with ENOMEM, and who uses more without asking is killed",
		LimitHost:   "the host allows no more: %s: the guest's call fails",
		LimitWall:   "ended after %s, which is the limit (wall-time)",
		LimitCPU:    "ended after %s of processor time, which is the limit (cpu-time)",
		LimitOutput: "ended after %s of output, which is the limit (max-output)",
	}
})

func (e *LimitError) Error() string {
	return fmt.Sprintf("toaster: "+limitTexts()[e.Limit], e.Value)
}

func (e *LimitError) Unwrap() error { return e.Err }

// limiter watches over the limits of one machine.
type limiter struct {
	values map[string]string
	told   func(*LimitError) // Options.OnLimit, never nil
	kill   func()            // ends the machine's processes

	mu    sync.Mutex
	seen  map[string]bool // limits that were told of
	last  chan struct{}   // closed when OnLimit has returned from the last call; nil: there was none
	over  *LimitError     // what has ended the machine
	ended chan struct{}   // closed then
	stops []func()
}

func newLimiter(o *Options) *limiter {
	l := &limiter{
		values: map[string]string{
			LimitProcs: fmt.Sprint(o.MaxProcs), LimitLWPs: fmt.Sprint(o.MaxLWPs), LimitFiles: fmt.Sprint(o.MaxFiles),
			LimitMemory: sizeText(o.Memory), LimitOutput: sizeText(o.MaxOutput),
			LimitWall: o.WallTime.String(), LimitCPU: o.CPUTime.String(),
		},
		told:  o.OnLimit,
		seen:  map[string]bool{},
		ended: make(chan struct{}),
	}
	if l.told == nil {
		l.told = func(*LimitError) {}
	}
	return l
}

// refused tells, the first time, that a limit has refused something.
func (l *limiter) refused(limit string) { l.tell(limit, l.values[limit]) }

// hostRefused is refused for what the host allows.
func (l *limiter) hostRefused(what string) { l.tell(LimitHost, what) }

func (l *limiter) tell(limit, value string) {
	l.mu.Lock()
	first := !l.seen[limit]
	l.seen[limit] = true
	l.mu.Unlock()
	if first {
		l.report(&LimitError{Limit: limit, Value: value})
	}
}

// report calls OnLimit on a goroutine of its own, after all earlier calls: whoever meets a
// limit may hold a lock, and the embedder may be slow, as a full pipe is.
func (l *limiter) report(e *LimitError) {
	done := make(chan struct{})
	l.mu.Lock()
	before := l.last
	l.last = done
	l.mu.Unlock()
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		l.told(e)
	}()
}

// flush gives OnLimit a moment to hear of everything.
func (l *limiter) flush() {
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	if last != nil {
		within(last, time.Now().Add(lastDelay))
	}
}

// end ends the machine, if no other limit has.
func (l *limiter) end(limit string) {
	if l.reach(limit) {
		l.kill()
	}
}

// reach says, at once, that the limit is what ends the machine, and reports whether nothing had before. The caller, or a goroutine of its,
// then has to kill.
func (l *limiter) reach(limit string) bool {
	e := &LimitError{Limit: limit, Value: l.values[limit]}
	if !l.first(e) {
		return false
	}
	close(l.ended)
	l.report(e)
	return true
}

// first makes e what has ended the machine, and reports whether nothing had.
func (l *limiter) first(e *LimitError) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over != nil {
		return false
	}
	l.over = e
	return true
}

// reached returns what has ended the machine, with how a program of it ended; nil if
// nothing has.
func (l *limiter) reached(exit error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over == nil {
		return nil
	}
	e := *l.over
	e.Err = exit
	return &e
}

// tableFull is kern.Config.TableFull.
func (l *limiter) tableFull(table string) {
	switch table {
	case kern.TableProc:
		l.refused(LimitProcs)
	case kern.TableLWP:
		l.refused(LimitLWPs)
	}
}

// meter bounds what is written to the standard output and error; nil: nothing does.
func (l *limiter) meter(bytes int64) *file.Meter {
	if bytes <= 0 {
		return nil
	}
	// The writer is a guest, and its end needs it to leave its call. It may end by itself meanwhile, and the limit is reached all the same.
	return file.NewMeter(bytes, func() {
		if l.reach(LimitOutput) {
			go l.kill()
		}
	})
}

// watch starts the clocks. used is the processor time of the guests.
func (l *limiter) watch(o *Options, used func() time.Duration, cores int) {
	if o.WallTime > 0 {
		t := time.AfterFunc(o.WallTime, func() { l.end(LimitWall) })
		l.stops = append(l.stops, func() { t.Stop() })
	}
	if o.CPUTime > 0 {
		done := make(chan struct{})
		l.stops = append(l.stops, sync.OnceFunc(func() { close(done) }))
		go l.watchCPU(o.CPUTime, used, cores, done)
	}
}

// cpuLook is how often the guests' processor time is looked at when it is nearly used up.
const cpuLook = 10 * time.Millisecond

// watchCPU looks again when, at the earliest, the guests can have used what is left.
func (l *limiter) watchCPU(most time.Duration, used func() time.Duration, cores int, done <-chan struct{}) {
	for {
		left := most - used()
		if left <= 0 {
			l.end(LimitCPU)
			return
		}
		t := time.NewTimer(max(left/time.Duration(cores), cpuLook))
		select {
		case <-t.C:
		case <-done:
			t.Stop()
			return
		}
	}
}

// stop stops the clocks.
func (l *limiter) stop() {
	for _, f := range l.stops {
		f()
	}
}

// sizeText writes bytes as the flags take them: 64M, 1G, 100.
func sizeText(n int64) string {
	units := "KMGT"
	i := -1
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i < 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d%c", n, units[i])
}
