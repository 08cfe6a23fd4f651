package toaster_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"toaster"
	"toaster/internal/guesttest"
	"toaster/internal/syscalls"
	"toaster/kern"
	"toaster/netbsd"
)

// A bug of toaster's ends the guest that has met it, or at most the machine, and never
// the program that embeds it. The bugs are injected: in handlers, with locks held that a
// handler has, in the trace, and with the kernel's lock.

// buggy makes the call that the faults of these tests are in, getpgrp(2), in several ways.
const buggy = `package main

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "meet":
		syscall.Getpgrp()
	case "thread": // with others asleep, in a file and in the kernel
		r, _, _ := os.Pipe()
		go r.Read(make([]byte, 1))
		for range 4 {
			go time.Sleep(time.Hour)
		}
		time.Sleep(10 * time.Millisecond)
		syscall.Getpgrp()
	case "child":
		c := exec.Command(os.Args[0], "meet")
		err := c.Run()
		if c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			println(err.Error())
		}
		os.Stdout.WriteString("the parent lives\n")
		return
	case "beside":
		io.Copy(os.Stdout, os.Stdin)
		return
	case "exit":
		return
	}
	os.Stdout.WriteString("the call returned\n")
}
`

// logBuffer is an Options.Log to be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// panicking is an Options.Trace that panics at getpgrp.
type panicking struct{}

func (panicking) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("getpgrp")) {
		panic("boom")
	}
	return len(p), nil
}

func TestBugKillsTheGuestAlone(t *testing.T) {
	exe := guesttest.Build(t, buggy)
	for name, fault := range map[string]func(*syscalls.Call){
		"in a handler":            func(*syscalls.Call) { panic("boom") },
		"by the runtime":          func(c *syscalls.Call) { _ = c.Args[:1][c.Nr] },
		"on a nil pointer":        func(c *syscalls.Call) { var k *syscalls.Kernel; k.MaxFiles++ },
		"in a hook of the kernel": func(c *syscalls.Call) { c.L.Exec(kern.ExecArgs{Replace: func() netbsd.Errno { panic("boom") }}) },
		"in the trace":            nil,
	} {
		for _, how := range []string{"meet", "thread", "child"} {
			t.Run(name+"/"+how, func(t *testing.T) { meetBug(t, exe, how, fault) })
		}
	}
}

func meetBug(t *testing.T, exe, how string, fault func(*syscalls.Call)) {
	before := runtime.NumGoroutine()
	var log logBuffer
	opts := toaster.Options{Log: &log}
	if fault == nil {
		opts.Trace = panicking{}
	}
	m, err := toaster.New(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if fault != nil {
		m.InjectFault(func(c *syscalls.Call) {
			if c.Nr == netbsd.SYS_getpgrp {
				fault(c)
			}
		})
	}
	beside := m.Command(exe, "beside")
	in, _ := beside.StdinPipe()
	out, _ := beside.StdoutPipe()
	if err := beside.Start(); err != nil {
		t.Fatal(err)
	}
	got, err := m.Command(exe, how).Output()
	var exit *toaster.ExitError
	switch {
	case how == "child" && (err != nil || string(got) != "the parent lives\n"):
		t.Errorf("%v, it says %q", err, got)
	case how != "child" && (!errors.As(err, &exit) || exit.Status().TermSignal() != netbsd.SIGKILL || len(got) > 0):
		t.Errorf("%v, it says %q; want it killed", err, got)
	}
	if s := log.String(); !strings.Contains(s, "a bug in toaster: panic while") || !strings.Contains(s, "bug_test.go") {
		t.Errorf("the log says %q", s)
	}
	for _, err := range m.Kern().Check() {
		t.Errorf("inconsistent: %v", err)
	}
	in.Write([]byte("still here"))
	in.Close()
	if b, err := io.ReadAll(out); string(b) != "still here" {
		t.Errorf("the other guest says %q, %v", b, err)
	}
	if err := beside.Wait(); err != nil {
		t.Errorf("the other guest: %v", err)
	}
	closeWithin(t, m, nil)
	nothingLeft(t, before)
}

// closeWithin closes m, which must not hang, and compares what it returns.
func closeWithin(t *testing.T, m *toaster.Machine, want error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- m.Close() }()
	select {
	case err := <-done:
		if !errors.Is(err, want) {
			t.Errorf("Close returned %v, want %v", err, want)
		}
	case <-time.After(time.Minute):
		buf := make([]byte, 1<<20)
		t.Fatalf("Close hangs\n%s", buf[:runtime.Stack(buf, true)])
	}
}

// nothingLeft checks that no goroutine is.
func nothingLeft(t *testing.T, before int) {
	t.Helper()
	for range 2000 {
		if runtime.NumGoroutine() <= before+1 { // the poller's, which stays
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

// A bug with the kernel's lock held ends the machine: Wait and Close say so, and this
// program goes on.
func TestBugWithTheKernelsLockEndsTheMachine(t *testing.T) {
	exe := guesttest.Build(t, buggy)
	before := runtime.NumGoroutine()
	var once sync.Once
	defer toaster.TraceSteps(func(e kern.StepEvent) {
		if e.Step == kern.StepCloseFiles {
			once.Do(func() { panic("boom") })
		}
	})()
	var log logBuffer
	m, err := toaster.New(context.Background(), toaster.Options{Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	beside := m.Command(exe, "beside")
	in, _ := beside.StdinPipe()
	defer in.Close()
	if err := beside.Start(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*toaster.Cmd{m.Command(exe, "exit"), beside} {
		if c != beside {
			err = c.Run()
		} else {
			err = c.Wait()
		}
		if !errors.Is(err, kern.ErrBug) || !strings.Contains(err.Error(), "boom") {
			t.Errorf("Wait returned %v", err)
		}
	}
	if !strings.Contains(log.String(), "the machine ends, with all its processes") {
		t.Errorf("the log says %q", log.String())
	}
	closeWithin(t, m, kern.ErrBug)
	nothingLeft(t, before)
}

// Without Options.Log people read of it on standard error.
func TestBugIsReportedOnStandardError(t *testing.T) {
	exe := guesttest.Build(t, buggy)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	m, err := toaster.New(context.Background(), toaster.Options{})
	if err == nil {
		m.InjectFault(func(c *syscalls.Call) {
			if c.Nr == netbsd.SYS_getpgrp {
				panic("boom")
			}
		})
		m.Command(exe, "meet").Run()
		err = m.Close()
	}
	os.Stderr = old
	w.Close()
	if err != nil {
		t.Error(err)
	}
	b, _ := io.ReadAll(r)
	for _, want := range []string{"panic while serving getpgrp for process ", ", LWP ", "boom", "is killed; all others go on. Please report this", "goroutine "} {
		if !strings.Contains(string(b), want) {
			t.Errorf("standard error lacks %q:\n%s", want, b)
		}
	}
}
