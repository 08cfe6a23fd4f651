package kqueue

import (
	"testing"
	"testing/synctest"
	"time"

	"toaster/internal/file"
	"toaster/kern"
	"toaster/netbsd"
)

// slowFile is always readable. Who asks it is held up while hold is set.
type slowFile struct {
	file.Base
	hold        bool
	asked, goOn chan struct{}
}

func (f *slowFile) Poll(want file.Events) file.Events {
	if f.hold {
		f.hold = false
		f.asked <- struct{}{}
		<-f.goOn
	}
	return want & file.In
}

// A level-triggered event is off the list of those that are ready while a scan asks
// its file. Who begins to wait just then hears of it as soon as it is back.
func TestScansTogether(t *testing.T) {
	hour := func() time.Time { return time.Now().Add(time.Hour) }
	tests := []struct {
		name string
		wait func(q *Queue, l *kern.LWP) (int, netbsd.Errno)
	}{
		{"kevent", func(q *Queue, l *kern.LWP) (int, netbsd.Errno) {
			return q.Wait(l, make([]netbsd.Kevent, 1), hour(), false)
		}},
		// kqueue_scan waits for a knote that is in flux (KQ_FLUX_WAIT), and only then finds nothing.
		{"kevent that only looks", func(q *Queue, l *kern.LWP) (int, netbsd.Errno) {
			return q.Wait(l, make([]netbsd.Kevent, 1), time.Time{}, true)
		}},
		{"poll", func(q *Queue, l *kern.LWP) (int, netbsd.Errno) {
			return file.BlockUntil(file.Call{L: l}, q, file.In, hour(), func() (int, netbsd.Errno) {
				if q.Poll(file.In) == 0 {
					return 0, netbsd.EAGAIN
				}
				return 1, 0
			})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			guest(t, func(l *kern.LWP, c Caller, q *Queue) {
				f := &slowFile{asked: make(chan struct{}), goOn: make(chan struct{})}
				fd, _ := c.Files.Install(file.New(f, netbsd.O_RDONLY), 0, 100, 0)
				must(t, q.Change(c, add(netbsd.EVFILT_READ, fd, 0)))
				f.hold = true
				scanned := make(chan int)
				go func() {
					n, _ := q.Wait(nil, make([]netbsd.Kevent, 1), time.Time{}, true)
					scanned <- n
				}()
				<-f.asked
				go func() {
					synctest.Wait() // the LWP waits
					close(f.goOn)
				}()
				if n, errno := test.wait(q, l); n != 1 || errno != 0 {
					t.Errorf("%d %v, want the event", n, errno)
				}
				if n := <-scanned; n != 1 {
					t.Errorf("the other scan: %d events", n)
				}
			})
		})
	}
}
