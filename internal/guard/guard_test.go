package guard

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestCatch(t *testing.T) {
	if b := Catch("nothing happened", func() {}); b != nil {
		t.Error(b)
	}
	b := Catch("a test ran", func() { panicsHere("boom") })
	if b == nil || b.Value != "boom" || b.Doing != "a test ran" || !strings.Contains(string(b.Stack), "panicsHere") {
		t.Errorf("caught %+v", b)
	}
	var e runtime.Error
	b = Catch("a test ran", func() { _ = make([]int, 1)[len(t.Name())] })
	if err, ok := b.Value.(error); !ok || !errors.As(err, &e) {
		t.Errorf("caught %v", b.Value)
	}
}

//go:noinline
func panicsHere(v any) { panic(v) }

// A goroutine that ends by Goexit, as a killed LWP's does, ends.
func TestCatchLetsGoexitPass(t *testing.T) {
	ended, after := make(chan *Bug, 1), false
	go func() {
		var b *Bug
		defer func() { ended <- b }()
		b = Catch("a goroutine ended", func() { runtime.Goexit() })
		after = true
	}()
	if b := <-ended; b != nil || after {
		t.Errorf("caught %v, went on %v", b, after)
	}
}

// What people are told: who, on what, why, what to do.
func TestText(t *testing.T) {
	for _, c := range []struct {
		b    Bug
		want []string
	}{
		{Bug{Pid: 7, LID: 2, Doing: "setcontext", Value: "x"}, []string{
			"panic while setcontext for process 7, LWP 2: x\n", "process 7 is killed; all others go on. Please report this"}},
		{Bug{Doing: "a timer fired", Value: "x"}, []string{"while a timer fired: x\n", "goes on without that"}},
		{Bug{Pid: 7, LID: 1, Doing: "fork", Ends: "why"}, []string{"the machine ends, with all its processes: why."}},
	} {
		for _, want := range c.want {
			if got := c.b.Text(); !strings.Contains(got, want) {
				t.Errorf("%q lacks %q", got, want)
			}
		}
		if strings.Contains(c.b.Error(), "\n") {
			t.Errorf("%q has several lines", c.b.Error())
		}
	}
}
