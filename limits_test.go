package toaster

import (
	"errors"
	"io"
	"testing"

	"toaster/netbsd"
)

// The guest that has met the limit of output may end before anybody has killed it: the limit is what has ended the machine nevertheless.
func TestOutputLimitIsReachedAtTheWrite(t *testing.T) {
	l := newLimiter(&Options{MaxOutput: 2})
	killed := make(chan struct{})
	l.kill = func() { close(killed) }
	w := l.meter(2).Writer(io.Discard)
	for _, step := range []struct {
		text string
		err  error
		over bool
	}{
		{"ab", nil, false},
		{"c", netbsd.EFBIG, true},
		{"d", netbsd.EFBIG, true},
	} {
		if _, err := w.Write([]byte(step.text)); !errors.Is(err, step.err) {
			t.Errorf("%s: %v, want %v", step.text, err, step.err)
		}
		var e *LimitError
		if errors.As(l.reached(io.EOF), &e) != step.over || step.over && (e.Limit != LimitOutput || e.Err != io.EOF) {
			t.Errorf("%s: %+v", step.text, e)
		}
	}
	<-killed
}
