package tty

import (
	"bytes"
	"testing"
	"time"

	"toaster/internal/file"
	"toaster/netbsd"
)

// sleeper is one to whom each sleep returns the same.
type sleeper netbsd.Errno

func (s sleeper) Sleep(bool, time.Time) netbsd.Errno { return netbsd.Errno(s) }
func (s sleeper) Wake()                              {}

// Typing ends early for a signal: a line that is shown again and again (VREPRINT) takes long.
func TestTypingIsInterrupted(t *testing.T) {
	d := onHost(t)
	ctl, _ := open(t, d)
	ctl.write("a long line")
	b := bytes.Repeat([]byte{ctrl('R')}, 3*typeMost+7)
	for _, c := range []struct{ errno, n int }{{int(netbsd.EWOULDBLOCK), len(b)}, {0, len(b)}, {int(netbsd.EINTR), typeMost}} {
		f := &controller{pair: ctl.pair()}
		if n, errno := f.Write(file.Call{L: sleeper(c.errno)}, b); n != c.n || errno != 0 {
			t.Errorf("%v: typed %d, %v, want %d", netbsd.Errno(c.errno), n, errno, c.n)
		}
	}
}
