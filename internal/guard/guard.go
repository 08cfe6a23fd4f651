// Package guard keeps a panic in one of the kernel's goroutines from ending the program
// that embeds it: a guest must not be able to do that, whatever bug it has found.
package guard

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

// A Bug is a panic that has been caught: what there is to say of it to people.
type Bug struct {
	Pid, LID int    // the guest's process and LWP that were served; 0: none
	Doing    string // what was done: a system call's name, or a phrase that follows "while"
	Value    any    // of the panic
	Stack    []byte // of the goroutine, at the panic
	Ends     string // why the whole machine ends for it; "" if it does not
}

// Text says who failed, on what, and what to do, with the stack behind it.
func (b *Bug) Text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "toaster: a bug in toaster: panic while %s", b.Doing)
	if b.Pid != 0 {
		fmt.Fprintf(&s, " for process %d, LWP %d", b.Pid, b.LID)
	}
	fmt.Fprintf(&s, ": %v\n", b.Value)
	switch {
	case b.Ends != "":
		fmt.Fprintf(&s, "toaster: the machine ends, with all its processes: %s", b.Ends)
	case b.Pid != 0:
		fmt.Fprintf(&s, "toaster: process %d is killed; all others go on", b.Pid)
	default:
		s.WriteString("toaster: everything goes on without that")
	}
	s.WriteString(". Please report this, with what follows.\n")
	s.Write(b.Stack)
	return s.String()
}

// Error makes a Bug an error, of one line.
func (b *Bug) Error() string {
	line, _, _ := strings.Cut(b.Text(), "\n")
	line = strings.TrimPrefix(line, "toaster: ")
	if b.Ends != "" {
		line += "; " + b.Ends
	}
	return line
}

// Print writes b to standard error: for whoever has nobody to tell it to.
func Print(b *Bug) { fmt.Fprint(os.Stderr, b.Text()) }

// Report is Print for what may be nil.
func Report(b *Bug) {
	if b != nil {
		Print(b)
	}
}

// Catch calls f and returns its panic, nil if there was none. runtime.Goexit goes on.
func Catch(doing string, f func()) (b *Bug) {
	defer func() {
		if v := recover(); v != nil {
			b = New(doing, v)
		}
	}()
	f()
	return nil
}

// New describes panic v, from a deferred function that has just recovered it.
func New(doing string, v any) *Bug {
	return &Bug{Doing: doing, Value: v, Stack: debug.Stack()}
}

// Locked calls f with mu, and gives it up even if f panics.
func Locked(mu sync.Locker, f func()) {
	mu.Lock()
	defer mu.Unlock()
	f()
}

// Go runs f in a goroutine of its own that belongs to no machine; a panic ends it alone.
func Go(doing string, f func()) {
	go func() { Report(Catch(doing, f)) }()
}
